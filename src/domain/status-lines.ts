/** What a policy's status says of each of its workloads: a line for each that is bound, and for each that is named but not there. */

import { WorkloadReason } from '../api/v1alpha1/conditions.ts';
import type { Verdict, WorkloadState } from './effects.ts';
import { unmetNeeds, type Need } from './needs.ts';
import type { Ledger, Policy, Source, SourceId, Workload } from './observed.ts';
import { uses, type WorkloadKind } from './selection.ts';
import { unmountedLive } from './unmounted.ts';

export interface WorkloadReport {
  readonly workload: Workload;
  readonly verdict: Verdict;
  readonly ledger?: Ledger;
}

/** One line of the report: a bound workload, or one that is named but isn't there. */
export interface Line {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly state: WorkloadState | 'Unmatched';
  readonly reason: string;
  readonly message: string;
  readonly until?: number;
  readonly about?: Verdict['about'];
  readonly hotHold?: Verdict['hotHold'];
  readonly delivery?: Verdict['delivery'];
  readonly counts?: Verdict['counts'];
  readonly impossible: readonly string[];
  readonly impossibleCount: number;
  readonly conflicts?: readonly string[];
  /** What its pods can't start without and what is not there, of this policy's sources. */
  readonly needs?: readonly Need[];
  readonly notes?: readonly string[];
  /** Those of them that say that it does not read what is rendered for it. */
  readonly unmounted?: readonly string[];
}

export const linesOf = (
  policy: Policy,
  reports: readonly WorkloadReport[],
  sources: ReadonlyMap<SourceId, Source>,
): readonly Line[] => [
  ...reports.map(({ workload, verdict }): Line => {
    const { kind, name, unfollowed = [] } = workload;
    const unmounted = verdict.state === 'Ignored' ? [] : unmountedLive([policy], workload);
    const needs =
      verdict.state === 'Ignored' || workload.notItsOwn !== undefined ? [] : unmetNeeds(workload.uses, sources);
    const notes = unfollowed.length + unmounted.length > 0 && { notes: [...unmounted, ...unfollowed], unmounted };
    // What one without pods of its own reads is for its owner to say.
    const counts = workload.notItsOwn !== undefined || policy.sources.some((source) => uses(workload, source));
    return counts
      ? { kind, name, ...verdict, ...(needs.length > 0 && { needs }), ...notes }
      : {
          kind,
          name,
          state: 'Unmatched',
          reason: WorkloadReason.NotConsuming,
          message: 'no container reads a source of this policy',
          impossible: [],
          impossibleCount: 0,
          ...notes,
        };
  }),
  ...(policy.workloads ?? []).flatMap(({ kind, name }) =>
    name === undefined || isBound(reports, { kind, name })
      ? []
      : [missingLine({ kind, name }, `there is no ${kind} ${name} in this namespace`)],
  ),
  ...missingCanary(policy, reports),
];

interface Named {
  readonly kind: WorkloadKind;
  readonly name: string;
}

const isBound = (reports: readonly WorkloadReport[], { kind, name }: Named): boolean =>
  reports.some(({ workload }) => workload.kind === kind && workload.name === name);

const missingLine = ({ kind, name }: Named, message: string): Line => ({
  kind,
  name,
  state: 'Unmatched',
  reason: WorkloadReason.WorkloadMissing,
  message,
  impossible: [],
  impossibleCount: 0,
});

/** One that is not bound keeps nobody waiting: all others go at once, which whoever wanted a canary has to know. */
const missingCanary = (
  { gates: { canary }, workloads = [] }: Policy,
  reports: readonly WorkloadReport[],
): readonly Line[] => {
  if (canary === undefined || !('workload' in canary)) return [];
  const { kind, name } = canary.workload;
  const isTold = workloads.some((each) => each.kind === kind && each.name === name);
  return isTold || isBound(reports, { kind, name })
    ? []
    : [missingLine({ kind, name }, 'it is the canary, and this policy binds no such workload: nothing goes first')];
};
