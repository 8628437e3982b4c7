/**
 * What follows a restart that failed: its content is remembered as failed and, where the policies want it, the template's
 * annotation is put back to what it was (design law 9). Everything is recorded before it is done, so that a crash in
 * between neither loses nor repeats it.
 */

import { changedKeys, signatureOf, without, type Difference } from './difference.ts';
import { bareDigest } from './digest.ts';
import type { UndoOrder } from './effects.ts';
import { backWords, failureWords, reasonOf, RECOVERED, ROLLBACK_REQUESTED, undoWords } from './failure-words.ts';
import type { Hold } from './gates/gate.ts';
import { listed } from './listed.ts';
import { keptSecrets } from './live.ts';
import {
  sourceId,
  type Changes,
  type Failed,
  type HistoryEntry,
  type Ledger,
  type Observed,
  type Pending,
  type Policy,
  type Restart,
  type SnapshotReference,
  type Source,
  type Undo,
  type Workload,
} from './observed.ts';
import { withEntry } from './outcomes.ts';
import { isByRestartAt } from './restart-at.ts';
import { desiredPods, rolloutProgress } from './rollout.ts';

export type OnFailure = Policy['gates']['onFailure'];

/** Of every enforcing policy that names one of the sources: one that only wants a report is the strictest. */
export const onFailureOf = (policies: readonly Policy[], changes: Changes): OnFailure => {
  const wanted = policies
    .filter(({ observes, sources }) => observes !== true && sources.some((source) => changes.has(sourceId(source))))
    .map(({ gates }) => gates.onFailure);
  const [first] = wanted;
  return first !== undefined && wanted.every((each) => each === first) ? first : 'Report';
};

/**
 * What is to be done about the latest restart, if it has failed. Only what is ours and still stands in the template, with
 * nothing else changed in it since, can be put back: the pods before it were of exactly the earlier template.
 */
export const undoMode = (observed: Observed, { restart, failed }: Ledger): Undo['mode'] | undefined => {
  const { workload, policies } = observed;
  if (restart?.origin !== 'Issued' || (restart.phase !== 'Failed' && restart.phase !== 'TimedOut')) return undefined;
  if (restart.reason === 'NotCarried' || restart.reason === 'Reverted' || failed?.n === restart.n) return undefined;
  if (!carries(workload, restart) || workload.templateHash !== restart.templateHash) return undefined;
  // Nothing in its template has changed: there is nothing to put back.
  if (restart.replaces === workload.annotationValue || isByRestartAt(observed)) return undefined;
  const mode = onFailureOf(policies, restart.changes);
  if (mode === 'Rollback' && keptSecrets(policies, restart.changes).length > 0) return undefined;
  return mode === 'Report' ? undefined : mode;
};

/** Why there is no rollback though policies want one; undefined: none is wanted, or nothing is in its way. */
export const whyNoRollback = (policies: readonly Policy[], changes: Changes): string | undefined => {
  const kept = keptSecrets(policies, changes);
  return kept.length === 0 || onFailureOf(policies, changes) !== 'Rollback'
    ? undefined
    : `not rolled back: ${listed(kept)} is delivered without delivery.rollbackSecrets`;
};

const carries = ({ annotation }: Pick<Workload, 'annotation'>, { n, digest }: Pick<Restart, 'n' | 'digest'>): boolean =>
  annotation?.n === n && annotation.digest === digest;

/**
 * The record with the intention in it: it must be in the API before anything is done. What the restart carried is not on
 * its way any more.
 * @param snapshots what is gone back to, for mode Rollback
 */
export const intendUndo = (
  ledger: Ledger,
  mode: Undo['mode'],
  now: number,
  snapshots?: readonly SnapshotReference[],
): Ledger => {
  const { restart } = ledger;
  if (restart === undefined) return ledger;
  const { n, digest, phase, reason = phase, message, changes, finishedAt = now } = restart;
  const failed: Failed = {
    n,
    digest,
    at: finishedAt,
    reason,
    ...(message !== undefined && { message }),
    undo: { mode, phase: 'Intended', at: now, ...(snapshots !== undefined && { snapshots }) },
    changes,
  };
  return { ...ledger, restart: { ...restart, changes: new Map() }, failed };
};

/**
 * The record of a failure that nothing can be done about after all: it is only reported, and what the restart carried is
 * what its pods have. The failure is kept so that it is not tried again to undo it.
 * @param why a sentence without its end
 */
export const notUndone = (ledger: Ledger, why: string): Ledger => {
  const { restart, failed } = ledger;
  if (restart === undefined || failed?.undo === undefined) return ledger;
  const { undo: _impossible, ...rest } = failed;
  const message = `${restart.message ?? ''}; not ${failed.undo.mode === 'Undo' ? 'undone' : 'rolled back'}: ${why}`;
  return { ...ledger, restart: { ...restart, message, changes: failed.changes }, failed: rest };
};

/** The undo that is under way, or was the last thing done: undefined where a newer restart has taken its place. */
export const currentUndo = ({ restart, failed }: Ledger): Undo | undefined =>
  isOf(restart, failed) ? failed.undo : undefined;

/** Others' rollouts take the number of the latest restart. */
const isOf = (restart: Restart | undefined, failed: Failed | undefined): failed is Failed =>
  failed !== undefined && restart?.origin === 'Issued' && restart.n === failed.n && restart.digest === failed.digest;

/** The value that a restart takes the place of: the latest that is not itself a restart that has not got through. */
export const replacedBy = (
  { annotationValue, templateHash, ...workload }: Workload,
  { restart }: Ledger,
): { readonly replaces?: string } => {
  const isUnproven =
    restart?.origin === 'Issued' &&
    restart.phase !== 'Succeeded' &&
    carries(workload, restart) &&
    // With anything else changed in the template, what was there before never ran like that.
    restart.templateHash === templateHash;
  const value = isUnproven ? restart.replaces : annotationValue;
  return value === undefined ? {} : { replaces: value };
};

/**
 * The same of a restart that a crash left unrecorded, from what is recorded of the one before. What can't be known is the
 * restart's own value: there is nothing to go back to.
 * @param own the value of its annotation
 */
export const replacedByUnrecorded = (
  own: string,
  { templateHash }: Pick<Workload, 'templateHash'>,
  { restart: before }: Ledger,
): { readonly replaces?: string } => {
  if (before === undefined || before.n === 0) return {};
  const value = `v1.${before.n}.${before.digest}`;
  if (before.origin === 'Foreign') return { replaces: before.reason === 'Adopted' ? value : own };
  if (before.reason === 'Reverted') return { replaces: own };
  const stands = before.phase === 'Succeeded' && before.reason !== RECOVERED;
  if (stands || before.templateHash !== templateHash) return { replaces: value };
  return before.replaces === undefined ? {} : { replaces: before.replaces };
};

/** What is still to be done: after a crash it is what the record intends and the template does not show. */
export const undoOrder = ({ workload, policies, live: reads }: Observed, ledger: Ledger): UndoOrder | undefined => {
  const { restart, failed } = ledger;
  if (currentUndo(ledger)?.phase !== 'Intended' || restart === undefined || failed === undefined) return undefined;
  if (!carries(workload, restart) || mayNotAct(policies, failed.changes)) return undefined;
  const live = failed.undo?.mode === 'Rollback' ? [...failed.changes.keys()].filter((id) => reads?.has(id)) : [];
  return {
    n: restart.n,
    ...(restart.replaces !== undefined && { value: restart.replaces }),
    ...(live.length > 0 && { live }),
  };
};

/** Suspended or observing is no effect of any kind; it goes on when they are resumed, and enforce. */
export const mayNotAct = (policies: readonly Policy[], changes: Changes): boolean =>
  policies.every(({ observes }) => observes === true) ||
  policies.some(({ suspended, sources }) => suspended && sources.some((source) => changes.has(sourceId(source))));

/** The record once the template has been put back. */
export const undone = (ledger: Ledger, now: number): Ledger => moved(ledger, { phase: 'InProgress', at: now });

const moved = (ledger: Ledger, change: Partial<Undo>): Ledger =>
  ledger.failed?.undo === undefined
    ? ledger
    : { ...ledger, failed: { ...ledger.failed, undo: { ...ledger.failed.undo, ...change } } };

/**
 * The undo as it stands now: done, where the template shows it; over, when the rollout of the earlier template is complete.
 * One that has timed out is still followed.
 * @param timeoutMs how long a rollout may take
 */
export const followUndo = (observed: Observed, ledger: Ledger, timeoutMs: number, now: number): Ledger => {
  const undo = currentUndo(ledger);
  const { workload } = observed;
  if (undo === undefined || undo.phase === 'Succeeded' || ledger.restart === undefined) return ledger;
  const isBack = carries(workload, ledger.restart);
  if (isBack && undo.phase === 'Intended') {
    // The pods of the template before it never ran like that: to put the annotation back would only replace them once more.
    const isOver = undo.mode === 'Undo' && workload.templateHash !== ledger.restart.templateHash;
    return isOver ? notUndone(ledger, 'somebody has changed the template since') : ledger;
  }
  const begun = undo.phase === 'Intended' ? undone(ledger, now) : ledger;
  const progress = rolloutProgress(workload.rollout);
  if (progress.phase === 'Complete' && !isBack)
    return told(observed, moved(begun, { phase: 'Succeeded', message: progress.message }), now);
  if (undo.phase !== 'InProgress' || now < undo.at + timeoutMs) return begun;
  const message = `after ${timeoutMs / 1_000}s: ${isBack ? 'somebody has put the template back to it' : progress.message}`;
  return told(observed, moved(begun, { phase: 'TimedOut', message }), now);
};

/** When its time is over; undefined: nothing is waited for. */
export const undoDueMs = (ledger: Ledger, timeoutMs: number, now: number): number | undefined => {
  const undo = currentUndo(ledger);
  return undo?.phase === 'InProgress' ? Math.max(0, undo.at + timeoutMs - now) + 1 : undefined;
};

const told = ({ workload }: Observed, ledger: Ledger, now: number): Ledger => {
  const { failed } = ledger;
  if (failed?.undo === undefined) return ledger;
  const entry: HistoryEntry = {
    time: now,
    action: 'Restart',
    outcome: failed.undo.phase === 'TimedOut' ? 'TimedOut' : 'Failed',
    reason: reasonOf(failed.undo),
    message: undoWords(failed),
    keys: changedKeys(failed.changes),
    pods: desiredPods(workload.rollout),
  };
  return withEntry(ledger, entry);
};

/**
 * The gate of content that has failed: exactly this one is left alone until it changes or somebody asks for it. Rules that
 * were edited since make it no other content.
 */
export const failedBefore = (
  { failed, applied }: Ledger,
  { restart, carried, restartDigest }: Pick<Difference, 'restart' | 'carried' | 'restartDigest'>,
): Hold | undefined => {
  if (failed === undefined || restart.size === 0) return undefined;
  const isSame =
    bareDigest(restartDigest) === failed.digest ||
    signatureOf(carried) === signatureOf(without(failed.changes, takenOver(failed.changes, applied)));
  return isSame ? { reason: reasonFor(failed), message: failureWords(failed) } : undefined;
};

const reasonFor = ({ undo, reason }: Failed): Hold['reason'] => {
  if (undo !== undefined) return reasonOf(undo);
  return reason === ROLLBACK_REQUESTED ? reason : 'RolledBack';
};

/** Those of the failed changes that are applied all the same: the hot ones. */
const takenOver = (changes: Changes, applied: Ledger['applied']): Changes =>
  new Map(
    [...changes].map(([id, units]) => [
      id,
      new Map([...units].filter(([name, digest]) => (applied.get(id)?.get(name) ?? '') === digest)),
    ]),
  );

/** What waits since content has failed has differed at least since that was issued. */
export const sinceFailed = (pending: Pending, { restart, failed }: Ledger): Pending => {
  if (failed === undefined || restart === undefined || !isOf(restart, failed)) return pending;
  const issued = restart.carriesSince ?? restart.issuedAt;
  const { changedAfter, ...rest } = pending;
  const after = changedAfter !== undefined && changedAfter < issued ? { changedAfter } : {};
  return { ...rest, ...after, firstAt: Math.min(pending.firstAt, issued) };
};

/**
 * The record without the failure where nothing is left of it: its content is gone from the sources, and what they hold now
 * is applied. Where nothing was restarted for that, this is the end of it.
 * @param isClean nothing differs, and no restart is due
 */
export const recovered = ({ workload, sources }: Observed, ledger: Ledger, isClean: boolean, now: number): Ledger => {
  const { failed, ...rest } = ledger;
  const { restart } = ledger;
  if (failed === undefined || !isClean || restart === undefined) return ledger;
  // A deletion and a failed read move nothing: the content may be there again.
  if ([...failed.changes.keys()].some((id) => isAway(sources.get(id)))) return ledger;
  if (!isOf(restart, failed)) return isSettled(restart) ? rest : ledger;
  // What pods still have differs from what is applied, though not from what the source holds.
  if (failed.undo?.phase === 'Intended' || (failed.undo === undefined && restart.changes.size > 0)) return ledger;
  const message = backWords(failed);
  const entry: HistoryEntry = {
    time: now,
    action: 'Restart',
    outcome: 'Succeeded',
    reason: RECOVERED,
    message,
    keys: changedKeys(failed.changes),
    pods: desiredPods(workload.rollout),
  };
  return withEntry({ ...rest, restart: { ...restart, phase: 'Succeeded', reason: RECOVERED, message } }, entry);
};

const isAway = (source: Source | undefined): boolean => source?.state === 'Missing' || source?.state === 'Unknown';

/** Nothing of it is on its way any more. */
const isSettled = ({ phase, reason }: Restart): boolean => phase === 'Succeeded' || reason === 'NotCarried';
