/** The loop: stores and ports in, queues and their workers out. */

import type { SourceId } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { createWorkQueue, type WorkQueue, type WorkQueueOptions } from '../runtime/workqueue.ts';
import { createAct, type ActObserver } from './act.ts';
import { createBindings } from './bindings.ts';
import { createLedgers } from './ledgers.ts';
import { createMemory } from './memory.ts';
import { createNudger } from './nudger.ts';
import { createLiveObjects } from './live.ts';
import { createObserve, createObserveAlone } from './observe.ts';
import { createOthers } from './others.ts';
import { createPodWatches } from './pod-watches.ts';
import {
  workloadKey,
  type Agents,
  type DigestKeyStore,
  type EventPublisher,
  type Inspector,
  type LiveStore,
  type Notifier,
  type Pods,
  type PolicyWriter,
  type RecordWriter,
  type RequestWriter,
  type SourceReader,
  type SourceWatcher,
  type Stores,
  type StoredWorkload,
  type WorkloadWriter,
} from './ports.ts';
import { createProver } from './prover.ts';
import { createQuiet } from './quiet.ts';
import { createReconcile } from './reconcile.ts';
import { createReport } from './report.ts';
import { createRequests } from './requests.ts';
import { createSources, type Sources } from './sources.ts';
import { createTriggers } from './triggers.ts';

export interface ControllerObserver extends ActObserver {
  queueCallbacks(name: string): Pick<WorkQueueOptions, 'onAdd' | 'onStart' | 'onResult' | 'onRetry'>;
  observeQueue(name: string, queue: WorkQueue): void;
  /** @param open the workloads whose budget is used up while a change waits */
  observeBreakers(open: () => readonly StoredWorkload[]): void;
}

export interface ControllerOptions {
  readonly stores: Stores;
  readonly sourceReader: SourceReader;
  readonly sourceWatcher: SourceWatcher;
  readonly inspector: Inspector;
  /** Absent: no value of a Secret is ever read. */
  readonly digestKeys?: DigestKeyStore;
  /** Where all Secrets may be watched, and found by label. */
  readonly secretsNamespaces: readonly string[];
  readonly policyWriter: PolicyWriter;
  readonly recordWriter: RecordWriter;
  readonly recordName: (workload: StoredWorkload) => string;
  readonly requestWriter: RequestWriter;
  readonly workloadWriter: WorkloadWriter;
  readonly liveStore: LiveStore;
  readonly pods: Pods;
  /** Absent: nobody sees the files of pods. */
  readonly agents?: Agents;
  /** Absent: no application is ever asked to reload. */
  readonly notifier?: Notifier;
  /** A key of 32 random bytes, for one question. */
  readonly randomKey: () => Uint8Array;
  /** @param quiet resolves when nothing urgent is under way, or after a while */
  readonly events: (quiet: () => Promise<void>) => EventPublisher;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly observer: ControllerObserver;
  /** Workloads decided on at a time. */
  readonly workers: number;
  /** Workloads of the cluster that may roll out at a time; 0: as many as like. */
  readonly maxConcurrentRestarts: number;
  /** What can't be listed, in words; undefined while something is still to be listed. */
  readonly unreadable: (namespace: string) => readonly string[] | undefined;
}

export interface Controller {
  /** Fed by the metadata-only watches. */
  readonly sources: Sources;
  /** Works until the abort; resolves when the last run has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** More has been listed, or can be listed no more: a look at everything, or at all of a namespace. */
  lookAtAll(namespace?: string): void;
}

/** A right that is granted, or an API server that is back, is no event: what failed finds out by trying. */
const BACKOFF = { minMs: 50, maxMs: 30_000 };
/** Most of them wait for what looks into content: a namespace can take two of them at the most for that. */
const SOURCE_READERS = 16;
const BACKGROUND_WRITERS = 4;
const LIVE_WRITERS = 8;

export const createController = (options: ControllerOptions): Controller => {
  const { stores, clock, random, log, observer, pods } = options;
  const queue = (name: string): WorkQueue => {
    const created = createWorkQueue({ name, clock, random, log, backoff: BACKOFF, ...observer.queueCallbacks(name) });
    observer.observeQueue(name, created);
    return created;
  };
  const queues = {
    sources: queue('sources'),
    workloads: queue('workloads'),
    records: queue('records'),
    requests: queue('requests'),
    policies: queue('policies'),
    live: queue('live'),
  };
  const quiet = createQuiet([queues.sources, queues.workloads, queues.live], clock);

  const memory = createMemory();
  observer.observeBreakers(() =>
    [...stores.workloads.values()].filter((workload) => memory.verdict(workload)?.reason === 'BudgetExhausted'),
  );
  const watches = createPodWatches({ pods, clock, random, log });
  const nudger = createNudger({ pods, watches, clock, log });
  const prover = createProver({
    pods,
    watches,
    agents: options.agents,
    notifier: options.notifier,
    reader: options.sourceReader,
    randomKey: options.randomKey,
    clock,
    log,
    onProgress: (workload, complete) => {
      triggers.onProgress(workload, complete);
    },
  });
  const ledgers = createLedgers({
    records: stores.records,
    writer: options.recordWriter,
    queue: queues.records,
    recordName: options.recordName,
    exists: (workload) => stores.workloads.get(workloadKey(workload))?.uid === workload.uid,
    quiet,
    onProblem: (workload) => {
      triggers.onVerdict(workload);
    },
    log,
  });
  const listed = (namespace: string): boolean =>
    stores.policies.syncedFor(`${namespace}/`) && stores.records.syncedFor(`${namespace}/`);
  const sources = createSources({
    reader: options.sourceReader,
    watcher: options.sourceWatcher,
    inspector: options.inspector,
    ...(options.digestKeys !== undefined && { digestKeys: options.digestKeys }),
    secretsNamespaces: options.secretsNamespaces,
    queue: queues.sources,
    clock,
    log,
    isUsed: (namespace, id) => stores.workloads.by('source', `${namespace}/${id}`).length > 0,
    onChange: (namespace, id) => {
      triggers.onSource(namespace, id);
    },
    onLive: (namespace, id) => {
      triggers.onLive(namespace, id);
    },
    onFound: (namespace, policy, id) => {
      triggers.onFound(namespace, policy, id);
    },
    onSelection: (namespace, policy) => {
      triggers.onSelection(namespace, policy);
    },
  });
  const bindings = createBindings(stores, sources);
  const triggers = createTriggers({ stores, bindings, sources, memory, nudger, prover, queues, clock, listed });
  const requests = createRequests({
    store: stores.requests,
    workloads: stores.workloads,
    writer: options.requestWriter,
    queue: queues.requests,
    bindings,
    settled: (namespace) => listed(namespace) && !sources.resolving(namespace),
    look: (workload) => {
      triggers.onRequest(workload);
    },
    clock,
  });
  const others = createOthers({
    stores,
    bindings,
    sources,
    ledgers,
    limit: options.maxConcurrentRestarts,
    onMoved: (waiting) => {
      triggers.onTurn(waiting);
    },
  });
  const events = options.events(quiet);
  const rooms = {
    bindings,
    sources,
    ledgers,
    memory,
    prover,
    others,
    requests,
    workloads: stores.workloads,
    trouble: (namespace: string, id: SourceId) => live.trouble(namespace, id),
  };
  const live = createLiveObjects({
    store: options.liveStore,
    sources,
    bindings,
    workloads: stores.workloads,
    observe: createObserveAlone(rooms),
    ledgers,
    events,
    clock,
    listed,
    onTrouble: (namespace, id) => {
      triggers.onLive(namespace, id);
    },
  });
  const observe = createObserve(rooms);
  const act = createAct({
    workloads: options.workloadWriter,
    store: stores.workloads,
    nudger,
    prover,
    ledgers,
    requests,
    memory,
    events,
    live,
    clock,
    observer,
  });
  const reconcile = createReconcile({
    workloads: stores.workloads,
    pods,
    observe,
    act,
    live,
    ledgers,
    memory,
    others,
    clock,
    ready: ({ namespace }) => listed(namespace),
    nudger,
    prover,
    selecting: (namespace) => sources.resolving(namespace),
    onVerdict: (workload) => {
      triggers.onVerdict(workload);
    },
  });
  const report = createReport({
    policies: stores.policies,
    writer: options.policyWriter,
    bindings,
    sources,
    ledgers,
    memory,
    live,
    clock,
    unreadable: options.unreadable,
    quiet,
  });

  return {
    sources,
    lookAtAll: (namespace) => {
      triggers.lookAtAll(namespace);
    },
    run: async (signal) => {
      await Promise.all([
        queues.sources.run((key, running) => sources.read(key, running), { concurrency: SOURCE_READERS }, signal),
        queues.workloads.run(reconcile, { concurrency: options.workers }, signal),
        queues.records.run((key, running) => ledgers.save(key, running), { concurrency: BACKGROUND_WRITERS }, signal),
        queues.live.run((key, running) => live.render(key, running), { concurrency: LIVE_WRITERS }, signal),
        queues.requests.run(
          (key, running) => requests.settle(key, running),
          { concurrency: BACKGROUND_WRITERS },
          signal,
        ),
        queues.policies.run(report, { concurrency: BACKGROUND_WRITERS }, signal),
      ]);
      prover.close();
      await nudger.close();
      await watches.ended();
      await ledgers.flush();
    },
  };
};
