/** How a policy stands, as conditions: each is the first line of an ordered list that applies. */

import {
  ConditionType,
  HotReloadedReason,
  ReadyReason,
  ReconcilingReason,
  RolledOutReason,
  SourcesValidReason,
  StalledReason,
  WorkloadReason,
} from '../api/v1alpha1/conditions.ts';
import { ALLOW_SCHEMA_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { HistoryEntry, LiveObjectStatus } from '../api/v1alpha1/types.ts';
import type { Wanted } from './conditions.ts';
import { claimWords, type Claim } from './live.ts';
import { tellNeed, type Need } from './needs.ts';
import { listed } from './listed.ts';
import { whyUnreadable, type Policy, type Source, type SourceId } from './observed.ts';
import { progressWords } from './proof-words.ts';
import type { Line } from './status-lines.ts';
import { unreadDocumentsOf } from './units.ts';
import { problemsOf } from './validation.ts';

export interface Facts {
  readonly policy: Policy & { readonly invalid?: string };
  readonly lines: readonly Line[];
  readonly sources: ReadonlyMap<SourceId, Source>;
  readonly unreadable: readonly string[];
  readonly claims: readonly Claim[];
  readonly liveObjects: readonly LiveObjectStatus[];
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
}

type Answer = Pick<Wanted, 'status' | 'reason' | 'message'>;

export const conditionsOf = (facts: Facts): readonly Wanted[] => {
  const ready = readyOf(facts);
  const stalled = stalledOf(ready);
  const reconciling = stalled === undefined ? reconcilingOf(facts) : undefined;
  return [
    { type: ConditionType.Ready, ...ready },
    { type: ConditionType.SourcesValid, ...sourcesValidOf(facts) },
    { type: ConditionType.HotReloaded, ...hotReloadedOf(facts) },
    { type: ConditionType.RolledOut, ...rolledOutOf(facts) },
    ...(reconciling === undefined ? [] : [{ type: ConditionType.Reconciling, ...reconciling }]),
    ...(stalled === undefined ? [] : [{ type: ConditionType.Stalled, ...stalled }]),
  ];
};

const readyOf = (facts: Facts): Answer => {
  const { policy, lines, sources, unreadable, claims, liveObjects } = facts;
  const inState = (...states: readonly Line['state'][]): readonly Line[] =>
    lines.filter(({ state }) => states.includes(state));
  const missing = missingSources(sources);
  const failing = inState('Error');
  const forbidden = failing.filter(({ reason }) => reason === WorkloadReason.Forbidden);
  const unproven = lines.filter(isUnproven);
  const absent = lines.filter(({ reason }) => reason === WorkloadReason.WorkloadMissing);
  const bound = lines.length - absent.length;
  const candidates: readonly (Answer | undefined)[] = [
    policy.invalid === undefined ? undefined : no(ReadyReason.InvalidSpec, policy.invalid),
    whenAny(claims, (found) => no(ReadyReason.InvalidSpec, listed(found.map(claimWords), SENTENCES))),
    when(unreadable.length > 0, () => no(ReadyReason.Forbidden, unreadable.join('; '))),
    when(forbidden.length > 0, () => no(ReadyReason.Forbidden, told(forbidden))),
    when(failing.length > 0, () => no(ReadyReason.Error, told(failing))),
    whenAny(inState('Failed'), (found) => no(ReadyReason.RolloutFailed, told(found))),
    whenAny(
      inState('TimedOut').filter(({ about }) => about !== 'Hot'),
      (found) => no(ReadyReason.RolloutTimedOut, told(found)),
    ),
    whenAny(
      inState('Held').filter(({ reason }) => reason === RolledOutReason.BudgetExhausted),
      (found) => no(ReadyReason.BudgetExhausted, told(found)),
    ),
    whenAny(unproven, (found) => no(ReadyReason.ProofTimeout, told(found.map(aboutProof)))),
    when(missing.length > 0, () => no(ReadyReason.SourceMissing, `${listed(missing)}: not found in this namespace`)),
    whenAny(unreadSources(sources), (found) => no(ReadyReason.SourceUnreadable, found.join('; '))),
    whenAny(invalidSources(facts), (found) => no(ReadyReason.SourceInvalid, listed(found, SENTENCES))),
    when(absent.length > 0, () => no(ReadyReason.WorkloadMissing, told(absent))),
    whenAny(inState('Restarting', 'Pending', 'Reloading'), (found) => no(ReadyReason.Progressing, told(found))),
    whenAny(inState('Blocked'), (found) => yes(ReadyReason.Blocked, told(found))),
    // What nobody mounts yet keeps no workload from anything, but whoever waits for it to be there has to know.
    whenAny(unrendered(liveObjects), (found) => yes(ReadyReason.Blocked, listed(found, SENTENCES))),
    when(policy.observes === true, () =>
      yes(ReadyReason.Observing, 'mode is Observe: what would be done is said, and nothing is touched'),
    ),
    when(policy.suspended, () => yes(ReadyReason.Suspended, 'suspend is set: nothing is done for this policy')),
    whenAny(inState('Held'), (found) => yes(ReadyReason.Held, told(found))),
    when(bound === 0, () => yes(ReadyReason.NoWorkloads, 'no workload of this namespace is bound')),
  ];
  return (
    first(candidates) ??
    yes(
      ReadyReason.UpToDate,
      [`${bound} ${bound === 1 ? 'workload' : 'workloads'} up to date`, ...unmounted(lines)].join('; '),
    )
  );
};

/** Live objects that can't be rendered, and why. */
const unrendered = (objects: readonly LiveObjectStatus[]): readonly string[] =>
  objects.flatMap(({ kind, name, state, message }) =>
    state === 'Blocked' || state === 'Contested' ? [message ?? `${kind} ${name} can't be rendered`] : [],
  );

/** Whoever has not mounted what is rendered has no more than direct delivery. */
const unmounted = (lines: readonly Line[]): readonly string[] => {
  const found = lines.flatMap(({ kind, name, unmounted: said = [] }) => said.map((each) => `${kind}/${name}: ${each}`));
  return found.length === 0 ? [] : [listed(found, SENTENCES)];
};

/** What no waiting cures. Rights are tried again all the same, but it takes somebody to grant them. */
const stalledOf = ({ reason, message }: Answer): Answer | undefined =>
  Object.values(StalledReason).some((each) => each === reason) ? { status: 'True', reason, message } : undefined;

const reconcilingOf = ({ lines }: Facts): Answer | undefined => {
  const as = (state: Line['state'], reason: string, of = lines): Answer | undefined =>
    whenAny(
      of.filter((line) => line.state === state),
      (found) => ({ status: 'True', reason, message: told(found) }),
    );
  return first([
    as('Restarting', ReconcilingReason.Progressing),
    as('Pending', ReconcilingReason.Debouncing),
    as('Reloading', ReconcilingReason.Nudging, lines.filter(isNudged)),
    as('Reloading', ReconcilingReason.Proving),
    as('Error', ReconcilingReason.Retrying),
  ]);
};

const sourcesValidOf = (facts: Facts): Answer => {
  const { lines, sources } = facts;
  const missing = missingSources(sources);
  const because = (reason: string): readonly Line[] => lines.filter((line) => line.reason === reason);
  const ignored = [...sources].flatMap(([id, { state }]) => (state === 'Ignored' ? [id] : []));
  return (
    first([
      when(missing.length > 0, () =>
        no(
          SourcesValidReason.SourceMissing,
          [`${listed(missing)}: not found in this namespace`, ...withNeed(lines, 'SourceMissing')].join('; '),
        ),
      ),
      whenAny(unreadSources(sources), (found) => no(SourcesValidReason.SourceUnreadable, found.join('; '))),
      whenAny(invalidSources(facts), (found) => no(SourcesValidReason.SourceInvalid, listed(found, SENTENCES))),
      whenAny(withNeed(lines, 'RequiredKeyMissing'), (found) =>
        no(SourcesValidReason.RequiredKeyMissing, found.join('; ')),
      ),
      whenAny(because(SourcesValidReason.ImmutableRecreated), (found) =>
        no(SourcesValidReason.ImmutableRecreated, told(found)),
      ),
      whenAny(unreadDocuments(facts), (found) => no(SourcesValidReason.DocumentUnreadable, listed(found, SENTENCES))),
      when(ignored.length > 0, () =>
        no(SourcesValidReason.SourceIgnored, `${listed(ignored)}: opted out by annotation`),
      ),
    ]) ??
    yes(
      SourcesValidReason.Valid,
      [`${sources.size} ${sources.size === 1 ? 'source' : 'sources'} present`, ...barredSchemas(facts)].join('; '),
    )
  );
};

const hotReloadedOf = ({ lines, history }: Facts): Answer => {
  const impossible = lines.flatMap((line) => line.impossible.map((key) => `${line.kind}/${line.name}: ${key}`));
  const impossibleCount = lines.reduce((sum, line) => sum + line.impossibleCount, 0);
  const latest = history.find(({ action }) => action === 'Hot');
  return (
    first([
      whenAny(
        lines.filter((line) => line.state === 'Reloading' && isNudged(line)),
        (found) => no(HotReloadedReason.Nudging, told(found)),
      ),
      ...lines.flatMap(({ kind, name, hotHold }) =>
        hotHold === undefined ? [] : [no(hotHold.reason, `${kind}/${name}: ${hotHold.message}`)],
      ),
      whenAny(lines.filter(isUnproven), (found) => no(HotReloadedReason.ProofTimeout, proofTold(found))),
      whenAny(
        lines.filter(({ delivery }) => delivery !== undefined),
        (found) => no(HotReloadedReason.Proving, proofTold(found)),
      ),
      when(impossible.length > 0, () =>
        no(HotReloadedReason.Impossible, `declared Hot, but can't be: ${listed(impossible, { of: impossibleCount })}`),
      ),
      when(latest?.outcome === 'Observed', () =>
        no(HotReloadedReason.Observed, `${latest?.workload ?? ''}: would have sent ${listed(latest?.keys ?? [])}`),
      ),
      latest === undefined
        ? undefined
        : yes(
            reasonOfHot(latest),
            `${latest.workload}: ${latest.pods} ${latest.pods === 1 ? 'pod' : 'pods'}, ${listed(latest.keys)}`,
          ),
    ]) ?? yes(HotReloadedReason.NoChange, 'no hot key has changed')
  );
};

const reasonOfHot = ({ pods, reason, outcome }: HistoryEntry): string => {
  // What was not proven, or not yet, when a restart came.
  if (outcome !== 'Succeeded') return HotReloadedReason.Restarted;
  if (reason === HotReloadedReason.NextRun) return reason;
  return pods === 0 ? HotReloadedReason.NoPods : (reason ?? HotReloadedReason.Nudged);
};

const isNudged = ({ reason }: Line): boolean => reason !== ReconcilingReason.Proving;

/** A hot change that was not proven in time, whatever else there is about the workload. */
const isUnproven = ({ delivery }: Line): boolean => delivery?.phase === 'TimedOut';

/** Its own words, where the line is about something else. */
const aboutProof = (line: Line): Line =>
  line.delivery === undefined || line.about === 'Hot' ? line : { ...line, message: progressWords(line.delivery) };

const proofTold = (lines: readonly Line[]): string =>
  listed(
    lines.flatMap(({ kind, name, delivery }) =>
      delivery === undefined ? [] : [`${kind}/${name}: ${progressWords(delivery)}`],
    ),
    { most: 3, by: '; ' },
  );

/** The worst first. */
const UNFINISHED: readonly Line['state'][] = ['Failed', 'TimedOut', 'Blocked', 'Held', 'Restarting', 'Pending'];

const rolledOutOf = ({ lines: all, history }: Facts): Answer => {
  const lines = all.filter(({ about }) => about !== 'Hot');
  const worst = UNFINISHED.find((state) => lines.some((line) => line.state === state));
  const found = lines.filter(({ state }) => state === worst);
  if (worst !== undefined) return no(found[0]?.reason ?? worst, told(found));
  const latest = history.find(
    ({ action, outcome }) => action === 'Restart' && (outcome === 'Succeeded' || outcome === 'Observed'),
  );
  if (latest === undefined) return yes(RolledOutReason.NoChange, 'no key that needs a restart has changed');
  if (latest.outcome === 'Observed')
    return no(RolledOutReason.Observed, `${latest.workload}: would have restarted: ${latest.message ?? ''}`);
  return yes(latest.reason ?? RolledOutReason.Complete, `${latest.workload}: ${latest.message ?? ''}`);
};

/** Whose pods can't start, and why: whether a restart is due or not, the next pod will be the one that hangs. */
const withNeed = (lines: readonly Line[], reason: Need['reason']): readonly string[] => {
  const found = lines.flatMap(({ kind, name, needs = [] }) =>
    needs.flatMap((need) => (need.reason === reason ? [`${kind}/${name}: ${tellNeed(need)}`] : [])),
  );
  return found.length === 0 ? [] : [listed(found, { most: 3 })];
};

const missingSources = (sources: Facts['sources']): readonly SourceId[] =>
  [...sources].flatMap(([id, { state }]) => (state === 'Missing' ? [id] : []));

const unreadSources = (sources: Facts['sources']): readonly string[] =>
  [...sources].flatMap(([id, source]) => {
    const why = source.state === 'Unknown' ? (source.message ?? 'not read yet') : whyUnreadable(source);
    return why === undefined ? [] : [`${id}: ${why}`];
  });

/** What this policy's validation refuses, one sentence for each. */
const invalidSources = ({ policy, sources }: Facts): readonly string[] =>
  [...sources].flatMap(([id, source]) => problemsOf(source, [policy.name]).map((problem) => `${id}: ${problem}`));

/** Schemas that say nothing, since the owner of a Secret has to allow them: whoever wrote them should know. */
const barredSchemas = ({ policy, sources }: Facts): readonly string[] => {
  const schemas = (policy.validation ?? []).some(({ schema }) => schema !== undefined);
  const barred = [...sources].flatMap(([id, source]) =>
    schemas && source.state === 'Present' && source.schemasBarred === true ? [id] : [],
  );
  return barred.length === 0
    ? []
    : [`no schema is applied to ${listed(barred)} without the annotation ${ALLOW_SCHEMA_ANNOTATION}: "true" on it`];
};

/** Documents that this policy's rules look into, but that don't parse. */
const unreadDocuments = ({ policy, sources }: Facts): readonly string[] =>
  [...sources].flatMap(([id, source]) => unreadDocumentsOf(source, policy.name).map((each) => `${id}: ${each}`));

/** Whole sentences stand in a list by themselves. */
const SENTENCES = { most: 5, by: '; ' } as const;

/** The first few lines, each with its own words. */
const told = (lines: readonly Line[]): string =>
  listed(
    lines.map(({ kind, name, message }) => `${kind}/${name}${message === '' ? '' : `: ${message}`}`),
    { most: 3 },
  );

const yes = (reason: string, message: string): Answer => ({ status: 'True', reason, message });
const no = (reason: string, message: string): Answer => ({ status: 'False', reason, message });
const when = (applies: boolean, answer: () => Answer): Answer | undefined => (applies ? answer() : undefined);
const whenAny = <T>(found: readonly T[], answer: (found: readonly T[]) => Answer): Answer | undefined =>
  found.length === 0 ? undefined : answer(found);
const first = (answers: readonly (Answer | undefined)[]): Answer | undefined =>
  answers.find((answer) => answer !== undefined);
