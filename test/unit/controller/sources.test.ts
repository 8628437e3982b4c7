/** The content of bound sources: when it is read, and what a failure or a late watch means. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Source } from '../../../src/domain/observed.ts';
import { digestsOf } from '../../support/builders.ts';
import {
  aStoredPolicy,
  inSourcesScene as inScene,
  presentIn as present,
  type SourcesScene,
} from '../../support/sources-scene.ts';

const KEY = 'ConfigMap/shop/app';
const ID = 'ConfigMap/app';

const get = (scene: SourcesScene): Source => scene.get(ID);

describe('a source', () => {
  it(
    'is not read before a policy names it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).show();
      assert.deepEqual([scene.asked.length, get(scene)], [0, { state: 'Unknown' }]);
      await scene.bind({});
      assert.equal(scene.asked.length, 1);
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'a' }));
      assert.deepEqual(scene.told, [`change ${ID}`]);
    }),
  );

  it(
    'is found, not seen to change, at first sight; then its changes are dated by the watch',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }, { changedBefore: 5 }).bind({});
      assert.deepEqual([present(get(scene)).changedAt, present(get(scene)).seenToChange], [5, false]);
      await scene.show();
      await scene.clock.advance(1_000);
      await scene.store({ flag: 'b' }).show();
      assert.deepEqual([present(get(scene)).changedAt, present(get(scene)).seenToChange], [scene.clock.now(), true]);
      assert.equal(scene.told.length, 2);
    }),
  );

  it(
    'is no other when only its version moves',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      const before = get(scene);
      await scene.clock.advance(1_000);
      await scene.store({ flag: 'a' }).show();
      assert.equal(scene.asked.length, 2);
      assert.equal(present(get(scene)).keys, present(before).keys);
      assert.equal(present(get(scene)).changedAt, present(before).changedAt);
      assert.equal(scene.told.length, 1);
    }),
  );

  it(
    'keeps what was known of it when a read fails, and says that it did',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      scene.failure = new Error('away');
      await scene.store({ flag: 'b' }).show();
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'a' }));
      assert.equal(present(get(scene)).unreadable, 'away');
      scene.failure = undefined;
      await scene.clock.advance(10_000);
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'b' }));
      assert.equal(present(get(scene)).unreadable, undefined);
    }),
  );

  it(
    'is unknown, not missing, when its first read fails',
    inScene(async (scene) => {
      scene.failure = new Error('forbidden');
      await scene.store({ flag: 'a' }).bind({});
      assert.deepEqual(get(scene), { state: 'Unknown', message: 'forbidden' });
      scene.failure = undefined;
      await scene.clock.advance(10_000);
      assert.equal(present(get(scene)).seenToChange, false);
    }),
  );

  it(
    'is missing when the server says so, and its coming back is a change',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      await scene.show();
      await scene.store(undefined).show();
      assert.deepEqual(get(scene), { state: 'Missing' });
      await scene.store({ flag: 'a' }).show();
      assert.equal(present(get(scene)).seenToChange, true);
    }),
  );

  it(
    'is missing when it went though the watch had never shown it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      await scene.store(undefined).show();
      assert.deepEqual(get(scene), { state: 'Missing' });
    }),
  );

  it(
    'is found missing by a new list',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      await scene.show();
      scene.store(undefined);
      scene.configMaps.listing();
      scene.configMaps.listed();
      await scene.look();
      assert.deepEqual(get(scene), { state: 'Missing' });
    }),
  );

  it(
    'that is read ahead of its own watch waits for it: no kubelet is to be overtaken',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      await scene.show();
      // The watch tells of b, but the read already gives c.
      scene.store({ flag: 'b' });
      const shown = { key: KEY, resourceVersion: '2', uid: 'uid-app' };
      scene.store({ flag: 'c' });
      scene.configMaps.upsert(shown);
      await scene.look();
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'a' }));
      const reads = scene.asked.length;
      await scene.show();
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'c' }));
      assert.equal(scene.asked.length, reads, 'what was read is not read again');
    }),
  );

  it(
    'that is read ahead of a watch that never comes is taken after a second',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      await scene.show();
      scene.store({ flag: 'b' }).store({ flag: 'c' });
      scene.configMaps.upsert({ key: KEY, resourceVersion: '2', uid: 'uid-app' });
      await scene.look();
      await scene.clock.advance(1_100);
      assert.deepEqual(present(get(scene)).keys, digestsOf({ flag: 'c' }));
    }),
  );

  it(
    'is forgotten when no policy names it any more',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      const policy = aStoredPolicy();
      scene.sources.bind(policy, undefined);
      assert.deepEqual(get(scene), { state: 'Unknown' });
      const reads = scene.asked.length;
      await scene.store({ flag: 'b' }).show();
      assert.equal(scene.asked.length, reads);
    }),
  );

  it(
    'is kept as long as another policy names it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind({});
      const other = aStoredPolicy({ name: 'other' });
      scene.sources.bind(undefined, other);
      scene.sources.bind(other, undefined);
      assert.equal(get(scene).state, 'Present');
    }),
  );

  it(
    'that is opted out has no content, and is met anew afterwards',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }, { ignored: true }).bind({});
      assert.deepEqual(get(scene), { state: 'Ignored' });
      await scene.store({ flag: 'b' }).show();
      assert.equal(present(get(scene)).seenToChange, false);
    }),
  );
});
