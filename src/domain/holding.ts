/** A change that waits: what is recorded of it, and when it is looked at again. */

import { consumedSources, signatureOf } from './difference.ts';
import { bareDigest } from './digest.ts';
import { waitsForOthers, type Hold } from './gates.ts';
import type { Held, Pending } from './observed.ts';
import type { Choice, Situation } from './situation.ts';

/** Clocks jump, and what a wait is computed from may change: no wait is slept through. */
const LONGEST_SLEEP_MS = 60_000;

/** Others are done with what this one waited for, and it goes on at once: its own content has been still for long. */
export const waitedForOthers = (held: Held | undefined): boolean => held !== undefined && waitsForOthers(held.reason);

export const holding = ({ ledger, difference, now }: Situation, pending: Pending, hold: Hold): Choice => {
  const before = ledger.held;
  const changedAfter = before === undefined ? pending.changedAfter : before.changedAfter;
  const held: Held = {
    since: before?.since ?? pending.firstAt,
    ...(changedAfter !== undefined && { changedAfter }),
    ...hold,
    digest: bareDigest(difference.restartDigest),
    changes: difference.restart,
  };
  const lookMs = lookAgainMs(hold, now);
  return {
    ledger: { ...ledger, held: before !== undefined && isSame(before, held) ? before : held },
    difference,
    pending,
    hotWaits: false,
    hold,
    ...(lookMs !== undefined && { lookMs }),
  };
};

/**
 * A change of a source that is gone, or can't be read, waits until that is there again: with whatever it holds then, it
 * must be known since when containers may have started on something else.
 */
export const holdingAway = ({ observed, ledger }: Pick<Situation, 'observed' | 'ledger'>): Held | undefined => {
  const { held } = ledger;
  const consumed = consumedSources(observed);
  for (const id of held?.changes.keys() ?? []) {
    const { state } = observed.sources.get(id) ?? { state: 'Ignored' };
    if (held === undefined || !consumed.has(id) || (state !== 'Missing' && state !== 'Unknown')) continue;
    const { until: _until, ...rest } = held;
    return state === 'Missing'
      ? { ...rest, reason: 'SourceMissing', message: `${id} is missing: its change waits until it is there again` }
      : { ...rest, reason: 'SourceUnreadable', message: `${id} can't be read: its change waits until it can` };
  }
  return undefined;
};

/** What moves with others is told by the status alone: a record each time would be a storm of writes. */
const isSame = (a: Held, b: Held): boolean =>
  a.reason === b.reason &&
  a.digest === b.digest &&
  a.until === b.until &&
  (a.message === b.message || waitsForOthers(a.reason)) &&
  signatureOf(a.changes) === signatureOf(b.changes);

/** When a hold that time ends is to be looked at again; undefined: something else will say so. */
export const lookAgainMs = ({ reason, until }: Hold, now: number): number | undefined => {
  if (until === undefined && reason !== 'OutsideWindow') return undefined;
  return Math.min(Math.max((until ?? Infinity) - now, 1), LONGEST_SLEEP_MS);
};
