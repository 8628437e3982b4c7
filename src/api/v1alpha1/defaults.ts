/** What a policy means where it is silent. */

import { parseDuration } from './duration.ts';
import type {
  HotProof,
  LabelSelector,
  OnImpossible,
  OnTimeout,
  ReloadClass,
  ReloadPolicySpec,
  ReloadRule,
  SecretKeyReference,
  SourceKind,
  SourceReference,
  Validation,
  WorkloadGroup,
  WorkloadReference,
} from './types.gen.ts';

/**
 * The fields whose default is resolved here, by their path below `spec`. A default in the schema, which the API server
 * would fill in within a list or an object, shows up as drift in tools that compare what they applied.
 */
export const DEFAULTS = {
  'workloads[].group': 'apps',
  'hot.onImpossible': 'Restart',
  'hot.onTimeout': 'Report',
  'hot.proof': 'Nudged',
  'hot.timeout': '30s',
  'hot.notify.http.path': '/-/reload',
  'restart.debounce': '500ms',
  'restart.progressTimeout': '10m',
} as const satisfies {
  readonly 'workloads[].group': WorkloadGroup;
  readonly 'hot.onImpossible': OnImpossible;
  readonly 'hot.onTimeout': OnTimeout;
  readonly 'hot.proof': HotProof;
  readonly 'hot.timeout': string;
  readonly 'hot.notify.http.path': string;
  readonly 'restart.debounce': string;
  readonly 'restart.progressTimeout': string;
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
      group: workload.group ?? DEFAULTS['workloads[].group'],
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
