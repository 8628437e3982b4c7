/** One watcher: one run at a time, which looks, reads where there is a reason to, and considers what was read. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import { createDebounce } from './debounce.ts';
import { createInForce, type Making } from './in-force.ts';
import { waitingForUs } from './limits.ts';
import { createLookout } from './lookout.ts';
import { SHORTEST_SETTLE_MS, type ReadOptions, type Reading } from './read.ts';
import { statusOf } from './status.ts';
import type { CommonOptions, WatchStatus, Watcher, WatchGroup } from './types.ts';

/** What makes a watcher one of a file, of a folder or of variables. */
export interface Subject<T> extends Making<T> {
  readonly kind: WatchStatus['kind'];
  readonly read: (path: string, options: ReadOptions) => Promise<Reading>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly group: WatchGroup;
  readonly log: (line: string) => void;
}

/** What the next run is to do. */
interface Errand {
  /** Read, whether or not it looks as before. */
  read: boolean;
  /** Try again what was refused. */
  forced: boolean;
  /** Whoever waits for the end of the run. */
  readonly waiting: (() => void)[];
  /** Those whose functions wait for it, too. */
  readonly on: Set<object>;
}

export function createWatcher<T>(subject: Subject<T>, options: CommonOptions<T>, around: Surroundings): Watcher<T> {
  const { path, kind } = subject;
  const { clock, group } = around;
  const { debounceMs = 500, sensitive = false, persistent = true, pollMs } = options;
  /** What begins a run may be a request, whose context is nobody else's. */
  const asAtFirst = AsyncLocalStorage.snapshot();
  /** Stands for this watcher where it is told who waits for whom. */
  const self = {};
  const ending = new AbortController();
  const { signal } = ending;
  const isClosed = (): boolean => signal.aborted;
  let errand: Errand | undefined;
  let running: Promise<void> | undefined;
  let on: ReadonlySet<object> = new Set();
  let stamp = '';
  let first = true;
  const waiting = new Set<() => void>();

  const log = (line: string): void => {
    try {
      around.log(line);
    } catch {
      // A log that fails has nowhere to say so, and must not hold up the configuration.
    }
  };

  const inForce = createInForce(subject, options, { clock, log, isClosed, on: () => on });

  const next = (): Errand => {
    errand ??= { read: false, forced: false, waiting: [], on: new Set() };
    return errand;
  };

  const start = (): void => {
    if (running === undefined && !isClosed()) running = asAtFirst(runAll);
  };

  /** Never rejects. */
  const runAll = async (): Promise<void> => {
    // What begins a run may be a constructor: let it end.
    await Promise.resolve();
    for (let current = errand; current !== undefined && !isClosed(); current = errand) {
      errand = undefined;
      on = new Set([self, ...current.on]);
      try {
        await run(current);
      } catch (error) {
        // None of the application's functions, which are called with a net under them.
        inForce.failed(error);
      }
      first = false;
      lookout.schedule({ soon: inForce.known().problem?.retry === true });
      for (const done of current.waiting) done();
    }
    running = undefined;
  };

  const run = async ({ read, forced }: Errand): Promise<void> => {
    const before = stamp;
    // First where to look, then what is there: a change in between is an event.
    stamp = await lookout.look();
    if (isClosed()) return;
    if (read || inForce.known().problem?.retry === true) {
      const settleMs = first || forced ? SHORTEST_SETTLE_MS : Math.max(debounceMs, SHORTEST_SETTLE_MS);
      const reading = await subject.read(path, { settleMs, clock, signal });
      if (isClosed()) return;
      await inForce.consider(reading, { forced });
    } else if (stamp !== before) {
      // Seen by looking, so it may be under way.
      debounce.notice();
    }
    if (!isClosed()) await inForce.tellLate();
  };

  const debounce = createDebounce(
    debounceMs,
    () => {
      next().read = true;
      start();
    },
    clock,
  );
  const lookout = createLookout({
    ...{ path, directory: kind === 'Directory', persistent, pollMs, clock, log },
    onEvent: () => {
      debounce.notice();
    },
    onDue: () => {
      next();
      start();
    },
  });

  const status = (): WatchStatus =>
    statusOf({
      ...{ path, kind, sensitive, mode: lookout.mode() },
      phase: isClosed() ? 'Closed' : first ? 'Loading' : 'Open',
      ...inForce.known(),
    });

  /** @returns the end of the run that does the errand, or of the watcher */
  const endOf = (what: Errand): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        waiting.delete(done);
        resolve();
      };
      waiting.add(done);
      what.waiting.push(done);
    });

  const watcher: Watcher<T> = {
    get current() {
      return inForce.known().loaded?.value;
    },
    ready: async () => {
      await firstLoad;
      return status();
    },
    force: async () => {
      if (isClosed()) return status();
      debounce.cancel();
      const mine = next();
      mine.read = true;
      mine.forced = true;
      const outer = waitingForUs();
      for (const each of outer) mine.on.add(each);
      const done = endOf(mine);
      start();
      if (!outer.has(self)) await done;
      return status();
    },
    onChange: (callback, { current = false, timeoutMs } = {}) => {
      if (isClosed()) return () => undefined;
      const late = current && inForce.known().loaded !== undefined;
      const remove = inForce.callbacks.add(callback, { late, timeoutMs });
      if (late) {
        next();
        start();
      }
      return remove;
    },
    status,
    close: async () => {
      if (!isClosed()) {
        ending.abort();
        debounce.cancel();
        lookout.close();
        inForce.callbacks.clear();
        leave();
        for (const done of waiting) done();
      }
      if (!waitingForUs().has(self)) await running;
    },
  };

  const firstErrand = next();
  firstErrand.read = true;
  const firstLoad = endOf(firstErrand);
  const leave = group.add(watcher);
  start();
  return watcher;
}
