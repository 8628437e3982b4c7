/** Time as an argument: everything that waits or reads the time takes one of these, so that a test can turn the hands. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds, or rejects with `signal.reason` as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms` milliseconds unless the returned function was called before. `run` must not throw. */
  schedule(ms: number, run: () => void): () => void;
}

/** setTimeout takes a signed 32-bit delay and fires at once for anything longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function schedule(ms: number, run: () => void): () => void {
  const dueAt = Date.now() + ms;
  const arm = (delay: number): NodeJS.Timeout =>
    delay > LONGEST_TIMER_MS
      ? setTimeout(() => (timer = arm(dueAt - Date.now())), LONGEST_TIMER_MS)
      : setTimeout(run, Math.max(0, delay));
  let timer = arm(ms);
  return () => {
    clearTimeout(timer);
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the contract is the signal's own reason, whatever it is
      reject(signal.reason);
    };
    const cancel = schedule(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** The machine's own clock. Timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = { now: () => Date.now(), sleep, schedule };
