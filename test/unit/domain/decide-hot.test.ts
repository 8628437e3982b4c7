/** Hot changes: how often they are sent, and what they have to do with restarts. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STATUS_LIMITS } from '../../../src/api/v1alpha1/limits.ts';
import { aPolicy, aUse, MINUTE, type Content } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const FLAG_B = { flag: 'b', hot: 'a' };
const HOT_B = { flag: 'a', hot: 'b' };

describe('a hot change', () => {
  it('is sent once, at once, and starts nothing', () => {
    const world = new World().edit(HOT_B);
    assert.deepEqual([world.nudges, world.restarts.length, world.state()], [1, 0, 'UpToDate']);
    assert.equal(world.podsRun('hot').files, true);
    world.advance(MINUTE);
    assert.equal(world.nudges, 1);
  });

  it('is sent again for content that comes back', () => {
    assert.equal(new World().edit(HOT_B).edit(A).nudges, 2);
  });

  it('goes with the restart that is due', () => {
    const world = new World().edit({ flag: 'b', hot: 'b' }).advance(500).finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 0]);
    assert.deepEqual(world.podsRun('hot'), { started: true, files: true });
  });

  it('goes out while a restart is held', () => {
    const world = new World().pause(true).edit({ flag: 'b', hot: 'b' }).advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, world.state()], [0, 1, 'Blocked']);
  });

  it('goes out during a rollout that began without it, and once only', () => {
    const world = new World().edit(FLAG_B).advance(500).edit({ flag: 'b', hot: 'b' });
    assert.equal(world.nudges, 1);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 1]);
  });

  it('goes out once though the rollout under way carries an earlier content', () => {
    const world = new World().edit({ flag: 'b', hot: 'b' }).advance(500).edit({ flag: 'b', hot: 'c' });
    assert.equal(world.nudges, 1);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 1]);
  });

  it('is sent after a restart that carried it has failed', () => {
    const world = new World().edit({ flag: 'b', hot: 'b' }).advance(500).failRollout();
    assert.equal(world.nudges, 1);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 1]);
  });

  it('restarts where it can not be hot, and says why', () => {
    const uses = [aUse({ way: 'Env', key: 'hot' })];
    const world = new World({ workload: { uses } }).edit(HOT_B).advance(500);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 0]);
    assert.match(world.restarts[0]?.cause ?? '', /hot: env of container main/);
    assert.deepEqual(world.verdict?.impossible, ['ConfigMap/app:hot: env of container main']);
  });

  it('of very many keys that can not be hot is decided in no time, and listed in part', () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => `key-${at}`);
    const holding = (value: string): Content => Object.fromEntries(keys.map((key) => [key, value]));
    const world = new World({ content: holding('a'), workload: { uses: [aUse({ way: 'EnvFrom' })] } });
    const begun = performance.now();
    world.edit(holding('b')).advance(500);
    const took = performance.now() - begun;
    assert.equal(world.restarts.length, 1);
    // Some tenths of a second; each key held against each other would take minutes.
    assert.ok(took < 10_000, `took ${took} ms`);
    assert.equal(world.verdict?.impossible.length, STATUS_LIMITS.impossible);
    assert.equal(world.verdict.impossibleCount, keys.length);
    assert.match(world.restarts[0]?.cause ?? '', /and 19995 more; declared Hot, but can't be: .* and 19995 more$/);
  });

  it('is only reported where the policy wants no restart for it', () => {
    const uses = [aUse({ way: 'Env', key: 'hot' })];
    const world = new World({ workload: { uses }, policies: [aPolicy({ onImpossible: 'Report' })] })
      .edit(HOT_B)
      .advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    assert.deepEqual(world.verdict?.impossible, ['ConfigMap/app:hot: env of container main']);
  });
});
