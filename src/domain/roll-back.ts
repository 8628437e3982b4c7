/** A person's wish to go back to a snapshot, though nothing has failed: a restart to other content, which begins at once. */

import { changedKeys, compare } from './difference.ts';
import { bareDigest } from './digest.ts';
import { ROLLBACK_REQUESTED } from './failure-words.ts';
import { plainHold } from './gates.ts';
import { keptSecrets } from './live.ts';
import { asLive } from './managed.ts';
import type { Failed, Intent, Ledger, Observed, SnapshotReference } from './observed.ts';
import { listed } from './listed.ts';

/** What comes of it: the record with the intent in it, or why there is none. */
export type WayBack =
  | { readonly type: 'Begun'; readonly ledger: Ledger; readonly message: string }
  | { readonly type: 'Refused'; readonly reason: string; readonly message: string }
  /** It can't be told yet. */
  | { readonly type: 'Waits' };

/**
 * What the sources hold now is remembered as what somebody went back from: it is left alone until it changes, or somebody
 * asks for it.
 */
export const wayBack = (
  observed: Observed,
  ledger: Ledger,
  { snapshot, object: named }: { readonly snapshot: number; readonly object?: string },
  now: number,
): WayBack => {
  const { live, snapshots: known, workload, policies } = observed;
  if (policies.every(({ observes }) => observes === true))
    return refused('Observing', 'its policies only observe: nothing is delivered before one is set to mode Enforce');
  if (live === undefined)
    return refused('NotManaged', 'it mounts its sources themselves: only delivery mode Managed keeps snapshots');
  if (known === undefined || ledger.intent !== undefined || ledger.failed?.undo?.phase === 'Intended')
    return { type: 'Waits' };
  const sources = new Map(observed.sources);
  const snapshots: SnapshotReference[] = [];
  const meant = new Map([...known].filter(([, { object }]) => named === undefined || object === named));
  if (meant.size === 0) return refused('NoSnapshot', `it reads no live object ${named ?? ''}`);
  const kept = keptSecrets(observed.policies, meant);
  for (const [id, { object, keys }] of meant) {
    if (kept.includes(id)) continue;
    const held = keys.get(snapshot);
    const source = sources.get(id);
    if (held === undefined || source?.state !== 'Present') continue;
    sources.set(id, asLive(source, held));
    snapshots.push({ source: id, object, number: snapshot });
  }
  if (snapshots.length === 0) {
    if (kept.length === meant.size)
      return refused(
        'NoSnapshot',
        `${listed(kept)} is delivered without delivery.rollbackSecrets: nothing is kept of it`,
      );
    const there = [...meant.values()].map(({ object, numbers }) => `of ${object} ${numbers.join(', ') || 'none'}`);
    return refused('NoSnapshot', `there is no snapshot ${snapshot}; there are: ${there.join('; ')}`);
  }
  if (snapshots.length > 1) {
    const objects = snapshots.map(({ object }) => object);
    return refused(
      'SeveralSnapshots',
      `there is a snapshot ${snapshot} of ${listed(objects)}: say which object is meant`,
    );
  }
  const ids = new Set(snapshots.map(({ source }) => source));
  const hold = plainHold(observed, ids);
  if (hold !== undefined) return refused(hold.reason, hold.message);
  const back = compare({ ...observed, sources }, ledger);
  if (back.restart.size === 0)
    return refused('NothingToDo', `what takes a restart is in snapshot ${snapshot} as it is applied`);
  const n = Math.max(ledger.restart?.n ?? 0, workload.annotation?.n ?? 0) + 1;
  const keys = changedKeys(back.restart);
  const intent: Intent = {
    n,
    digest: bareDigest(back.restartDigest),
    at: now,
    snapshots,
    keys,
    changes: back.restart,
  };
  const message = `going back to snapshot ${snapshot} by restart ${n}: ${listed(keys)}`;
  const present = compare(observed, { ...ledger, intent });
  const failed: Failed = {
    n: ledger.restart?.n ?? 0,
    digest: bareDigest(present.restartDigest),
    at: now,
    reason: ROLLBACK_REQUESTED,
    message: `somebody asked for snapshot ${snapshot}`,
    changes: present.restart,
  };
  const { failed: _before, ...rest } = ledger;
  return {
    type: 'Begun',
    ledger: { ...rest, intent, ...(present.restart.size > 0 && { failed }) },
    message,
  };
};

const refused = (reason: string, message: string): WayBack => ({ type: 'Refused', reason, message });
