/** Secrets as sources: a watch for each that is named, MACs by a key that may get lost, and values that are not read. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inSourcesScene, presentIn, refusal } from '../../support/sources-scene.ts';

const DB = { kind: 'Secret', name: 'db' } as const;
const NAMED = { sources: [DB] } as const;
const WATCH = 'Secret/shop/db';
const KEY_WATCH = 'Secret/system/digest-key';

describe('a Secret', () => {
  it(
    'has a watch of its own as long as a policy names it',
    inSourcesScene(async (scene) => {
      assert.equal(scene.watches.size, 0);
      await scene.bind(NAMED);
      await scene.bind({ ...NAMED, name: 'other' });
      assert.deepEqual([...scene.watches.keys()], [WATCH, KEY_WATCH]);
      await scene.bind(undefined, NAMED);
      assert.ok(scene.watches.has(WATCH));
      await scene.bind(undefined, { ...NAMED, name: 'other' });
      assert.equal(scene.watches.size, 0);
    }),
  );

  it(
    'is no ConfigMap of the same name',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, DB).store({ a: '1' }, { name: 'db' });
      await scene.bind({ sources: [DB, { kind: 'ConfigMap', name: 'db' }] });
      assert.match(presentIn(scene.get('ConfigMap/db')).keys.get('a') ?? '', /^v1:/);
      assert.match(presentIn(scene.get('Secret/db')).keys.get('a') ?? '', /^m1-[0-9a-f]{8}:/);
    }),
  );

  it(
    'makes a key for digests when the first is named, and no other one',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' });
      await scene.bind({});
      assert.equal(scene.keysMade, 0);
      scene.store({ a: '1' }, DB).store({ a: '1' }, { ...DB, name: 'more' });
      await scene.bind({ name: 'secret', sources: [DB, { ...DB, name: 'more' }] });
      assert.equal(scene.keysMade, 1);
      const [db, more] = ['Secret/db', 'Secret/more'].map((id) => presentIn(scene.get(id)).keys.get('a'));
      assert.notEqual(db, more, 'that two values are alike is not told');
    }),
  );

  it(
    'changes as its watch shows it',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, DB);
      await scene.bind(NAMED);
      await scene.show(DB);
      const before = presentIn(scene.get('Secret/db'));
      assert.equal(before.seenToChange, false);
      scene.store({ a: '2' }, DB);
      await scene.show(DB);
      const after = presentIn(scene.get('Secret/db'));
      assert.notEqual(after.keys.get('a'), before.keys.get('a'));
      assert.equal(after.seenToChange, true);
    }),
  );

  for (const [what, lose] of [
    ['is taken away', () => undefined],
    ['is another', () => 7],
  ] as const) {
    it(
      `gets other digests, and nothing is said to have changed, when the key ${what}`,
      inSourcesScene(async (scene) => {
        scene.store({ a: '1' }, DB);
        await scene.bind(NAMED);
        await scene.show(DB);
        const before = presentIn(scene.get('Secret/db'));
        const keyWatch = scene.watches.get(KEY_WATCH)?.sink;
        keyWatch?.upsert({ key: 'Secret/system/digest-key', uid: 'key-101', resourceVersion: '101' });
        await scene.clock.advance(60_000);
        scene.digestKey = lose();
        keyWatch?.remove({ key: 'Secret/system/digest-key', uid: 'key-101', resourceVersion: '102' });
        await scene.look();
        const after = presentIn(scene.get('Secret/db'));
        const formatOf = (digest = ''): string => digest.split(':')[0] ?? '';
        assert.notEqual(formatOf(after.keys.get('a')), formatOf(before.keys.get('a')));
        assert.deepEqual([after.changedAt, after.seenToChange], [before.changedAt, false]);

        scene.store({ a: '2' }, DB);
        await scene.show(DB);
        const changed = presentIn(scene.get('Secret/db'));
        assert.equal(formatOf(changed.keys.get('a')), formatOf(after.keys.get('a')));
        assert.equal(changed.seenToChange, true);
      }),
    );
  }

  it(
    'gets other digests when a list of the key does not have it any more',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, DB);
      await scene.bind(NAMED);
      const before = presentIn(scene.get('Secret/db')).keys.get('a');
      scene.digestKey = undefined;
      const keyWatch = scene.watches.get(KEY_WATCH)?.sink;
      keyWatch?.listing();
      keyWatch?.listed();
      await scene.look();
      assert.notEqual(presentIn(scene.get('Secret/db')).keys.get('a'), before);
      const reads = scene.asked.length;
      keyWatch?.listing();
      keyWatch?.upsert({ key: 'Secret/system/digest-key', uid: 'key-102', resourceVersion: '102' });
      keyWatch?.listed();
      await scene.look();
      assert.equal(scene.asked.length, reads, 'the key that is held is there');
    }),
  );

  it(
    'is unknown without the right to the key, and ConfigMaps go on',
    inSourcesScene(async (scene) => {
      scene.keyFailure = refusal('create secrets is forbidden');
      scene.store({ a: '1' }, DB).store({ a: '1' });
      await scene.bind({ sources: [DB, { kind: 'ConfigMap', name: 'app' }] });
      const secret = scene.get('Secret/db');
      assert.equal(secret.state, 'Unknown');
      assert.match(secret.message ?? '', /create secrets is forbidden; kubectl reload rbac/);
      assert.equal(scene.get('ConfigMap/app').state, 'Present');
    }),
  );

  it(
    'that may not be read says so, with the way out, and recovers',
    inSourcesScene(async (scene) => {
      scene.failure = refusal('get secrets is forbidden');
      scene.store({ a: '1' }, DB);
      await scene.bind(NAMED);
      const unknown = scene.get('Secret/db');
      assert.equal(unknown.state, 'Unknown');
      assert.match(unknown.message ?? '', /get secrets is forbidden; kubectl reload rbac/);
      scene.failure = undefined;
      await scene.show(DB);
      assert.equal(presentIn(scene.get('Secret/db')).seenToChange, false);
    }),
  );

  it(
    'that may be read but not watched is unreadable: its changes would not be seen',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, DB);
      await scene.bind(NAMED);
      scene.watches.get(WATCH)?.refuse('watch is forbidden');
      assert.match(presentIn(scene.get('Secret/db')).unreadable ?? '', /watch is forbidden; kubectl reload rbac/);
      assert.equal(scene.told.at(-1), 'change Secret/db');
      scene.watches.get(WATCH)?.refuse(undefined);
      assert.equal(presentIn(scene.get('Secret/db')).unreadable, undefined);
    }),
  );

  it(
    'is watched together with all others where that is allowed',
    inSourcesScene(
      async (scene) => {
        scene.store({ a: '1' }, DB).store({ a: '1' }, { ...DB, name: 'more' });
        await scene.bind({ sources: [DB, { ...DB, name: 'more' }] });
        assert.deepEqual([...scene.watches.keys()], ['Secret/shop/', KEY_WATCH]);
        await scene.show(DB);
        scene.store({ a: '2' }, DB);
        await scene.show(DB);
        assert.equal(presentIn(scene.get('Secret/db')).seenToChange, true);
      },
      { secretsNamespaces: ['shop'] },
    ),
  );

  it(
    'whose values are not read is one key, which moves with every version; no key for digests is made',
    inSourcesScene(
      async (scene) => {
        const blind = { ...DB, content: undefined } as unknown as typeof DB;
        scene.store({}, blind);
        await scene.bind({ ...NAMED, validation: [{ keys: ['a'], required: true }] });
        const before = presentIn(scene.get('Secret/db'));
        assert.deepEqual([...before.keys.keys()], ['*']);
        assert.match(before.keys.get('*') ?? '', /^rv:/);
        assert.equal(before.problems, undefined);
        await scene.show(DB);
        scene.store({}, blind);
        await scene.show(DB);
        const after = presentIn(scene.get('Secret/db'));
        assert.notEqual(after.keys.get('*'), before.keys.get('*'));
        assert.equal(after.seenToChange, true);
        assert.deepEqual([scene.keysMade, scene.watches.has(KEY_WATCH)], [0, false]);
      },
      { blind: true },
    ),
  );

  it(
    'whose values were read though they may not be is refused',
    inSourcesScene(
      async (scene) => {
        scene.store({ a: '1' }, DB);
        await scene.bind(NAMED);
        assert.equal(scene.get('Secret/db').state, 'Unknown');
      },
      { blind: true },
    ),
  );
});
