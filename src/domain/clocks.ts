/** Times in a record may be of a clock that was ahead: nothing that is computed from them may wait until it is that late. */

import type { Ledger } from './observed.ts';

/** Clocks of one cluster differ by as much without anything being wrong. */
const APART_MS = 60_000;

/** The record without restarts of the future: they have been, at the latest, just now. */
export const withoutFuture = (ledger: Ledger, now: number): Ledger => {
  const { restart, restartTimes } = ledger;
  const isAhead = (time: number | undefined): time is number => time !== undefined && time > now + APART_MS;
  if (!isAhead(restart?.issuedAt) && !isAhead(restartTimes?.[0])) return ledger;
  return {
    ...ledger,
    ...(restart !== undefined && { restart: { ...restart, issuedAt: Math.min(restart.issuedAt, now) } }),
    ...(restartTimes !== undefined && { restartTimes: restartTimes.map((time) => Math.min(time, now)) }),
  };
};
