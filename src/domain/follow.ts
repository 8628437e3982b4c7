/** How a restart ends: the rollout is followed until it is proven, or until it has failed (design law 9). */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import { allStartedSince } from './containers.ts';
import type { Observed, Restart } from './observed.ts';
import { desiredPods, rolloutBlocker, rolloutProgress } from './rollout.ts';

/**
 * The restart as it stands now. A failed one is still followed: it may recover.
 * @param timeoutMs how long a rollout may take
 * @returns undefined where the workload's pods must be known to tell
 */
export const follow = (observed: Observed, restart: Restart, timeoutMs: number, now: number): Restart | undefined => {
  if (restart.phase === 'Succeeded' || restart.reason === 'NotCarried') return restart;
  const { workload, pods } = observed;
  const progress = rolloutProgress(workload.rollout);
  const blocker = rolloutBlocker(workload.rollout);
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
      const reason = desiredPods(workload.rollout) === 0 ? 'NoReplicas' : 'Complete';
      return ended(restart, now, 'Succeeded', reason, progress.message, progress.pods);
    }
    case 'Failed':
      return restart.phase === 'Failed' && restart.message === bounded(progress.message)
        ? restart
        : ended(restart, now, 'Failed', progress.reason, progress.message, 0);
    case 'InProgress': {
      // What has failed or timed out keeps its reason until it is complete.
      if (restart.phase !== 'InProgress') return restart;
      if (restart.reason !== undefined) return resumed(restart, now);
      if (now < restart.issuedAt + timeoutMs) return waiting(restart);
      return ended(restart, now, 'TimedOut', 'ProgressTimeout', `after ${timeoutMs / 1_000}s: ${progress.message}`, 0);
    }
  }
};

/**
 * The pods are older than the change. A rollout of others that doesn't carry it counts for nothing, and ours is due. A
 * restart of ours that somebody took back failed: issuing it again would be a fight (design law 9).
 */
const unproven = (restart: Restart, now: number): Restart => {
  if (restart.origin === 'Foreign') {
    return ended(restart, now, 'Failed', 'NotCarried', 'a rollout of others started containers before the change', 0);
  }
  return restart.reason === 'Reverted'
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
const isCarriedByOthers = ({ workload }: Observed, restart: Restart): boolean =>
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
