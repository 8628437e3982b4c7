/** Which workloads a policy binds. */

import { isNamedKind, type WorkloadKindName } from '../api/v1alpha1/kinds.ts';
import type { Use } from './references.ts';

export type WorkloadKind = WorkloadKindName;

export type SourceKind = 'ConfigMap' | 'Secret';

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

/** One entry of `spec.workloads`: by name, or by labels. */
export interface WorkloadBinding {
  readonly kind: WorkloadKind;
  readonly name?: string | undefined;
  readonly selector?: LabelSelector | undefined;
  readonly wave?: number | undefined;
}

interface Selectable {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly uses: readonly Use[];
}

/** Label selectors as Kubernetes reads them; one that names nothing matches everything. */
export const matchesSelector = (selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
  (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
    }
  });

/**
 * Whether a policy binds a workload of its namespace.
 * @param policy without `workloads`: every workload of the kinds that need not be named, and that uses one of its sources
 */
export const binds = (
  policy: {
    readonly workloads?: readonly WorkloadBinding[] | undefined;
    readonly sources: readonly { readonly kind: string; readonly name: string }[];
  },
  workload: Selectable,
): boolean =>
  policy.workloads === undefined
    ? !isNamedKind(workload.kind) && policy.sources.some((source) => uses(workload, source))
    : policy.workloads.some((entry) => selects(entry, workload));

const selects = (
  { kind, name, selector }: WorkloadBinding,
  workload: Pick<Selectable, 'kind' | 'name' | 'labels'>,
): boolean =>
  kind === workload.kind &&
  (name === undefined ? matchesSelector(selector ?? {}, workload.labels) : name === workload.name);

/** The first entry of a policy's `workloads` that binds a workload, counted from 0; undefined: none does, or it has none. */
export const bindingOf = (
  { workloads = [] }: { readonly workloads?: readonly WorkloadBinding[] | undefined },
  workload: Pick<Selectable, 'kind' | 'name' | 'labels'>,
): number | undefined => {
  const index = workloads.findIndex((entry) => selects(entry, workload));
  return index < 0 ? undefined : index;
};

/** Whether any container of a workload reads anything of a source. */
export const uses = (
  workload: { readonly uses: readonly Use[] },
  source: { readonly kind: string; readonly name: string },
): boolean => workload.uses.some((use) => use.source.kind === source.kind && use.source.name === source.name);
