/** Restarts that failed and are undone: what is put back, what is left alone, and what recovers. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import {
  aGate,
  aLedger,
  aPolicy,
  aRestart,
  aWorkload,
  changed,
  deployment,
  edited,
  HOUR,
  MINUTE,
  observing,
  rule,
  SECOND,
  T0,
} from '../../support/builders.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { recordStatusOf } from '../../../src/domain/record.ts';
import { intendUndo, notUndone, onFailureOf, whyNoRollback } from '../../../src/domain/undo.ts';
import { World, type WorldOptions } from '../../support/world.ts';

const UNDOING: Policy = aPolicy({ gates: aGate({ onFailure: 'Undo' }) });
const GOOD = { flag: 'a', hot: 'a' };
const BAD = { flag: 'bad', hot: 'a' };

/** A workload whose restart onto BAD has failed. */
const failing = (options: WorldOptions = {}): World => {
  const world = new World({ policies: [UNDOING], ...options });
  return world.edit(BAD).advance(MINUTE).failRollout();
};

const value = (world: World): string | undefined => world.observed().workload.annotationValue;
const actions = (world: World): readonly string[] =>
  (world.ledger()?.history ?? []).map(({ outcome, reason = '' }) => `${outcome} ${reason}`);

describe('a restart that failed', () => {
  it('is undone: the annotation is taken away where there was none, and the pods are the same', () => {
    const world = new World({ policies: [UNDOING] });
    const before = world.pods;
    world.edit(BAD).advance(MINUTE).failRollout();
    assert.deepEqual(world.undone, [undefined]);
    assert.equal(value(world), undefined);
    assert.deepEqual(world.pods, before);
    assert.deepEqual([world.state(), world.reason()], ['Failed', 'Undone']);
    assert.match(
      world.verdict?.message ?? '',
      /restart 1 failed: .*undone: pods .* were kept; ConfigMap\/app still holds/,
    );
    assert.deepEqual(actions(world), ['Failed Undone', 'Failed ProgressDeadlineExceeded']);
  });

  it('is undone to exactly the value that was there', () => {
    const world = new World({ policies: [UNDOING] });
    world
      .edit({ ...GOOD, flag: 'b' })
      .advance(MINUTE)
      .finishRollout();
    const earlier = value(world);
    world.edit(BAD).advance(MINUTE).failRollout();
    assert.deepEqual(world.undone, [earlier]);
    assert.equal(value(world), earlier);
  });

  it('is recorded before it is undone', () => {
    const world = failing();
    assert.equal(world.intended?.undo?.phase, 'Intended');
    assert.equal(world.intended.digest, world.restarts[0]?.digest);
  });

  it('is only reported where no policy wants it undone, or one that names its source wants a report', () => {
    for (const policies of [[aPolicy()], [UNDOING, aPolicy({ name: 'other' })]]) {
      const world = failing({ policies });
      assert.deepEqual(world.undone, []);
      assert.deepEqual([world.state(), world.reason()], ['Failed', 'ProgressDeadlineExceeded']);
    }
  });

  it('that can not be rolled back after all is reported, and recovers by a restart to other content', () => {
    const world = failing({ policies: [aPolicy()] });
    const ledger = world.ledger();
    assert(ledger !== undefined);
    const given = notUndone(intendUndo(ledger, 'Rollback', world.now), 'there is no snapshot to go back to');
    world.record = recordStatusOf(given);
    world.policy({ gates: aGate({ onFailure: 'Rollback' }) }).advance(HOUR);
    assert.equal(world.restarts.length, 1);
    assert.deepEqual([world.state(), world.reason()], ['Failed', 'ProgressDeadlineExceeded']);
    assert.match(world.verdict?.message ?? '', /not rolled back: there is no snapshot to go back to/);
    world.edit(GOOD).advance(MINUTE).finishRollout();
    assert.equal(world.restarts.length, 2);
    assert.equal(world.state(), 'UpToDate');
    assert.deepEqual(world.podsRun('flag'), { started: true, files: true });
  });

  it('is undone when its time is over, too', () => {
    const world = new World({ policies: [UNDOING] });
    world.edit(BAD).advance(HOUR);
    assert.equal(world.undone.length, 1);
    assert.equal(world.reason(), 'Undone');
  });

  it('is not undone while a policy of its source is suspended, but then', () => {
    const world = new World({ policies: [UNDOING] });
    world.edit(BAD).advance(MINUTE).policy({ suspended: true }).failRollout();
    assert.deepEqual(world.undone, []);
    assert.equal(world.state(), 'Held');
    world.policy({ suspended: false });
    assert.equal(world.undone.length, 1);
  });

  it('is not undone where somebody has changed the template since', () => {
    const world = new World({ policies: [UNDOING] });
    world.edit(BAD).advance(MINUTE).deploy('template-2').failRollout();
    assert.deepEqual(world.undone, []);
  });

  it('is not undone where that has changed before it could be done', () => {
    const world = new World({ policies: [UNDOING] });
    world.edit(BAD).advance(MINUTE);
    world.dieOfUndo = 'Before';
    world.failRollout();
    assert.equal(world.ledger()?.failed?.undo?.phase, 'Intended');
    world.deploy('template-2').start().advance(MINUTE);
    assert.deepEqual(world.undone, []);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.ledger()?.failed?.undo, undefined);
  });

  it('is not undone where a newer change takes its place', () => {
    const world = new World({ policies: [UNDOING] });
    world
      .edit(BAD)
      .advance(MINUTE)
      .edit({ ...GOOD, flag: 'fixed' })
      .failRollout()
      .advance(MINUTE);
    assert.deepEqual(world.undone, []);
    assert.equal(world.restarts.length, 2);
    // And if that fails, what is gone back to is not the one that never got through.
    world.failRollout();
    assert.deepEqual(world.undone, [undefined]);
  });

  it('is not undone by a policy that only observes', () => {
    const world = new World({ policies: [UNDOING] });
    world.edit(BAD).advance(MINUTE).policy({ observes: true }).failRollout();
    assert.deepEqual(world.undone, []);
  });
});

describe('content that failed and was undone', () => {
  it('is not tried again by itself, whatever time passes, and not after a crash', () => {
    const world = failing()
      .advance(3 * HOUR)
      .crash()
      .start()
      .advance(HOUR);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.undone.length, 1);
    assert.deepEqual([world.state(), world.reason()], ['Failed', 'Undone']);
  });

  it('is no other content though a rule is edited or a hot key moves', () => {
    const world = failing();
    world.policy({ rules: [rule('hot', 'Restart')] }).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    world
      .policy({ rules: UNDOING.rules })
      .edit({ ...BAD, hot: 'b' })
      .advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('hot').files, true);
    assert.equal(world.reason(), 'Undone');
  });

  it('is not in the way of a fix, which rolls out by itself and ends the matter', () => {
    const world = failing();
    world.edit({ ...GOOD, flag: 'fixed' }).advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    world.finishRollout();
    assert.equal(world.ledger()?.failed, undefined);
    assert.equal(world.state(), 'UpToDate');
    assert.equal(world.podsRun('flag').started, true);
  });

  it('is left alone though a fix is on its way when it comes again', () => {
    const world = failing();
    world
      .edit({ ...GOOD, flag: 'fixed' })
      .advance(MINUTE)
      .edit(BAD)
      .advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.reason(), 'Undone');
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.reason(), 'Undone');
  });

  it('leaves nothing to do when the earlier content is back and no container has started in between', () => {
    const world = failing();
    world.advance(MINUTE).edit(GOOD).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.ledger()?.failed, undefined);
    assert.equal(world.state(), 'UpToDate');
    assert.equal(actions(world)[0], 'Succeeded Recovered');
    assert.equal(world.notices.at(-1)?.reason, 'Recovered');
  });

  it('takes one restart when the earlier content is back and a container has started in between', () => {
    const world = failing();
    world.advance(MINUTE).startPod().advance(MINUTE).edit(GOOD).advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    world.finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.ledger()?.failed, undefined);
    assert.equal(actions(world)[0], 'Succeeded Recovered');
    assert.equal(world.state(), 'UpToDate');
  });

  it('is not forgotten while its source is gone or can not be read', () => {
    const world = failing();
    world.advance(MINUTE).remove().advance(MINUTE).edit(BAD).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.reason(), 'Undone');
    world.crash().unreadable.add('app');
    world.start().advance(MINUTE).crash().unreadable.delete('app');
    world.start().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.reason(), 'Undone');
  });

  it('may fail again when it comes again after a recovery: it is tried, once', () => {
    const world = failing();
    world.advance(MINUTE).edit(GOOD).advance(MINUTE).edit(BAD).advance(MINUTE);
    assert.equal(world.restarts.length, 2);
    world.failRollout().advance(HOUR);
    assert.equal(world.restarts.length, 2);
    assert.equal(world.undone.length, 2);
  });

  it('gets another chance with another template of the user', () => {
    const world = failing();
    world.advance(MINUTE).deploy('template-2').finishRollout().advance(MINUTE);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.state(), 'UpToDate');
    assert.equal(world.ledger()?.failed, undefined);
  });
});

describe('an undo that somebody takes back', () => {
  it('is not waited for without end, nor without a pause', () => {
    const restart = aRestart({ digest: 'bad', phase: 'Failed', reason: 'CrashLoopBackOff' });
    const undo = { mode: 'Undo', phase: 'InProgress', at: T0 } as const;
    const failed = { n: 1, digest: 'bad', at: T0, reason: 'CrashLoopBackOff', changes: changed(BAD), undo };
    const observed = observing(edited(BAD, T0 - MINUTE), {
      policies: [UNDOING],
      ledger: aLedger(GOOD, { restart, failed }),
      workload: aWorkload({
        annotation: { n: 1, digest: 'bad', ours: true },
        annotationValue: 'v1.1.bad',
        rollout: deployment({ status: { replicas: 3, updated: 1, available: 2 } }),
      }),
    });
    const waiting = decide(observed, T0 + MINUTE);
    assert.ok(waiting.type === 'Act' && waiting.requeueAfterMs === 9 * MINUTE + 1);
    const over = decide(observed, T0 + 10 * MINUTE + 1);
    assert.ok(over.type === 'Act');
    assert.deepEqual([over.ledger.failed?.undo?.phase, over.requeueAfterMs], ['TimedOut', undefined]);
    assert.match(over.verdict.message, /somebody has put the template back to it/);
  });
});

describe('an undo and a crash', () => {
  for (const dies of ['Before', 'After'] as const) {
    it(`is done exactly once where the process dies right ${dies.toLowerCase()} it`, () => {
      const world = new World({ policies: [UNDOING] });
      world.edit(BAD).advance(MINUTE);
      world.dieOfUndo = dies;
      world.failRollout();
      assert.equal(world.running(), false);
      world.start().advance(MINUTE);
      assert.deepEqual(world.undone, [undefined]);
      assert.deepEqual([world.state(), world.reason()], ['Failed', 'Undone']);
      assert.equal(world.restarts.length, 1);
    });

    it(`leaves the way to a fix that comes while the process is down, dead right ${dies.toLowerCase()} it`, () => {
      const world = new World({ policies: [UNDOING] });
      world.edit(BAD).advance(MINUTE);
      world.dieOfUndo = dies;
      world.failRollout();
      world
        .edit({ ...GOOD, flag: 'fixed' })
        .advance(MINUTE)
        .start()
        .advance(MINUTE)
        .finishRollout()
        .advance(MINUTE);
      assert.equal(world.restarts.length, 2);
      assert.equal(world.state(), 'UpToDate');
      assert.equal(world.ledger()?.failed, undefined);
    });

    it(`leaves nothing behind where the earlier content is back while the process is down, dead right ${dies.toLowerCase()} it`, () => {
      const world = new World({ policies: [UNDOING] });
      world.edit(BAD).advance(MINUTE);
      world.dieOfUndo = dies;
      world.failRollout();
      world.edit(GOOD).advance(MINUTE).start().advance(MINUTE).finishRollout().advance(MINUTE);
      assert.equal(world.ledger()?.failed, undefined);
      assert.equal(world.state(), 'UpToDate');
      assert.equal(world.podsRun('flag').started, true);
    });
  }

  it('goes back to the right value though the restart that failed was never recorded', () => {
    const world = new World({ policies: [UNDOING] });
    world
      .edit({ ...GOOD, flag: 'b' })
      .advance(MINUTE)
      .finishRollout();
    const earlier = value(world);
    world.dieAfterRestart = true;
    world.edit(BAD).advance(MINUTE).start().advance(SECOND).failRollout();
    assert.deepEqual(world.undone, [earlier]);
  });
});

describe('what policies want after a failure', () => {
  const changes = new Map([['ConfigMap/app', new Map([['flag', '' as const]])]]);
  const policy = (onFailure: 'Report' | 'Undo', more: Partial<Policy> = {}): Policy =>
    aPolicy({ gates: aGate({ onFailure }), ...more });
  for (const [policies, wanted] of [
    [[], 'Report'],
    [[policy('Undo')], 'Undo'],
    [[policy('Undo'), policy('Report')], 'Report'],
    [[policy('Undo'), policy('Report', { observes: true })], 'Undo'],
    [[policy('Undo', { observes: true })], 'Report'],
    [[policy('Undo'), policy('Report', { sources: [{ kind: 'ConfigMap', name: 'other' }] })], 'Undo'],
    [[policy('Undo', { sources: [{ kind: 'ConfigMap', name: 'other' }] })], 'Report'],
  ] as const) {
    it(`is ${wanted} of ${policies.map(({ gates, observes, sources }) => `${gates.onFailure}${observes === true ? ' observing' : ''} of ${sources[0]?.name ?? ''}`).join(' and ')}`, () => {
      assert.equal(onFailureOf(policies, changes), wanted);
    });
  }
});

describe('a rollback of a Secret', () => {
  const changes = new Map([['Secret/app', new Map([['flag', '' as const]])]] as const);
  const policy = (onFailure: 'Report' | 'Rollback', rollbackSecrets: boolean, kind: 'ConfigMap' | 'Secret'): Policy =>
    aPolicy({
      gates: aGate({ onFailure }),
      sources: [{ kind: 'Secret', name: 'app' }],
      delivery: {
        objects: [{ name: 'app-live', source: { kind, name: 'app' }, workloads: [] }],
        snapshots: 5,
        rollbackSecrets,
      },
    });

  it('is kept from only where a policy delivers it without having opted in, and said', () => {
    assert.match(
      whyNoRollback([policy('Rollback', false, 'Secret')], changes) ?? '',
      /^not rolled back: Secret\/app .*delivery\.rollbackSecrets/,
    );
    assert.equal(whyNoRollback([policy('Rollback', true, 'Secret')], changes), undefined);
    assert.equal(whyNoRollback([policy('Report', false, 'Secret')], changes), undefined);
    assert.equal(whyNoRollback([policy('Rollback', false, 'ConfigMap')], changes), undefined);
  });
});
