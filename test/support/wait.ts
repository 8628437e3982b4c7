import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** What is waited for, as it should read after "timed out waiting for". */
  readonly what: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /** Pause between two attempts; default 50 ms. */
  readonly intervalMs?: number;
}

/**
 * Repeats `attempt` until it holds and returns its value. An attempt holds when it neither throws nor gives
 * `false`, `null` or `undefined`; so it may be a predicate or a lookup. For a block of assertions: `untilPasses`.
 *
 * @throws when the time is over; the message names `what`, the cause is the latest attempt's own error.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { what, timeoutMs = 30_000, intervalMs = 50 }: EventuallyOptions,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let latest: unknown;
  for (;;) {
    try {
      const value = await attempt();
      if (holds(value)) return value;
      latest = undefined;
    } catch (error) {
      latest = error;
    }
    if (performance.now() >= deadline) {
      const reason = latest instanceof Error ? `: ${latest.message}` : '';
      throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}${reason}`, { cause: latest });
    }
    await sleep(intervalMs);
  }
}

/** The same for a block of assertions: it holds when it doesn't throw. */
export async function untilPasses(attempt: () => void | Promise<void>, options: EventuallyOptions): Promise<void> {
  await eventually(async () => {
    await attempt();
    return true;
  }, options);
}

function holds<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined;
}
