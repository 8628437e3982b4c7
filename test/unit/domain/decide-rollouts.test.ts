/** A process that dies, rollouts that fail, and rollouts of others. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aPolicy, aUse, digestsOf, MINUTE, SECOND, T0, USES } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const FLAG_B = { flag: 'b', hot: 'a' };
const HOT_B = { flag: 'a', hot: 'b' };

describe('a process that dies', () => {
  it('loses no change: it is acted on once when it is back', () => {
    const world = new World()
      .crash()
      .edit(FLAG_B)
      .advance(MINUTE)
      .start()
      .advance(MINUTE)
      .finishRollout()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('loses no hot change', () => {
    const world = new World().crash().edit(HOT_B).advance(MINUTE).start().advance(MINUTE);
    assert.deepEqual([world.nudges, world.restarts.length], [1, 0]);
  });

  it('writes and does nothing when it is back and nothing changed', () => {
    const world = new World().edit(FLAG_B).advance(500).finishRollout();
    const writes = world.recordWrites;
    world.crash().advance(MINUTE).start().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, world.recordWrites], [1, 0, writes]);
  });

  it('restarts nothing where all pods have started since the change anyway', () => {
    const world = new World()
      .crash()
      .edit(FLAG_B)
      .advance(5 * SECOND)
      .recreatePods()
      .advance(MINUTE)
      .start()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 0);
    assert.equal(world.ledger()?.history[0]?.reason, 'AlreadyCarried');
  });

  it('restarts where one pod has not', () => {
    const world = new World()
      .crash()
      .edit(FLAG_B)
      .advance(5 * SECOND)
      .startPod()
      .advance(MINUTE)
      .start()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
  });

  it('does not trust pods that started in the second of the change', () => {
    const world = new World()
      .advance(200)
      .crash()
      .edit(FLAG_B)
      .advance(100)
      .recreatePods()
      .advance(MINUTE)
      .start()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
  });

  it('recognises the restart that it did not come to record', () => {
    const world = new World().edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500);
    assert.equal(world.running(), false);
    world.advance(MINUTE).start();
    assert.equal(world.state(), 'Restarting');
    world.advance(MINUTE).finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.ledger()?.restart?.phase, 'Succeeded');
  });

  it('restarts once more where the content has moved since', () => {
    const world = new World().edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500).edit({ flag: 'c' }).start().advance(MINUTE).finishRollout().advance(MINUTE);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2],
    );
    assert.equal(world.podsRun('flag').started, true);
  });

  it('restarts once more where the content has moved back since: pods may run on the other', () => {
    const world = new World().edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500).finishRollout().edit(A).start().advance(MINUTE).finishRollout().advance(MINUTE);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2],
    );
    assert.equal(world.podsRun('flag').started, true);
  });

  it('follows a rollout to its end', () => {
    const world = new World().edit(FLAG_B).advance(500).crash().advance(MINUTE).start();
    assert.equal(world.state(), 'Restarting');
    world.finishRollout();
    assert.equal(world.state(), 'UpToDate');
  });

  it('restarts nothing for a restart that it did not record where the pods have newer content already', () => {
    const world = new World().edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500).edit({ flag: 'c', hot: 'a' }).advance(MINUTE).finishRollout().start().advance(MINUTE);
    // It recognises nothing more at the next start either.
    world.crash().start().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('waits with an unrecorded restart for a source that it cannot read', () => {
    const sources = [
      { kind: 'ConfigMap', name: 'app' },
      { kind: 'ConfigMap', name: 'extra' },
    ] as const;
    const extra = aUse({ source: sources[1], way: 'EnvFrom', optional: true });
    const world = new World({
      sources: { extra: { x: '1' } },
      policies: [aPolicy({ sources, defaultClass: 'Restart' })],
      workload: { uses: [...USES, extra] },
    }).edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500);
    world.unreadable.add('extra');
    world.start().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.state(), world.reason()], [1, 'Blocked', 'SourceUnreadable']);
    world.unreadable.delete('extra');
    world.crash().start().advance(MINUTE).finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
  });

  it('adopts anew where its record was removed', () => {
    const world = new World().edit(FLAG_B).advance(500).finishRollout().crash();
    world.record = undefined;
    world.start().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 0]);
    world.edit(A).advance(500);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2],
    );
  });
});

describe('a rollout that fails', () => {
  it('is not tried again with the same content', () => {
    const world = new World()
      .edit(FLAG_B)
      .advance(500)
      .failRollout()
      .advance(60 * MINUTE);
    assert.deepEqual([world.restarts.length, world.state()], [1, 'Failed']);
    assert.deepEqual(world.ledger()?.applied.get('ConfigMap/app'), digestsOf(A));
    world
      .crash()
      .start()
      .advance(60 * MINUTE);
    assert.deepEqual([world.restarts.length, world.state()], [1, 'Failed']);
  });

  it('is cured by other content', () => {
    const world = new World().edit(FLAG_B).advance(500).failRollout().edit({ flag: 'c' }).advance(500).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [2, 'UpToDate']);
  });

  it('is cured by the earlier content', () => {
    const world = new World().edit(FLAG_B).advance(500).failRollout().edit(A).advance(500).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [2, 'UpToDate']);
    world.edit(FLAG_B).advance(500).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [3, 'UpToDate']);
  });

  it('may still recover by itself', () => {
    const world = new World().edit(FLAG_B).advance(500).failRollout().finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
  });

  it('keeps its reason while the workload is paused', () => {
    const world = new World()
      .edit(FLAG_B)
      .advance(500 + 10 * MINUTE + 1)
      .pause(true);
    assert.deepEqual([world.state(), world.reason()], ['TimedOut', 'ProgressTimeout']);
    world.pause(false);
    assert.deepEqual([world.state(), world.reason()], ['TimedOut', 'ProgressTimeout']);
  });

  it('times out after the shortest time that a policy allows, and may still come to its end', () => {
    const policies = [
      aPolicy({ progressTimeoutMs: 5 * MINUTE }),
      aPolicy({ name: 'other', progressTimeoutMs: MINUTE }),
    ];
    const world = new World({ policies })
      .edit(FLAG_B)
      .advance(500)
      .advance(MINUTE - 1);
    assert.equal(world.state(), 'Restarting');
    world.advance(2);
    assert.deepEqual([world.state(), world.reason()], ['TimedOut', 'ProgressTimeout']);
    world.advance(60 * MINUTE).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
  });
});

describe('while a rollout is under way', () => {
  it('a pod that starts on content in between is seen, though what is on its way is back', () => {
    const policies = [aPolicy({ debounceMs: MINUTE })];
    const world = new World({ policies }).edit(FLAG_B).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    world.edit({ flag: 'c', hot: 'a' }).advance(5 * SECOND);
    world
      .startPod()
      .advance(5 * SECOND)
      .edit(FLAG_B)
      .advance(10 * MINUTE);
    assert.equal(world.restarts.length, 2);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.podsRun('flag').started, world.state()], [true, 'UpToDate']);
  });

  it('what is on its way and is back before anything started on the other is no change', () => {
    const policies = [aPolicy({ debounceMs: MINUTE })];
    const world = new World({ policies }).edit(FLAG_B).advance(MINUTE).advance(SECOND);
    world
      .edit({ flag: 'c', hot: 'a' })
      .advance(5 * SECOND)
      .edit(FLAG_B)
      .advance(MINUTE)
      .finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
  });

  it('a hot key that goes back is nudged at once, for the new pods have the other', () => {
    const world = new World().edit({ flag: 'b', hot: 'b' }).advance(500).startPod().advance(SECOND);
    assert.deepEqual([world.restarts.length, world.nudges], [1, 0]);
    world.edit(FLAG_B);
    assert.deepEqual([world.nudges, world.podsRun('hot').files], [1, true]);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, world.state()], [1, 1, 'UpToDate']);
  });
});

describe('a rollout of others', () => {
  it('that carries a change which was held for long has its own time', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(FLAG_B).advance(60 * MINUTE);
    world.deploy('template-2').advance(9 * MINUTE);
    assert.equal(world.state(), 'Restarting');
    world.finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [0, 'UpToDate']);
  });

  it('that begins after the change and before our restart is enough', () => {
    const world = new World()
      .edit(FLAG_B)
      .advance(100)
      .deploy('template-2')
      .advance(MINUTE)
      .finishRollout()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 0);
    assert.equal(world.ledger()?.restart?.origin, 'Foreign');
    assert.equal(world.ledger()?.restart?.phase, 'Succeeded');
    assert.equal(world.podsRun('flag').started, true);
  });

  it('that began before the change is not', () => {
    const world = new World()
      .deploy('template-2')
      .advance(100)
      .edit(FLAG_B)
      .advance(MINUTE)
      .finishRollout()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('that turns out to have started before the change does not count: one restart of ours follows', () => {
    const world = new World()
      .edit(FLAG_B)
      .advance(100)
      .deploy('template-2')
      .finishRolloutOf(A, T0 - 5 * SECOND);
    world.advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('that takes our annotation away counts from there', () => {
    const world = new World()
      .edit(FLAG_B)
      .advance(500)
      .finishRollout()
      .replaceTemplate('template-2')
      .finishRollout()
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    world.edit({ flag: 'c' }).advance(500);
    assert.deepEqual(
      world.restarts.map(({ n }) => n),
      [1, 2],
    );
  });

  it('of which nothing is needed changes nothing', () => {
    const world = new World().deploy('template-2').finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, world.ledger()?.restart], [0, 0, undefined]);
  });
});
