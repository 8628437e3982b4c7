/** How often a live object is put back that others keep changing: at once, but not for ever. */

/** What others have done to a live object, and that it was put back, as often as that came in a row. */
export interface PutBacks {
  readonly change: 'Edited' | 'Deleted';
  /** Who has edited it, by the API server's own note: the name of a field manager. */
  readonly by?: string;
  /** The latest. */
  readonly at: number;
  readonly times: number;
}

/** So many are put back without a pause: people make mistakes, and correct them. */
const AT_ONCE = 3;
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Left alone for so long, an object is nobody else's any more. */
const CALM_MS = 2 * LONGEST_PAUSE_MS;
/** For so long after having been put back, an object that was fought over is not taken for settled. */
const SETTLED_MS = 10_000;

/** @returns how long to wait before it is put back once more, in ms; 0: not at all */
export const putBackInMs = (before: PutBacks | undefined, now: number): number =>
  before === undefined ? 0 : left(before, isContested(before) ? pauseMs(before.times) : 0, now);

export const putBackOnce = (
  before: PutBacks | undefined,
  { change, by }: Pick<PutBacks, 'change' | 'by'>,
  now: number,
): PutBacks => ({
  change,
  ...(by !== undefined && { by }),
  at: now,
  times: before === undefined || now - before.at >= CALM_MS ? 1 : before.times + 1,
});

/** @returns how long it still counts as fought over though it is as it is to be, in ms; 0: it doesn't */
export const unsettledMs = (last: PutBacks | undefined, now: number): number =>
  last === undefined || !isContested(last) ? 0 : left(last, SETTLED_MS, now);

/** Others have changed it more often than by mistake. */
const isContested = ({ times }: PutBacks): boolean => times >= AT_ONCE;

const pauseMs = (times: number): number => Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** (times - AT_ONCE));

/** A clock that was put back must not prolong a pause. */
const left = ({ at }: PutBacks, ms: number, now: number): number => Math.max(0, Math.min(ms, at + ms - now));
