/** Waiting until it is quiet, but not for ever. */

import type { Clock } from './clock.ts';

export interface Debounce {
  /** Something happened. */
  notice(): void;
  /** Forgets what was noticed. */
  cancel(): void;
}

/** An endless burst waits so many times as long as quiet does. */
export const LONGEST_BURST = 4;

/** Calls `run` once it has been quiet for `ms` milliseconds after something happened; with 0 at once. */
export function createDebounce(ms: number, run: () => void, clock: Clock): Debounce {
  let first: number | undefined;
  let latest = 0;
  let cancelTimer = (): void => undefined;

  const fire = (): void => {
    first = undefined;
    run();
  };
  const look = (): void => {
    if (first === undefined) return;
    const left = Math.min(latest + ms, first + LONGEST_BURST * ms) - clock.elapsed();
    if (left <= 0) fire();
    else cancelTimer = clock.schedule(left, look);
  };
  return {
    notice: () => {
      latest = clock.elapsed();
      if (first !== undefined) return;
      first = latest;
      look();
    },
    cancel: () => {
      first = undefined;
      cancelTimer();
    },
  };
}
