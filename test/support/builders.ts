/** Objects for tests of decisions: each builder gives a whole, plain one; what a test is about is passed in. */

import type { FollowedPod, PodContainer } from '../../src/controller/ports.ts';
import type { Class, Rule } from '../../src/domain/rules.ts';
import { digestKeys, type Digest } from '../../src/domain/digest.ts';
import type {
  Changes,
  GatePolicy,
  Ledger,
  Observed,
  Pod,
  Policy,
  Restart,
  Source,
  Workload,
} from '../../src/domain/observed.ts';
import type { Delivery } from '../../src/domain/proof.ts';
import type { Use } from '../../src/domain/references.ts';
import type { RolloutState } from '../../src/domain/rollout.ts';

/** Noon on a whole second: tests say their times as milliseconds from here. */
export const T0 = Date.UTC(2026, 0, 1, 12);
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

/** Text by key, as in a ConfigMap's `data`. */
export type Content = Readonly<Record<string, string>>;

export const digestsOf = (content: Content): ReadonlyMap<string, Digest> => digestKeys(content);

/** The digests of some keys; a key without content was removed. */
export const changed = (content: Readonly<Record<string, string | undefined>>, source = 'ConfigMap/app'): Changes =>
  new Map([
    [
      source,
      new Map(
        Object.entries(content).map(([key, text]) => [
          key,
          text === undefined ? '' : (digestKeys({ [key]: text }).get(key) ?? ''),
        ]),
      ),
    ],
  ]);

type PresentSource = Extract<Source, { readonly state: 'Present' }>;

/** A source that was found with this content, long ago, and has not been seen to change. */
export const found = (content: Content, more: Partial<PresentSource> = {}): PresentSource => ({
  state: 'Present',
  uid: 'uid-app',
  resourceVersion: '1',
  immutable: false,
  keys: digestsOf(content),
  changedAt: T0 - HOUR,
  seenToChange: false,
  ...more,
});

/** A source that our watch has shown to change to this content at a time. */
export const edited = (content: Content, changedAt: number, more: Partial<PresentSource> = {}): PresentSource =>
  found(content, { changedAt, seenToChange: true, ...more });

export const aUse = (more: Partial<Use> = {}): Use => ({
  source: { kind: 'ConfigMap', name: 'app' },
  way: 'File',
  container: 'main',
  init: false,
  optional: false,
  ...more,
});

/** All keys as files, and `flag` on the command line: most tests need no more. */
export const USES: readonly Use[] = [aUse(), aUse({ key: 'flag', way: 'Args', optional: true })];

/** A pod that runs on a node, mounts the ConfigMap `app` at `/etc/app`, and listens on a port named `http`. */
export const aFollowedPod = (more: Partial<FollowedPod> = {}): FollowedPod => {
  const name = more.name ?? 'web-1';
  return {
    namespace: 'shop',
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    containers: [],
    reachable: true,
    running: true,
    node: 'n1',
    address: '10.0.0.1',
    hostNetwork: false,
    controller: { kind: 'ReplicaSet', name: 'web-abc', uid: 'uid-web-abc' },
    mounts: [
      {
        volume: 'config',
        plugin: 'kubernetes.io~configmap',
        source: 'ConfigMap/app',
        containers: [{ name: 'main', path: '/etc/app' }],
      },
    ],
    sideBySide: [aContainer()],
    ...more,
  };
};

export const aContainer = (more: Partial<PodContainer> = {}): PodContainer => ({
  name: 'main',
  state: 'Running',
  ready: true,
  startedAt: T0 - HOUR,
  ports: new Map([['http', 8080]]),
  ...more,
});

type DeploymentState = Extract<RolloutState, { readonly kind: 'Deployment' }>;
type StatefulSetState = Extract<RolloutState, { readonly kind: 'StatefulSet' }>;
type DaemonSetState = Extract<RolloutState, { readonly kind: 'DaemonSet' }>;

/** A Deployment of two pods whose rollout is complete. */
export const deployment = (more: Partial<DeploymentState> = {}): DeploymentState => ({
  kind: 'Deployment',
  generation: 1,
  observedGeneration: 1,
  paused: false,
  replicas: 2,
  status: { replicas: 2, updated: 2, available: 2 },
  ...more,
});

export const statefulSet = (more: Partial<StatefulSetState> = {}): StatefulSetState => ({
  kind: 'StatefulSet',
  generation: 1,
  observedGeneration: 1,
  onDelete: false,
  replicas: 2,
  partition: 0,
  status: { ready: 2, updated: 2 },
  ...more,
});

export const daemonSet = (more: Partial<DaemonSetState> = {}): DaemonSetState => ({
  kind: 'DaemonSet',
  generation: 1,
  observedGeneration: 1,
  onDelete: false,
  status: { desired: 2, updated: 2, available: 2 },
  ...more,
});

type ArgoState = Extract<RolloutState, { readonly kind: 'Rollout' }>;
type CronJobState = Extract<RolloutState, { readonly kind: 'CronJob' }>;

/** A Rollout of Argo of two pods that is healthy. */
export const argoRollout = (more: Partial<ArgoState> = {}): ArgoState => ({
  kind: 'Rollout',
  generation: 1,
  observedGeneration: 1,
  paused: false,
  replicas: 2,
  phase: 'Healthy',
  unpausing: false,
  status: { updated: 2, available: 2 },
  restarting: false,
  ...more,
});

export const cronJob = (more: Partial<CronJobState> = {}): CronJobState => ({
  kind: 'CronJob',
  generation: 1,
  observedGeneration: 1,
  suspended: false,
  ...more,
});

/** What nothing restarts. */
export const unrestartable = (kind: 'ReplicaSet' | 'Pod'): RolloutState => ({
  kind,
  generation: 1,
  observedGeneration: 1,
  replicas: 1,
});

export const aWorkload = (more: Partial<Workload> = {}): Workload => ({
  kind: more.rollout?.kind ?? 'Deployment',
  namespace: 'shop',
  name: 'web',
  uid: 'uid-web',
  resourceVersion: '1',
  createdAt: T0 - 24 * HOUR,
  labels: { app: 'web' },
  ignored: false,
  uses: USES,
  podSelector: 'app=web',
  templateHash: 'template-1',
  rollout: deployment(),
  ...more,
});

export const rule = (keys: string, as: Class, more: Partial<Rule> = {}): Rule => ({
  keys: keys.split(' '),
  class: as,
  ...more,
});

/** Binds every workload that uses ConfigMap app: `flag` by restart, everything else hot. */
export const aPolicy = (more: Partial<Policy> = {}): Policy => ({
  namespace: 'shop',
  name: 'policy',
  uid: `uid-${more.name ?? 'policy'}`,
  generation: 1,
  createdAt: T0 - 2 * HOUR,
  suspended: false,
  sources: [{ kind: 'ConfigMap', name: 'app' }],
  rules: [rule('flag', 'Restart')],
  defaultClass: 'Hot',
  onImpossible: 'Restart',
  hot: { proof: 'Nudged', timeoutMs: 30_000, onTimeout: 'Report' },
  debounceMs: 500,
  progressTimeoutMs: 10 * MINUTE,
  rollouts: 'Template',
  gates: aGate(),
  delivery: { objects: [], snapshots: 5, rollbackSecrets: false },
  ...more,
});

/** Gates that hold nothing. */
export const aGate = (more: Partial<GatePolicy> = {}): GatePolicy => ({
  cooldownMs: 0,
  windows: [],
  approval: 'Automatic',
  order: 'Parallel',
  onFailure: 'Report',
  ...more,
});

/** What is recorded as applied, by ConfigMap. */
export const applied = (contents: Readonly<Record<string, Content>>): Ledger['applied'] =>
  new Map(Object.entries(contents).map(([name, content]) => [`ConfigMap/${name}`, digestsOf(content)]));

export const aLedger = (content: Content, more: Partial<Ledger> = {}): Ledger => ({
  adoptedAt: T0 - HOUR,
  applied: applied({ app: content }),
  immutable: new Map(),
  history: [],
  ...more,
});

/** A restart of ours that is under way. */
export const aRestart = (more: Partial<Restart> = {}): Restart => ({
  n: 1,
  digest: 'digest-1',
  origin: 'Issued',
  issuedAt: T0 - MINUTE,
  templateHash: 'template-1',
  phase: 'InProgress',
  changes: new Map(),
  ...more,
});

/** A pod whose only container, main, started at a time. */
export const aPod = (startedAt: number, name = 'web-1'): Pod => ({
  name,
  uid: `uid-${name}`,
  containers: [{ name: 'main', startedAt }],
});

/** One workload, one policy, one source; parts that are not given are plain. */
export const observing = (
  source: Source,
  {
    sources = {},
    ...more
  }: Partial<Omit<Observed, 'sources'>> & { readonly sources?: Readonly<Record<string, Source>> } = {},
): Observed => ({
  workload: aWorkload(),
  templateSeenAt: 0,
  policies: [aPolicy()],
  complete: true,
  sources: new Map([
    ['ConfigMap/app', source],
    ...Object.entries(sources).map(([name, each]) => [`ConfigMap/${name}`, each] as const),
  ]),
  ...more,
});

/** A hot change that is to be Loaded, under way. */
export const aDelivery = (changes: Partial<Delivery> = {}): Delivery => ({
  digest: 'x',
  proof: 'Loaded',
  startedAt: T0,
  phase: 'InProgress',
  places: ['ConfigMap/app:hot'],
  changes: changed({ hot: 'b' }),
  ...changes,
});
