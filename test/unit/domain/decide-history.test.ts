/** Histories: what users do in turn, and what comes of it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aPolicy, aUse, digestsOf, MINUTE, rule, SECOND, T0 } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const FLAG_B = { flag: 'b', hot: 'a' };
const HOT_B = { flag: 'a', hot: 'b' };

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

  it('is only reported where the policy wants no restart for it', () => {
    const uses = [aUse({ way: 'Env', key: 'hot' })];
    const world = new World({ workload: { uses }, policies: [aPolicy({ onImpossible: 'Report' })] })
      .edit(HOT_B)
      .advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    assert.deepEqual(world.verdict?.impossible, ['ConfigMap/app:hot: env of container main']);
  });
});

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

describe('a rollout of others', () => {
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
