/** Requests beside the decision: whom they go to, who is refused, and when they go. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  workloadKey,
  type RequestWriter,
  type StoredPolicy,
  type StoredRequest,
} from '../../../src/controller/ports.ts';
import { createRequests, KEPT_MS, type Requests } from '../../../src/controller/requests.ts';
import type { Workload } from '../../../src/domain/observed.ts';
import type { Answer } from '../../../src/domain/requests.ts';
import { createStore } from '../../../src/runtime/store.ts';
import { createWorkQueue } from '../../../src/runtime/workqueue.ts';
import { aLedger, aPolicy, aWorkload, SECOND, T0 } from '../../support/builders.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const { signal } = new AbortController();
const WEB = aWorkload();
const BOUND: readonly StoredPolicy[] = [{ ...aPolicy(), resourceVersion: '1', status: {} }];
/** Long after any grace. */
const NOW = T0 + 60 * SECOND;

const aRequest = (more: Partial<StoredRequest> = {}): StoredRequest => ({
  namespace: 'shop',
  name: 'r',
  uid: `uid-${more.name ?? 'r'}`,
  resourceVersion: '1',
  createdAt: T0,
  type: 'ResetBudget',
  workload: { kind: 'Deployment', name: 'web' },
  ...more,
});

const DONE = { phase: 'Done', time: new Date(NOW).toISOString() } as const;

interface Scene {
  readonly requests: Requests;
  /** What was asked of the API server. */
  readonly calls: string[];
  /** Workloads that were to be looked at. */
  readonly looks: string[];
  readonly put: (request: StoredRequest) => void;
  readonly at: (now: number) => Promise<void>;
}

const aScene = ({
  workloads = [WEB],
  policies = BOUND,
  settled = true,
  complete = true,
}: {
  readonly workloads?: readonly Workload[];
  readonly policies?: readonly StoredPolicy[];
  readonly settled?: boolean;
  readonly complete?: boolean;
} = {}): Scene => {
  const log = createRecordingLog();
  const clock = createFakeClock();
  const known = createStore<Workload, Workload>({
    keyOf: workloadKey,
    keyOfValue: workloadKey,
    resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    trim: (workload) => workload,
    log,
  });
  known.listing();
  for (const each of workloads) known.upsert(each);
  known.listed();
  const store = createStore<StoredRequest, StoredRequest>({
    keyOf: ({ namespace, name }) => `${namespace}/${name}`,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    trim: (request) => request,
    indexes: { workload: ({ namespace, workload }) => [workloadKey({ ...workload, namespace })] },
    log,
  });
  const [calls, looks]: [string[], string[]] = [[], []];
  const writer: RequestWriter = {
    applyStatus: (request, status) => {
      calls.push(`${request.name} ${status.phase} ${status.reason ?? ''}: ${status.message ?? ''} at ${status.time}`);
      return Promise.resolve({ ...request, resourceVersion: '2', status });
    },
    remove: ({ name, uid }) => {
      calls.push(`remove ${name} ${uid}`);
      return Promise.resolve();
    },
  };
  const requests = createRequests({
    store,
    workloads: known,
    writer,
    queue: createWorkQueue({ name: 'requests', clock, random: () => 0, log }),
    bindings: { policiesOf: () => policies, complete: () => complete },
    settled: () => settled,
    look: (workload) => {
      looks.push(workload.name);
    },
    clock,
  });
  return {
    requests,
    calls,
    looks,
    put: (request) => {
      store.upsert(request);
    },
    at: (now) => clock.advance(now - clock.now()),
  };
};

const ledgerWith = (...answers: readonly Answer[]): ReturnType<typeof aLedger> => aLedger({}, { answers });
const answerTo = (name: string): Answer => ({ uid: `uid-${name}`, phase: 'Done', message: 'so it is', at: T0 });

describe('a request', () => {
  it('has its workload looked at, and goes with it, the oldest first, until it is answered', () => {
    const { requests, put, looks } = aScene();
    put(aRequest({ name: 'young', createdAt: T0 + SECOND }));
    put(aRequest({ name: 'old' }));
    put(aRequest({ name: 'done', status: DONE }));
    put(aRequest({ name: 'pending', createdAt: T0 + 2 * SECOND, status: { phase: 'Pending', time: DONE.time } }));
    put(aRequest({ name: 'other', workload: { kind: 'StatefulSet', name: 'web' } }));
    assert.deepEqual(looks, ['web', 'web', 'web']);
    assert.deepEqual(
      requests.of(WEB).map(({ name }) => name),
      ['old', 'young', 'pending'],
    );
  });

  it('is told once what the record says', async () => {
    const { requests, put, calls } = aScene();
    put(aRequest({ name: 'a' }));
    put(aRequest({ name: 'b' }));
    const ledger = ledgerWith(answerTo('b'), answerTo('gone'));
    await requests.answer(WEB, ledger, signal);
    await requests.answer(WEB, ledger, signal);
    assert.deepEqual(calls, [`b Done : so it is at ${new Date(T0).toISOString()}`]);
    assert.deepEqual(
      requests.of(WEB).map(({ name }) => name),
      ['a'],
    );
  });

  const unbound: readonly (readonly [what: string, scene: Parameters<typeof aScene>[0], why: RegExp])[] = [
    ['nothing binds its workload', { policies: [] }, /^r Refused NotBound: no policy binds Deployment web/],
    [
      'there is no such workload',
      { workloads: [] },
      /^r Refused NotBound: there is no Deployment web in namespace shop/,
    ],
    [
      'its workload is opted out',
      { workloads: [aWorkload({ ignored: true })] },
      /^r Refused NotBound: Deployment web is opted out/,
    ],
    [
      'its workload belongs to another one',
      { workloads: [aWorkload({ notItsOwn: 'it belongs to Deployment web: bind that' })] },
      /^r Refused NotBound: it belongs to Deployment web: bind that/,
    ],
  ];
  for (const [what, scene, why] of unbound) {
    it(`is refused where ${what}, but not at once`, async () => {
      const { requests, put, calls, at } = aScene(scene);
      put(aRequest());
      await at(T0 + SECOND);
      assert.deepEqual(await requests.settle('shop/r', signal), { requeueAfterMs: 2 * SECOND });
      assert.deepEqual(calls, []);
      await at(T0 + 3 * SECOND);
      await requests.settle('shop/r', signal);
      assert.match(calls.join(), why);
    });
  }

  for (const [what, scene] of [
    ['not everything is listed', { policies: [], settled: false }],
    ['a policy can not be understood', { policies: [], complete: false }],
  ] as const) {
    it(`is not refused while ${what}`, async () => {
      const { requests, put, calls, at } = aScene(scene);
      put(aRequest());
      await at(NOW);
      assert.deepEqual(await requests.settle('shop/r', signal), { requeueAfterMs: SECOND });
      assert.deepEqual(calls, []);
    });
  }

  it('that is not answered has its workload looked at again', async () => {
    const { requests, put, looks, at } = aScene();
    put(aRequest());
    await at(NOW);
    assert.deepEqual(await requests.settle('shop/r', signal), { requeueAfterMs: 10 * SECOND });
    assert.deepEqual(looks, ['web', 'web']);
  });

  it('is removed an hour after its answer, however late it is looked at', async () => {
    const { requests, put, calls, at } = aScene();
    put(aRequest({ status: DONE }));
    await at(NOW + 1);
    assert.deepEqual(await requests.settle('shop/r', signal), { requeueAfterMs: 600 * SECOND });
    await at(NOW + KEPT_MS - 5);
    assert.deepEqual(await requests.settle('shop/r', signal), { requeueAfterMs: 5 });
    assert.deepEqual(calls, []);
    await at(NOW + 3 * KEPT_MS);
    await requests.settle('shop/r', signal);
    assert.deepEqual(calls, ['remove r uid-r']);
    assert.equal(await requests.settle('shop/none', signal), undefined);
  });
});
