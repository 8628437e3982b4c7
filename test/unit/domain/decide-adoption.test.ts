/** First sight (design law 2). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Observed, Pod } from '../../../src/domain/observed.ts';
import {
  aLedger,
  aPod,
  aPolicy,
  applied,
  aUse,
  aWorkload,
  digestsOf,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  T0,
  USES,
} from '../../support/builders.ts';

const CONTENT = { flag: 'a', hot: 'a' };

const act = (observed: Observed, now = T0): Extract<Plan, { readonly type: 'Act' }> => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

describe('at first sight', () => {
  it('everything is taken as applied, and nothing is done', () => {
    const plan = act(observing(found(CONTENT)));
    assert.deepEqual(plan.ledger.applied, applied({ app: CONTENT }));
    assert.deepEqual(
      [plan.nudge, plan.restart, plan.requeueAfterMs, plan.notices],
      [undefined, undefined, undefined, []],
    );
    assert.deepEqual([plan.verdict.state, plan.verdict.counts], ['Adopted', { hot: 1, restart: 1 }]);
    assert.match(plan.verdict.message, /kubectl rollout restart deployment\/web/);
  });

  it('an annotation that the workload came with is counted on from', () => {
    const workload = aWorkload({ annotation: { n: 7, digest: 'old', ours: true } });
    const first = act(observing(found(CONTENT), { workload }));
    assert.equal(first.restart, undefined);
    assert.equal(first.ledger.restart?.phase, 'Succeeded');
    const next = act(
      observing(found({ ...CONTENT, flag: 'b' }, { changedAt: T0, seenToChange: true }), {
        workload,
        ledger: first.ledger,
      }),
      T0 + SECOND,
    );
    assert.equal(next.restart?.n, 8);
  });

  it('a source that is not there yet is adopted when it comes, where pods need it to start', () => {
    const missing = act(observing({ state: 'Missing' }));
    assert.deepEqual([...missing.ledger.applied], []);
    const come = act(
      observing(found(CONTENT, { changedAt: T0, seenToChange: true }), { ledger: missing.ledger }),
      T0 + MINUTE,
    );
    assert.deepEqual([come.restart, come.nudge], [undefined, undefined]);
    assert.deepEqual(come.ledger.applied, applied({ app: CONTENT }));
  });

  it('an optional source that is not there is known to be empty: its coming is a change', () => {
    const workload = aWorkload({ uses: USES.map((use) => ({ ...use, optional: true })) });
    const missing = act(observing({ state: 'Missing' }, { workload }));
    assert.deepEqual(missing.ledger.applied, applied({ app: {} }));
    const come = act(
      observing(found(CONTENT, { changedAt: T0, seenToChange: true }), { workload, ledger: missing.ledger }),
      T0 + MINUTE,
    );
    assert.notEqual(come.restart, undefined);
  });

  it('a source that can not be read is not adopted, and nothing is done', () => {
    const plan = act(observing({ state: 'Unknown', message: 'no' }));
    assert.deepEqual([[...plan.ledger.applied], plan.restart, plan.nudge], [[], undefined, undefined]);
  });

  it('a source that is opted out is neither recorded nor counted', () => {
    const plan = act(observing({ state: 'Ignored' }));
    assert.deepEqual([[...plan.ledger.applied], plan.verdict.counts], [[], { hot: 0, restart: 0 }]);
  });
});

describe('a source that was opted out for a while', () => {
  it('is met anew: what changed meanwhile is none of our business', () => {
    const ignored = act(observing({ state: 'Ignored' }, { ledger: aLedger(CONTENT) }));
    assert.deepEqual([...ignored.ledger.applied], []);
    const again = act(observing(found({ flag: 'b', hot: 'b' }), { ledger: ignored.ledger }));
    assert.deepEqual([again.restart, again.nudge, again.pending], [undefined, undefined, undefined]);
  });
});

describe('a restart annotation that somebody else put there', () => {
  const workload = aWorkload({ annotation: { n: 9, digest: 'of-another-tool', ours: false } });

  it('is no restart of ours that went unrecorded', () => {
    const plan = act(observing(found(CONTENT), { workload, ledger: aLedger(CONTENT) }));
    assert.deepEqual([plan.restart, plan.ledger.restart], [undefined, undefined]);
  });

  it('is counted on from all the same: the value has to be a new one', () => {
    const source = edited({ ...CONTENT, flag: 'b' }, T0 - MINUTE);
    assert.equal(act(observing(source, { workload, ledger: aLedger(CONTENT) })).restart?.n, 10);
  });
});

describe('a change before first sight', () => {
  /** Younger than the policy (two hours) and the workload (a day). */
  const at = T0 - HOUR;
  const source = found(CONTENT, { changedAt: at + SECOND, certainChange: { at, keys: ['flag'] } });
  const withPods = (pods: readonly Pod[], more: Partial<Omit<Observed, 'sources'>> = {}): Observed =>
    observing(source, { pods, ...more });
  const older = [aPod(at - MINUTE)];

  it('can only be judged by the pods', () => {
    assert.equal(decide(observing(source), T0).type, 'LookAtPods');
  });

  it('is due where a container started before it for certain', () => {
    const plan = act(withPods(older));
    assert.deepEqual(plan.ledger.applied.get('ConfigMap/app'), digestsOf({ hot: 'a' }));
    assert.equal(plan.verdict.state, 'Pending');
    const due = act(withPods(older, { ledger: plan.ledger, ...(plan.pending && { pending: plan.pending }) }), T0 + 500);
    assert.equal(due.restart?.n, 1);
  });

  for (const [what, observed] of [
    ['every container started after it', withPods([aPod(at + MINUTE)])],
    ['a container started in its very second', withPods([aPod(at)])],
    ['there is no pod', withPods([])],
    ['the workload is younger', withPods(older, { workload: aWorkload({ createdAt: at + MINUTE }) })],
    ['the policy is younger', withPods(older, { policies: [aPolicy({ createdAt: at + MINUTE })] })],
    [
      'the policy that names the source is younger, though another is not',
      withPods(older, {
        policies: [
          aPolicy({ createdAt: at + MINUTE }),
          aPolicy({ name: 'other', sources: [{ kind: 'ConfigMap', name: 'other' }] }),
        ],
        workload: aWorkload({ uses: [...USES, aUse({ source: { kind: 'ConfigMap', name: 'other' } })] }),
      }),
    ],
  ] as const) {
    it(`is adopted where ${what}`, () => {
      const plan = act(observed);
      assert.deepEqual(plan.ledger.applied.get('ConfigMap/app'), digestsOf(CONTENT));
      assert.deepEqual([plan.restart, plan.nudge, plan.pending], [undefined, undefined, undefined]);
    });
  }

  it('is no longer looked for once the source is recorded', () => {
    const { ledger } = act(withPods([aPod(at + MINUTE)]));
    const plan = act(observing(source, { ledger }));
    assert.deepEqual([plan.restart, plan.pending], [undefined, undefined]);
  });
});

describe('a workload that nothing binds', () => {
  for (const [what, more] of [
    ['is forgotten when it is opted out', { workload: aWorkload({ ignored: true }) }],
    ['is forgotten when its last policy is gone', { policies: [] }],
  ] as const) {
    it(what, () => {
      const plan = decide(observing(found(CONTENT), more), T0);
      assert.deepEqual([plan.type, plan.type === 'Forget' && plan.verdict.state], ['Forget', 'Ignored']);
    });
  }
});
