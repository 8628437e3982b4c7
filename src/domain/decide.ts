/**
 * The decision: what is known of one workload and what time it is go in, a plan comes out. Pure.
 *
 * The order is the policy: adopt what is new, recognise what a crash left behind, follow what is under way, find out
 * what differs, let others' rollouts count, wait for the burst to end, ask the gates, then act.
 */

import { adopt, emptyLedger } from './adoption.ts';
import { sweep } from './after-rollback.ts';
import { carriedByOthers } from './carried-by-others.ts';
import { withoutFuture } from './clocks.ts';
import { withoutConsentIn, withPresentConsent } from './consent.ts';
import { someMayHaveStartedSince } from './containers.ts';
import { deliveryDueMs, followDelivery, proofOrder } from './delivery.ts';
import { compare, overlay } from './difference.ts';
import { bareDigest } from './digest.ts';
import type { Plan } from './effects.ts';
import { RECOVERED } from './failure-words.ts';
import { follow, isCarriedByOthers, nextLook, wantsWarnings } from './follow.ts';
import { holdOf, isContentRefused } from './gates.ts';
import { holding, holdingAway, waitedForOthers } from './holding.ts';
import { recogniseIssued } from './issued.ts';
import {
  arrivedOf,
  behindLive,
  mayBeCarriedByOthers,
  orderToComplete,
  orderToFollow,
  settleIntent,
} from './managed.ts';
import { noticesOf } from './notices.ts';
import { sourceId, type Changes, type Ledger, type Observed, type Restart } from './observed.ts';
import { chooseNudge, orderForUnproven, orderOf, holdingUnproven } from './orders.ts';
import { nudged, withEntry } from './outcomes.ts';
import { firstDifferedAt, pendingOf, withoutPending } from './pending.ts';
import { changedPlaces } from './places.ts';
import { alsoSaid, onlySaid, withoutWaits } from './say.ts';
import { questionOf, withoutAwaited, withoutHeld, type Choice, type Situation } from './situation.ts';
import { takeUp } from './take-up.ts';
import { currentUndo, followUndo, intendUndo, recovered, sinceFailed, undoDueMs, undoMode, undoOrder } from './undo.ts';
import { ignoredVerdict, notItsOwnVerdict, verdictOf } from './verdict.ts';

/** A burst that never pauses is acted on after this many debounces. */
const LONGEST_BURST = 10;

export const decide = (observed: Observed, now: number): Plan => {
  const enforcing = observed.policies.filter(({ observes }) => observes !== true);
  if (enforcing.length === observed.policies.length) return decideFor(observed, now);
  if (enforcing.length === 0) {
    const plan = decideFor(withoutWaits(observed), now);
    return plan.type === 'Act' ? onlySaid(observed, plan, now) : plan;
  }
  const plan = decideFor({ ...observed, policies: enforcing }, now);
  return plan.type === 'Act' ? alsoSaid(observed, plan, now) : plan;
};

/** Whether a rollout is about to be found to have failed: then it is worth asking the cluster why. */
export const isFailing = (observed: Observed, now: number): boolean =>
  observed.policies.length > 0 && wantsWarnings(observed, progressTimeout(observed), now);

const decideFor = (seen: Observed, now: number): Plan => {
  if (seen.workload.ignored || seen.policies.length === 0) return { type: 'Forget', verdict: ignoredVerdict(seen) };
  const { notItsOwn } = seen.workload;
  if (notItsOwn !== undefined) return { type: 'Forget', verdict: notItsOwnVerdict(notItsOwn) };

  const adopted = adopt(seen, withoutFuture(seen.ledger ?? emptyLedger(seen, now), now));
  if (adopted === undefined) return { type: 'LookAtPods' };
  const recognised = recogniseIssued(seen, settleIntent(seen, adopted, now), now);
  const observed = recognised.recognised ? withoutPending(seen) : seen;
  const restarted = followLatest(observed, recognised.ledger, now);
  if (restarted === undefined) return { type: 'LookAtPods' };
  const { ledger: followed, unproven } = followDelivery(observed, restarted, isUnderWay(restarted.restart), now);

  const { forced, unsettled } = recognised;
  const asked = takeUp({ observed, ledger: withoutAwaited(followed), forced, unproven: unproven !== undefined, now });
  const situationOf = (from: Ledger): Situation => {
    const difference = compare(observed, from);
    const { applied, immutable } = difference;
    const ledger = withPresentConsent(observed, { ...from, applied, immutable }, difference);
    return { observed, ledger, difference, forced, unproven, unsettled, now };
  };
  const first = chooseRestart(situationOf(asked.ledger));
  if (first === 'LookAtPods') return { type: 'LookAtPods' };
  // A newer change takes the place of what failed: then there is nothing to undo.
  const mode = first.order === undefined && first.waitMs === undefined ? undoMode(observed, first.ledger) : undefined;
  const chosen = mode === undefined ? first : chooseRestart(situationOf(intendUndo(first.ledger, mode, now)));
  if (chosen === 'LookAtPods') return { type: 'LookAtPods' };
  const next = { ...chosen, ledger: withoutFailure(observed, chosen, now) };

  const hot = next.hotWaits ? new Map() : arrivedOf(observed, next.difference.hot);
  const nudge = chooseNudge(observed, hot, next.difference, next.ledger);
  const leavePods = isContentRefused(observed);
  // A restart ends what is to be proven; what is about to be sent is pursued as soon as it has been.
  const sent = nudge === undefined ? next.ledger : nudged(next.ledger, nudge, 0, now);
  const prove = next.order === undefined ? proofOrder(observed, sent, now) : undefined;
  const undo = next.order === undefined ? undoOrder(observed, next.ledger) : undefined;
  const requeueAfterMs = earliest(
    next.waitMs,
    next.lookMs,
    recognised.settledInMs,
    progressDeadline(observed, next.ledger.restart, now),
    undoDueMs(next.ledger, progressTimeout(observed), now),
    deliveryDueMs(observed, next.ledger, now),
    lookAgain(observed, next.ledger.restart, now),
  );
  return {
    type: 'Act',
    ledger: next.ledger,
    ...(next.pending !== undefined && { pending: next.pending }),
    ...(nudge !== undefined && { nudge }),
    ...(next.order !== undefined && { restart: next.order }),
    // A rollback is recorded when it is known what is gone back to.
    ...(undo !== undefined && { undo, ...(undo.live === undefined && { recordFirst: true }) }),
    ...(prove !== undefined && { prove }),
    ...(asked.recordFirst && { recordFirst: true }),
    leavePods,
    followPods: !leavePods && (next.order !== undefined || isUnderWay(next.ledger.restart)),
    hotDigest: bareDigest(next.difference.hotDigest),
    notices: noticesOf(observed.ledger, next.ledger),
    ...(requeueAfterMs !== undefined && { requeueAfterMs }),
    verdict: verdictOf({
      observed,
      ledger: next.ledger,
      difference: next.difference,
      waits: next.waitMs !== undefined,
      ...(next.hold !== undefined && { hold: next.hold }),
      unproven: unproven !== undefined,
      now,
    }),
  };
};

/** What was done last: the restart or, where that is being undone, the undo. */
const followLatest = (observed: Observed, ledger: Ledger, now: number): Ledger | undefined =>
  currentUndo(ledger) === undefined
    ? followRestart(observed, ledger, now)
    : sweep(observed, ledger, followUndo(observed, ledger, progressTimeout(observed), now), now);

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
    ...(restart.reason !== undefined && { reason: isWayBack(ledger, restart) ? RECOVERED : restart.reason }),
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

/** Content that had failed is gone, and what was there before took a restart to be in every container again. */
const isWayBack = ({ failed }: Ledger, { phase, changes }: Restart): boolean =>
  failed !== undefined && phase === 'Succeeded' && changes.size === 0;

const withoutFailure = (observed: Observed, { ledger, difference, order, waitMs }: Choice, now: number): Ledger =>
  recovered(observed, ledger, difference.restart.size === 0 && order === undefined && waitMs === undefined, now);

const chooseRestart = (situation: Situation): Choice | 'LookAtPods' => {
  const { observed, ledger, difference, now } = situation;
  if (ledger.intent !== undefined) {
    const order = orderToComplete(observed, ledger, ledger.intent, now);
    return { ledger: withoutHeld(ledger), difference, order, hotWaits: true };
  }
  // What is about to be gone back from is not followed any further.
  const behind = currentUndo(ledger)?.phase === 'Intended' ? undefined : behindLive(observed, ledger);
  if (behind !== undefined) {
    const order = orderToFollow(observed, orderOf({ ...situation, difference: behind }, false), now);
    return { ledger: withoutHeld(ledger), difference, order, hotWaits: true };
  }
  let forced = situation.forced;
  const since = firstDifferedAt(situation);
  if (difference.restart.size === 0 && !forced && since !== undefined) {
    // In Direct mode content that came back is clean only if no container started on what was there in between.
    if (observed.pods === undefined) return 'LookAtPods';
    forced = someMayHaveStartedSince(observed.workload, observed.pods, since);
  }
  const unproven = orderForUnproven(situation, forced);
  if (difference.restart.size === 0 && !forced) {
    const away = holdingAway(situation);
    const open = away === undefined ? withoutHeld(ledger) : { ...ledger, held: away };
    if (unproven !== undefined) return { ledger: open, difference, order: unproven, hotWaits: true };
    const left = situation.unproven === undefined ? withoutConsentIn(observed, open) : open;
    return { ...holdingUnproven(situation, left), difference, hotWaits: false };
  }

  const hold = situation.unsettled ?? holdOf(questionOf(situation), difference.restart);
  const released = ledger.held !== undefined && hold === undefined;
  const carried = mayBeCarriedByOthers(observed, difference.restart) ? carriedByOthers(situation, released) : undefined;
  if (carried === 'LookAtPods') return 'LookAtPods';
  if (carried !== undefined) return { ...carried, hotWaits: false };

  const pending = pendingOf(situation, since, released && !waitedForOthers(ledger.held));
  if (hold !== undefined)
    return unproven === undefined
      ? holding(situation, sinceFailed(pending, ledger), hold)
      : { ledger: withoutHeld(ledger), difference, pending, order: unproven, hotWaits: true };

  const debounceMs = debounce(observed, difference.restart);
  const dueAt = Math.min(pending.lastAt + debounceMs, pending.burstAt + LONGEST_BURST * debounceMs);
  if (now < dueAt && !forced)
    return { ledger: withoutHeld(ledger), difference, pending, hotWaits: true, waitMs: dueAt - now };
  return { ledger: withoutHeld(ledger), difference, pending, order: orderOf(situation, forced), hotWaits: true };
};

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

/** Pods of a template that is not ours tell nothing of the restart: nobody looks at them before its time is over. */
const lookAgain = (observed: Observed, restart: Restart | undefined, now: number): number | undefined =>
  isUnderWay(restart) && !isCarriedByOthers(observed, restart)
    ? Math.max(0, nextLook(restart, observed.podsSeenAt) - now)
    : undefined;

/** One that is blocked waits for a person, not for a time, and starts no pods. */
const isUnderWay = (restart: Restart | undefined): restart is Restart =>
  restart?.phase === 'InProgress' && restart.reason === undefined;

const earliest = (...waits: readonly (number | undefined)[]): number | undefined => {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};
