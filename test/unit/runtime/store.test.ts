import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareResourceVersions, createStore, type FedStore, type StoreDelta } from '../../../src/runtime/store.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

/** As it comes from the server. */
interface Raw {
  readonly name: string;
  readonly version: number;
  readonly uid?: string;
  readonly color?: string;
  readonly unwanted?: boolean;
}

interface Value {
  readonly name: string;
  readonly resourceVersion: string;
  readonly uid: string;
  readonly color: string;
}

const valueOf = ({ name, version, uid = 'u', color = 'red' }: Raw): Value => ({
  name,
  resourceVersion: String(version),
  uid,
  color,
});

function aStore(): {
  readonly store: FedStore<Raw, Value>;
  readonly deltas: StoreDelta<Value>[];
  readonly log: ReturnType<typeof createRecordingLog>;
} {
  const log = createRecordingLog();
  const store = createStore<Raw, Value>({
    keyOf: ({ name }) => name,
    keyOfValue: ({ name }) => name,
    resourceVersionOf: ({ version }) => String(version),
    trim: (raw) => (raw.unwanted === true ? undefined : valueOf(raw)),
    indexes: { color: ({ color }) => color.split('+') },
    log,
  });
  const deltas: StoreDelta<Value>[] = [];
  store.onDelta((delta) => deltas.push(delta));
  return { store, deltas, log };
}

function list(store: FedStore<Raw, Value>, ...items: readonly Raw[]): void {
  store.listing();
  for (const item of items) store.upsert(item);
  store.listed();
}

const names = (values: Iterable<Value>): readonly string[] => [...values].map(({ name }) => name).sort();

describe('store', () => {
  it('is synced with the first full list', () => {
    const { store } = aStore();
    store.listing();
    store.upsert({ name: 'a', version: 1 });
    assert.equal(store.syncedFor('a'), false);
    store.listed();
    assert.deepEqual([store.syncedFor('a'), store.size], [true, 1]);
  });

  it('tells of what is new, changed and gone', () => {
    const { store, deltas } = aStore();
    const a1 = { name: 'a', version: 1 };
    const a2 = { name: 'a', version: 2, color: 'blue' };
    store.upsert(a1);
    store.upsert(a2);
    store.remove({ name: 'a', version: 3 });
    assert.deepEqual(deltas, [
      { key: 'a', new: valueOf(a1) },
      { key: 'a', old: valueOf(a1), new: valueOf(a2) },
      { key: 'a', old: valueOf(a2) },
    ]);
  });

  it('sweeps what a new list no longer has, and says nothing of what is unchanged', () => {
    const { store, deltas } = aStore();
    list(store, { name: 'a', version: 1 }, { name: 'b', version: 2 });
    deltas.length = 0;
    list(store, { name: 'b', version: 2 });
    assert.deepEqual(deltas, [{ key: 'a', old: valueOf({ name: 'a', version: 1 }) }]);
  });

  it('takes over a list of an earlier state, as after a restored backup, and goes on from there', () => {
    const { store } = aStore();
    list(store, { name: 'a', version: 8, color: 'new' }, { name: 'b', version: 9 });
    store.listing();
    store.rewound();
    store.upsert({ name: 'a', version: 5, color: 'old' });
    store.listed();
    assert.deepEqual(
      [...store.values()].map(({ name, color }) => [name, color]),
      [['a', 'old']],
    );
    store.upsert({ name: 'a', version: 4, color: 'stale' });
    assert.equal(store.get('a')?.color, 'old');
    store.upsert({ name: 'b', version: 6 });
    assert.deepEqual(names(store.values()), ['a', 'b']);
    assert.equal(store.offer(valueOf({ name: 'c', version: 7 })), true);
  });

  it('sweeps nothing when a list begins anew', () => {
    const { store } = aStore();
    list(store, { name: 'a', version: 1 }, { name: 'b', version: 2 });
    store.listing();
    store.upsert({ name: 'a', version: 1 });
    list(store, { name: 'a', version: 1 }, { name: 'b', version: 2 });
    assert.deepEqual(names(store.values()), ['a', 'b']);
  });

  it('shows an object that was replaced while nobody looked as another one', () => {
    const { store, deltas } = aStore();
    list(store, { name: 'a', version: 1, uid: 'first' });
    list(store, { name: 'a', version: 9, uid: 'second' });
    assert.deepEqual([deltas[1]?.old?.uid, deltas[1]?.new?.uid], ['first', 'second']);
  });

  it('drops an object that is no longer worth keeping', () => {
    const { store } = aStore();
    store.upsert({ name: 'a', version: 1 });
    store.upsert({ name: 'a', version: 2, unwanted: true });
    store.upsert({ name: 'b', version: 3, unwanted: true });
    assert.equal(store.size, 0);
  });

  it('isolates listeners from each other', () => {
    const { store, log } = aStore();
    const seen: string[] = [];
    store.onDelta(() => {
      throw new Error('bad listener');
    });
    const stop = store.onDelta(({ key }) => seen.push(key));
    store.upsert({ name: 'a', version: 1 });
    stop();
    store.upsert({ name: 'b', version: 2 });
    assert.deepEqual(seen, ['a']);
    assert.equal(log.lines.filter(({ level }) => level === 'error').length, 2);
  });

  it('refuses an index that was not declared', () => {
    assert.throws(() => aStore().store.by('size', 'xl'), /no index named size: the store has color/);
  });
});

describe('store, offered a copy', () => {
  const cases: readonly [string, (store: FedStore<Raw, Value>) => void, Raw, boolean, string | undefined][] = [
    [
      'takes it when it is newer',
      (s) => {
        s.upsert({ name: 'a', version: 5 });
      },
      { name: 'a', version: 6 },
      true,
      '6',
    ],
    [
      'refuses what it has',
      (s) => {
        s.upsert({ name: 'a', version: 5 });
      },
      { name: 'a', version: 5 },
      false,
      '5',
    ],
    [
      'refuses what is older',
      (s) => {
        s.upsert({ name: 'a', version: 5 });
      },
      { name: 'a', version: 4 },
      false,
      '5',
    ],
    [
      'takes a new object',
      (s) => {
        s.upsert({ name: 'b', version: 5 });
      },
      { name: 'a', version: 6 },
      true,
      '6',
    ],
    [
      'refuses an object that was gone when the watch came past',
      (s) => {
        s.upsert({ name: 'a', version: 5 });
        s.remove({ name: 'a', version: 7 });
      },
      { name: 'a', version: 6 },
      false,
      undefined,
    ],
    [
      'takes one made after that',
      (s) => {
        s.upsert({ name: 'a', version: 5 });
        s.remove({ name: 'a', version: 7 });
      },
      { name: 'a', version: 8 },
      true,
      '8',
    ],
  ];
  for (const [what, before, offered, taken, version] of cases) {
    it(what, () => {
      const { store } = aStore();
      list(store);
      before(store);
      assert.equal(store.offer(valueOf(offered)), taken);
      assert.equal(store.get('a')?.resourceVersion, version);
    });
  }

  it('ignores watch events older than it, and takes newer ones', () => {
    const { store } = aStore();
    list(store, { name: 'a', version: 1 });
    store.offer(valueOf({ name: 'a', version: 5 }));
    store.upsert({ name: 'a', version: 3 });
    store.remove({ name: 'a', version: 4 });
    assert.equal(store.get('a')?.resourceVersion, '5');
    store.upsert({ name: 'a', version: 5 });
    store.remove({ name: 'a', version: 6 });
    assert.equal(store.get('a'), undefined);
  });

  it('keeps it through a list that was taken before', () => {
    const { store } = aStore();
    list(store, { name: 'a', version: 1 });
    store.listing();
    store.offer(valueOf({ name: 'a', version: 5 }));
    store.offer(valueOf({ name: 'b', version: 6 }));
    store.listed();
    assert.deepEqual(names(store.values()), ['a', 'b']);
  });
});

describe('store in parts', () => {
  it('is synced part by part, and sweeps each by itself', () => {
    const { store } = aStore();
    const north = store.part((key) => key.startsWith('n'));
    const south = store.part((key) => key.startsWith('s'));
    north.listing();
    north.upsert({ name: 'n1', version: 1 });
    north.listed();
    assert.deepEqual([store.syncedFor('n1'), store.syncedFor('s1'), store.syncedFor('e1')], [true, false, false]);
    south.listing();
    south.upsert({ name: 's1', version: 2 });
    south.listed();
    assert.equal(store.syncedFor('s1'), true);
    north.listing();
    north.listed();
    assert.deepEqual(names(store.values()), ['s1']);
  });
});

describe('store, whatever comes', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const color = fc.constantFrom('red', 'blue', 'red+blue');
  const step = fc.oneof(
    fc.record({ do: fc.constant('upsert' as const), name, color, unwanted: fc.boolean() }),
    fc.record({ do: fc.constant('remove' as const), name }),
    fc.record({ do: fc.constant('offer' as const), name, color }),
    fc.record({ do: fc.constant('list' as const), kept: fc.uniqueArray(name) }),
  );

  it('files every value under its index values and nothing else, and its deltas add up to its content', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { store, deltas } = aStore();
        let version = 0;
        for (const each of steps) {
          version += 1;
          if (each.do === 'upsert') store.upsert({ ...each, version });
          else if (each.do === 'remove') store.remove({ ...each, version });
          else if (each.do === 'offer') store.offer(valueOf({ ...each, version }));
          else list(store, ...each.kept.map((kept) => ({ name: kept, version })));
        }
        for (const filed of ['red', 'blue']) {
          const expected = [...store.values()].filter((value) => value.color.split('+').includes(filed));
          assert.deepEqual(names(store.by('color', filed)), names(expected));
        }
        const replayed = new Map<string, Value>();
        for (const { key, old, new: next } of deltas) {
          assert.deepEqual(replayed.get(key), old);
          if (next === undefined) replayed.delete(key);
          else replayed.set(key, next);
        }
        assert.deepEqual(names(replayed.values()), names(store.values()));
      }),
    );
  });

  it('holds exactly what the last list had', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.uniqueArray(name), (first, second) => {
        const { store } = aStore();
        list(store, ...first.map((each) => ({ name: each, version: 1 })));
        list(store, ...second.map((each) => ({ name: each, version: 2 })));
        assert.deepEqual(names(store.values()), second.toSorted());
      }),
    );
  });
});

describe('resource versions', () => {
  it('are ordered as numbers of any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.bigInt({ min: 0n, max: 10n ** 30n }), (a, b) => {
        const order = compareResourceVersions(String(a), String(b));
        assert.equal(order, a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    assert.equal(compareResourceVersions('9', '10'), -1);
  });

  it('that are no numbers can only be equal', () => {
    assert.equal(compareResourceVersions('abc', 'abc'), 0);
    assert.equal(compareResourceVersions('abc', 'abd'), undefined);
    assert.equal(compareResourceVersions('1', '-1'), undefined);
    assert.equal(compareResourceVersions('', '1'), undefined);
  });
});
