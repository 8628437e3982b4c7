/** How a restart ends: the rollout is followed until it is proven, or until it has failed (design law 9). */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import { allStartedSince } from './containers.ts';
import { isOfFailure } from './failure-words.ts';
import type { Observed, Restart } from './observed.ts';
import { completeReason, rolloutBlocker, rolloutPause, rolloutProgress } from './rollout.ts';
import { LONGEST_CAUSE, rolloutCause, type RolloutCause } from './rollout-cause.ts';

/** Most rollouts are over before the first look at their pods. */
const FIRST_LOOK_MS = 5_000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * When a restart's pods are to be looked at next, as long as it is under way: that a container keeps ending moves
 * nothing in its workload.
 */
export const nextLook = (restart: Restart, podsSeenAt = 0): number => {
  const elapsed = Math.max(0, podsSeenAt - restart.issuedAt);
  return Math.max(restart.issuedAt, podsSeenAt) + Math.min(Math.max(FIRST_LOOK_MS, elapsed / 6), LONGEST_PAUSE_MS);
};

/**
 * The restart as it stands now. A failed one is still followed: it may recover.
 * @param timeoutMs how long a rollout may take
 * @returns undefined where the workload's pods must be known to tell
 */
export const follow = (observed: Observed, restart: Restart, timeoutMs: number, now: number): Restart | undefined => {
  if (restart.phase === 'Succeeded' || restart.reason === 'NotCarried') return restart;
  const { workload, pods } = observed;
  const progress = rolloutProgress(workload.rollout);
  const blocker = rolloutBlocker(workload.rollout) ?? rolloutPause(workload.rollout);
  // Complete counts though nothing would move any more: pods may have been replaced before, or by hand.
  if (blocker !== undefined && progress.phase !== 'Complete') {
    return restart.phase === 'InProgress' ? waiting(restart, blocker) : restart;
  }

  switch (progress.phase) {
    case 'Complete': {
      if (isCarriedByOthers(observed, restart)) {
        if (pods === undefined) return undefined;
        if (!allStartedSince(workload, pods, restart.carriesSince ?? restart.issuedAt)) return unproven(restart, now);
      }
      return ended(restart, now, 'Succeeded', completeReason(workload.rollout), progress.message, progress.pods);
    }
    case 'Failed':
      if (restart.phase === 'Failed' && (restart.reason === CRASH || isTold(restart, progress.message))) return restart;
      return observed.reports === undefined
        ? undefined
        : ended(restart, now, 'Failed', progress.reason, withCause(observed, restart, progress.message), 0);
    case 'InProgress': {
      // What has failed or timed out keeps its reason until it is complete.
      if (restart.phase !== 'InProgress') return restart;
      if (restart.reason !== undefined) return resumed(restart, now);
      return underWay(observed, restart, { timeoutMs, message: progress.message }, now);
    }
  }
};

/** A rollout that nothing holds up: it goes on, its containers end again and again, or its time is over. */
const underWay = (
  observed: Observed,
  restart: Restart,
  { timeoutMs, message }: { readonly timeoutMs: number; readonly message: string },
  now: number,
): Restart | undefined => {
  const isOver = now >= restart.issuedAt + timeoutMs;
  const isOurs = !isCarriedByOthers(observed, restart);
  if (observed.reports === undefined) {
    const isDue = isOver || (isOurs && now >= nextLook(restart, observed.podsSeenAt));
    return isDue ? undefined : waiting(restart);
  }
  const cause = isOurs ? causeOf(observed, restart) : undefined;
  if (cause?.crashing === true) return ended(restart, now, 'Failed', CRASH, cause.message, 0);
  if (!isOver) return waiting(restart);
  const sentence = `after ${timeoutMs / 1_000}s: ${message}`;
  return ended(restart, now, 'TimedOut', 'ProgressTimeout', withCause(observed, restart, sentence), 0);
};

const CRASH = 'CrashLoopBackOff';

/**
 * What a container has said is repeated, unless a Secret is among what it was restarted for: it may quote it. Where nobody
 * knows what that was, because content came back or is tried again, any Secret that it reads may be.
 */
const mayQuote = ({ workload }: Observed, { changes }: Restart): boolean =>
  changes.size > 0
    ? ![...changes.keys()].some((id) => id.startsWith('Secret/'))
    : workload.uses.every(({ source }) => source.kind !== 'Secret');

const causeOf = (observed: Observed, restart: Restart): RolloutCause | undefined => {
  const { workload, reports = [], warnings = [] } = observed;
  // Their times are the server's.
  const recent = warnings.filter(({ at }) => at >= restart.issuedAt - CLOCKS_APART_MS);
  return rolloutCause(reports, workload.annotation, mayQuote(observed, restart), recent);
};

const CLOCKS_APART_MS = 5_000;

/**
 * Whether the cluster's warnings are worth asking for, now that the pods are known: the restart is about to be found to
 * have failed or timed out.
 * @param timeoutMs how long a rollout may take
 */
export const wantsWarnings = (observed: Observed, timeoutMs: number, now: number): boolean => {
  const restart = observed.ledger?.restart;
  if (restart?.phase !== 'InProgress' || restart.reason !== undefined || observed.reports === undefined) return false;
  return (
    rolloutProgress(observed.workload.rollout).phase === 'Failed' ||
    now >= restart.issuedAt + timeoutMs ||
    causeOf(observed, restart)?.crashing === true
  );
};

const withCause = (observed: Observed, restart: Restart, sentence: string): string => {
  const cause = causeOf(observed, restart);
  return cause === undefined ? sentence : `${cut(sentence)}; ${cause.message}`;
};

const isTold = ({ message = '' }: Restart, sentence: string): boolean => message.startsWith(cut(sentence));

const cut = (sentence: string): string => sentence.slice(0, RECORD_LIMITS.message - LONGEST_CAUSE - 2);

/**
 * The pods are older than the change. A rollout of others that doesn't carry it counts for nothing, and ours is due. A
 * restart of ours that somebody took back failed: issuing it again would be a fight (design law 9).
 */
const unproven = (restart: Restart, now: number): Restart => {
  if (restart.origin === 'Foreign') {
    return ended(restart, now, 'Failed', 'NotCarried', 'a rollout of others started containers before the change', 0);
  }
  // What we have undone ourselves nobody else has taken back.
  return restart.reason === 'Reverted' || isOfFailure(restart.reason ?? '')
    ? restart
    : ended(
        restart,
        now,
        'Failed',
        'Reverted',
        'somebody took the restart back: edit the content to have it tried again',
        0,
      );
};

/** Whether the rollout's pods are not of our own template: then only their start times prove what they read. */
export const isCarriedByOthers = ({ workload }: Observed, restart: Restart): boolean =>
  restart.origin === 'Foreign' || workload.annotation?.n !== restart.n || workload.annotation.digest !== restart.digest;

/** Counts of pods change all the time and are not worth a write each: only what blocks is recorded. */
const waiting = (
  { reason: _reason, message: _message, ...restart }: Restart,
  blocker?: { readonly reason: string; readonly message: string },
): Restart => ({ ...restart, ...blocker });

/** What somebody had stopped goes on: its time runs anew. What its containers must prove stays as it was. */
const resumed = (restart: Restart, now: number): Restart =>
  waiting({ ...restart, issuedAt: now, carriesSince: restart.carriesSince ?? restart.issuedAt });

const ended = (
  restart: Restart,
  finishedAt: number,
  phase: Restart['phase'],
  reason: string,
  message: string,
  pods: number,
): Restart => ({ ...restart, phase, reason, message: bounded(message), pods, finishedAt });

/** As the record keeps it: a message that came back shorter would look like news, again and again. */
const bounded = (message: string): string => message.slice(0, RECORD_LIMITS.message);
