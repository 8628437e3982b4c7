import { backoffDelay } from './backoff.ts';
import type { Clock } from './clock.ts';
import { retryAfterOf, TerminalError, toError, WaitingError } from './errors.ts';
import type { Logger } from './log.ts';

/** What a worker may return: run the key again after this long, in milliseconds, unless something adds it before. */
export interface WorkResult {
  readonly requeueAfterMs?: number;
}

/**
 * Processes one key. Aborting the signal asks it to finish soon. Throwing means: TerminalError, leave the key until
 * it is added again; WaitingError, run it again after its delay; anything else, run it again after a backoff.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a worker with nothing to say returns nothing
export type Worker = (key: string, signal: AbortSignal) => Promise<WorkResult | void>;

/** How one run of a key ended. */
export type WorkOutcome = 'success' | 'requeued' | 'waiting' | 'terminal' | 'error';

export interface WorkQueueOptions {
  /** For logs and metrics. */
  readonly name: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Bounds of the backoff of a failing key. Default: 50 ms to 5 min. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  /** A key was put in line (not when it already stood there). */
  readonly onAdd?: (key: string) => void;
  /** A run begins, `waitedSeconds` after the key was put in line. */
  readonly onStart?: (key: string, waitedSeconds: number) => void;
  /** A run ended after `seconds`. */
  readonly onResult?: (key: string, outcome: WorkOutcome, seconds: number) => void;
  /** A failed key will run again in `delayMs`. */
  readonly onRetry?: (key: string, delayMs: number) => void;
}

/**
 * A queue of keys.
 *
 * Guarantees: a key stands in line at most once; at most one run per key at a time; a key added while it runs runs
 * exactly once more afterwards; keys start in the order in which they were added; a free worker takes a key up in a
 * microtask, so adds of one synchronous stretch collapse; nothing is dropped until the signal is aborted.
 */
export interface WorkQueue {
  /**
   * Puts the key in line now. Replaces a pending delay, a backoff included; but where the other side has asked for a
   * pause (`retryAfterMs` of the error), not before that is over.
   */
  add(key: string): void;
  /** Puts the key in line after `ms` milliseconds. The earliest of several delays wins; a key already in line stays there. */
  addAfter(key: string, ms: number): void;
  /** Keys in line now: neither those running nor those delayed. */
  depth(): number;
  /** Works until the signal is aborted, then resolves when the last run has ended. Rejects only for wrong use: a second call, no concurrency. */
  run(worker: Worker, options: { readonly concurrency: number }, signal: AbortSignal): Promise<void>;
  /** Resolves when no key is in line and none runs; delayed keys don't count. */
  idle(): Promise<void>;
}

interface Delay {
  readonly at: number;
  readonly cancel: () => void;
}

interface Run {
  readonly worker: Worker;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** A key that calls for itself at once would else keep the event loop from everything else. */
const SHORTEST_REQUEUE_MS = 1;

/** Whoever asks for a longer pause is asked again. */
const LONGEST_RETRY_AFTER_MS = 60_000;

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyedWorkQueue(options);
}

class KeyedWorkQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Keys in line, in order, with the time at which each was added. */
  readonly #waiting = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  /** Keys added while running. */
  readonly #again = new Set<string>();
  readonly #delays = new Map<string, Delay>();
  /** Failures in a row. */
  readonly #failures = new Map<string, number>();
  /** Until when the other side wants to be left alone about a key. */
  readonly #barred = new Map<string, number>();
  readonly #idleWaiters = new Set<() => void>();
  #active: Run | undefined;
  #stopped = false;
  #dispatchQueued = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  add(key: string): void {
    const barredMs = (this.#barred.get(key) ?? 0) - this.#options.clock.now();
    // A clock that was put back must not prolong the pause.
    if (barredMs > 0 && barredMs <= LONGEST_RETRY_AFTER_MS) {
      this.addAfter(key, barredMs);
      return;
    }
    this.#barred.delete(key);
    this.#cancelDelay(key);
    if (this.#running.has(key)) {
      this.#again.add(key);
    } else if (!this.#waiting.has(key)) {
      this.#waiting.set(key, this.#options.clock.now());
      this.#notify(() => this.#options.onAdd?.(key));
      this.#dispatchSoon();
    }
  }

  addAfter(key: string, ms: number): void {
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    if (this.#stopped || this.#waiting.has(key) || this.#again.has(key)) return;
    const at = this.#options.clock.now() + ms;
    const pending = this.#delays.get(key);
    if (pending !== undefined && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#options.clock.schedule(ms, () => {
      // Timers may fire a moment early by the wall clock: the key may have to wait for the rest.
      this.#delays.delete(key);
      this.add(key);
    });
    this.#delays.set(key, { at, cancel });
  }

  depth(): number {
    return this.#waiting.size;
  }

  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.add(resolve));
  }

  async run(worker: Worker, { concurrency }: { readonly concurrency: number }, signal: AbortSignal): Promise<void> {
    const { name } = this.#options;
    if (this.#active !== undefined || this.#stopped)
      throw new Error(`work queue ${name} was started before: create another one`);
    if (!(concurrency >= 1))
      throw new RangeError(`work queue ${name}: concurrency is ${concurrency}, it must be at least 1`);
    this.#active = { worker, concurrency, signal };
    this.#dispatchSoon();
    await aborted(signal);
    this.#stopped = true;
    for (const key of [...this.#delays.keys()]) this.#cancelDelay(key);
    await Promise.all(this.#running.values());
    this.#settleIdle();
  }

  #dispatchSoon(): void {
    if (this.#dispatchQueued) return;
    this.#dispatchQueued = true;
    queueMicrotask(() => {
      this.#dispatchQueued = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    const active = this.#active;
    if (active === undefined) return;
    for (const [key, addedAt] of this.#waiting) {
      if (active.signal.aborted || this.#running.size >= active.concurrency) return;
      this.#waiting.delete(key);
      this.#running.set(key, this.#runOnce(key, addedAt, active));
    }
  }

  /** Never rejects. */
  async #runOnce(key: string, addedAt: number, { worker, signal }: Run): Promise<void> {
    const { clock, onStart, onResult } = this.#options;
    const startedAt = clock.now();
    this.#notify(() => onStart?.(key, (startedAt - addedAt) / 1000));
    const outcome = await this.#attempt(key, worker, signal);
    this.#notify(() => onResult?.(key, outcome, (clock.now() - startedAt) / 1000));
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
    this.#dispatchSoon();
    this.#settleIdle();
  }

  async #attempt(key: string, worker: Worker, signal: AbortSignal): Promise<WorkOutcome> {
    try {
      const result = await worker(key, signal);
      this.#failures.delete(key);
      if (result?.requeueAfterMs === undefined) return 'success';
      this.addAfter(key, Math.max(SHORTEST_REQUEUE_MS, result.requeueAfterMs));
      return 'requeued';
    } catch (thrown) {
      return this.#settleFailure(key, toError(thrown), signal);
    }
  }

  #settleFailure(key: string, error: Error, signal: AbortSignal): WorkOutcome {
    const { log, name: queue } = this.#options;
    if (error instanceof WaitingError) {
      this.#failures.delete(key);
      log.debug({ queue, key, reason: error.reason, retryAfterMs: error.retryAfterMs }, 'waiting');
      this.addAfter(key, error.retryAfterMs);
      return 'waiting';
    }
    if (error instanceof TerminalError) {
      this.#failures.delete(key);
      log.warn({ queue, key, reason: error.reason, err: error }, 'stopped until it is added again');
      return 'terminal';
    }
    if (signal.aborted) {
      log.debug({ queue, key, err: error }, 'cut short by the shutdown');
      return 'error';
    }
    this.#retry(key, error);
    return 'error';
  }

  #retry(key: string, error: Error): void {
    const { log, name: queue, random, backoff, onRetry } = this.#options;
    const attempt = this.#failures.get(key) ?? 0;
    this.#failures.set(key, attempt + 1);
    const askedMs = Math.min(retryAfterOf(error) ?? 0, LONGEST_RETRY_AFTER_MS);
    if (askedMs > 0) this.#barred.set(key, this.#options.clock.now() + askedMs);
    const backoffMs = Math.round(backoffDelay(attempt, { minMs: 50, maxMs: 300_000, ...backoff, random }));
    const delayMs = Math.max(backoffMs, askedMs);
    log.warn({ queue, key, failures: attempt + 1, delayMs, err: error }, 'failed, will be retried');
    this.#notify(() => onRetry?.(key, delayMs));
    this.addAfter(key, delayMs);
  }

  #cancelDelay(key: string): void {
    this.#delays.get(key)?.cancel();
    this.#delays.delete(key);
  }

  /** Once stopped, keys still in line will never run. */
  #isIdle(): boolean {
    return this.#running.size === 0 && (this.#waiting.size === 0 || this.#stopped);
  }

  #settleIdle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters.clear();
  }

  /** A callback only observes: its failure must not touch the queue. */
  #notify(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.log.error({ queue: this.#options.name, err: error }, 'a callback of the queue failed');
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
