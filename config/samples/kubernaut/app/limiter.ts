/** A token bucket whose limits can be moved while it is in use. */

export interface Limits {
  readonly requestsPerSecond: number;
  /** As many at once, after a pause. */
  readonly burst: number;
}

export interface Limiter {
  /** Whether one more request may pass now. @param now milliseconds of any steady clock */
  allows(now: number): boolean;
  /** What was saved up stays, as far as the new limits have room for it: nobody pays for the change. */
  move(next: Limits, now: number): void;
  limits(): Limits;
}

export const createLimiter = (first: Limits, startedAt: number): Limiter => {
  let limits = first;
  let tokens = first.burst;
  let filledAt = startedAt;
  const fill = (now: number): void => {
    const earned = (Math.max(0, now - filledAt) * limits.requestsPerSecond) / 1_000;
    tokens = Math.min(limits.burst, tokens + earned);
    filledAt = Math.max(filledAt, now);
  };
  return {
    allows: (now) => {
      fill(now);
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    move: (next, now) => {
      // What was earned until now was earned by the former limits.
      fill(now);
      // A wider bucket is as full as it was: whoever had all of the former has all of the new one.
      tokens = Math.min(next.burst, tokens + Math.max(0, next.burst - limits.burst));
      limits = next;
    },
    limits: () => limits,
  };
};
