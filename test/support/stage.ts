/**
 * A namespace of its own for one test, with the words that the tests are written in. What is looked at is the state of
 * the world: files and processes in containers, and objects.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { apiVersionOf, type WorkloadKindName } from '../../src/api/v1alpha1/kinds.ts';
import type { ReloadPolicySpecInput, ReloadPolicyStatus, ReloadRecordStatus } from '../../src/api/v1alpha1/types.ts';
import { connect, loadKubeConfig, type KubeClient } from '../../src/kube/connect.ts';
import { workloads } from '../../src/kube/paths.ts';
import { templateOf } from '../../src/kube/workloads.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { BUSYBOX } from './images.ts';
import { kubectlFor, type Kubectl } from './kubectl.ts';
import { eventually } from './wait.ts';

/** Marks the namespaces of tests. */
export const TEST_LABEL = 'reload-operator.dev/test=true';

export const RESTART_ANNOTATION = 'reload-operator.dev/restart-digest';

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly ready: boolean;
      readonly state?: {
        readonly running?: { readonly startedAt?: string };
        readonly terminated?: { readonly finishedAt?: string };
      };
      readonly lastState?: { readonly terminated?: { readonly finishedAt?: string } };
    }[];
  };
}

export interface ReloadEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly reportingController?: string;
  readonly regarding?: { readonly name?: string };
}

export interface Workload {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string; readonly generation: number };
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status?: Readonly<Record<string, unknown>>;
}

export type Kind = WorkloadKindName;

export interface WorkloadOptions {
  readonly kind?: Kind;
  readonly name?: string;
  readonly replicas?: number;
  readonly configMap?: string;
  /** Keys that become `--key=value` arguments. */
  readonly flags?: readonly string[];
  /** Keys that become environment variables, in capitals. */
  readonly env?: readonly string[];
  /** Mounts the whole ConfigMap at /etc/app; true where absent. */
  readonly mounted?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Merged into the container. */
  readonly container?: object;
  /** Merged into the workload's spec. */
  readonly spec?: object;
}

/** A container that does nothing but be looked at, and ends at once when asked to. */
const SCRIPT = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

export class Stage {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly kubectl: Kubectl;
  readonly api: KubeClient;

  constructor(cluster: Cluster, namespace: string, kubectl: Kubectl, api: KubeClient) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.kubectl = kubectl;
    this.api = api;
  }

  /** Makes the namespace. `end` takes it away. */
  static async open(cluster: Cluster, label: string): Promise<Stage> {
    const namespace = `${label}-${randomBytes(3).toString('hex')}`;
    const api = connect({
      kubeConfig: loadKubeConfig({ kubeconfig: cluster.kubeconfig }),
      userAgent: 'reload-operator-test',
    });
    const [key = '', value = ''] = TEST_LABEL.split('=');
    const metadata = { name: namespace, labels: { [key]: value } };
    await api.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata } });
    // Pods are refused until the service account controller has been there.
    const stage = new Stage(cluster, namespace, kubectlFor(cluster), api);
    await eventually(() => stage.get(stage.path('/api/v1', 'serviceaccounts', 'default')), {
      what: `the service account of ${namespace}`,
    });
    return stage;
  }

  /** Asks for the namespace to go; that it takes a while is nobody's concern. */
  async end(): Promise<void> {
    await this.api.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/${this.namespace}`,
      body: { gracePeriodSeconds: 0, propagationPolicy: 'Background' },
    });
    await this.api.close();
  }

  path(root: string, plural: string, name?: string): string {
    return `${root}/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  get<T = unknown>(path: string, query?: Record<string, string>): Promise<T> {
    return this.api.request<T>({ method: 'GET', path, ...(query !== undefined && { query }) });
  }

  async list<T>(path: string, query?: Record<string, string>): Promise<readonly T[]> {
    return (await this.get<{ readonly items: readonly T[] }>(path, query)).items;
  }

  // -- sources

  async configMap(data: Readonly<Record<string, string>>, name = 'app'): Promise<void> {
    await this.api.request({
      method: 'POST',
      path: this.path('/api/v1', 'configmaps'),
      body: { metadata: { name }, data },
    });
  }

  /** Changes keys; null takes one away. */
  async edit(data: Readonly<Record<string, string | null>>, name = 'app'): Promise<void> {
    await this.patch(this.path('/api/v1', 'configmaps', name), { data });
  }

  async patch(path: string, body: object): Promise<unknown> {
    return this.api.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  }

  // -- policies

  async policy(spec: Partial<ReloadPolicySpecInput> = {}, name = 'app'): Promise<void> {
    await this.api.request({
      method: 'POST',
      path: this.path('/apis/reload-operator.dev/v1alpha1', 'reloadpolicies'),
      body: {
        apiVersion: 'reload-operator.dev/v1alpha1',
        kind: 'ReloadPolicy',
        metadata: { name },
        spec: { sources: [{ kind: 'ConfigMap', name: 'app' }], ...spec },
      },
    });
  }

  policyPath(name = 'app'): string {
    return this.path('/apis/reload-operator.dev/v1alpha1', 'reloadpolicies', name);
  }

  async status(name = 'app'): Promise<ReloadPolicyStatus> {
    return (await this.get<{ readonly status?: ReloadPolicyStatus }>(this.policyPath(name))).status ?? {};
  }

  async condition(
    type: string,
    name = 'app',
  ): Promise<NonNullable<ReloadPolicyStatus['conditions']>[number] | undefined> {
    return (await this.status(name)).conditions?.find((condition) => condition.type === type);
  }

  /** Waits until a condition has a status and, where given, a reason. */
  async until(
    type: string,
    status: 'True' | 'False' | 'Unknown',
    {
      reason,
      policy = 'app',
      timeoutMs = 60_000,
    }: { readonly reason?: string; readonly policy?: string; readonly timeoutMs?: number } = {},
  ): Promise<string> {
    return eventually(
      async () => {
        const found = await this.condition(type, policy);
        assert.equal(
          `${found?.status ?? 'none'} ${reason === undefined ? '' : (found?.reason ?? '')}`,
          `${status} ${reason ?? ''}`,
        );
        return found?.message ?? '';
      },
      { what: `condition ${type} of policy ${policy} to be ${status} ${reason ?? ''}`, timeoutMs, intervalMs: 100 },
    );
  }

  /** Waits until the operator has adopted the workload: from here on, changes are acted on. */
  async adopted(name = 'web', kind: Kind = 'Deployment'): Promise<void> {
    await eventually(() => this.record(name, kind), { what: `the record of ${kind} ${name}`, intervalMs: 100 });
  }

  async record(name = 'web', kind: Kind = 'Deployment'): Promise<ReloadRecordStatus> {
    const path = this.path('/apis/reload-operator.dev/v1alpha1', 'reloadrecords', `${kind.toLowerCase()}-${name}`);
    return (await this.get<{ readonly status: ReloadRecordStatus }>(path)).status;
  }

  /** Everything that is written about this namespace, by name and version: equal means that nothing was written. */
  async versions(): Promise<Readonly<Record<string, string>>> {
    const paths = [
      this.path('/apis/reload-operator.dev/v1alpha1', 'reloadpolicies'),
      this.path('/apis/apps/v1', 'deployments'),
      this.path('/apis/apps/v1', 'statefulsets'),
      this.path('/apis/apps/v1', 'daemonsets'),
      this.path('/api/v1', 'pods'),
    ];
    interface Item {
      readonly metadata: { readonly name: string; readonly resourceVersion: string };
    }
    const items = await Promise.all(paths.map((path) => this.list<Item>(path)));
    const events = await this.ourEvents();
    return Object.fromEntries([
      ...items.flatMap((list, index) =>
        list.map(({ metadata }) => [`${paths[index] ?? ''}/${metadata.name}`, metadata.resourceVersion] as const),
      ),
      ['events', String(events.length)],
    ]);
  }

  /** What the operator has told of a workload. */
  async ourEvents(name = 'web'): Promise<readonly ReloadEvent[]> {
    const events = await this.list<ReloadEvent>(this.path('/apis/events.k8s.io/v1', 'events'));
    return events.filter(
      ({ reportingController = '', regarding }) =>
        reportingController.startsWith('reload-operator.dev') && regarding?.name === name,
    );
  }

  // -- workloads

  workloadPath(name: string | undefined = 'web', kind: Kind = 'Deployment'): string {
    return `${this.workloadsPath(kind)}/${name}`;
  }

  workloadsPath(kind: Kind = 'Deployment'): string {
    return workloads(kind)(this.namespace);
  }

  workload(name = 'web', kind: Kind = 'Deployment'): Promise<Workload> {
    return this.get<Workload>(this.workloadPath(name, kind));
  }

  async restartAnnotation(name = 'web', kind: Kind = 'Deployment'): Promise<string | undefined> {
    return templateOf(kind, await this.workload(name, kind)).metadata?.annotations?.[RESTART_ANNOTATION];
  }

  manifest(options: WorkloadOptions = {}): object {
    const {
      kind = 'Deployment',
      name = 'web',
      replicas = 1,
      configMap = 'app',
      flags = [],
      env = [],
      mounted = true,
      labels = {},
    } = options;
    const variable = (key: string): string => key.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    const podSpec = {
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: 'main',
          image: BUSYBOX,
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', SCRIPT, 'app', ...flags.map((key) => `--${key}=$(${variable(key)})`)],
          env: [...flags, ...env].map((key) => ({
            name: variable(key),
            valueFrom: { configMapKeyRef: { name: configMap, key } },
          })),
          ...(mounted && { volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] }),
          ...options.container,
        },
      ],
      ...(mounted && { volumes: [{ name: 'config', configMap: { name: configMap } }] }),
    };
    const head = { apiVersion: apiVersionOf(kind), kind };
    const metadata = { name, namespace: this.namespace, labels };
    if (kind === 'Pod')
      return {
        ...head,
        metadata: { ...metadata, labels: { app: name, ...labels } },
        spec: { ...podSpec, ...options.spec },
      };
    const template = { metadata: { labels: { app: name } }, spec: podSpec };
    if (kind === 'CronJob') {
      const once = { ...template, spec: { restartPolicy: 'Never', ...podSpec } };
      // It runs when a test says so.
      const spec = { schedule: '0 0 29 2 *', jobTemplate: { spec: { template: once } }, ...options.spec };
      return { ...head, metadata, spec };
    }
    return {
      ...head,
      metadata,
      spec: {
        ...(kind !== 'DaemonSet' && { replicas }),
        ...(kind === 'StatefulSet' && { serviceName: name }),
        selector: { matchLabels: { app: name } },
        template,
        ...options.spec,
      },
    };
  }

  /** Creates a workload and waits until its pods are ready. */
  async start(options: WorkloadOptions = {}): Promise<void> {
    await this.create(options);
    await this.rolledOut(options.name, options.kind);
  }

  async create(options: WorkloadOptions = {}): Promise<void> {
    const { kind = 'Deployment' } = options;
    await this.api.request({
      method: 'POST',
      path: this.workloadsPath(kind),
      body: this.manifest(options),
    });
  }

  async rolledOut(name = 'web', kind: Kind = 'Deployment'): Promise<void> {
    await this.kubectl.run(
      ['-n', this.namespace, 'rollout', 'status', `${kind.toLowerCase()}/${name}`, '--timeout=120s'],
      { timeoutMs: 130_000 },
    );
    // Old pods may still be going.
    await eventually(
      async () => (await this.allPods(name)).every(({ metadata }) => metadata.deletionTimestamp === undefined),
      {
        what: `the old pods of ${name} to be gone`,
        intervalMs: 100,
        timeoutMs: 60_000,
      },
    );
  }

  /**
   * Waits until the second is over in which the latest container started. Start times come in whole seconds: what
   * changes in that second may have changed before the start, for all that anybody can tell.
   */
  async startedForCertain(name = 'web'): Promise<void> {
    const pods = await this.pods(name);
    const starts = pods.flatMap(({ metadata, status }) =>
      (status?.containerStatuses ?? []).map(({ state }) => {
        const startedAt = Date.parse(state?.running?.startedAt ?? '');
        assert.ok(!Number.isNaN(startedAt), `pod ${metadata.name} does not say when its container started`);
        return startedAt;
      }),
    );
    assert.ok(starts.length > 0, `no container of ${name} has started`);
    await afterSecondOf(Math.max(...starts));
  }

  async scale(replicas: number, name = 'web', kind: Kind = 'Deployment'): Promise<void> {
    await this.patch(this.workloadPath(name, kind), { spec: { replicas } });
  }

  allPods(name = 'web'): Promise<readonly Pod[]> {
    return this.list<Pod>(this.path('/api/v1', 'pods'), { labelSelector: `app=${name}` });
  }

  /** Pods that are not going. */
  async pods(name = 'web'): Promise<readonly Pod[]> {
    return (await this.allPods(name)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Names the running containers: equal means that nothing was replaced or restarted. */
  async incarnations(name = 'web'): Promise<readonly string[]> {
    const pods = await this.pods(name);
    return pods
      .map(
        ({ metadata, status }) =>
          `${metadata.uid} ${(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount).join(',')}`,
      )
      .sort();
  }

  replicaSets(name = 'web'): Promise<readonly unknown[]> {
    return this.list(this.path('/apis/apps/v1', 'replicasets'), { labelSelector: `app=${name}` });
  }

  // -- inside containers

  async exec(pod: Pod, ...command: readonly string[]): Promise<string> {
    return this.kubectl.run(['-n', this.namespace, 'exec', pod.metadata.name, '--', ...command]);
  }

  /** The text of a mounted key in every pod. */
  async filesIn(key: string, name = 'web'): Promise<readonly string[]> {
    return Promise.all((await this.pods(name)).map((pod) => this.exec(pod, 'cat', `/etc/app/${key}`)));
  }

  /** The arguments of the main process in every pod. */
  async argumentsIn(name = 'web'): Promise<readonly string[]> {
    const lines = await Promise.all((await this.pods(name)).map((pod) => this.exec(pod, 'cat', '/proc/1/cmdline')));
    return lines.map((line) =>
      line
        .split('\0')
        .filter((word) => word.startsWith('--'))
        .join(' '),
    );
  }

  async environmentIn(variable: string, name = 'web'): Promise<readonly string[]> {
    const lines = await Promise.all((await this.pods(name)).map((pod) => this.exec(pod, 'cat', '/proc/1/environ')));
    return lines.map((line) => line.split('\0').find((each) => each.startsWith(`${variable}=`)) ?? '');
  }
}

/** Waits until the whole second that a moment lies in is over. */
const afterSecondOf = (time: number): Promise<unknown> =>
  eventually(() => Math.floor(Date.now() / 1_000) > Math.floor(time / 1_000), { what: 'the next second' });

/** Tests that each have a stage of their own, which ends with them, also when they fail. */
export const stagedTests =
  (label: string, cluster: () => Cluster) =>
  (name: string, test: (stage: Stage) => Promise<void>): void => {
    it(name, async () => {
      const stage = await Stage.open(cluster(), label);
      try {
        await test(stage);
      } finally {
        await stage.end();
      }
    });
  };
