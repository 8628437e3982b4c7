/** What a plan's effects wait for. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAct } from '../../../src/controller/act.ts';
import type { Ledgers } from '../../../src/controller/ledgers.ts';
import { createMemory } from '../../../src/controller/memory.ts';
import { workloadKey, type WorkloadWriter } from '../../../src/controller/ports.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Workload } from '../../../src/domain/observed.ts';
import { createStore } from '../../../src/runtime/store.ts';
import { aLedger, aWorkload, changed, found, observing } from '../../support/builders.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const { signal } = new AbortController();

const PLAN: Extract<Plan, { type: 'Act' }> = {
  type: 'Act',
  ledger: aLedger({ flag: 'a' }),
  leavePods: false,
  followPods: false,
  hotDigest: 'hot',
  notices: [{ severity: 'Normal', reason: 'Adopted', action: 'Adopt', note: 'taken over' }],
  restart: { n: 1, value: 'v1.1.d', digest: 'd', changes: changed({ flag: 'b' }), keys: ['flag'], cause: 'flag' },
  verdict: {
    state: 'Restarting',
    reason: 'Issued',
    message: '',
    counts: { hot: 0, restart: 0 },
    impossible: [],
    impossibleCount: 0,
  },
};

/** Performs a plan, and says what happened in which order. */
const performed = async (
  plan: Extract<Plan, { type: 'Act' }>,
  fails: 'store' | 'restart' | 'nothing' = 'nothing',
): Promise<readonly string[]> => {
  const calls: string[] = [];
  const does = (what: 'store' | 'restart' | 'undo' | 'put') => (): Promise<void> => {
    calls.push(what);
    return what === fails ? Promise.reject(new Error(`no ${what}`)) : Promise.resolve();
  };
  const ignore = (): void => undefined;
  const workloads: WorkloadWriter = {
    restart: (workload) => does('restart')().then(() => workload),
    undo: (workload) => does('undo')().then(() => workload),
  };
  const ledgers: Pick<Ledgers, 'store' | 'put'> = { store: does('store'), put: () => void does('put')() };
  const act = createAct({
    live: {
      begin: () => Promise.reject(new Error('nothing is managed')),
      goBack: () => Promise.reject(new Error('nothing is managed')),
    },
    workloads,
    store: createStore<Workload, Workload>({
      keyOf: workloadKey,
      keyOfValue: workloadKey,
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
      trim: (workload) => workload,
      log: createRecordingLog(),
    }),
    nudger: { nudge: () => Promise.resolve(0), follow: ignore, unfollow: ignore, forget: ignore } as never,
    prover: { pursue: ignore, forget: ignore, release: ignore } as never,
    ledgers: ledgers as Ledgers,
    requests: { answer: () => Promise.resolve() },
    memory: createMemory(),
    events: { publish: (_workload, _policies, { reason }) => void calls.push(reason) },
    clock: createFakeClock(),
    observer: {
      held: ignore,
      nudged: ignore,
      nudgeFailed: ignore,
      proofEnded: ignore,
      restartIssued: ignore,
      restartEnded: ignore,
    },
  });
  await act(observing(found({ flag: 'b' }), { workload: aWorkload() }), plan, signal).catch((error: unknown) =>
    calls.push(String(error)),
  );
  return calls;
};

describe('a plan', () => {
  it('is performed, and then recorded and told', async () => {
    assert.deepEqual(await performed(PLAN), ['restart', 'RestartIssued', 'put', 'Adopted']);
  });

  it('whose record must be there first is recorded and told before any effect', async () => {
    assert.deepEqual(await performed({ ...PLAN, recordFirst: true }), [
      'store',
      'Adopted',
      'restart',
      'RestartIssued',
      'put',
    ]);
  });

  it('whose record must be there first has no effect where it can not be', async () => {
    assert.deepEqual(await performed({ ...PLAN, recordFirst: true }, 'store'), ['store', 'Error: no store']);
  });

  it('whose effect fails is not recorded as done', async () => {
    assert.deepEqual(await performed(PLAN, 'restart'), ['restart', 'Error: no restart']);
    assert.deepEqual(await performed({ ...PLAN, recordFirst: true }, 'restart'), [
      'store',
      'Adopted',
      'restart',
      'Error: no restart',
    ]);
  });
});
