/** Bounds of an exponential backoff and the source of its jitter. */
export interface BackoffOptions {
  /** Shortest delay, in milliseconds. */
  readonly minMs: number;
  /** Longest delay, in milliseconds. */
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface Backoff {
  /** The delay before the next attempt, in milliseconds, within [minMs, maxMs]. Each call doubles the next one. */
  next(): number;
  /** Success: the next delay is the shortest again. */
  reset(): void;
}

/**
 * The delay before retry number `attempt` (0 for the first): exponential with equal jitter, so that it lies in
 * the upper half of `minMs * 2^(attempt + 1)`. Half of the delay is sure, which gives every retry loop a floor;
 * the other half is random, which keeps many loops from running in step.
 */
export function backoffDelay(attempt: number, { minMs, maxMs, random }: BackoffOptions): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** (attempt + 1));
  return Math.max(minMs, ceiling / 2 + (random() * ceiling) / 2);
}

export function createBackoff(options: BackoffOptions): Backoff {
  let attempt = 0;
  return {
    next: () => backoffDelay(attempt++, options),
    reset: () => {
      attempt = 0;
    },
  };
}
