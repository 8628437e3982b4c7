/** What a policy means where it is silent. */

import { parseDuration } from './duration.ts';
import { groupOf } from './kinds.ts';
import type {
  Approval,
  CanaryWorkload,
  DeliveryMode,
  DeliverySettings,
  HotProof,
  LabelSelector,
  OnFailure,
  OnImpossible,
  OnTimeout,
  Order,
  ReloadClass,
  ReloadPolicySpec,
  ReloadRule,
  RolloutRestart,
  SecretKeyReference,
  SourceKind,
  SourceReference,
  Validation,
  WindowType,
  WorkloadGroup,
  WorkloadKind,
  WorkloadReference,
} from './types.gen.ts';

/**
 * The fields whose default is resolved here, by their path below `spec`. A default in the schema, which the API server
 * would fill in within a list or an object, shows up as drift in tools that compare what they applied.
 */
export const DEFAULTS = {
  'hot.onImpossible': 'Restart',
  'hot.onTimeout': 'Report',
  'hot.proof': 'Nudged',
  'hot.timeout': '30s',
  'hot.notify.http.path': '/-/reload',
  'restart.debounce': '500ms',
  'restart.progressTimeout': '10m',
  'restart.cooldown': '0s',
  'restart.approval': 'Automatic',
  'restart.order': 'Parallel',
  'restart.rollouts': 'Template',
  'restart.onFailure': 'Report',
  'restart.windows[].type': 'Allow',
  'restart.windows[].timeZone': 'UTC',
  'workloads[].wave': 0,
  'delivery.mode': 'Direct',
  'delivery.snapshots': 5,
} as const satisfies {
  readonly 'hot.onImpossible': OnImpossible;
  readonly 'hot.onTimeout': OnTimeout;
  readonly 'hot.proof': HotProof;
  readonly 'hot.timeout': string;
  readonly 'hot.notify.http.path': string;
  readonly 'restart.debounce': string;
  readonly 'restart.progressTimeout': string;
  readonly 'restart.cooldown': string;
  readonly 'restart.approval': Approval;
  readonly 'restart.order': Order;
  readonly 'restart.rollouts': RolloutRestart;
  readonly 'restart.onFailure': OnFailure;
  readonly 'restart.windows[].type': WindowType;
  readonly 'restart.windows[].timeZone': string;
  readonly 'workloads[].wave': number;
  readonly 'delivery.mode': DeliveryMode;
  readonly 'delivery.snapshots': number;
};

export type ResolvedWorkloadReference = WorkloadReference & { readonly group: WorkloadGroup };

/** How a hot change is to be proven. */
export interface ResolvedHot {
  readonly proof: HotProof;
  readonly timeoutMs: number;
  readonly onTimeout: OnTimeout;
  readonly notify?: ResolvedNotify;
}

/** Where an application is asked to reload. */
export interface ResolvedNotify {
  /** Name of a container's port. */
  readonly port: string;
  readonly path: string;
  readonly signature?: SecretKeyReference;
}

/** A time in which restarts may begin, or may not. */
export interface ResolvedWindow {
  readonly name: string;
  readonly type: WindowType;
  readonly cron: string;
  readonly durationMs: number;
  readonly timeZone: string;
}

/** When restarts may begin, in which order, and what follows a failure. Absent limits: there are none. */
export interface ResolvedGates {
  readonly cooldownMs: number;
  readonly maxConcurrent?: number;
  readonly budget?: { readonly restarts: number; readonly periodMs: number };
  readonly windows: readonly ResolvedWindow[];
  readonly approval: Approval;
  readonly order: Order;
  readonly canary?: { readonly workload: CanaryWorkload } | { readonly percent: number };
  readonly onFailure: OnFailure;
}

/** An object that the operator renders, and workloads mount in place of its source. */
export interface ResolvedLiveObject {
  readonly name: string;
  readonly source: SourceReference;
  readonly workloads: readonly { readonly kind: WorkloadKind; readonly name: string }[];
}

export interface ResolvedDelivery {
  /** None: delivery is direct. */
  readonly objects: readonly ResolvedLiveObject[];
  readonly snapshots: number;
  readonly rollbackSecrets: boolean;
}

/** A policy's spec with nothing left to guess. */
export interface ResolvedPolicySpec {
  readonly sources: readonly SourceReference[];
  readonly sourceSelectors: readonly { readonly kind: SourceKind; readonly selector: LabelSelector }[];
  /** Absent: every workload of the namespace that consumes a source. */
  readonly workloads?: readonly ResolvedWorkloadReference[];
  readonly rules: readonly ReloadRule[];
  readonly defaultClass: ReloadClass;
  readonly suspend: boolean;
  readonly observes: boolean;
  readonly validation: readonly Validation[];
  readonly onImpossible: OnImpossible;
  readonly hot: ResolvedHot;
  readonly debounceMs: number;
  readonly progressTimeoutMs: number;
  readonly rollouts: RolloutRestart;
  readonly gates: ResolvedGates;
  readonly delivery: ResolvedDelivery;
}

/**
 * Fills in every default and turns durations into milliseconds.
 *
 * @throws RangeError if a duration is none, which the API server doesn't let pass.
 */
export const resolvePolicy = (spec: ReloadPolicySpec): ResolvedPolicySpec => ({
  sources: spec.sources.flatMap(({ kind, name }) => (name === undefined ? [] : [{ kind, name }])),
  sourceSelectors: spec.sources.flatMap(({ kind, selector }) => (selector === undefined ? [] : [{ kind, selector }])),
  ...(spec.workloads && {
    workloads: spec.workloads.map((workload) => ({
      ...workload,
      group: workload.group ?? groupOf(workload.kind),
    })),
  }),
  rules: spec.rules ?? [],
  defaultClass: spec.defaultClass,
  suspend: spec.suspend,
  observes: spec.mode === 'Observe',
  validation: spec.validation ?? [],
  onImpossible: spec.hot?.onImpossible ?? DEFAULTS['hot.onImpossible'],
  hot: resolveHot(spec.hot),
  debounceMs: parseDuration(spec.restart?.debounce ?? DEFAULTS['restart.debounce']),
  progressTimeoutMs: parseDuration(spec.restart?.progressTimeout ?? DEFAULTS['restart.progressTimeout']),
  rollouts: spec.restart?.rollouts ?? DEFAULTS['restart.rollouts'],
  gates: resolveGates(spec.restart),
  delivery: resolveDelivery(spec.delivery),
});

const resolveGates = ({
  cooldown = DEFAULTS['restart.cooldown'],
  maxConcurrent,
  budget,
  windows = [],
  approval = DEFAULTS['restart.approval'],
  order = DEFAULTS['restart.order'],
  canary: { workload, percent } = {},
  onFailure = DEFAULTS['restart.onFailure'],
}: NonNullable<ReloadPolicySpec['restart']> = {}): ResolvedGates => ({
  cooldownMs: parseDuration(cooldown),
  ...(maxConcurrent !== undefined && { maxConcurrent }),
  ...(budget !== undefined && { budget: { restarts: budget.restarts, periodMs: parseDuration(budget.period) } }),
  windows: windows.map(({ name, type, cron, duration, timeZone }) => ({
    name,
    type: type ?? DEFAULTS['restart.windows[].type'],
    cron,
    durationMs: parseDuration(duration),
    timeZone: timeZone ?? DEFAULTS['restart.windows[].timeZone'],
  })),
  approval,
  order,
  ...(workload !== undefined && { canary: { workload } }),
  ...(percent !== undefined && { canary: { percent } }),
  onFailure,
});

const resolveDelivery = ({ objects = [], snapshots, rollbackSecrets }: DeliverySettings = {}): ResolvedDelivery => ({
  objects: objects.map(({ name, source, workloads }) => ({ name, source, workloads })),
  snapshots: snapshots ?? DEFAULTS['delivery.snapshots'],
  rollbackSecrets: rollbackSecrets ?? false,
});

const resolveHot = (hot: ReloadPolicySpec['hot'] = {}): ResolvedHot => ({
  proof: hot.proof ?? DEFAULTS['hot.proof'],
  timeoutMs: parseDuration(hot.timeout ?? DEFAULTS['hot.timeout']),
  onTimeout: hot.onTimeout ?? DEFAULTS['hot.onTimeout'],
  ...(hot.notify !== undefined && {
    notify: {
      port: hot.notify.http.port,
      path: hot.notify.http.path ?? DEFAULTS['hot.notify.http.path'],
      ...(hot.notify.http.signature !== undefined && { signature: hot.notify.http.signature.secretRef }),
    },
  }),
});
