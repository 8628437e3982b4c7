/** Changes that reach pods without a restart of ours. */

import { allRunSince } from './containers.ts';
import { changedKeys, compare, type Difference } from './difference.ts';
import { bareDigest } from './digest.ts';
import { notRecreated } from './gates.ts';
import { unrecordedRestart } from './issued.ts';
import type { Ledger, Observed, Restart } from './observed.ts';
import { withApplied, withEntry } from './outcomes.ts';
import { desiredPods, isRestartedByHand } from './rollout.ts';
import { withoutHeld, type Situation } from './situation.ts';
import { failedBefore } from './undo.ts';

/**
 * A rollout of others that provably carries the change counts (design law 4): it is followed instead of adding ours;
 * and content that changed while nobody watched, or while it was held, may be in all containers already.
 *
 * @param released the change has been held and is so no longer
 */
export const carriedByOthers = (
  { observed, ledger, difference, now }: Situation,
  released: boolean,
):
  { readonly ledger: Ledger; readonly difference: Difference; readonly waitMs?: number } | 'LookAtPods' | undefined => {
  const { workload, pods } = observed;
  const changed = [...difference.restart.keys()].flatMap((id) => {
    const source = observed.sources.get(id);
    return source?.state === 'Present' ? [source] : [];
  });
  // Pods that were restarted since then run on content that has failed; only another template gives it another chance.
  if (failedBefore(ledger, difference) !== undefined && ledger.restart?.templateHash === workload.templateHash)
    return undefined;
  // Of a source that was immutable kubelets may give the earlier content to new containers too.
  if (changed.length === 0 || notRecreated({ observed, changed: new Set(difference.restart.keys()) }) !== undefined)
    return undefined;
  const lastChange = Math.max(...changed.map(({ changedAt }) => changedAt));

  const watched = changed.every(({ seenToChange }) => seenToChange);

  if (watched && !isRestartedByHand(workload.rollout)) {
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
    { ...takenBack(withApplied(withoutHeld(ledger), difference.restart)), ...overtaken(observed, ledger, now) },
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

/** Of a restart that somebody took back nothing is left to be told once the pods run on what there is instead. */
const takenBack = (ledger: Ledger): Ledger =>
  ledger.restart?.reason === 'Reverted'
    ? { ...ledger, restart: { ...ledger.restart, phase: 'Succeeded', reason: 'AlreadyCarried' } }
    : ledger;

/** A restart that was issued before a crash and is overtaken by what the pods run on: it is over, and only counts. */
export const overtaken = (observed: Observed, ledger: Ledger, now: number): Pick<Ledger, 'restart'> => {
  const annotation = unrecordedRestart(observed, ledger);
  if (annotation === undefined) return {};
  const { n, digest } = annotation;
  const { templateHash } = observed.workload;
  const over = { origin: 'Issued', phase: 'Succeeded', reason: 'AlreadyCarried', changes: new Map() } as const;
  return { restart: { n, digest, templateHash, issuedAt: now, ...over } };
};
