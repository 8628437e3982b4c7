/** A policy's status, derived from the records and verdicts of its workloads: wiping it has no effect. */

import { groupOf } from '../api/v1alpha1/kinds.ts';
import { STATUS_LIMITS } from '../api/v1alpha1/limits.ts';
import type {
  HistoryEntry as ReportedEntry,
  ReloadPolicyStatus,
  SourceStatus,
  WorkloadStatus,
} from '../api/v1alpha1/types.ts';
import { mergeConditions, type Wanted } from './conditions.ts';
import { combineDigests } from './digest.ts';
import { heldState } from './gates.ts';
import type { Claim } from './live.ts';
import { liveObjectsStatus, type LiveStanding } from './live-status.ts';
import {
  sourceOf,
  whyUnreadable,
  type HistoryEntry,
  type Ledger,
  type Policy,
  type Source,
  type SourceId,
} from './observed.ts';
import { linesOf, type Line, type WorkloadReport } from './status-lines.ts';
import { conditionsOf } from './summary.ts';
import { unreadDocumentsOf } from './units.ts';
import { problemsOf } from './validation.ts';

export type { WorkloadReport };

export interface PolicyReport {
  readonly policy: Policy & { readonly invalid?: string };
  readonly before: ReloadPolicyStatus;
  readonly workloads: readonly WorkloadReport[];
  readonly sources: ReadonlyMap<SourceId, Source>;
  /** What can't be listed for want of rights. */
  readonly unreadable: readonly string[];
  /** The live objects of the policy that others render. */
  readonly claims?: readonly Claim[];
  /** The live objects of the policy. */
  readonly live?: ReadonlyMap<SourceId, LiveStanding>;
  /** RFC 3339 */
  readonly now: string;
}

/** The same facts give the same status, in the same order. */
export const policyStatus = (report: PolicyReport): ReloadPolicyStatus => {
  const { policy, before, workloads, sources, now } = report;
  const lines = linesOf(policy, workloads, sources);
  const history = historyOf(workloads);
  const last = lastOf(workloads);
  const { unreadable, claims = [], live = new Map<SourceId, LiveStanding>() } = report;
  const liveObjects = liveObjectsStatus(policy.delivery.objects, live, claims, before.liveObjects);
  const wanted: readonly Wanted[] = conditionsOf({
    policy,
    lines,
    sources,
    unreadable,
    claims,
    liveObjects,
    history,
  });
  return {
    observedGeneration: policy.generation,
    conditions: [
      ...mergeConditions(
        before.conditions ?? [],
        wanted.map((condition) => ({
          ...condition,
          message: condition.message.slice(0, STATUS_LIMITS.conditionMessage),
        })),
        policy.generation,
        now,
      ),
    ],
    ...(last !== undefined && { last }),
    sources: [...sources].map((source) => sourceStatus(source, policy.name)).sort(byName),
    ...(liveObjects.length > 0 && { liveObjects: [...liveObjects].sort(byName) }),
    workloadCount: workloads.length,
    workloads: [...lines]
      .sort((a, b) => URGENCY[a.state] - URGENCY[b.state] || byName(a, b))
      .slice(0, STATUS_LIMITS.workloads)
      .map((line) => workloadStatus(line, before.workloads))
      .sort(byName),
    ...(history.length > 0 && { history: [...history] }),
  };
};

/** What needs a person's attention comes before what goes well where not all fit in. */
const URGENCY: Readonly<Record<Line['state'], number>> = {
  Error: 0,
  Failed: 1,
  TimedOut: 2,
  Blocked: 3,
  Unmatched: 4,
  Held: 5,
  Restarting: 6,
  Pending: 7,
  Reloading: 8,
  Ignored: 9,
  Adopted: 10,
  UpToDate: 11,
};

const workloadStatus = (
  { kind, name, state, reason, message, until, counts, impossible, delivery, conflicts = [], notes = [] }: Line,
  before: readonly WorkloadStatus[] = [],
): WorkloadStatus => ({
  group: groupOf(kind),
  kind,
  name,
  state,
  ...(reason !== state && { reason }),
  ...(message !== '' && { message: message.slice(0, STATUS_LIMITS.message) }),
  ...(until !== undefined && { until: new Date(until).toISOString() }),
  ...(counts !== undefined && { hot: counts.hot, restart: counts.restart }),
  ...(impossible.length > 0 && {
    impossible: impossible.slice(0, STATUS_LIMITS.impossible).map((line) => line.slice(0, STATUS_LIMITS.impossibleKey)),
  }),
  ...deliveryStatus(delivery, before.find((each) => each.kind === kind && each.name === name)?.delivery),
  ...(conflicts.length > 0 && {
    conflicts: conflicts.slice(0, STATUS_LIMITS.conflicts).map((line) => line.slice(0, STATUS_LIMITS.impossibleKey)),
  }),
  ...(notes.length > 0 && {
    notes: notes.slice(0, STATUS_LIMITS.notes).map((note) => note.slice(0, STATUS_LIMITS.impossibleKey)),
  }),
});

/** @param before what a new process does not know yet stays as it was said */
const deliveryStatus = (
  delivery: Line['delivery'],
  before: WorkloadStatus['delivery'],
): Pick<WorkloadStatus, 'delivery'> => {
  if (delivery === undefined) return {};
  const { digest, proof, phase, counts, missing } = delivery;
  if (counts === undefined) return before?.digest === digest && before.phase === phase ? { delivery: before } : {};
  const { done: _done, ...shown } = counts;
  return {
    delivery: {
      digest,
      proof,
      phase,
      ...shown,
      ...(missing.length > 0 && { missing: missing.map((line) => line.slice(0, STATUS_LIMITS.missingPod)) }),
    },
  };
};

const sourceStatus = ([id, source]: readonly [SourceId, Source], policy: string): SourceStatus => {
  const refused = problemsOf(source, [policy]);
  const problems = [...refused, ...unreadDocumentsOf(source, policy)];
  const state = whyUnreadable(source) === undefined ? source.state : 'Unreadable';
  return {
    ...sourceOf(id),
    state: state === 'Present' && refused.length > 0 ? 'Invalid' : state,
    ...(source.state === 'Present' && { digest: combineDigests(source.keys), keys: source.keys.size }),
    ...(problems.length > 0 && {
      problems: problems.slice(0, STATUS_LIMITS.problems).map((line) => line.slice(0, STATUS_LIMITS.problem)),
    }),
  };
};

const historyOf = (reports: readonly WorkloadReport[]): readonly ReportedEntry[] =>
  reports
    .flatMap(({ workload, ledger }) =>
      (ledger?.history ?? []).map((entry) => ({ ...entry, workload: `${workload.kind}/${workload.name}` })),
    )
    .sort((a, b) => b.time - a.time || (a.workload < b.workload ? -1 : 1))
    .slice(0, STATUS_LIMITS.history)
    .map((entry) => ({
      ...entry,
      ...(entry.message !== undefined && { message: entry.message.slice(0, STATUS_LIMITS.message) }),
      time: new Date(entry.time).toISOString(),
      keys: entry.keys.slice(0, STATUS_LIMITS.keys).map((key) => key.slice(0, STATUS_LIMITS.key)),
    }));

type Latest = Pick<HistoryEntry, 'time' | 'action' | 'outcome' | 'pods'>;

/** One change of a shared source acts on many workloads within moments: their latest actions count as one. */
const ONE_CHANGE_MS = 60_000;
const WORST: readonly HistoryEntry['outcome'][] = [
  'Failed',
  'TimedOut',
  'Blocked',
  'Held',
  'InProgress',
  'Observed',
  'Succeeded',
];

const lastOf = (reports: readonly WorkloadReport[]): ReloadPolicyStatus['last'] => {
  const latest = reports.flatMap(({ ledger }) => latestOf(ledger)).sort((a, b) => b.time - a.time);
  const [newest] = latest;
  if (newest === undefined) return undefined;
  const together = latest.filter(({ action, time }) => action === newest.action && newest.time - time <= ONE_CHANGE_MS);
  return {
    action: newest.action,
    outcome: WORST.find((outcome) => together.some((entry) => entry.outcome === outcome)) ?? newest.outcome,
    pods: together.reduce((sum, { pods }) => sum + pods, 0),
    time: new Date(newest.time).toISOString(),
  };
};

const latestOf = (ledger: Ledger | undefined): readonly Latest[] => {
  if (ledger === undefined) return [];
  const { restart, held, delivery, history } = ledger;
  const entries: readonly Latest[] = [
    ...(restart?.phase === 'InProgress'
      ? [
          {
            time: restart.issuedAt,
            action: 'Restart',
            outcome: restart.reason === undefined ? 'InProgress' : 'Blocked',
            pods: 0,
          } as const,
        ]
      : []),
    ...(held !== undefined
      ? [
          {
            time: held.since,
            action: 'Restart',
            outcome: heldState(held.reason),
            pods: 0,
          } as const,
        ]
      : []),
    ...(delivery?.phase === 'InProgress'
      ? [
          {
            time: delivery.startedAt,
            action: 'Hot',
            outcome: delivery.message === undefined ? 'InProgress' : 'Held',
            pods: 0,
          } as const,
        ]
      : []),
    ...history.slice(0, 1),
  ];
  return [...entries].sort((a, b) => b.time - a.time).slice(0, 1);
};

const byName = (
  a: { readonly kind: string; readonly name: string },
  b: { readonly kind: string; readonly name: string },
): number => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1);
