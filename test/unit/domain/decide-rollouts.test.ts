/** A process that dies, rollouts that fail, and rollouts of others. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  aGate,
  aLedger,
  aPod,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  changed,
  deployment,
  digestsOf,
  found,
  MINUTE,
  observing,
  SECOND,
  T0,
  USES,
} from '../../support/builders.ts';
import { parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import { decide } from '../../../src/domain/decide.ts';
import { follow } from '../../../src/domain/follow.ts';
import type { Workload } from '../../../src/domain/observed.ts';
import type { PodReport } from '../../../src/domain/rollout-cause.ts';
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

  it('does not issue it once more for what was held before', () => {
    const world = new World()
      .policy({ suspended: true })
      .edit(FLAG_B)
      .advance(MINUTE)
      .startPod()
      .edit(A)
      .advance(MINUTE);
    world.dieAfterRestart = true;
    world.policy({ suspended: false }).start().advance(MINUTE).finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('does not issue it once more where the API had done it, but nobody heard of it', () => {
    const times = { firstAt: T0, burstAt: T0, lastAt: T0 };
    // Content came back after a container had started on other content.
    const observed = observing(found(A), {
      ledger: aLedger(A),
      pending: { changes: changed({ flag: 'b' }), ...times },
      pods: [aPod(T0 + SECOND)],
    });
    const first = decide(observed, T0 + MINUTE);
    assert.ok(first.type === 'Act' && first.restart !== undefined);
    const annotation = parseRestartAnnotation(first.restart.value, true);
    assert.ok(annotation);
    const second = decide({ ...observed, workload: { ...observed.workload, annotation } }, T0 + MINUTE + SECOND);
    assert.ok(second.type === 'Act');
    assert.deepEqual([second.restart, second.pending, second.ledger.restart?.n], [undefined, undefined, 1]);
  });

  it('counts every one that it did not record, once, though their content has moved on', () => {
    const gates = aGate({ cooldownMs: 10 * MINUTE });
    const world = new World({ policies: [aPolicy({ gates })] }).edit(FLAG_B);
    world.dieAfterRestart = true;
    world.advance(500).edit({ flag: 'c', hot: 'a' }).start().advance(MINUTE);
    const known = world.ledger()?.restartTimes;
    assert.deepEqual([known?.length, world.restarts.length, world.reason()], [1, 1, 'Cooldown']);
    world.crash().start().advance(MINUTE);
    assert.deepEqual(world.ledger()?.restartTimes, known);
    world.advance(10 * MINUTE).finishRollout();
    assert.deepEqual([world.restarts.length, world.ledger()?.restartTimes?.length, world.state()], [2, 2, 'UpToDate']);
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

describe('a rollout whose containers keep ending', () => {
  const looping = (world: World, restarts = 1): readonly PodReport[] => [
    {
      name: 'web-new',
      restart: { n: world.restarts.length, digest: world.restarts.at(-1)?.digest ?? '' },
      containers: [
        {
          name: 'main',
          state: restarts > 0 ? 'Waiting' : 'Ended',
          ready: false,
          restarts,
          ...(restarts > 0 && { waiting: { reason: 'CrashLoopBackOff' } }),
          end: { exitCode: 2, message: 'web: no such flag' },
        },
      ],
    },
  ];
  const WORDS = /^restart 1: container main of pod web-new ended with exit code 2: web: no such flag$/;

  it('has failed soon after the second end, with their words, and is not tried again', () => {
    const world = new World().edit(FLAG_B).advance(500);
    world.reports = looping(world, 0);
    world.advance(10 * SECOND);
    assert.equal(world.state(), 'Restarting');
    world.reports = looping(world);
    world.advance(10 * SECOND);
    assert.deepEqual([world.state(), world.reason()], ['Failed', 'CrashLoopBackOff']);
    assert.match(world.verdict?.message ?? '', WORDS);
    const writes = world.recordWrites;
    world
      .advance(60 * MINUTE)
      .failRollout()
      .advance(MINUTE)
      .crash()
      .start()
      .advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.reason(), world.recordWrites], [1, 'CrashLoopBackOff', writes]);
    assert.deepEqual(world.ledger()?.applied.get('ConfigMap/app'), digestsOf(A));
  });

  it('is found out late in a long one, too', () => {
    const world = new World({ policies: [aPolicy({ progressTimeoutMs: 15 * MINUTE })] })
      .edit(FLAG_B)
      .advance(500)
      .advance(9 * MINUTE);
    world.reports = looping(world);
    world.advance(10 * SECOND);
    assert.equal(world.reason(), 'CrashLoopBackOff');
  });

  it('may still recover, and is cured by the earlier content', () => {
    const world = new World().edit(FLAG_B).advance(500);
    world.reports = looping(world);
    assert.equal(world.advance(10 * SECOND).state(), 'Failed');
    assert.equal(world.finishRollout().state(), 'UpToDate');
    world.edit({ flag: 'c', hot: 'a' }).advance(500);
    world.reports = looping(world);
    assert.equal(world.advance(10 * SECOND).state(), 'Failed');
    world.edit(FLAG_B).advance(500).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [3, 'UpToDate']);
  });

  it('of pods of an earlier template does not count', () => {
    const world = new World().edit(FLAG_B).advance(500);
    world.reports = [{ ...looping(world)[0], restart: { n: 1, digest: 'other' } } as PodReport];
    assert.equal(world.advance(MINUTE).state(), 'Restarting');
  });

  it('is told where the Deployment gives up before we do, or the time is over', () => {
    const world = new World().edit(FLAG_B).advance(500);
    world.reports = looping(world, 0);
    world.failRollout();
    assert.equal(world.reason(), 'ProgressDeadlineExceeded');
    assert.match(
      world.verdict?.message ?? '',
      /progressing; container main of pod web-new ended .*: web: no such flag/,
    );
    const writes = world.recordWrites;
    world
      .advance(60 * MINUTE)
      .crash()
      .start();
    assert.equal(world.recordWrites, writes);

    const slow = new World().edit(FLAG_B).advance(500);
    slow.reports = looping(slow, 0);
    slow.advance(10 * MINUTE + 1);
    assert.match(slow.verdict?.message ?? '', /^restart 1: after 600s: 0 of 2 pods updated; container main of pod/);
  });

  it('keeps their words to itself where it carries a Secret', () => {
    const secret = { kind: 'Secret', name: 'token' } as const;
    const restart = aRestart({ changes: changed({ password: 'p' }, 'Secret/token') });
    const observed = observing(found({}), {
      workload: aWorkload({
        annotation: { n: restart.n, digest: restart.digest, ours: true },
        rollout: deployment({ status: { replicas: 2, updated: 0, available: 2 } }),
      }),
      policies: [aPolicy({ sources: [secret] })],
    });
    const world = new World();
    const [report] = looping(world) as readonly [PodReport];
    const reports = [{ ...report, restart: { n: restart.n, digest: restart.digest } }];
    const followed = follow({ ...observed, pods: [], reports }, restart, MINUTE, restart.issuedAt + SECOND);
    assert.equal(followed?.message, 'container main of pod web-new ended with exit code 2');
  });

  it('keeps their words to itself where it is not known what it carries, and they read a Secret', () => {
    const restart = aRestart();
    const workload = aWorkload({
      annotation: { n: restart.n, digest: restart.digest, ours: true },
      rollout: deployment({ status: { replicas: 2, updated: 0, available: 2 } }),
    });
    const [report] = looping(new World()) as readonly [PodReport];
    const reports = [{ ...report, restart: { n: restart.n, digest: restart.digest } }];
    const messageOf = (uses: Workload['uses']): string | undefined =>
      follow(
        observing(found({}), { workload: { ...workload, uses }, pods: [], reports }),
        restart,
        MINUTE,
        restart.issuedAt + SECOND,
      )?.message;
    const secret = aUse({ source: { kind: 'Secret', name: 'token' }, way: 'Env' });
    assert.equal(messageOf([...USES, secret]), 'container main of pod web-new ended with exit code 2');
    assert.match(messageOf(USES) ?? '', /exit code 2: web: no such flag/);
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
