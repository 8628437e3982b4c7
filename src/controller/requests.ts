/**
 * What people ask for: requests go with the workload that they are about into its decision, and the answers that its
 * record holds become their status. A request that no decision will ever see is refused here, and what has been answered
 * is removed after a while: both found again from the objects alone, whatever ended in between.
 */

import type { ReloadRequestStatus } from '../api/v1alpha1/types.ts';
import type { Ledger, Workload } from '../domain/observed.ts';
import type { Answer, Request } from '../domain/requests.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Store } from '../runtime/store.ts';
import type { WorkQueue, WorkResult } from '../runtime/workqueue.ts';
import type { Bindings } from './bindings.ts';
import { workloadKey, type RequestWriter, type StoredRequest, type StoredWorkload } from './ports.ts';

export interface Requests {
  /** What is asked for of a workload and not answered in its own status, the oldest first. */
  of(workload: Workload): readonly Request[];
  /** Writes the answers that a record holds into the status of those requests that have none. */
  answer(workload: Workload, ledger: Ledger, signal: AbortSignal): Promise<void>;
  /** Refuses, looks again at, or removes one request; the queue's worker. */
  settle(key: string, signal: AbortSignal): Promise<WorkResult | undefined>;
}

export interface RequestsOptions {
  readonly store: Store<StoredRequest>;
  readonly workloads: Store<StoredWorkload>;
  readonly writer: RequestWriter;
  /** Keyed `namespace/name`. */
  readonly queue: WorkQueue;
  readonly bindings: Pick<Bindings, 'policiesOf' | 'complete'>;
  /** Everything of the namespace has been listed by which a workload is bound, and that its record is kept in. */
  readonly settled: (namespace: string) => boolean;
  /** Something is asked for of a workload. */
  readonly look: (workload: StoredWorkload) => void;
  readonly clock: Clock;
}

/** How long an answer can be read before its request is removed. */
export const KEPT_MS = 3_600_000;

/** Clocks jump: what is due later is looked at again by then. */
const LONGEST_WAIT_MS = 600_000;

/** A policy that was made right before the request is not taken for missing. */
const GRACE_MS = 3_000;

/** A request that its workload's decision has not answered yet: because something can't be read, say. */
const UNANSWERED_MS = 10_000;

const NOT_LISTED_MS = 1_000;

export const createRequests = (rooms: RequestsOptions): Requests => {
  const { store, queue, writer, clock } = rooms;

  store.onDelta(({ key, new: next }) => {
    if (next === undefined) return;
    queue.add(key);
    const workload = workloadOf(rooms, next);
    if (!isAnswered(next) && workload !== undefined) rooms.look(workload);
  });

  const open = (workload: Workload): readonly StoredRequest[] =>
    store
      .by('workload', workloadKey(workload))
      .filter((request) => !isAnswered(request))
      .sort(oldestFirst);

  const write = async (request: StoredRequest, answer: Omit<Answer, 'uid'>, signal: AbortSignal): Promise<void> => {
    const written = await writer.applyStatus(request, statusOf(answer), signal);
    if (written !== undefined) store.offer(written);
  };

  return {
    of: open,
    answer: async (workload, { answers = [] }, signal) => {
      for (const request of open(workload)) {
        const answer = answers.find(({ uid }) => uid === request.uid);
        if (answer !== undefined) await write(request, answer, signal);
      }
    },
    settle: async (key, signal) => {
      const request = store.get(key);
      if (request === undefined) return undefined;
      const now = clock.now();
      if (isAnswered(request)) {
        const dueInMs = (Date.parse(request.status?.time ?? '') || 0) + KEPT_MS - now;
        if (dueInMs > 0) return { requeueAfterMs: Math.min(dueInMs, LONGEST_WAIT_MS) };
        await writer.remove(request, signal);
        return undefined;
      }
      if (!rooms.settled(request.namespace) || !rooms.bindings.complete(request.namespace))
        return { requeueAfterMs: NOT_LISTED_MS };
      const workload = workloadOf(rooms, request);
      const why = whyUnbound(rooms, request, workload);
      if (why === undefined) {
        if (workload !== undefined) rooms.look(workload);
        return { requeueAfterMs: UNANSWERED_MS };
      }
      const graceMs = Math.min(request.createdAt + GRACE_MS - now, GRACE_MS);
      if (graceMs > 0) return { requeueAfterMs: graceMs };
      await write(request, { phase: 'Refused', reason: 'NotBound', message: why, at: now }, signal);
      return undefined;
    },
  };
};

const isAnswered = ({ status }: StoredRequest): boolean => status?.phase === 'Done' || status?.phase === 'Refused';

const workloadOf = (
  { workloads }: Pick<RequestsOptions, 'workloads'>,
  { namespace, workload }: StoredRequest,
): StoredWorkload | undefined => workloads.get(workloadKey({ ...workload, namespace }));

/** Undefined where the workload's decision will answer. */
const whyUnbound = (
  { workloads, bindings }: Pick<RequestsOptions, 'workloads' | 'bindings'>,
  request: StoredRequest,
  workload: StoredWorkload | undefined,
): string | undefined => {
  const { kind, name } = request.workload;
  if (workload === undefined)
    return workloads.syncedFor(workloadKey({ ...request.workload, namespace: request.namespace }))
      ? `there is no ${kind} ${name} in namespace ${request.namespace}`
      : undefined;
  if (workload.notItsOwn !== undefined) return workload.notItsOwn;
  if (workload.ignored) return `${kind} ${name} is opted out by annotation`;
  return bindings.policiesOf(workload).length > 0
    ? undefined
    : `no policy binds ${kind} ${name}: see kubectl reload explain`;
};

const oldestFirst = (a: StoredRequest, b: StoredRequest): number =>
  a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1);

const statusOf = ({ phase, reason, message, at }: Omit<Answer, 'uid'>): ReloadRequestStatus => ({
  phase,
  ...(reason !== undefined && { reason }),
  ...(message !== undefined && { message }),
  time: new Date(at).toISOString(),
});
