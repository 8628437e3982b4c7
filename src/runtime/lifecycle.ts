import type { Clock } from './clock.ts';
import { toError } from './errors.ts';
import type { Logger } from './log.ts';

/** One thing to start and to stop. */
export interface Part {
  /** For logs and errors. */
  readonly name: string;
  /** Resolves when what comes after may rely on it. The signal is aborted as soon as the stop begins. */
  start?(signal: AbortSignal): Promise<void> | void;
  /** Called once if `start` was called, even if that failed; parts are stopped in reverse order. */
  stop?(): Promise<void> | void;
}

export interface LifecycleOptions {
  readonly parts: readonly Part[];
  readonly log: Logger;
  readonly clock: Clock;
  /** Called once, with the first background task that failed or ended by itself: the process should stop, and say so. */
  readonly onFatal: (error: Error) => void;
  /** How long the whole stop may take, in ms, before it is given up. Default: 20 000. */
  readonly stopTimeoutMs?: number;
}

export interface Lifecycle {
  /** Aborted when the stop begins. */
  readonly signal: AbortSignal;
  /** Starts the parts in order. If one fails, those before it are stopped and the error, naming the part, is thrown. */
  start(): Promise<void>;
  /**
   * Runs a task that is meant to last until the abort. If it rejects, or ends although nothing asked it to, that is fatal.
   */
  background(name: string, task: (signal: AbortSignal) => Promise<void>): void;
  /**
   * Aborts the signal, waits for the background tasks, stops the parts in reverse order. Failures are logged, and
   * nothing is waited for longer than the time-out. Any further call gets the same promise. Never rejects.
   */
  stop(reason: string): Promise<void>;
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { parts, log, clock, onFatal, stopTimeoutMs = 20_000 } = options;
  const controller = new AbortController();
  const { signal } = controller;
  const startedParts: Part[] = [];
  const tasks = new Map<string, Promise<void>>();
  let fatal = false;
  let stopping: Promise<void> | undefined;
  let starting: Promise<void> | undefined;

  function fail(error: Error): void {
    log.error({ err: error }, 'a background task ended');
    if (fatal) return;
    fatal = true;
    onFatal(error);
  }

  async function supervise(name: string, task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await task(signal);
      if (!signal.aborted) fail(new Error(`${name} ended although nothing asked it to`));
    } catch (thrown) {
      const cause = toError(thrown);
      if (signal.aborted) log.debug({ task: name, err: cause }, 'ended by the stop');
      else fail(new Error(`${name} failed: ${cause.message}`, { cause }));
    }
  }

  async function startAll(): Promise<void> {
    for (const part of parts) {
      signal.throwIfAborted();
      log.debug({ part: part.name }, 'starting');
      startedParts.push(part);
      try {
        await part.start?.(signal);
      } catch (thrown) {
        const cause = toError(thrown);
        throw new Error(`${part.name} could not start: ${cause.message}`, { cause });
      }
    }
  }

  async function start(): Promise<void> {
    starting ??= startAll();
    try {
      await starting;
    } catch (error) {
      await stop('the start failed');
      throw error;
    }
  }

  async function stopAll(): Promise<void> {
    await Promise.all(tasks.values());
    for (const part of startedParts.toReversed()) {
      log.debug({ part: part.name }, 'stopping');
      try {
        await part.stop?.();
      } catch (error) {
        log.error({ part: part.name, err: error }, 'could not stop');
      }
    }
  }

  function stop(reason: string): Promise<void> {
    if (stopping !== undefined) return stopping;
    log.info({ reason }, 'stopping');
    controller.abort(new Error(`stopping: ${reason}`));
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const cancel = clock.schedule(stopTimeoutMs, () => {
      log.error({ stopTimeoutMs }, 'the stop takes too long, giving up on the rest');
      resolve(undefined);
    });
    stopping = Promise.race([stopAll(), late]).finally(cancel);
    return stopping;
  }

  return {
    signal,
    start,
    stop,
    background: (name, task) => {
      tasks.set(name, supervise(name, task));
    },
  };
}
