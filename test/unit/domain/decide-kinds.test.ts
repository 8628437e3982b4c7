/** What is decided differs by kind only where the kinds do. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONSUMER_KINDS, NAMED_KINDS } from '../../../src/api/v1alpha1/kinds.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Ledger, Observed, Workload } from '../../../src/domain/observed.ts';
import { nudged, restartIssued } from '../../../src/domain/outcomes.ts';
import type { RolloutState } from '../../../src/domain/rollout.ts';
import { binds } from '../../../src/domain/selection.ts';
import {
  aLedger,
  aPod,
  aPolicy,
  aRestart,
  argoRollout,
  aWorkload,
  changed,
  cronJob,
  edited,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  T0,
  unrestartable,
} from '../../support/builders.ts';

const A = { flag: 'a', hot: 'a' };
const FLAG_B = { flag: 'b', hot: 'a' };
const HOT_B = { flag: 'a', hot: 'b' };
const LATER = T0 + MINUTE;

type Act = Extract<Plan, { readonly type: 'Act' }>;

const act = (observed: Observed, now = LATER): Act => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

/** A workload whose source was edited at T0. */
const after = (content: typeof A, rollout: RolloutState, more: Partial<Omit<Observed, 'sources'>> = {}): Observed =>
  observing(edited(content, T0), { workload: aWorkload({ rollout }), ledger: aLedger(A), ...more });

const waited = (observed: Observed): Observed => {
  const { pending } = act(observed);
  return pending === undefined ? observed : { ...observed, pending: { ...pending, lastAt: T0, burstAt: T0 } };
};

describe('a CronJob', () => {
  it('has its template annotated, and has succeeded with that: the next run starts on it', () => {
    const observed = waited(after(FLAG_B, cronJob()));
    const { restart, ledger } = act(observed);
    assert.ok(restart);
    assert.equal(restart.restartAt, undefined);
    const issued = restartIssued(ledger, restart, observed.workload, LATER);
    const annotation = { n: restart.n, digest: restart.digest, ours: true };
    const { pending: _, ...settled } = observed;
    const next = act({ ...settled, ledger: issued, workload: { ...observed.workload, annotation } });
    assert.equal(next.ledger.restart?.phase, 'Succeeded');
    assert.equal(next.ledger.restart.reason, 'NextRun');
    assert.equal(next.restart, undefined);
  });

  it('has no pods that could be told, or be asked whether they have it', () => {
    const loaded = aPolicy({ hot: { proof: 'Mounted', timeoutMs: 30_000, onTimeout: 'Restart' } });
    const { nudge, prove, ledger } = act(after(HOT_B, cronJob(), { policies: [loaded] }));
    assert.equal(nudge?.nextRun, true);
    assert.equal(nudge.delivery, undefined);
    assert.equal(prove, undefined);
    const [entry] = nudged(ledger, nudge, 0, LATER).history;
    assert.deepEqual(
      [entry?.outcome, entry?.reason, entry?.message, entry?.pods],
      ['Succeeded', 'NextRun', 'the next run starts on it', 0],
    );
  });
});

describe('a Rollout', () => {
  const restartOf = (...ways: readonly ('Template' | 'RestartAt')[]): Act['restart'] => {
    const policies = ways.map((rollouts, index) => aPolicy({ name: `p${index}`, rollouts }));
    return act(waited(after(FLAG_B, argoRollout(), { policies })), LATER + 1).restart;
  };

  it('is restarted by its template, unless every policy has it otherwise', () => {
    assert.equal(restartOf('Template')?.restartAt, undefined);
    assert.equal(restartOf('RestartAt', 'Template')?.restartAt, undefined);
    // Not earlier than what the change may have been made in: Kubernetes dates pods in whole seconds.
    assert.equal(restartOf('RestartAt', 'RestartAt')?.restartAt, '2026-01-01T12:01:01Z');
  });

  it('of another kind of rollout nothing is asked for by restartAt', () => {
    const observed = waited(after(FLAG_B, cronJob(), { policies: [aPolicy({ rollouts: 'RestartAt' })] }));
    assert.equal(act(observed).restart?.restartAt, undefined);
  });

  const underWay = (rollout: RolloutState, now: number, more: Partial<Ledger> = {}): Act => {
    const restart = aRestart({ issuedAt: T0, changes: changed({ flag: 'b' }) });
    const workload: Workload = aWorkload({ rollout, annotation: { n: 1, digest: 'digest-1', ours: true } });
    const ledger = aLedger(A, { restart, ...more });
    return act(
      observing(edited(FLAG_B, T0 - SECOND), { workload, ledger, podsSeenAt: now, pods: [], reports: [] }),
      now,
    );
  };

  it('waits in its own steps for as long as it takes, and is not hurried', () => {
    const paused = argoRollout({ phase: 'Paused', message: 'CanaryPauseStep' });
    const { ledger, restart, verdict } = underWay(paused, T0 + HOUR);
    assert.deepEqual([ledger.restart?.phase, ledger.restart?.reason], ['InProgress', 'Paused']);
    assert.equal(restart, undefined);
    assert.equal(verdict.state, 'Blocked');
  });

  it('that waits in a step takes a newer change all the same: it may be the cure', () => {
    const paused = argoRollout({ phase: 'Paused', message: 'CanaryPauseStep' });
    const observed = waited(
      after(FLAG_B, paused, {
        workload: aWorkload({ rollout: paused, annotation: { n: 1, digest: 'digest-1', ours: true } }),
        ledger: aLedger(A, { restart: aRestart({ reason: 'Paused', changes: changed({ flag: 'c' }) }) }),
      }),
    );
    assert.equal(act(observed).restart?.n, 2);
  });

  it('that is degraded has failed, in its own words', () => {
    const { ledger } = underWay(argoRollout({ phase: 'Degraded', message: 'RolloutAborted: metric' }), T0 + MINUTE);
    assert.deepEqual(
      [ledger.restart?.phase, ledger.restart?.reason, ledger.restart?.message],
      ['Failed', 'Degraded', 'RolloutAborted: metric'],
    );
  });
});

describe('what nothing restarts', () => {
  for (const kind of ['ReplicaSet', 'Pod'] as const) {
    it(`a ${kind}: hot keys are told, and a change that needs more is blocked`, () => {
      const pods = [aPod(T0 - HOUR)];
      const observed = waited(after({ flag: 'b', hot: 'b' }, unrestartable(kind), { pods }));
      const { restart, nudge, ledger, verdict } = act(observed);
      assert.equal(restart, undefined);
      assert.deepEqual(nudge?.keys, ['ConfigMap/app:hot']);
      assert.equal(ledger.held?.reason, 'NoRollout');
      assert.deepEqual([verdict.state, verdict.reason], ['Blocked', 'NoRollout']);
    });

    it(`a ${kind}: containers that have started since carry the change, and a new hash of its spec proves nothing`, () => {
      const since = { templateSeenAt: T0 + 10 * SECOND } as const;
      const old = waited(after(FLAG_B, unrestartable(kind), { ...since, pods: [aPod(T0 - HOUR)] }));
      assert.equal(act(old).ledger.held?.reason, 'NoRollout');
      const young = { ...old, pods: [aPod(T0 + 5 * SECOND)] };
      assert.equal(act(young).ledger.history[0]?.reason, 'AlreadyCarried');
      assert.equal(act(young).ledger.held, undefined);
    });

    it(`a ${kind} is done with when the content comes back`, () => {
      const held = act(waited(after(FLAG_B, unrestartable(kind), { pods: [aPod(T0 - HOUR)] }))).ledger;
      const back = after(A, unrestartable(kind), { ledger: held, pods: [aPod(T0 - HOUR)] });
      assert.equal(act(back).ledger.held, undefined);
    });
  }

  it('what belongs to somebody else is left alone, with the sentence', () => {
    const workload = aWorkload({
      rollout: unrestartable('Pod'),
      notItsOwn: 'Pod web belongs to Job x: bind its owner',
    });
    const plan = decide(observing(edited(FLAG_B, T0), { workload, ledger: aLedger(A) }), LATER);
    assert.equal(plan.type, 'Forget');
    assert.deepEqual(
      [plan.verdict.state, plan.verdict.reason, plan.verdict.message],
      ['Blocked', 'NotItsOwn', 'Pod web belongs to Job x: bind its owner'],
    );
  });
});

describe('a policy without workloads', () => {
  it('binds consumers of the kinds that every cluster has few of, and no others', () => {
    const bound = (kind: Workload['kind']): boolean => binds(aPolicy(), { ...aWorkload(), kind });
    assert.deepEqual(CONSUMER_KINDS.map(bound), [true, true, true, true]);
    assert.deepEqual(NAMED_KINDS.map(bound), [false, false, false]);
  });

  it('that names or selects any kind binds it', () => {
    for (const kind of NAMED_KINDS) {
      const workload = { ...aWorkload(), kind };
      assert.equal(binds(aPolicy({ workloads: [{ kind, name: 'web' }] }), workload), true);
      assert.equal(
        binds(aPolicy({ workloads: [{ kind, selector: { matchLabels: { app: 'web' } } }] }), workload),
        true,
      );
      assert.equal(binds(aPolicy({ workloads: [{ kind: 'Deployment', name: 'web' }] }), workload), false);
    }
  });
});
