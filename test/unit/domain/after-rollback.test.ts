/** A rollback that is over: containers that started on what failed, in pods that were kept, are replaced once more. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Failed, Observed, Pod, Undo } from '../../../src/domain/observed.ts';
import { recordStatusOf } from '../../../src/domain/record.ts';
import {
  aGate,
  aLedger,
  aPolicy,
  aRestart,
  aWorkload,
  changed,
  deployment,
  digestsOf,
  edited,
  observing,
  MINUTE,
  SECOND,
  T0,
} from '../../support/builders.ts';

const ISSUED = T0 - 30 * SECOND;
const UNDONE = T0 - 10 * SECOND;

const pod = (name: string, startedAt?: number): Pod => ({
  name,
  uid: `uid-${name}`,
  containers: [{ name: 'main', ...(startedAt !== undefined && { startedAt }) }],
});

const undo = (more: Partial<Undo> = {}): Undo => ({
  mode: 'Rollback',
  phase: 'InProgress',
  at: UNDONE,
  snapshots: [{ source: 'ConfigMap/app', object: 'app-live', number: 1 }],
  ...more,
});

const rolledBack = (pods: readonly Pod[] | undefined, how: Undo = undo(), more: Partial<Observed> = {}): Observed => {
  const failed: Failed = {
    n: 1,
    digest: 'digest-b',
    at: UNDONE,
    reason: 'ProgressTimeout',
    undo: how,
    changes: changed({ flag: 'b' }),
  };
  return {
    ...observing(edited({ flag: 'b', hot: 'b' }, T0 - MINUTE)),
    live: new Map([
      [
        'ConfigMap/app',
        {
          state: 'Present',
          name: 'app-live',
          uid: 'uid-live',
          resourceVersion: '1',
          keys: digestsOf({ flag: 'a', hot: 'b' }),
          snapshot: 1,
          ours: true,
        },
      ],
    ]),
    ledger: aLedger(
      { flag: 'a', hot: 'b' },
      {
        failed,
        restart: aRestart({ n: 1, digest: 'digest-b', issuedAt: ISSUED, phase: 'TimedOut', changes: new Map() }),
      },
    ),
    ...(pods !== undefined && { pods, reports: [] }),
    ...more,
  };
};

const act = (observed: Observed): Extract<Plan, { readonly type: 'Act' }> => {
  const plan = decide(observed, T0);
  assert.equal(plan.type, 'Act');
  return plan;
};

describe('a rollback that is over', () => {
  it('asks for the pods that it has kept', () => {
    assert.equal(decide(rolledBack(undefined), T0).type, 'LookAtPods');
  });

  for (const [what, pods] of [
    ['ran all the while', [pod('old', ISSUED - MINUTE)]],
    ['was started by the rollback', [pod('new', UNDONE + SECOND)]],
    ['waits to be started', [pod('new')]],
  ] as const)
    it(`is the end of it where every container ${what}`, () => {
      const plan = act(rolledBack(pods));
      assert.deepEqual([plan.restart, plan.ledger.intent], [undefined, undefined]);
      assert.equal(plan.ledger.failed?.undo?.phase, 'Succeeded');
      assert.equal(plan.verdict.reason, 'RolledBack');
    });

  const MEANWHILE = [pod('old', ISSUED - MINUTE), pod('crashed', ISSUED + 5 * SECOND)];

  it('begins a restart to what it delivers where a container was started on what failed', () => {
    const { restart, ledger } = act(rolledBack(MEANWHILE));
    assert.equal(restart?.n, 2);
    assert.deepEqual(restart.live, ['ConfigMap/app']);
    assert.deepEqual(restart.begun, ledger.intent);
    assert.deepEqual(ledger.intent?.snapshots, undo().snapshots);
    assert.match(restart.cause, /containers had started on content that was rolled back: ConfigMap\/app:flag/);
    assert.equal(ledger.failed?.digest, 'digest-b', 'what failed is remembered');
    assert.ok(recordStatusOf(ledger).intent !== undefined);
  });

  it('does so also where its time is over since such a container is not ready', () => {
    const workload = aWorkload({ rollout: deployment({ status: { replicas: 2, updated: 2, available: 1 } }) });
    const late = undo({ at: T0 - 11 * MINUTE });
    const pods = [pod('crashed', T0 - 12 * MINUTE)];
    const observed = rolledBack(pods, late, { workload });
    const restart = aRestart({ n: 1, digest: 'digest-b', issuedAt: T0 - 13 * MINUTE, phase: 'TimedOut' });
    const ledger = { ...(observed.ledger ?? aLedger({})), restart: { ...restart, changes: new Map() } };
    assert.equal(act({ ...observed, ledger }).restart?.n, 2);
  });

  it('leaves it to the restart of a newer change that nothing holds, and not to one that is held', () => {
    const newer = new Map([['ConfigMap/app', edited({ flag: 'c', hot: 'b' }, T0 - SECOND)]]);
    const free = act(rolledBack(MEANWHILE, undo(), { sources: newer }));
    assert.match(free.restart?.cause ?? '', /^changed: ConfigMap\/app:flag/);
    const policies = [aPolicy({ gates: aGate({ approval: 'Manual' }) })];
    const held = act(rolledBack(MEANWHILE, undo(), { sources: newer, policies }));
    assert.match(held.restart?.cause ?? '', /containers had started on content that was rolled back/);
  });

  for (const [what, observed] of [
    ['it was found to be over before', rolledBack(MEANWHILE, undo({ phase: 'Succeeded' }))],
    ['a policy is suspended', rolledBack(MEANWHILE, undo(), { policies: [aPolicy({ suspended: true })] })],
    ['policies only observe', rolledBack(MEANWHILE, undo(), { policies: [aPolicy({ observes: true })] })],
    [
      'another that shares the object has begun with something else',
      rolledBack(MEANWHILE, undo({ snapshots: [{ source: 'ConfigMap/app', object: 'app-live', number: 7 }] })),
    ],
  ] as const)
    it(`leaves it at that where ${what}`, () => {
      const plan = act(observed);
      assert.deepEqual([plan.restart, plan.ledger.intent], [undefined, undefined]);
    });

  it('leaves it at that where pods mount the source itself', () => {
    const { snapshots: _none, ...direct } = undo({ mode: 'Undo' });
    const { live: _live, ...observed } = rolledBack(MEANWHILE, direct);
    assert.equal(act(observed).restart, undefined);
  });
});
