/** Time as an argument. This room takes nothing from others, so it has a clock of its own. */
export interface Clock {
  /** Milliseconds since the Unix epoch: to be compared with what file systems say. */
  now(): number;
  /** Milliseconds that never go back: for durations. */
  elapsed(): number;
  /** Calls `run` once after `ms` milliseconds unless the returned function was called before. */
  schedule(ms: number, run: () => void, options?: { readonly keepAlive: boolean }): () => void;
}

/** setTimeout takes a signed 32-bit delay and fires at once for anything longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  schedule: (ms, run, { keepAlive } = { keepAlive: true }) => {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    if (!keepAlive) timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after `ms` milliseconds, or when the signal is aborted. Never rejects. */
export const sleep = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
