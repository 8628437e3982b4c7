import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { statusOf } from '../runtime/errors.ts';
import type { Reflector, ReflectorStatus } from '../runtime/reflector.ts';
import type { WorkOutcome, WorkQueue, WorkQueueOptions } from '../runtime/workqueue.ts';

/** What a client reports of each request; KubeClient's `onRequest` fits. */
export interface RequestReport {
  readonly method: string;
  readonly resource: string;
  /** Undefined: no answer. */
  readonly status: number | undefined;
  readonly seconds: number;
}

/**
 * The operator's metrics, in a registry of their own. Names are those of client-go and controller-runtime where they
 * exist. No label ever names an object: kinds, outcomes, verbs and our own queues and watches only,
 * and namespaces where something is wrong in them.
 */
export interface Metrics {
  readonly contentType: string;
  /** The Prometheus text format. */
  metrics(): Promise<string>;
  /** Callbacks for a work queue of that name. */
  queueCallbacks(name: string): Required<Pick<WorkQueueOptions, 'onAdd' | 'onStart' | 'onResult' | 'onRetry'>>;
  /** Publishes the depth of a queue. */
  observeQueue(name: string, queue: Pick<WorkQueue, 'depth'>): void;
  /** Publishes the state of watches, read anew at every scrape. */
  observeWatches(watches: () => readonly Pick<Reflector, 'status'>[]): void;
  /** Publishes how many of the watches that come and go stand, and how many don't: they are named after objects. */
  observeOwnWatches(watches: () => readonly Pick<Reflector, 'status'>[]): void;
  request(report: RequestReport): void;
  /** A full list for a watch. */
  list(watch: string, items: number, seconds: number): void;
  /** A restart of a workload of that kind was issued, or came to an outcome `seconds` after that. */
  restart(kind: string, outcome: string, seconds?: number): void;
  /** A change is held by a gate, which had not held it before. */
  hold(reason: string): void;
  /** Publishes how many workloads have used up their budget, by namespace and kind; read anew at every scrape. */
  observeBreakers(open: () => readonly { readonly namespace: string; readonly kind: string }[]): void;
  nudge(outcome: string): void;
  /** A hot change was out, on every pod, so many seconds after it was seen. */
  hot(seconds: number): void;
  /** A hot change was proven, or was not in time, so many seconds after it was seen. */
  proof(proof: string, outcome: string, seconds?: number): void;
}

const SHORT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const LONG_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

/** The `result` label of controller-runtime for each way in which a run can end; a terminal error is one there, too. */
const RECONCILE_RESULTS: Readonly<Record<WorkOutcome, string>> = {
  success: 'success',
  requeued: 'requeue_after',
  waiting: 'requeue_after',
  terminal: 'error',
  error: 'error',
};

export interface MetricsOptions {
  /** Metrics of the process and of Node itself. Default: true. */
  readonly processMetrics?: boolean;
}

export function createMetrics({ processMetrics = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const queues = createQueueMetrics(registry);
  const requests = createRequestMetrics(registry);
  const reloads = createReloadMetrics(registry);
  const lists = histogram(registry, 'reload_watch_list_seconds', 'Duration of full lists', ['watch'], LONG_SECONDS);
  const listed = gauge(registry, 'reload_watch_list_items', 'Objects in the last full list', ['watch']);
  return {
    contentType: registry.contentType,
    metrics: () => registry.metrics(),
    ...queues,
    ...requests,
    ...reloads,
    list: (watch, items, seconds) => {
      lists.observe({ watch }, seconds);
      listed.set({ watch }, items);
    },
    observeWatches: (watches) => {
      createWatchMetrics(registry, watches);
    },
    observeBreakers: (open) => {
      const breakers = gauge(
        registry,
        'reload_breakers_open',
        'Workloads whose budget of restarts is used up while a change waits',
        ['namespace', 'kind'],
        () => {
          breakers.reset();
          for (const { namespace, kind } of open()) breakers.inc({ namespace, kind });
        },
      );
    },
    observeOwnWatches: (watches) => {
      const own = gauge(registry, 'reload_secret_watches', 'Watches of Secrets by state', ['state'], () => {
        const states = watches().map((watch) => ownState(watch.status()));
        for (const state of OWN_STATES) own.set({ state }, states.filter((each) => each === state).length);
      });
    },
  };
}

function createQueueMetrics(registry: Registry): Pick<Metrics, 'queueCallbacks' | 'observeQueue'> {
  const adds = counter(registry, 'workqueue_adds_total', 'Keys put in line', ['name']);
  const waits = histogram(registry, 'workqueue_queue_duration_seconds', 'Time in line', ['name'], SHORT_SECONDS);
  const works = histogram(registry, 'workqueue_work_duration_seconds', 'Time of a run', ['name'], SHORT_SECONDS);
  const retries = counter(registry, 'workqueue_retries_total', 'Runs repeated after a failure', ['name']);
  const results = counter(registry, 'controller_runtime_reconcile_total', 'Runs by result', ['controller', 'result']);
  const depths = new Map<string, Pick<WorkQueue, 'depth'>>();
  const depth = gauge(registry, 'workqueue_depth', 'Keys in line now', ['name'], () => {
    for (const [name, queue] of depths) depth.set({ name }, queue.depth());
  });
  return {
    queueCallbacks: (name) => ({
      onAdd: () => {
        adds.inc({ name });
      },
      onStart: (_key, waitedSeconds) => {
        waits.observe({ name }, waitedSeconds);
      },
      onResult: (_key, outcome, seconds) => {
        works.observe({ name }, seconds);
        results.inc({ controller: name, result: RECONCILE_RESULTS[outcome] });
      },
      onRetry: () => {
        retries.inc({ name });
      },
    }),
    observeQueue: (name, queue) => {
      depths.set(name, queue);
    },
  };
}

function createRequestMetrics(registry: Registry): Pick<Metrics, 'request'> {
  const total = counter(registry, 'rest_client_requests_total', 'Requests to the API server', ['code', 'method']);
  const seconds = histogram(
    registry,
    'rest_client_request_duration_seconds',
    'Duration of requests to the API server',
    ['verb', 'resource'],
    SHORT_SECONDS,
  );
  return {
    request: (report) => {
      total.inc({ code: report.status === undefined ? '<error>' : String(report.status), method: report.method });
      seconds.observe({ verb: report.method, resource: report.resource }, report.seconds);
    },
  };
}

function createReloadMetrics(registry: Registry): Pick<Metrics, 'restart' | 'hold' | 'nudge' | 'hot' | 'proof'> {
  const restarts = counter(registry, 'reload_restarts_total', 'Restarts by outcome', ['kind', 'outcome']);
  const restartSeconds = histogram(
    registry,
    'reload_restart_seconds',
    'From a restart issued to the end of its rollout',
    ['kind'],
    LONG_SECONDS,
  );
  const holds = counter(registry, 'reload_holds_total', 'Changes that a gate began to hold, by reason', ['reason']);
  const nudges = counter(registry, 'reload_nudges_total', 'Hot changes sent to the pods of a workload, by outcome', [
    'outcome',
  ]);
  const hot = histogram(registry, 'reload_hot_seconds', 'From a hot change seen to the last nudge', [], SHORT_SECONDS);
  const proofs = counter(registry, 'reload_proofs_total', 'Hot changes that were to be proven, by outcome', [
    'proof',
    'outcome',
  ]);
  const proofSeconds = histogram(
    registry,
    'reload_proof_seconds',
    'From a hot change seen to its proof in all pods',
    ['proof'],
    SHORT_SECONDS,
  );
  return {
    proof: (proof, outcome, seconds) => {
      proofs.inc({ proof, outcome });
      if (seconds !== undefined && outcome === 'Succeeded') proofSeconds.observe({ proof }, seconds);
    },
    restart: (kind, outcome, seconds) => {
      restarts.inc({ kind, outcome });
      if (seconds !== undefined) restartSeconds.observe({ kind }, seconds);
    },
    hold: (reason) => {
      holds.inc({ reason });
    },
    nudge: (outcome) => {
      nudges.inc({ outcome });
    },
    hot: (seconds) => {
      hot.observe(seconds);
    },
  };
}

const OWN_STATES = ['starting', 'watching', 'refused', 'failing'] as const;

const ownState = ({ synced, error }: ReflectorStatus): (typeof OWN_STATES)[number] => {
  if (statusOf(error) === 403) return 'refused';
  if (error !== undefined) return 'failing';
  return synced ? 'watching' : 'starting';
};

function createWatchMetrics(registry: Registry, watches: () => readonly Pick<Reflector, 'status'>[]): void {
  const synced = gauge(registry, 'reload_watch_synced', '1 once the watch has had a full list', ['watch'], () => {
    for (const watch of watches()) synced.set({ watch: watch.status().name }, watch.status().synced ? 1 : 0);
  });
  const alive = gauge(registry, 'reload_watch_alive_timestamp_seconds', 'Last sign of life', ['watch'], () => {
    for (const watch of watches()) {
      const { name, aliveAt } = watch.status();
      if (aliveAt !== undefined) alive.set({ watch: name }, aliveAt / 1000);
    }
  });
}

function counter(registry: Registry, name: string, help: string, labelNames: readonly string[]): Counter {
  return new Counter({ name, help, labelNames, registers: [registry] });
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  collect?: () => void,
): Gauge {
  return new Gauge({ name, help, labelNames, registers: [registry], ...(collect !== undefined && { collect }) });
}

function histogram(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  buckets: readonly number[],
): Histogram {
  return new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [registry] });
}
