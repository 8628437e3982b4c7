/**
 * A rollback keeps pods that are older than what failed. A container of theirs that ended and was started again meanwhile
 * began on what failed, though: its environment has it still. Nothing but another restart takes it away.
 */

import { someStartedWithin } from './containers.ts';
import { changedKeys, compare } from './difference.ts';
import { bareDigest } from './digest.ts';
import { holdOf } from './gates.ts';
import { liveOf } from './live.ts';
import { asDelivered } from './managed.ts';
import type { Intent, Ledger, Observed, SnapshotReference, Undo } from './observed.ts';
import { questionOf } from './situation.ts';
import { currentUndo, mayNotAct } from './undo.ts';

/**
 * The record with a restart in it that has begun, to what is delivered again, where the rollback that has just come to its
 * end has left a container on what failed.
 * @param before as it was before this look
 * @returns undefined where the workload's pods must be known to tell
 */
export const sweep = (observed: Observed, before: Ledger, after: Ledger, now: number): Ledger | undefined => {
  const undo = currentUndo(after);
  const { restart, failed } = after;
  if (undo?.snapshots === undefined || restart === undefined || failed === undefined) return after;
  if (!isOver(undo) || currentUndo(before)?.phase === undo.phase || mayNotAct(observed.policies, failed.changes))
    return after;
  // Another restart is about to replace every container: that of others that share the object, or that of a newer change.
  if (undo.snapshots.some((each) => hasMoved(observed, each)) || isNewerDue(observed, after, now)) return after;
  if (observed.pods === undefined) return undefined;
  if (!someStartedWithin(observed.workload, observed.pods, restart.issuedAt, undo.at)) return after;
  const intent: Intent = {
    n: Math.max(restart.n, observed.workload.annotation?.n ?? 0) + 1,
    digest: digestOfLive(observed, after),
    at: now,
    snapshots: undo.snapshots,
    keys: changedKeys(failed.changes),
    // What is delivered again counts as applied already.
    changes: new Map(),
  };
  return { ...after, intent };
};

const isOver = ({ phase }: Undo): boolean => phase === 'Succeeded' || phase === 'TimedOut';

const hasMoved = (observed: Observed, { source, number }: SnapshotReference): boolean => {
  const live = liveOf(observed, source);
  return live?.state === 'Present' && live.snapshot !== number;
};

const isNewerDue = (observed: Observed, ledger: Ledger, now: number): boolean => {
  const difference = compare(observed, ledger);
  return (
    difference.restart.size > 0 &&
    holdOf(questionOf({ observed, ledger, difference, now }), difference.restart) === undefined
  );
};

/** Names what the live objects hold, as if it were what the sources do. */
const digestOfLive = (observed: Observed, ledger: Ledger): string =>
  bareDigest(compare(asDelivered(observed, observed.sources), ledger).restartDigest);
