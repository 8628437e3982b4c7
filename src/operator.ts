/** The composition root: builds every room, starts them in order and stops them in reverse. */

import { randomBytes } from 'node:crypto';
import operatorPackage from '@dot-i/k8s-operator';
import type { KubeConfig } from '@kubernetes/client-node';
import { CONSUMER_KINDS, NAMED_KINDS } from './api/v1alpha1/kinds.ts';
import { createController, type Controller } from './controller/controller.ts';
import { createNamedWorkloads } from './controller/named-workloads.ts';
import {
  workloadKey,
  type SourceWatcher,
  type StoredPolicy,
  type StoredRecord,
  type StoredRequest,
  type StoredWorkload,
  type WorkloadScope,
} from './controller/ports.ts';
import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from './api/v1alpha1/names.ts';
import { createInspector, WORKER_URL } from './documents/inspector.ts';
import type { Inspector } from './domain/inspection.ts';
import type { WorkloadKind } from './domain/selection.ts';
import { createAgents, type FoundAgents } from './kube/agents.ts';
import { connect, type KubeClient } from './kube/connect.ts';
import { standInForDefault } from './kube/default-config.ts';
import { createDigestKeyStore } from './kube/digest-key.ts';
import { createEventPublisher } from './kube/events.ts';
import { podNamespace } from './kube/kubeconfig.ts';
import { listWatch, type KubeObject } from './kube/listwatch.ts';
import { createLiveStore } from './kube/live.ts';
import { createNotifier } from './kube/notifier.ts';
import * as paths from './kube/paths.ts';
import { createPods } from './kube/pods.ts';
import { createPolicyWriter, parsePolicy, type RawPolicy } from './kube/policies.ts';
import { createRecordWriter, parseRecord, recordName, type RawRecord } from './kube/records.ts';
import { createRequestWriter, parseRequest, whereServed, type RawRequest } from './kube/requests.ts';
import { createSourceReader, sourceVersions } from './kube/sources.ts';
import { createWorkloadWriter, parseWorkload, type RawWorkload } from './kube/workloads.ts';
import { selectorQuery } from './kube/selectors.ts';
import { whenServed } from './kube/when-served.ts';
import type { Clock } from './runtime/clock.ts';
import { statusOf } from './runtime/errors.ts';
import { createLifecycle, type Lifecycle } from './runtime/lifecycle.ts';
import { createReflectorGroup, type ReflectorGroup } from './runtime/reflector-group.ts';
import {
  createReflector,
  type ListWatch,
  type Reflector,
  type ReflectorStatus,
  type Sink,
} from './runtime/reflector.ts';
import { createStore, type FedStore } from './runtime/store.ts';
import type { Settings } from './settings/schema.ts';
import { createHealth, type Health } from './telemetry/health.ts';
import { createTelemetryServer, type TelemetryServer } from './telemetry/http.ts';
import type { RootLogger } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

/** A CommonJS module with a default export, as an ES module sees it. */
const { default: Operator } = operatorPackage;

export interface ReloadOperatorOptions {
  readonly kubeConfig: KubeConfig;
  readonly settings: Settings;
  readonly version: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: RootLogger;
  /** Something the process can't live without has ended. */
  readonly onFatal: (error: Error) => void;
}

/** The base class with our configuration: its constructor would load one from the environment, and end where it can't. */
abstract class Shell extends Operator {
  constructor(kubeConfig: KubeConfig, log: RootLogger) {
    const restore = standInForDefault(kubeConfig);
    try {
      super(shellLogger(log));
    } finally {
      restore();
    }
    this.kubeConfig = kubeConfig;
  }
}

/**
 * The shell is the base class's: `start` calls `init`, `stop` ends. Its watch is not used: that one ends the process
 * on any error and replays everything on each reconnect (docs/adr/0001).
 */
export class ReloadOperator extends Shell {
  readonly #options: ReloadOperatorOptions;
  readonly #rooms: Rooms;
  readonly #lifecycle: Lifecycle;

  constructor(options: ReloadOperatorOptions) {
    super(options.kubeConfig, options.log);
    this.#options = options;
    const rooms = build(options);
    this.#rooms = rooms;
    this.#lifecycle = createLifecycle({
      clock: options.clock,
      log: options.log,
      onFatal: options.onFatal,
      parts: [
        { name: 'connection', stop: () => rooms.client.close() },
        { name: 'inspector', stop: () => rooms.inspector.close() },
        { name: 'agents', stop: () => rooms.agents?.close() },
        ...(rooms.server === undefined ? [] : [rooms.server]),
      ],
    });
  }

  /** Resolves when the watches have begun; rejects with one sentence when the start is impossible. */
  protected override async init(): Promise<void> {
    const { log, settings, version } = this.#options;
    const { client, controller, health, watches, ownWatches, requestWatches, namedWatches, agentWatch } = this.#rooms;
    await this.#lifecycle.start();
    for (const { name, reflector } of watches) {
      this.#lifecycle.background(`watch of ${name}`, (signal) => reflector.run(signal));
    }
    this.#lifecycle.background('watches of Secrets', (signal) => ownWatches.run(signal));
    this.#lifecycle.background('watches of requests', (signal) => requestWatches.run(signal));
    this.#lifecycle.background('watches of named workloads', (signal) => namedWatches.run(signal));
    this.#lifecycle.background('watch of agents', (signal) => agentWatch.run(signal));
    this.#lifecycle.background('health', (signal) => health.run(signal));
    this.#lifecycle.background('controller', (signal) => controller.run(signal));
    log.info({ version, server: client.server, namespaces: settings.namespaces }, 'started');
  }

  /** Not for us: src/runtime/reflector.ts watches. */
  protected override watchResource(): Promise<void> {
    return Promise.reject(new Error('the watch of the base class is not to be used: see docs/adr/0001'));
  }

  override stop(): void {
    void this.close('stopped');
  }

  /** Ends everything; resolves when it has ended. */
  close(reason: string): Promise<void> {
    return this.#lifecycle.stop(reason);
  }
}

/** The base class's loggers take a message only. */
const shellLogger = (log: RootLogger): ConstructorParameters<typeof Operator>[0] => ({
  debug: (message) => {
    log.debug({ shell: message }, 'shell');
  },
  info: (message) => {
    log.info({ shell: message }, 'shell');
  },
  warn: (message) => {
    log.warn({ shell: message }, 'shell');
  },
  error: (message) => {
    log.error({ shell: message }, 'shell');
  },
});

interface Watch {
  readonly name: string;
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly reflector: Reflector;
}

interface Rooms {
  readonly client: KubeClient;
  readonly controller: Controller;
  readonly inspector: Inspector;
  readonly watches: readonly Watch[];
  readonly ownWatches: ReflectorGroup;
  /** An installation that was not upgraded as a whole knows no requests, and all else goes on. */
  readonly requestWatches: ReflectorGroup;
  readonly namedWatches: ReflectorGroup;
  /** Where there are agents: the watch that finds them. That one may fail without harm to anything else. */
  readonly agentWatch: ReflectorGroup;
  readonly agents: FoundAgents | undefined;
  readonly health: Health;
  readonly server: TelemetryServer | undefined;
}

const build = (options: ReloadOperatorOptions): Rooms => {
  const { settings, clock, random, log, version } = options;
  const metrics = createMetrics();
  const userAgent = `reload-operator/${version}`;
  const client = connect({
    kubeConfig: options.kubeConfig,
    userAgent,
    maxInFlight: settings.maxInFlight,
    onRequest: (report) => {
      metrics.request(report);
    },
    clock,
  });
  const stores = createStores(log);
  const watches: Watch[] = [];
  const ownWatches = createReflectorGroup(clock);
  const namedWatches = createReflectorGroup(clock);
  /** Those of the group. */
  const named = new Set<Watch>();
  const inspector = createInspector({ url: WORKER_URL, clock, log });
  const { secretsBlind, secretsNamespaces } = settings;
  const agentWatch = createReflectorGroup(clock);
  const agents = findAgents(options, metrics);
  if (agents !== undefined) agentWatch.begin(agents.reflector);
  const controller = createController({
    stores,
    sourceReader: createSourceReader(client, { secretsBlind }),
    sourceWatcher: createSourceWatcher({ client, group: ownWatches, options }),
    inspector,
    ...(!secretsBlind && { digestKeys: createDigestKeyStore(client, ownNamespace(settings)) }),
    secretsNamespaces,
    policyWriter: createPolicyWriter(client),
    recordWriter: createRecordWriter(client),
    recordName,
    requestWriter: createRequestWriter(client),
    workloadWriter: createWorkloadWriter(client),
    liveStore: createLiveStore(client),
    pods: createPods(client, clock),
    ...(settings.notify === 'Enabled' && { notifier: createNotifier({ clock, userAgent }) }),
    randomKey: () => randomBytes(32),
    ...(agents !== undefined && { agents: agents.agents }),
    events: (quiet) => createEventPublisher({ client, clock, log, instance: settings.identity, quiet }),
    clock,
    random,
    log,
    observer: observerOf(metrics),
    workers: settings.workers,
    maxConcurrentRestarts: settings.maxConcurrentRestarts,
    unreadable: (namespace) => unreadable([...watches, ...named], namespace),
  });
  watches.push(...createWatches({ client, stores, controller, options, metrics }));
  const requestWatches = watchRequests({ client, stores, options, metrics });
  followNamedWorkloads({ client, stores, controller, options, metrics }, namedWatches, named);
  const reflectors = watches.map(({ reflector }) => reflector);
  metrics.observeWatches(() => [...reflectors, ...requestWatches.members()]);
  metrics.observeOwnWatches(() => ownWatches.members());
  const health = createHealth({
    clock,
    watches: () => reflectors,
    optionalWatches: () => [
      ...ownWatches.members(),
      ...namedWatches.members(),
      ...requestWatches.members(),
      ...agentWatch.members(),
    ],
  });
  const server =
    settings.healthPort === 0
      ? undefined
      : createTelemetryServer({ port: settings.healthPort, host: settings.healthHost, health, metrics, log });
  return {
    client,
    controller,
    inspector,
    watches,
    ownWatches,
    requestWatches,
    namedWatches,
    agentWatch,
    agents,
    health,
    server,
  };
};

/** To find agents, and to prove and find out who is who; beside `--max-in-flight`. */
const AGENT_REQUESTS = 8;

/** A workload as it comes from the watch of its kind: lists leave the kind out. */
interface KindedWorkload {
  readonly kind: WorkloadKind;
  readonly raw: RawWorkload;
}

interface FedStores {
  readonly policies: FedStore<RawPolicy, StoredPolicy>;
  readonly workloads: FedStore<KindedWorkload, StoredWorkload>;
  readonly records: FedStore<RawRecord, StoredRecord>;
  readonly requests: FedStore<RawRequest, StoredRequest>;
}

const namespacedKey = ({ metadata: { namespace = '', name } }: KubeObject): string => `${namespace}/${name}`;

const createStores = (log: RootLogger): FedStores => ({
  policies: createStore<RawPolicy, StoredPolicy>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parsePolicy,
    indexes: { namespace: ({ namespace }) => [namespace] },
    log,
  }),
  workloads: createStore<KindedWorkload, StoredWorkload>({
    keyOf: ({ kind, raw }) => `${kind}/${namespacedKey(raw)}`,
    keyOfValue: workloadKey,
    resourceVersionOf: ({ raw }) => raw.metadata.resourceVersion,
    trim: ({ kind, raw }) => parseWorkload(kind, raw),
    indexes: {
      namespace: ({ namespace }) => [namespace],
      source: ({ namespace, uses }) => [
        ...new Set(uses.map(({ source }) => `${namespace}/${source.kind}/${source.name}`)),
      ],
    },
    log,
  }),
  records: createStore<RawRecord, StoredRecord>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parseRecord,
    log,
  }),
  requests: createStore<RawRequest, StoredRequest>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parseRequest,
    indexes: { workload: ({ namespace, workload }) => [workloadKey({ ...workload, namespace })] },
    log,
  }),
});

interface WatchParts {
  readonly client: KubeClient;
  readonly stores: FedStores;
  readonly controller: Controller;
  readonly options: ReloadOperatorOptions;
  readonly metrics: Metrics;
}

/** One watch for each kind, cluster-wide or one for each namespace. */
const createWatches = ({ client, stores, controller, options, metrics }: WatchParts): readonly Watch[] => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const scopes: readonly (string | undefined)[] = settings.namespaces.length === 0 ? [undefined] : settings.namespaces;
  const watch = <T>(plural: string, namespace: string | undefined, source: ListWatch<T>, sink: Sink<T>): Watch => {
    const name = namespace === undefined ? plural : `${plural} in ${namespace}`;
    let standing = standingOf({ synced: false });
    const reflector = createReflector({
      name,
      source,
      sink,
      clock,
      random,
      log,
      idleMs,
      onList: (items, seconds) => {
        metrics.list(name, items, seconds);
      },
      onStatus: (status) => {
        // What can be listed at last, or can't be any more, is news for everything that stands on it.
        const next = standingOf(status);
        if (standing !== next) controller.lookAtAll();
        standing = next;
      },
    });
    return { name, namespace, reflector };
  };
  return scopes.flatMap((namespace) => {
    const within = (key: string): boolean => namespace === undefined || key.startsWith(`${namespace}/`);
    const kinds = CONSUMER_KINDS.map((kind) =>
      watch(
        `${kind.toLowerCase()}s`,
        namespace,
        listWatch<RawWorkload>(client, { path: paths.workloads(kind)(namespace), idleMs }),
        kinded(
          kind,
          stores.workloads.part((key) => key.startsWith(`${kind}/`) && within(key.slice(kind.length + 1))),
        ),
      ),
    );
    return [
      watch(
        'reloadpolicies',
        namespace,
        listWatch<RawPolicy>(client, { path: paths.policies(namespace), idleMs }),
        stores.policies.part(within),
      ),
      watch(
        'reloadrecords',
        namespace,
        listWatch<RawRecord>(client, { path: paths.records(namespace), idleMs }),
        stores.records.part(within),
      ),
      ...kinds,
      watch(
        'configmaps',
        namespace,
        sourceVersions(client, { kind: 'ConfigMap', ...(namespace !== undefined && { namespace }) }, idleMs),
        controller.sources.part({ kind: 'ConfigMap', ...(namespace !== undefined && { namespace }) }),
      ),
    ];
  });
};

/** Nothing is decided by whether there are requests: that they can't be listed is said, and no more. */
const watchRequests = ({ client, stores, options, metrics }: Omit<WatchParts, 'controller'>): ReflectorGroup => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const group = createReflectorGroup(clock);
  for (const namespace of settings.namespaces.length === 0 ? [undefined] : settings.namespaces) {
    const name = namespace === undefined ? 'reloadrequests' : `reloadrequests in ${namespace}`;
    const source = whereServed(listWatch<RawRequest>(client, { path: paths.requests(namespace), idleMs }));
    const sink = stores.requests.part((key) => namespace === undefined || key.startsWith(`${namespace}/`));
    const onList = (items: number, seconds: number): void => {
      metrics.list(name, items, seconds);
    };
    group.begin(createReflector({ name, source, sink, clock, random, log, idleMs, onList }));
  }
  return group;
};

/** Watches of those kinds that are watched only where they are named. */
const followNamedWorkloads = (
  { client, stores, controller, options }: WatchParts,
  group: ReflectorGroup,
  named: Set<Watch>,
): void => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const sink = stores.workloads.part((key) => NAMED_KINDS.some((kind) => key.startsWith(`${kind}/`)));
  const sourceOf = ({ kind, namespace, name, selector = {} }: WorkloadScope): ListWatch<RawWorkload> => {
    const query = name === undefined ? { labelSelector: selectorQuery(selector) } : byName(name);
    const source = listWatch<RawWorkload>(client, { path: paths.workloads(kind)(namespace), query, idleMs });
    return kind === 'Rollout' ? whenServed(source, clock) : source;
  };
  const watch = (scope: WorkloadScope, to: Sink<NamedWorkload>): (() => void) => {
    const { kind, namespace, name = '*' } = scope;
    let standing = standingOf({ synced: false });
    const reflector = createReflector({
      name: `${paths.workloads(kind)(namespace)}/${name}`,
      source: sourceOf(scope),
      sink: mapped(to, (raw: RawWorkload): NamedWorkload => ({ key: `${kind}/${namespacedKey(raw)}`, kind, raw })),
      clock,
      random,
      log,
      idleMs,
      onStatus: (status) => {
        const next = standingOf(status);
        if (standing !== next) controller.lookAtAll(namespace);
        standing = next;
      },
    });
    const begun = { name: reflector.status().name, namespace, reflector };
    named.add(begun);
    const end = group.begin(reflector);
    return () => {
      named.delete(begun);
      end();
    };
  };
  createNamedWorkloads<NamedWorkload>({
    stores,
    watcher: { watch },
    keep: (object) => {
      sink.upsert(object);
    },
    drop: (key, object) => {
      const held = stores.workloads.get(key);
      if (object !== undefined) sink.remove(object);
      else if (held !== undefined) sink.remove({ kind: held.kind, raw: { metadata: held, spec: {} } });
    },
  });
};

interface NamedWorkload extends KindedWorkload {
  readonly key: string;
}

const byName = (name: string): { readonly fieldSelector: string } => ({ fieldSelector: `metadata.name=${name}` });

const kinded = (kind: WorkloadKind, sink: Sink<KindedWorkload>): Sink<RawWorkload> =>
  mapped(sink, (raw) => ({ kind, raw }));

const mapped = <T, U>(sink: Sink<U>, map: (object: T) => U): Sink<T> => ({
  listing: () => {
    sink.listing();
  },
  rewound: () => {
    sink.rewound();
  },
  upsert: (raw) => {
    sink.upsert(map(raw));
  },
  remove: (raw) => {
    sink.remove(map(raw));
  },
  listed: () => {
    sink.listed();
  },
});

interface SourceWatcherParts {
  readonly client: KubeClient;
  readonly group: ReflectorGroup;
  readonly options: ReloadOperatorOptions;
}

const createSourceWatcher = ({ client, group, options }: SourceWatcherParts): SourceWatcher => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  return {
    watch: (scope, sink, onRefused) =>
      group.begin(
        createReflector({
          name: `${paths.sources(scope.kind)(scope.namespace)}/${scope.name ?? '*'}`,
          source: sourceVersions(client, scope, idleMs),
          sink,
          clock,
          random,
          log,
          idleMs,
          onStatus: ({ error }) => {
            onRefused(statusOf(error) === 403 ? error?.message : undefined);
          },
        }),
      ),
  };
};

/** Undefined: the operator has been told of none. */
const findAgents = (options: ReloadOperatorOptions, metrics: Metrics): FoundAgents | undefined => {
  const { settings, kubeConfig, version, clock, random, log } = options;
  if (settings.agentNamespace === undefined) return undefined;
  // With slots of its own: to ask is in order when pods have been nudged, not when the last one's nudge is through.
  const client = connect({
    kubeConfig,
    userAgent: `reload-operator/${version}`,
    maxInFlight: AGENT_REQUESTS,
    onRequest: (report) => {
      metrics.request(report);
    },
    clock,
  });
  const found = createAgents({
    client,
    namespace: settings.agentNamespace,
    account: { namespace: ownNamespace(settings), name: SERVICE_ACCOUNT },
    clock,
    random,
    log,
    idleMs: settings.watchIdleSeconds * 1_000,
  });
  return {
    ...found,
    close: async () => {
      await found.close();
      await client.close();
    },
  };
};

const ownNamespace = ({ operatorNamespace }: Settings): string =>
  operatorNamespace ?? podNamespace() ?? DEFAULT_NAMESPACE;

/** What others go by: whether there is a list, and whether it may be had. */
const standingOf = ({ synced, error }: Pick<ReflectorStatus, 'synced' | 'error'>): string =>
  `${synced} ${statusOf(error) === 403}`;

/** Kinds that the operator has no right to list are said, and the rest goes on; undefined: some are still to come. */
const unreadable = (watches: readonly Watch[], namespace: string): readonly string[] | undefined => {
  const statuses = watches
    .filter((watch) => watch.namespace === undefined || watch.namespace === namespace)
    .map(({ reflector }) => reflector.status());
  const refused = statuses.filter(({ error }) => statusOf(error) === 403);
  if (statuses.some(({ synced, error }) => !synced && statusOf(error) !== 403)) return undefined;
  return refused.map(({ name, error }) => `${name}: ${error?.message ?? ''}`);
};

const observerOf = (metrics: Metrics): Parameters<typeof createController>[0]['observer'] => ({
  queueCallbacks: (name) => metrics.queueCallbacks(name),
  observeQueue: (name, queue) => {
    metrics.observeQueue(name, queue);
  },
  nudged: (seconds) => {
    metrics.nudge('Nudged');
    if (seconds !== undefined) metrics.hot(seconds);
  },
  nudgeFailed: () => {
    metrics.nudge('Failed');
  },
  proofEnded: (proof, outcome, seconds) => {
    metrics.proof(proof, outcome, seconds);
  },
  held: (reason) => {
    metrics.hold(reason);
  },
  observeBreakers: (open) => {
    metrics.observeBreakers(open);
  },
  restartIssued: (kind) => {
    metrics.restart(kind, 'Issued');
  },
  restartEnded: (kind, outcome, seconds) => {
    metrics.restart(kind, outcome, seconds);
  },
});
