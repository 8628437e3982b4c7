import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Digest } from '../../../src/domain/digest.ts';
import {
  claimTrouble,
  desiredLive,
  liveObjectsFor,
  renderedKeys,
  snapshotName,
  throughLive,
  type LiveObject,
} from '../../../src/domain/live.ts';
import { aPolicy, aUse, aWorkload, digestsOf, type Content } from '../../support/builders.ts';

const OBJECT: LiveObject = {
  name: 'app-live',
  source: { kind: 'ConfigMap', name: 'app' },
  workloads: [{ kind: 'Deployment', name: 'web' }],
};
const policy = aPolicy({ delivery: { objects: [OBJECT], snapshots: 5, rollbackSecrets: false } });
const live = aUse({ source: { kind: 'ConfigMap', name: 'app-live' } });

const digest = (text: string): Digest => digestsOf({ key: text }).get('key') ?? ('' as Digest);

interface Case {
  readonly source: Content;
  readonly live?: Content;
  readonly snapshot?: Content;
  readonly moves?: boolean;
  /** What pods may have of each key that is held; undefined: no such key. */
  readonly held?: Readonly<Record<string, readonly (string | undefined)[]>>;
}

const rendered = ({ source, live: is, snapshot, moves = false, held = {} }: Case): Readonly<Record<string, string>> => {
  const rendering = {
    source: digestsOf(source),
    live: is === undefined ? undefined : digestsOf(is),
    snapshot: snapshot === undefined ? undefined : digestsOf(snapshot),
    moves,
    held: new Map(
      Object.entries(held).map(([key, texts]) => [
        key,
        new Set(texts.map((text) => (text === undefined ? '' : digest(text)))),
      ]),
    ),
  };
  const keys = renderedKeys(desiredLive(rendering), rendering);
  const texts = [...Object.values(source), ...Object.values(is ?? {}), ...Object.values(snapshot ?? {})];
  return Object.fromEntries([...keys].map(([key, each]) => [key, texts.find((text) => digest(text) === each) ?? '?']));
};

const CASES: Readonly<Record<string, readonly [Case, Readonly<Record<string, string>>]>> = {
  'is the source where it is not there': [{ source: { flag: 'a', hot: 'a' } }, { flag: 'a', hot: 'a' }],
  'has what is not held at once': [
    {
      source: { flag: 'b', hot: 'b' },
      live: { flag: 'a', hot: 'a' },
      snapshot: { flag: 'a', hot: 'a' },
      held: { flag: ['a'] },
    },
    { flag: 'a', hot: 'b' },
  ],
  'loses a key that is not held, and keeps one that is': [
    { source: {}, live: { flag: 'a', hot: 'a' }, held: { flag: ['a'] } },
    { flag: 'a' },
  ],
  'has a new key that is held when it begins': [
    { source: { flag: 'a', more: 'x' }, live: { flag: 'a' }, snapshot: { flag: 'a' }, held: { more: [undefined] } },
    { flag: 'a' },
  ],
  'is put back to the snapshot where somebody edited what is held': [
    { source: { flag: 'b' }, live: { flag: 'x' }, snapshot: { flag: 'a' }, held: { flag: ['a'] } },
    { flag: 'a' },
  ],
  'loses what somebody added': [{ source: { flag: 'a' }, live: { flag: 'a', added: 'x' } }, { flag: 'a' }],
  'keeps what pods may have though the snapshot holds less, as a document whose hot part came in': [
    { source: { doc: 'H1 R1' }, live: { doc: 'H1 R0' }, snapshot: { doc: 'H0 R0' }, held: { doc: ['H1 R0'] } },
    { doc: 'H1 R0' },
  ],
  'goes to the snapshot that a restart or a rollback moves it to': [
    {
      source: { flag: 'c', hot: 'c' },
      live: { flag: 'a', hot: 'a' },
      snapshot: { flag: 'b', hot: 'b' },
      moves: true,
      held: { flag: ['a', 'b'] },
    },
    { flag: 'b', hot: 'c' },
  ],
  'loses a key that the snapshot does not have': [
    { source: { flag: 'c' }, live: { flag: 'a' }, snapshot: {}, moves: true, held: { flag: ['a'] } },
    {},
  ],
  'is made of the snapshot where it was deleted while the source is ahead': [
    { source: { flag: 'b', hot: 'b' }, snapshot: { flag: 'a', hot: 'a' }, held: { flag: ['a'] }, moves: true },
    { flag: 'a', hot: 'b' },
  ],
};

describe('a live object', () => {
  for (const [name, [given, expected]] of Object.entries(CASES)) {
    it(name, () => {
      assert.deepEqual(rendered(given), expected);
    });
  }

  const key = fc.constantFrom<string[]>('a', 'b', 'c', 'd');
  const content = fc.dictionary(key, fc.constantFrom<string[]>('1', '2', '3'));
  const heldKeys = fc.uniqueArray(key);

  it('never has the source alone to thank for a key that is held, and has every other from it', () => {
    fc.assert(
      fc.property(content, content, content, fc.boolean(), heldKeys, (source, is, snapshot, moves, names) => {
        const held = Object.fromEntries(names.map((key) => [key, [is[key]]]));
        const result = rendered({ source, live: is, snapshot, moves, held });
        for (const key of ['a', 'b', 'c', 'd']) {
          if (!names.includes(key)) assert.equal(result[key], source[key]);
          else assert.ok([moves ? snapshot[key] : is[key], snapshot[key]].includes(result[key]), key);
        }
      }),
    );
  });

  it('is the same when it is rendered again', () => {
    fc.assert(
      fc.property(content, content, content, heldKeys, (source, is, snapshot, names) => {
        const held = Object.fromEntries(names.map((key) => [key, [snapshot[key]]]));
        const once = rendered({ source, live: is, snapshot, held });
        assert.deepEqual(rendered({ source, live: once, snapshot, held }), once);
      }),
    );
  });
});

describe('a workload that reads a live object', () => {
  it('reads its source, for a policy that renders it for that workload', () => {
    const mapped = throughLive(aWorkload({ uses: [live, aUse({ source: { kind: 'ConfigMap', name: 'other' } })] }), [
      policy,
    ]);
    assert.deepEqual(
      mapped.uses.map(({ source }) => source.name),
      ['app', 'other'],
    );
    assert.deepEqual([...(mapped.live ?? [])], [['ConfigMap/app-live', 'ConfigMap/app']]);
  });

  it('is the very same where nothing is rendered for it', () => {
    for (const [workload, by] of [
      [aWorkload({ uses: [live] }), aPolicy()],
      [aWorkload({ uses: [live], name: 'api' }), policy],
      [aWorkload(), policy],
      [aWorkload({ uses: [aUse({ source: { kind: 'Secret', name: 'app-live' } })] }), policy],
    ] as const)
      assert.equal(throughLive(workload, [by]), workload);
  });

  it('reads the source of the first policy, by name, that renders it for that workload', () => {
    const theirs: LiveObject = { ...OBJECT, source: { kind: 'ConfigMap', name: 'other' } };
    const by = (name: string, object: LiveObject): ReturnType<typeof aPolicy> =>
      aPolicy({ name, delivery: { objects: [object], snapshots: 5, rollbackSecrets: false } });
    const policies = [by('b', theirs), by('a', OBJECT), by('c', theirs)];
    for (const each of [policies, policies.toReversed()])
      assert.deepEqual(
        [...(throughLive(aWorkload({ uses: [live] }), each).live ?? [])],
        [['ConfigMap/app-live', 'ConfigMap/app']],
      );
  });

  for (const [what, theirs, expected] of [
    ['alike', OBJECT, undefined],
    ['from another source', { ...OBJECT, source: { kind: 'ConfigMap', name: 'other' } }, 'NotOurs'],
    ['for other workloads', { ...OBJECT, workloads: [{ kind: 'Deployment', name: 'api' }] }, 'NotOurs'],
    ['for another kind', { ...OBJECT, workloads: [{ kind: 'StatefulSet', name: 'web' }] }, 'NotOurs'],
  ] as const)
    it(`is ${expected === undefined ? 'none the worse' : 'blocked'} where another policy renders it ${what}`, () => {
      const trouble = claimTrouble({ object: OBJECT, theirs, by: 'first' }, { kind: 'Deployment', name: 'web' });
      assert.equal(trouble?.reason, expected);
      if (expected !== undefined) assert.match(trouble?.message ?? '', /rendered by ReloadPolicy first, /);
    });

  it('has the objects that name it', () => {
    assert.deepEqual(liveObjectsFor([policy], { kind: 'Deployment', name: 'web' }), [OBJECT]);
    assert.deepEqual(liveObjectsFor([policy], { kind: 'StatefulSet', name: 'web' }), []);
  });
});

describe('the name of a snapshot', () => {
  it('ends with its number, and is never too long', () => {
    assert.equal(snapshotName('web-live', 7), 'web-live-7');
    const long = snapshotName('a'.repeat(253), 12);
    assert.equal(long.length, 253);
    assert.ok(long.endsWith('a-12'));
    assert.doesNotMatch(snapshotName(`${'a'.repeat(249)}.-bc`, 12), /[.-]-12$/);
  });
});
