/** Restarts: when they are issued, how often, and what is no reason for one. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aPolicy, aUse, MINUTE, rule, SECOND } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const FLAG_B = { flag: 'b', hot: 'a' };

describe('a restart', () => {
  it('is issued once, after the debounce, and counts as applied when its rollout is complete', () => {
    const world = new World().edit(FLAG_B);
    assert.deepEqual([world.restarts.length, world.state()], [0, 'Pending']);
    world.advance(499);
    assert.equal(world.restarts.length, 0);
    world.advance(1);
    assert.deepEqual([world.restarts.length, world.state()], [1, 'Restarting']);
    assert.match(world.restarts[0]?.value ?? '', /^v1\.1\.[\w-]{22}$/);
    world.advance(MINUTE).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
    assert.deepEqual(world.podsRun('flag'), { started: true, files: true });
    assert.equal(world.ledger()?.restart?.phase, 'Succeeded');
  });

  it('is one for a burst, with the last content', () => {
    const world = new World();
    for (let edit = 0; edit < 20; edit++) world.edit({ flag: String(edit) }).advance(50);
    assert.equal(world.restarts.length, 0);
    world.advance(MINUTE).finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('comes after ten debounces though the burst goes on', () => {
    const world = new World();
    for (let edit = 0; edit < 20; edit++) world.edit({ flag: String(edit) }).advance(400);
    assert.equal(world.restarts.length, 1);
    world.advance(MINUTE).finishRollout();
    assert.equal(world.restarts.length, 2);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('is one for changes of two sources, and debounces from the last', () => {
    const both = aPolicy({
      sources: [
        { kind: 'ConfigMap', name: 'app' },
        { kind: 'ConfigMap', name: 'other' },
      ],
      defaultClass: 'Restart',
    });
    const uses = [aUse(), aUse({ source: { kind: 'ConfigMap', name: 'other' } })];
    const world = new World({ sources: { other: { x: '1' } }, policies: [both], workload: { uses } });
    world.edit(FLAG_B).advance(300).edit({ x: '2' }, { name: 'other' }).advance(300);
    assert.equal(world.restarts.length, 0);
    world.advance(200);
    assert.equal(world.restarts.length, 1);
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
  });

  it('comes at once without a debounce', () => {
    const world = new World({ policies: [aPolicy({ debounceMs: 0 })] }).edit(FLAG_B);
    assert.equal(world.restarts.length, 1);
  });

  it('waits for the longest debounce of the policies that name the source', () => {
    const other = aPolicy({ name: 'other', sources: [{ kind: 'ConfigMap', name: 'elsewhere' }], debounceMs: MINUTE });
    const world = new World({ policies: [aPolicy(), aPolicy({ name: 'slow', debounceMs: 5 * SECOND }), other] }).edit(
      FLAG_B,
    );
    world.advance(4_999);
    assert.equal(world.restarts.length, 0);
    world.advance(1);
    assert.equal(world.restarts.length, 1);
  });

  it('is superseded by a newer change at once, without waiting for its rollout', () => {
    const world = new World().edit(FLAG_B).advance(500).edit({ flag: 'c' }).advance(500);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2],
    );
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('is superseded by content that comes back while it is under way', () => {
    const world = new World().edit(FLAG_B).advance(500).edit(A).advance(500);
    assert.equal(world.restarts.length, 2);
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('has a value of its own when content comes back later', () => {
    const world = new World();
    for (const content of [FLAG_B, A, FLAG_B]) world.edit(content).advance(500).finishRollout().advance(MINUTE);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2, 3],
    );
    assert.equal(new Set(world.restarts.map(({ value }) => value)).size, 3);
  });

  it('is complete at once without replicas', () => {
    const world = new World({ replicas: 0 }).edit(FLAG_B).advance(500).finishRollout();
    assert.deepEqual([world.ledger()?.restart?.phase, world.ledger()?.restart?.reason], ['Succeeded', 'NoReplicas']);
    assert.equal(world.restarts.length, 1);
  });

  it('names the keys that changed, and no values', () => {
    const world = new World().edit(FLAG_B).advance(500);
    assert.equal(world.restarts[0]?.cause, 'changed: ConfigMap/app:flag');
  });
});

describe('content that comes back before it was acted on', () => {
  it('is no change', () => {
    const world = new World();
    const writes = world.recordWrites;
    world.edit(FLAG_B).advance(200).edit(A).advance(MINUTE);
    assert.equal(world.restarts.length, 0);
    assert.deepEqual([world.recordWrites, world.nudges], [writes, 0]);
    assert.equal(world.state(), 'Adopted');
  });

  it('restarts the pods where one started in between', () => {
    const world = new World().edit(FLAG_B).advance(100).startPod().advance(100).edit(A);
    assert.equal(world.restarts.length, 1);
    assert.match(world.restarts[0]?.cause ?? '', /content came back/);
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('is no change where a pod started before', () => {
    const world = new World()
      .startPod()
      .advance(5 * SECOND)
      .edit(FLAG_B)
      .advance(100)
      .edit(A)
      .advance(MINUTE);
    assert.equal(world.restarts.length, 0);
  });

  it('is no change while it is held either, and the hold ends', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(FLAG_B).advance(MINUTE);
    assert.equal(world.state(), 'Held');
    world.edit(A).advance(MINUTE);
    assert.notEqual(world.state(), 'Held');
    world.policy({ suspended: false }).advance(MINUTE);
    assert.equal(world.restarts.length, 0);
  });

  it('restarts a pod that started in between, once it is no longer held', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(FLAG_B).advance(MINUTE).startPod();
    world.advance(MINUTE).edit(A).advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.state()], [0, 'Held']);
    world.crash().start();
    assert.deepEqual([world.restarts.length, world.state()], [0, 'Held']);
    world.policy({ suspended: false }).advance(SECOND).finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });
});

describe('what is no change of content', () => {
  const changes: readonly (readonly [what: string, change: (world: World) => World])[] = [
    ['the same content again', (world) => world.edit({ hot: 'b', flag: 'b' })],
    ['an edited rule: hot becomes restart', (world) => world.policy({ rules: [rule('*', 'Restart')], generation: 2 })],
    ['an edited rule: restart becomes hot', (world) => world.policy({ rules: [], generation: 2 })],
    ['an edited rule: all is ignored', (world) => world.policy({ rules: [rule('*', 'Ignore')] })],
    ['an edited default', (world) => world.policy({ defaultClass: 'Restart' })],
    [
      'a second policy that is stricter',
      (world) => world.addPolicy(aPolicy({ name: 'strict', rules: [], defaultClass: 'Restart' })),
    ],
    [
      'a policy that is suspended and resumed',
      (world) => world.policy({ suspended: true }).policy({ suspended: false }),
    ],
    ['an operator that comes back', (world) => world.crash().start()],
    ['a source that is deleted', (world) => world.remove()],
    ['a source that is deleted and made again', (world) => world.remove().edit({ flag: 'b', hot: 'b' })],
    [
      'a source that the policy names in addition',
      (world) => world.policy({ sources: [...aPolicy().sources, { kind: 'ConfigMap', name: 'other' }] }),
    ],
    ['a pod that is deleted', (world) => world.startPod()],
    ['a workload that is deployed', (world) => world.deploy('template-2').finishRollout()],
  ];
  for (const [what, change] of changes) {
    it(what, () => {
      const world = new World({ sources: { other: { x: '1' } } })
        .edit({ flag: 'b', hot: 'b' })
        .advance(500)
        .finishRollout();
      change(world).advance(MINUTE);
      assert.deepEqual([world.restarts.length, world.nudges], [1, 0]);
      assert.equal(world.notices.filter(({ action }) => action === 'Restart').length, 1);
    });
  }

  it('a change of a key while it was ignored, when it is declared Restart later', () => {
    const world = new World({ policies: [aPolicy({ rules: [rule('flag', 'Ignore')] })] }).edit(FLAG_B).advance(MINUTE);
    world.policy({ rules: [rule('flag', 'Restart')] }).advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    world.edit({ flag: 'c', hot: 'a' }).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
  });

  it('a record in a format of digests that is not ours', () => {
    const world = new World().crash();
    assert.ok(world.record);
    world.record = {
      ...world.record,
      sources: world.record.sources.map((source) => ({ ...source, keys: { flag: 'v0:older', hot: 'v0:older' } })),
    };
    world.start().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    world.edit(FLAG_B).advance(500);
    assert.equal(world.restarts.length, 1);
  });
});
