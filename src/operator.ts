/** The composition root: builds every room, starts them in order and stops them in reverse. */

import { randomBytes } from 'node:crypto';
import operatorPackage from '@dot-i/k8s-operator';
import type { KubeConfig } from '@kubernetes/client-node';
import { createController, type Controller } from './controller/controller.ts';
import { createInspector, WORKER_URL } from './documents/inspector.ts';
import type { Inspector } from './domain/inspection.ts';
import type { FoundAgents } from './kube/agents.ts';
import { connect, type KubeClient } from './kube/connect.ts';
import { standInForDefault } from './kube/default-config.ts';
import { createDigestKeyStore } from './kube/digest-key.ts';
import { createEventPublisher } from './kube/events.ts';
import { createLiveStore } from './kube/live.ts';
import { createNotifier } from './kube/notifier.ts';
import { createPods } from './kube/pods.ts';
import { createPolicyWriter } from './kube/policies.ts';
import { createRecordWriter, recordName } from './kube/records.ts';
import { createRequestWriter } from './kube/requests.ts';
import { createSourceReader } from './kube/sources.ts';
import { createWorkloadWriter } from './kube/workloads.ts';
import { createLifecycle, type Lifecycle } from './runtime/lifecycle.ts';
import { createReflectorGroup, type ReflectorGroup } from './runtime/reflector-group.ts';
import { createHealth, type Health } from './telemetry/health.ts';
import { createTelemetryServer, type TelemetryServer } from './telemetry/http.ts';
import type { RootLogger } from './telemetry/log.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

import { findAgents, ownNamespace } from './operator/agents.ts';
import { createSourceWatcher, followNamedWorkloads } from './operator/named-watches.ts';
import type { ReloadOperatorOptions } from './operator/options.ts';
import { createStores } from './operator/stores.ts';
import { createWatches, unreadable, watchRequests, type Watch } from './operator/watches.ts';

export type { ReloadOperatorOptions } from './operator/options.ts';

/** A CommonJS module with a default export, as an ES module sees it. */
const { default: Operator } = operatorPackage;

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
