/** Writes a policy's status: derived from records and verdicts, only when it differs. */

import { isDeepStrictEqual } from 'node:util';
import type { ReloadPolicyStatus } from '../api/v1alpha1/types.ts';
import { liveId, throughLive } from '../domain/live.ts';
import type { LiveStanding } from '../domain/live-status.ts';
import { sourceId, type Source, type SourceId } from '../domain/observed.ts';
import { policyStatus, type WorkloadReport } from '../domain/status.ts';
import { troubleVerdict } from '../domain/verdict.ts';
import type { Clock } from '../runtime/clock.ts';
import { statusOf } from '../runtime/errors.ts';
import type { Store } from '../runtime/store.ts';
import type { Worker } from '../runtime/workqueue.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import type { LiveObjects } from './live.ts';
import type { Memory } from './memory.ts';
import type { PolicyWriter, StoredPolicy } from './ports.ts';
import type { Sources } from './sources.ts';

export interface ReportOptions {
  readonly policies: Store<StoredPolicy>;
  readonly writer: PolicyWriter;
  readonly bindings: Bindings;
  readonly sources: Sources;
  readonly ledgers: Ledgers;
  readonly memory: Memory;
  readonly live: Pick<LiveObjects, 'trouble' | 'putBacks'>;
  readonly clock: Clock;
  /** What can't be listed, in words; undefined while something is still to be listed. */
  readonly unreadable: (namespace: string) => readonly string[] | undefined;
  readonly quiet: () => Promise<void>;
}

/** So much must be known before a status is written, or every start of the operator would write half of one. */
export const createReport =
  (rooms: ReportOptions): Worker =>
  async (key, signal) => {
    await rooms.quiet();
    const stored = rooms.policies.get(key);
    if (stored === undefined) return;
    if (rooms.sources.resolving(stored.namespace)) return { requeueAfterMs: WAIT_MS };
    const policy = rooms.sources.withFound(stored);
    const unlisted = rooms.unreadable(policy.namespace);
    const workloads = reportsOf(rooms, policy, (unlisted?.length ?? 0) > 0);
    const sources = sourcesOf(rooms, policy);
    const live = liveOf(rooms, policy);
    if (unlisted === undefined || workloads === undefined || sources === undefined || live === undefined)
      return { requeueAfterMs: WAIT_MS };
    const unselected = rooms.sources.selectionProblem(policy);
    const unreadable = unselected === undefined ? unlisted : [...unlisted, unselected];
    const now = new Date(rooms.clock.now()).toISOString();
    const status = policyStatus({
      policy,
      before: policy.status,
      workloads,
      sources,
      unreadable,
      claims: rooms.bindings.claims(policy),
      live,
      now,
    });
    if (!isDeepStrictEqual(inOrder(status), inOrder(policy.status)))
      await rooms.writer.applyStatus(policy, status, signal);
    return;
  };

const WAIT_MS = 250;

/** The API server may keep the items of a keyed list in another order. */
const inOrder = (status: ReloadPolicyStatus): ReloadPolicyStatus => ({
  ...status,
  ...(status.conditions !== undefined && { conditions: sorted(status.conditions, ({ type }) => type) }),
  ...(status.sources !== undefined && { sources: sorted(status.sources, ({ kind, name }) => `${kind}/${name}`) }),
  ...(status.liveObjects !== undefined && {
    liveObjects: sorted(status.liveObjects, ({ kind, name }) => `${kind}/${name}`),
  }),
  ...(status.workloads !== undefined && { workloads: sorted(status.workloads, ({ kind, name }) => `${kind}/${name}`) }),
});

const sorted = <T>(items: readonly T[], nameOf: (item: T) => string): T[] =>
  [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

const reportsOf = (
  { bindings, memory, ledgers }: ReportOptions,
  policy: StoredPolicy,
  refused: boolean,
): readonly WorkloadReport[] | undefined => {
  const reports: WorkloadReport[] = [];
  for (const workload of bindings.workloadsOf(policy)) {
    // Without the right to list what decisions stand on there is no verdict to wait for.
    const known = memory.verdict(workload) ?? (refused ? troubleVerdict(undefined, 'not looked at', true) : undefined);
    if (known === undefined) return undefined;
    const ledger = ledgers.of(workload);
    const problem = ledgers.problem(workload);
    const verdict =
      problem === undefined
        ? known
        : troubleVerdict(known, `its record can't be written: ${problem.message}`, statusOf(problem) === 403);
    reports.push({ workload: throughLive(workload, [policy]), verdict, ...(ledger !== undefined && { ledger }) });
  }
  return reports;
};

const sourcesOf = ({ sources }: ReportOptions, policy: StoredPolicy): ReadonlyMap<SourceId, Source> | undefined => {
  const states = new Map(
    policy.sources.map((source) => [sourceId(source), sources.get(policy.namespace, sourceId(source))]),
  );
  const reading = [...states.values()].some((source) => source.state === 'Unknown' && source.message === undefined);
  return reading ? undefined : states;
};

/** Undefined: one of them has not been read yet. */
const liveOf = (
  { sources, live }: ReportOptions,
  { namespace, delivery }: StoredPolicy,
): ReadonlyMap<SourceId, LiveStanding> | undefined => {
  const standings = new Map(
    delivery.objects.map((object) => {
      const id = liveId(object);
      const trouble = live.trouble(namespace, id);
      const putBacks = live.putBacks(namespace, id);
      const standing: LiveStanding = {
        live: sources.live(namespace, id),
        ...(trouble !== undefined && { trouble }),
        ...(putBacks !== undefined && { putBacks }),
      };
      return [id, standing] as const;
    }),
  );
  const reading = [...standings.values()].some(
    ({ live: { state, ...more } }) => state === 'Unknown' && !('message' in more),
  );
  return reading ? undefined : standings;
};
