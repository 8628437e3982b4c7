/** Changes that wait for a burst to end. */

import { anyIsBack, onlyFrom, signatureOf } from './difference.ts';
import { liveOf } from './live.ts';
import type { Changes, Ledger, Observed, Pending } from './observed.ts';
import type { Situation } from './situation.ts';

/** Since when the content may have differed from what is applied, where it no longer does by having come back. */
export const firstDifferedAt = ({ observed, ledger }: Situation): number | undefined => {
  const { pending } = observed;
  const isBack = (changes: Changes): boolean => {
    // No container ever started on what a live object never held.
    const direct = onlyFrom(changes, (id) => liveOf(observed, id) === undefined);
    return changes.size === 0 || (direct.size > 0 && anyIsBack(observed, direct));
  };
  const times = [
    ...(pending !== undefined && isBack(pending.changes) ? [pending.changedAfter ?? pending.firstAt] : []),
    ...(ledger.held !== undefined && isBack(ledger.held.changes)
      ? [ledger.held.changedAfter ?? ledger.held.since]
      : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times);
};

export const pendingOf = (
  { observed, difference: { restart: changes }, now }: Situation,
  since: number | undefined,
  released: boolean,
): Pending => {
  const before = observed.pending;
  if (!released && before !== undefined && signatureOf(before.changes) === signatureOf(changes))
    // A clock that was put back must not make the burst longer.
    return before.lastAt <= now ? before : { ...before, burstAt: Math.min(before.burstAt, now), lastAt: now };
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
    // While something is held no burst is waited out: an edit of it begins one.
    burstAt: released ? now : held !== undefined || before === undefined ? lastAt : before.burstAt,
    lastAt,
  };
};

/** The latest time at which the record says that nothing was left to do: what is found later has changed since. */
const lastKnownAt = (ledger: Ledger | undefined): number =>
  Math.max(ledger?.adoptedAt ?? 0, ...(ledger?.history ?? []).map(({ time }) => time));

export const withoutPending = ({ pending: _pending, ...observed }: Observed): Observed => observed;
