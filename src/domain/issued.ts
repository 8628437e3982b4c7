/** Restarts that a crash left behind: in the annotation, but not in the record. */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import type { RestartAnnotation } from './annotation.ts';
import { compare, consumedSources } from './difference.ts';
import { bareDigest } from './digest.ts';
import type { Hold } from './gates.ts';
import type { Ledger, Observed, Restart, SourceId, Workload } from './observed.ts';
import { carried, counted } from './outcomes.ts';
import { replacedByUnrecorded } from './undo.ts';
import { withoutHeld } from './situation.ts';

/** By so much one process may be ahead of another. */
const AHEAD_MS = 5_000;

/**
 * A restart that was issued right before a crash is in the annotation but not in the record (design law 10). With the
 * present content in it, it is taken as issued; with other content, the pods may run on that: one more restart is due.
 * While a source can't be read, nobody can tell which.
 */
export const recogniseIssued = (
  observed: Observed,
  ledger: Ledger,
  now: number,
): {
  readonly ledger: Ledger;
  /** What waited for a restart has had it. */
  readonly recognised: boolean;
  readonly forced: boolean;
  readonly unsettled?: Hold;
  /** When it can be told at the latest. */
  readonly settledInMs?: number;
} => {
  const annotation = unrecordedRestart(observed, ledger);
  if (annotation === undefined) return { ledger, recognised: false, forced: false };
  const unread = [...consumedSources(observed).keys()].find((id) => isUnknown(observed, id));
  if (unread !== undefined) {
    const message = `${unread} can't be read, so that nobody can tell whether restart ${annotation.n} carries the present content`;
    return { ledger, recognised: false, forced: false, unsettled: { reason: 'SourceUnreadable', message } };
  }
  const difference = compare(observed, ledger);
  const known = withCounted(ledger, annotation.n, now);
  if (annotation.digest !== bareDigest(difference.restartDigest)) {
    // Another process may have issued it, on content that is on its way to this one.
    const settledInMs = (observed.annotationSeenAt ?? -Infinity) + AHEAD_MS - now;
    return settledInMs > 0
      ? { ledger: known, recognised: false, forced: false, settledInMs }
      : { ledger: known, recognised: false, forced: true };
  }
  const restart: Restart = {
    n: annotation.n,
    digest: annotation.digest,
    origin: 'Issued',
    issuedAt: now,
    templateHash: observed.workload.templateHash,
    phase: 'InProgress',
    ...replacedByUnrecorded(formatted(annotation), observed.workload, ledger),
    changes: difference.carried,
  };
  return { ledger: { ...carried(withoutHeld(known), restart, now), restart }, recognised: true, forced: false };
};

/**
 * Cooldown and budget know of every restart, also of one whose content has moved on before it was recognised. When it was
 * issued is not known: not before the latest that is recorded, and the sooner this is found the nearer it is.
 */
const withCounted = (ledger: Ledger, n: number, now: number): Ledger => {
  const { restart, restartTimes = [] } = ledger;
  const latest = restart?.issuedAt ?? -Infinity;
  const missing = n - (restart?.n ?? 0) - restartTimes.filter((time) => time > latest).length;
  let next = ledger;
  for (let each = 0; each < Math.min(missing, RECORD_LIMITS.restartTimes); each++)
    next = counted(next, Math.max(now, latest + 1));
  return next;
};

const formatted = ({ n, digest }: RestartAnnotation): string => `v1.${n}.${digest}`;

/** The annotation of a restart of ours that the record does not know. */
export const unrecordedRestart = (
  { workload: { annotation } }: Pick<Observed, 'workload'>,
  ledger: Ledger,
): Workload['annotation'] =>
  annotation?.ours === true && annotation.n > (ledger.restart?.n ?? 0) ? annotation : undefined;

const isUnknown = ({ sources }: Observed, id: SourceId): boolean =>
  (sources.get(id) ?? { state: 'Unknown' }).state === 'Unknown';
