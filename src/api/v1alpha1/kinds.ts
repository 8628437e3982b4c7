/** The kinds of workloads: all that differs between them and can be said in a table. */

export type WorkloadGroupName = 'apps' | 'batch' | 'argoproj.io' | '';

export interface WorkloadKindInfo {
  readonly group: WorkloadGroupName;
  readonly version: string;
  readonly plural: string;
  /** As kubectl knows it. */
  readonly short: string;
  /** Where its pod template lies; empty: the object is a pod itself. */
  readonly template: readonly string[];
  /**
   * How a change of the template gets to its pods. Rollout: a controller replaces them. NextRun: those of the next run
   * have it, and no earlier ones are touched. None: not at all.
   */
  readonly restart: 'Rollout' | 'NextRun' | 'None';
  /**
   * Consumer: a policy without `workloads` binds it, and it is watched always. Named: a policy has to name it (by name or
   * by labels), and it is watched where one does. So are kinds of which a cluster has far more than are ever bound, and
   * those that not every cluster serves.
   */
  readonly bound: 'Consumer' | 'Named';
}

const TEMPLATE = ['spec', 'template'] as const;

export const KINDS = {
  Deployment: {
    group: 'apps',
    version: 'v1',
    plural: 'deployments',
    short: 'deploy',
    template: TEMPLATE,
    restart: 'Rollout',
    bound: 'Consumer',
  },
  StatefulSet: {
    group: 'apps',
    version: 'v1',
    plural: 'statefulsets',
    short: 'sts',
    template: TEMPLATE,
    restart: 'Rollout',
    bound: 'Consumer',
  },
  DaemonSet: {
    group: 'apps',
    version: 'v1',
    plural: 'daemonsets',
    short: 'ds',
    template: TEMPLATE,
    restart: 'Rollout',
    bound: 'Consumer',
  },
  CronJob: {
    group: 'batch',
    version: 'v1',
    plural: 'cronjobs',
    short: 'cj',
    template: ['spec', 'jobTemplate', 'spec', 'template'],
    restart: 'NextRun',
    bound: 'Consumer',
  },
  Rollout: {
    group: 'argoproj.io',
    version: 'v1alpha1',
    plural: 'rollouts',
    short: 'ro',
    template: TEMPLATE,
    restart: 'Rollout',
    bound: 'Named',
  },
  ReplicaSet: {
    group: 'apps',
    version: 'v1',
    plural: 'replicasets',
    short: 'rs',
    template: TEMPLATE,
    restart: 'None',
    bound: 'Named',
  },
  Pod: {
    group: '',
    version: 'v1',
    plural: 'pods',
    short: 'po',
    template: [],
    restart: 'None',
    bound: 'Named',
  },
} as const satisfies Readonly<Record<string, WorkloadKindInfo>>;

export type WorkloadKindName = keyof typeof KINDS;

export const WORKLOAD_KINDS = Object.keys(KINDS) as readonly WorkloadKindName[];

/** Those that a policy without `workloads` binds. */
export const CONSUMER_KINDS = WORKLOAD_KINDS.filter((kind) => KINDS[kind].bound === 'Consumer');

/** Those that are bound only where a policy names them. */
export const NAMED_KINDS = WORKLOAD_KINDS.filter((kind) => KINDS[kind].bound === 'Named');

export const isWorkloadKind = (kind: string): kind is WorkloadKindName => Object.hasOwn(KINDS, kind);

export const isNamedKind = (kind: WorkloadKindName): boolean => KINDS[kind].bound === 'Named';

export const infoOf = (kind: WorkloadKindName): WorkloadKindInfo => KINDS[kind];

export const groupOf = (kind: WorkloadKindName): WorkloadGroupName => KINDS[kind].group;

/** `apps/v1`; of the core group `v1`. */
export const apiVersionOf = (kind: WorkloadKindName): string => {
  const { group, version } = infoOf(kind);
  return group === '' ? version : `${group}/${version}`;
};

/** What people may call a kind on the command line: `deploy`, `deployment`, `deployments`, `deployments.apps`. */
export const aliasesOf = (kind: WorkloadKindName): readonly string[] => {
  const { group, plural, short } = infoOf(kind);
  const names = [kind.toLowerCase(), plural];
  return [short, ...names, ...(group === '' ? [] : names.map((name) => `${name}.${group}`))];
};
