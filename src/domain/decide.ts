/**
 * The decision: what is known of one workload and what time it is go in, a plan comes out. Pure.
 *
 * The order is the policy: adopt what is new, recognise what a crash left behind, follow what is under way, find out
 * what differs, let others' rollouts count, wait for the burst to end, ask the gates, then act.
 */

import { adopt, emptyLedger } from './adoption.ts';
import { formatRestartAnnotation } from './annotation.ts';
import { allRunSince, someMayHaveStartedSince } from './containers.ts';
import {
  anyIsBack,
  changedKeys,
  compare,
  consumedSources,
  onlyFrom,
  overlay,
  signatureOf,
  type Difference,
} from './difference.ts';
import { deliveryAfter, deliveryDueMs, followDelivery, proofOrder } from './delivery.ts';
import { bareDigest } from './digest.ts';
import type { Nudge, Plan, RestartOrder } from './effects.ts';
import { follow, nextLook } from './follow.ts';
import { hotHold, isContentRefused, notRecreated, restartHold, suspended, type Hold } from './gates.ts';
import { listed, noticesOf } from './notices.ts';
import {
  sourceId,
  type Changes,
  type Held,
  type Ledger,
  type Observed,
  type Pending,
  type Restart,
  type SourceId,
  type Workload,
} from './observed.ts';
import { carried, nudged, withEntry } from './outcomes.ts';
import { changedPlaces } from './places.ts';
import { desiredPods } from './rollout.ts';
import { alsoSaid, onlySaid } from './say.ts';
import { ignoredVerdict, verdictOf } from './verdict.ts';

/** A burst that never pauses is acted on after this many debounces. */
const LONGEST_BURST = 10;

export const decide = (observed: Observed, now: number): Plan => {
  const enforcing = observed.policies.filter(({ observes }) => observes !== true);
  if (enforcing.length === observed.policies.length) return decideFor(observed, now);
  if (enforcing.length === 0) {
    const plan = decideFor(observed, now);
    return plan.type === 'Act' ? onlySaid(observed, plan, now) : plan;
  }
  const plan = decideFor({ ...observed, policies: enforcing }, now);
  return plan.type === 'Act' ? alsoSaid(observed, plan, now) : plan;
};

const decideFor = (observed: Observed, now: number): Plan => {
  if (observed.workload.ignored || observed.policies.length === 0)
    return { type: 'Forget', verdict: ignoredVerdict(observed) };

  const adopted = adopt(observed, observed.ledger ?? emptyLedger(observed, now));
  if (adopted === undefined) return { type: 'LookAtPods' };
  const recognised = recogniseIssued(observed, adopted, now);
  const restarted = followRestart(observed, recognised.ledger, now);
  if (restarted === undefined) return { type: 'LookAtPods' };
  const { ledger: followed, unproven } = followDelivery(observed, restarted, isUnderWay(restarted.restart), now);

  const difference = compare(observed, followed);
  const ledger: Ledger = { ...followed, applied: difference.applied, immutable: difference.immutable };
  const { forced, unsettled } = recognised;
  const next = chooseRestart({ observed, ledger, difference, forced, unproven, unsettled, now });
  if (next === 'LookAtPods') return { type: 'LookAtPods' };

  const hot = next.hotWaits ? new Map() : next.difference.hot;
  const nudge = chooseNudge(observed, hot, next.difference, next.ledger);
  const leavePods = isContentRefused(observed);
  // A restart ends what is to be proven; what is about to be sent is pursued as soon as it has been.
  const sent = nudge === undefined ? next.ledger : nudged(next.ledger, nudge, 0, now);
  const prove = next.order === undefined ? proofOrder(observed, sent, now) : undefined;
  const requeueAfterMs = earliest(
    next.waitMs,
    progressDeadline(observed, next.ledger.restart, now),
    deliveryDueMs(observed, next.ledger, now),
    lookAgain(observed, next.ledger.restart, now),
  );
  return {
    type: 'Act',
    ledger: next.ledger,
    ...(next.pending !== undefined && { pending: next.pending }),
    ...(nudge !== undefined && { nudge }),
    ...(next.order !== undefined && { restart: next.order }),
    ...(prove !== undefined && { prove }),
    leavePods,
    followPods: !leavePods && (next.order !== undefined || isUnderWay(next.ledger.restart)),
    hotDigest: bareDigest(difference.hotDigest),
    notices: noticesOf(observed.ledger, next.ledger),
    ...(requeueAfterMs !== undefined && { requeueAfterMs }),
    verdict: verdictOf({
      observed,
      ledger: next.ledger,
      difference: next.difference,
      waits: next.waitMs !== undefined,
      unproven: unproven !== undefined,
    }),
  };
};

/**
 * A restart that was issued right before a crash is in the annotation but not in the record (design law 10). With the
 * present content in it, it is taken as issued; with other content, the pods may run on that: one more restart is due.
 * While a source can't be read, nobody can tell which.
 */
const recogniseIssued = (
  observed: Observed,
  ledger: Ledger,
  now: number,
): { readonly ledger: Ledger; readonly forced: boolean; readonly unsettled?: Hold } => {
  const annotation = unrecordedRestart(observed, ledger);
  if (annotation === undefined) return { ledger, forced: false };
  const unread = [...consumedSources(observed).keys()].find((id) => isUnknown(observed, id));
  if (unread !== undefined) {
    const message = `${unread} can't be read, so that nobody can tell whether restart ${annotation.n} carries the present content`;
    return { ledger, forced: false, unsettled: { reason: 'SourceUnreadable', message } };
  }
  const difference = compare(observed, ledger);
  if (annotation.digest !== bareDigest(difference.restartDigest)) return { ledger, forced: true };
  const restart: Restart = {
    n: annotation.n,
    digest: annotation.digest,
    origin: 'Issued',
    issuedAt: now,
    templateHash: observed.workload.templateHash,
    phase: 'InProgress',
    changes: difference.carried,
  };
  return { ledger: { ...carried(ledger, restart, now), restart }, forced: false };
};

/** The annotation of a restart of ours that the record does not know. */
const unrecordedRestart = ({ workload: { annotation } }: Observed, ledger: Ledger): Workload['annotation'] =>
  annotation?.ours === true && annotation.n > (ledger.restart?.n ?? 0) ? annotation : undefined;

const isUnknown = ({ sources }: Observed, id: SourceId): boolean =>
  (sources.get(id) ?? { state: 'Unknown' }).state === 'Unknown';

const followRestart = (observed: Observed, ledger: Ledger, now: number): Ledger | undefined => {
  if (ledger.restart === undefined) return ledger;
  const restart = follow(observed, ledger.restart, progressTimeout(observed), now);
  if (restart === undefined) return undefined;
  if (restart.phase === ledger.restart.phase && restart.finishedAt === ledger.restart.finishedAt)
    return { ...ledger, restart };
  const entry = {
    time: restart.finishedAt ?? now,
    action: 'Restart',
    outcome: restart.phase,
    ...(restart.reason !== undefined && { reason: restart.reason }),
    ...(restart.message !== undefined && { message: restart.message }),
    keys: changedPlaces(observed, ledger.applied, restart.changes),
    pods: restart.pods ?? 0,
  } as const;
  // A rollout of others that proves nothing is no outcome of ours: what it left undone is done next.
  const succeeded = restart.phase === 'Succeeded';
  return {
    ...(restart.reason === 'NotCarried' ? ledger : withEntry(ledger, entry)),
    // A restart that succeeded needs to remember only how far the count has got.
    restart: succeeded ? { ...restart, changes: new Map() } : restart,
    applied: succeeded ? overlay(ledger.applied, restart.changes) : ledger.applied,
  };
};

interface Situation {
  readonly observed: Observed;
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly forced: boolean;
  /** A hot change was not proven in time, and a policy wants a restart then: why it was not. */
  readonly unproven: string | undefined;
  /** Nothing can be decided before this is settled. */
  readonly unsettled: Hold | undefined;
  readonly now: number;
}

interface Choice {
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly pending?: Pending;
  readonly order?: RestartOrder;
  /** The hot part goes with a restart that is due. */
  readonly hotWaits: boolean;
  readonly waitMs?: number;
}

const chooseRestart = (situation: Situation): Choice | 'LookAtPods' => {
  const { observed, ledger, difference, now } = situation;
  let forced = situation.forced;
  const since = firstDifferedAt(situation);
  if (difference.restart.size === 0 && !forced && since !== undefined) {
    // In Direct mode content that came back is clean only if no container started on what was there in between.
    if (observed.pods === undefined) return 'LookAtPods';
    forced = someMayHaveStartedSince(observed.workload, observed.pods, since);
  }
  const unproven = orderForUnproven(situation, forced);
  if (difference.restart.size === 0 && !forced) {
    const choice = { ledger: withoutHeld(ledger), difference };
    return unproven === undefined ? { ...choice, hotWaits: false } : { ...choice, order: unproven, hotWaits: true };
  }

  const hold = situation.unsettled ?? holdFor(observed, difference.restart);
  const released = ledger.held !== undefined && hold === undefined;
  const carried = carriedByOthers(situation, released);
  if (carried === 'LookAtPods') return 'LookAtPods';
  if (carried !== undefined) return { ...carried, hotWaits: false };

  const pending = pendingOf(situation, since, released);
  if (hold !== undefined)
    return unproven === undefined
      ? holding(situation, pending, hold)
      : { ledger: withoutHeld(ledger), difference, pending, order: unproven, hotWaits: true };

  const debounceMs = debounce(observed, difference.restart);
  const dueAt = Math.min(pending.lastAt + debounceMs, pending.burstAt + LONGEST_BURST * debounceMs);
  if (now < dueAt && !forced)
    return { ledger: withoutHeld(ledger), difference, pending, hotWaits: true, waitMs: dueAt - now };
  return { ledger: withoutHeld(ledger), difference, pending, order: orderOf(situation, forced), hotWaits: true };
};

/** Since when the content may have differed from what is applied, where it no longer does by having come back. */
const firstDifferedAt = ({ observed, ledger }: Situation): number | undefined => {
  const { pending } = observed;
  const isBack = (changes: Changes): boolean => changes.size === 0 || anyIsBack(observed, changes);
  const times = [
    ...(pending !== undefined && isBack(pending.changes) ? [pending.changedAfter ?? pending.firstAt] : []),
    ...(ledger.held !== undefined && isBack(ledger.held.changes)
      ? [ledger.held.changedAfter ?? ledger.held.since]
      : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times);
};

const pendingOf = (
  { observed, difference: { restart: changes }, now }: Situation,
  since: number | undefined,
  released: boolean,
): Pending => {
  const before = observed.pending;
  if (!released && before !== undefined && signatureOf(before.changes) === signatureOf(changes)) return before;
  const sources = [...changes.keys()].flatMap((id) => observed.sources.get(id) ?? []);
  const seen = sources.flatMap((source) =>
    source.state === 'Present' && source.seenToChange ? [source.changedAt] : [],
  );
  // What is let go is often followed by edits: they are one burst.
  const lastAt = released || seen.length === 0 ? now : Math.min(now, Math.max(...seen));
  const held = observed.ledger?.held;
  const changedAfter =
    before?.changedAfter ??
    held?.changedAfter ??
    (before === undefined && held === undefined && seen.length < sources.length
      ? lastKnownAt(observed.ledger)
      : undefined);
  return {
    changes,
    firstAt: before?.firstAt ?? held?.since ?? since ?? lastAt,
    ...(changedAfter !== undefined && { changedAfter }),
    burstAt: released ? now : (before?.burstAt ?? lastAt),
    lastAt,
  };
};

/** The latest time at which the record says that nothing was left to do: what is found later has changed since. */
const lastKnownAt = (ledger: Ledger | undefined): number =>
  Math.max(ledger?.adoptedAt ?? 0, ...(ledger?.history ?? []).map(({ time }) => time));

/**
 * A rollout of others that provably carries the change counts (design law 4): it is followed instead of adding ours;
 * and content that changed while nobody watched, or while it was held, may be in all containers already.
 *
 * @param released the change has been held and is so no longer
 */
const carriedByOthers = (
  { observed, ledger, difference, now }: Situation,
  released: boolean,
):
  { readonly ledger: Ledger; readonly difference: Difference; readonly waitMs?: number } | 'LookAtPods' | undefined => {
  const { workload, pods } = observed;
  const changed = [...difference.restart.keys()].flatMap((id) => {
    const source = observed.sources.get(id);
    return source?.state === 'Present' ? [source] : [];
  });
  // Of a source that was immutable kubelets may give the earlier content to new containers too.
  if (changed.length === 0 || notRecreated(observed, new Set(difference.restart.keys())) !== undefined)
    return undefined;
  const lastChange = Math.max(...changed.map(({ changedAt }) => changedAt));

  const watched = changed.every(({ seenToChange }) => seenToChange);

  if (watched && !isOnDelete(observed)) {
    const disproved = ledger.restart?.reason === 'NotCarried' && ledger.restart.templateHash === workload.templateHash;
    if (observed.templateSeenAt > lastChange && !disproved) {
      const restart: Restart = {
        n: Math.max(ledger.restart?.n ?? 0, workload.annotation?.n ?? 0),
        digest: bareDigest(difference.restartDigest),
        origin: 'Foreign',
        issuedAt: now,
        carriesSince: lastChange,
        templateHash: workload.templateHash,
        phase: 'InProgress',
        changes: difference.carried,
      };
      const next = { ...withoutHeld(ledger), restart };
      // It may be complete already: look at once.
      return { ledger: next, difference: compare(observed, next), waitMs: 0 };
    }
    if (!released) return undefined;
  }
  // Content that changed while nobody watched or while it was held, or pods that are restarted by hand: only the
  // containers tell. When a key was removed unwatched can't be told: managed fields don't date it.
  const removed = [...difference.restart.values()].some((keys) => [...keys.values()].includes(''));
  if (desiredPods(workload.rollout) === 0 || (removed && !watched)) return undefined;
  if (pods === undefined) return 'LookAtPods';
  // The second of the change itself proves nothing: a container that started in it may have started before.
  return pods.length >= desiredPods(workload.rollout) && allRunSince(workload, pods, lastChange + 1_000)
    ? arrived({ observed, ledger, difference, now }, pods.length)
    : undefined;
};

/** All pods provably run on the change: it is applied without our doing anything. */
const arrived = (
  { observed, ledger, difference, now }: Pick<Situation, 'observed' | 'ledger' | 'difference' | 'now'>,
  pods: number,
): { readonly ledger: Ledger; readonly difference: Difference } => {
  const next = withEntry(
    {
      ...withoutHeld(ledger),
      ...overtaken(observed, ledger, now),
      applied: overlay(ledger.applied, difference.restart),
    },
    {
      time: now,
      action: 'Restart',
      outcome: 'Succeeded',
      reason: 'AlreadyCarried',
      message: 'every container had started since',
      keys: changedKeys(difference.restart),
      pods,
    },
  );
  return { ledger: next, difference: compare(observed, next) };
};

/** A restart that was issued before a crash and is overtaken by what the pods run on: it is over, and only counts. */
const overtaken = (observed: Observed, ledger: Ledger, now: number): Pick<Ledger, 'restart'> => {
  const annotation = unrecordedRestart(observed, ledger);
  if (annotation === undefined) return {};
  const { n, digest } = annotation;
  const { templateHash } = observed.workload;
  const over = { origin: 'Issued', phase: 'Succeeded', reason: 'AlreadyCarried', changes: new Map() } as const;
  return { restart: { n, digest, templateHash, issuedAt: now, ...over } };
};

const holdFor = (observed: Observed, changes: Changes): Hold | undefined => {
  const free = onlyFrom(changes, (id) => suspended(observed, new Set([id])) === undefined);
  return restartHold(
    observed,
    new Set((free.size > 0 ? free : changes.size > 0 ? changes : consumedSources(observed)).keys()),
  );
};

const holding = ({ ledger, difference }: Situation, pending: Pending, hold: Hold): Choice => {
  const before = ledger.held;
  const changedAfter = before === undefined ? pending.changedAfter : before.changedAfter;
  const held: Held = {
    since: before?.since ?? pending.firstAt,
    ...(changedAfter !== undefined && { changedAfter }),
    ...hold,
    changes: difference.restart,
  };
  const same =
    before?.reason === held.reason &&
    before.message === held.message &&
    signatureOf(before.changes) === signatureOf(held.changes);
  return { ledger: { ...ledger, held: same ? before : held }, difference, pending, hotWaits: false };
};

/** A restart for a hot change that was not proven in time, unless something holds it. */
const orderForUnproven = (situation: Situation, forced: boolean): RestartOrder | undefined => {
  const { observed, ledger, unproven, unsettled } = situation;
  if (unproven === undefined || unsettled !== undefined) return undefined;
  const hold = restartHold(observed, new Set(ledger.delivery?.changes.keys()));
  return hold === undefined ? orderOf(situation, forced) : undefined;
};

const orderOf = ({ observed, ledger, difference, unproven }: Situation, forced: boolean): RestartOrder => {
  const n = Math.max(ledger.restart?.n ?? 0, observed.workload.annotation?.n ?? 0) + 1;
  const keys = changedKeys(difference.restart);
  const places = changedPlaces(observed, ledger.applied, difference.restart);
  const impossible = keys.flatMap((key) => {
    const why = difference.impossible.get(key);
    return why === undefined ? [] : [`${key}: ${why}`];
  });
  const alongside = changedKeys(onlyFrom(difference.restart, (id) => suspended(observed, new Set([id])) !== undefined));
  const cause = [
    ...(keys.length > 0 ? [`changed: ${listed(places)}`] : []),
    ...(forced && keys.length === 0 ? ['content came back after containers had started on other content'] : []),
    ...(unproven !== undefined ? [`${listed(ledger.delivery?.places ?? [])}: ${unproven}`] : []),
    ...(alongside.length > 0 ? [`carries what a suspended policy holds: ${listed(alongside)}`] : []),
    ...(impossible.length > 0 ? [`declared Hot, but can't be: ${listed(impossible)}`] : []),
  ].join('; ');
  return {
    n,
    value: formatRestartAnnotation(n, difference.restartDigest),
    digest: bareDigest(difference.restartDigest),
    changes: difference.carried,
    keys: places,
    cause,
    ...(unproven !== undefined && { unproven }),
  };
};

const chooseNudge = (
  observed: Observed,
  hot: Changes,
  difference: Difference,
  { applied, delivery: before }: Ledger,
): Nudge | undefined => {
  const free = onlyFrom(hot, (id) => hotHold(observed, new Set([id])) === undefined);
  if (free.size === 0) return undefined;
  const keys = changedPlaces(observed, applied, free);
  const delivery = deliveryAfter(observed, before, free, keys);
  return {
    digest: bareDigest(difference.hotDigest),
    changes: free,
    keys,
    ...(delivery !== undefined && { delivery }),
  };
};

const isOnDelete = ({ workload }: Observed): boolean =>
  workload.rollout.kind !== 'Deployment' && workload.rollout.onDelete;

const withoutHeld = ({ held: _held, ...ledger }: Ledger): Ledger => ledger;

/** The strictest limits of all policies hold: the longest debounce of those that name a changed source. */
const debounce = (observed: Observed, changes: Changes): number =>
  Math.max(
    0,
    ...observed.policies
      .filter(({ sources }) => sources.some((source) => changes.has(sourceId(source))))
      .map(({ debounceMs }) => debounceMs),
  );

const progressTimeout = ({ policies }: Observed): number =>
  Math.min(...policies.map(({ progressTimeoutMs }) => progressTimeoutMs));

const progressDeadline = (observed: Observed, restart: Restart | undefined, now: number): number | undefined =>
  isUnderWay(restart) ? Math.max(0, restart.issuedAt + progressTimeout(observed) - now) + 1 : undefined;

const lookAgain = ({ podsSeenAt }: Observed, restart: Restart | undefined, now: number): number | undefined =>
  isUnderWay(restart) && restart.origin === 'Issued' ? Math.max(0, nextLook(restart, podsSeenAt) - now) : undefined;

/** One that is blocked waits for a person, not for a time, and starts no pods. */
const isUnderWay = (restart: Restart | undefined): restart is Restart =>
  restart?.phase === 'InProgress' && restart.reason === undefined;

const earliest = (...waits: readonly (number | undefined)[]): number | undefined => {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};
