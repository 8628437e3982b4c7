/** One watcher: what is in force, what is there, and the one run at a time that leads from the one to the other. */

import { createCallbacks } from './callbacks.ts';
import type { Clock } from './clock.ts';
import { changedFiles, contentOf, type Content, type Files } from './content.ts';
import { createDebounce } from './debounce.ts';
import { changedKeys } from './keys.ts';
import { called, waitingForUs, type Call } from './limits.ts';
import { createLookout } from './lookout.ts';
import { SHORTEST_SETTLE_MS, type ReadOptions, type Reading } from './read.ts';
import { statusOf, type Facts, type Loaded, type Problem } from './status.ts';
import type { CommonOptions, WatchStatus, Watcher, WatchGroup } from './types.ts';
import { reasonOf, WatchError } from './words.ts';

/** What makes a watcher one of a file, of a folder or of variables. */
export interface Subject<T> {
  /** Absolute. */
  readonly path: string;
  readonly kind: WatchStatus['kind'];
  readonly read: (path: string, options: ReadOptions) => Promise<Reading>;
  /** Throws to refuse. */
  readonly parse: (files: Files) => T | Promise<T>;
  /** A part of the swap that is done and undone in one go. @returns undoes it */
  readonly commit?: (next: T) => () => void;
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

const newErrand = (): Errand => ({ read: false, forced: false, waiting: [], on: new Set() });

export function createWatcher<T>(subject: Subject<T>, options: CommonOptions<T>, around: Surroundings): Watcher<T> {
  const { path, kind } = subject;
  const { clock, log, group } = around;
  const {
    validate,
    apply,
    debounceMs = 500,
    callbackTimeoutMs = 10_000,
    sensitive = false,
    persistent = true,
  } = options;
  const self = {};
  const ending = new AbortController();
  let loaded: Loaded<T> | undefined;
  let problem: Problem | undefined;
  let callbackError: string | undefined;
  let first = true;
  let stamp = '';
  const counts = { reloads: 0, refusals: 0, callbackFailures: 0 };
  let errand: Errand | undefined = { ...newErrand(), read: true };
  let running: Promise<void> | undefined;
  let on: ReadonlySet<object> = new Set();
  const isClosed = (): boolean => ending.signal.aborted;

  const call = (): Omit<Call, 'name'> => ({ timeoutMs: callbackTimeoutMs, clock, on });
  const callbacks = createCallbacks<T>(call);

  const next = (): Errand => {
    errand ??= newErrand();
    return errand;
  };
  const lookout = createLookout({
    path,
    directory: kind === 'Directory',
    persistent,
    pollMs: options.pollMs,
    clock,
    log,
    onEvent: () => {
      debounce.notice();
    },
    onDue: () => {
      next();
      start();
    },
  });
  const debounce = createDebounce(
    debounceMs,
    () => {
      next().read = true;
      start();
    },
    clock,
  );

  const start = (): void => {
    if (running !== undefined || isClosed()) return;
    running = runAll().finally(() => {
      running = undefined;
    });
  };

  /** Never rejects: whatever fails was made a problem where it happened. */
  const runAll = async (): Promise<void> => {
    // What begins a run may be a constructor: let it end.
    await Promise.resolve();
    for (let current = errand; current !== undefined && !isClosed(); current = errand) {
      errand = undefined;
      on = new Set([self, ...current.on]);
      await run(current);
      first = false;
      for (const done of current.waiting) done();
    }
  };

  const run = async ({ read, forced }: Errand): Promise<void> => {
    const before = stamp;
    // First where to look, then what is there: a change in between is an event.
    stamp = await lookout.look();
    if (isClosed()) return;
    if (!read && stamp === before && problem?.retry !== true) {
      await tellLate();
      return;
    }
    if (!read && stamp !== before) {
      // Seen by looking, so it may be under way.
      stamp = before;
      debounce.notice();
      await tellLate();
      return;
    }
    const settleMs = first || forced ? SHORTEST_SETTLE_MS : Math.max(debounceMs, SHORTEST_SETTLE_MS);
    const reading = await subject.read(path, { settleMs, clock, signal: ending.signal });
    if (isClosed()) return;
    await consider(reading, forced);
    await tellLate();
  };

  const consider = async (reading: Reading, forced: boolean): Promise<void> => {
    switch (reading.kind) {
      case 'Missing':
        report({ state: 'Missing', reason: 'is not there' });
        return;
      case 'Unsettled':
        report({ state: 'Refused', reason: reading.reason, retry: true });
        return;
      case 'Unreadable':
        report({ state: 'Refused', reason: reading.reason, retry: true });
        return;
      case 'Read':
        await take(reading.files, contentOf(reading.files), forced);
    }
  };

  const take = async (files: Files, content: Content, forced: boolean): Promise<void> => {
    if (content.digest === loaded?.content.digest) {
      if (problem !== undefined) log(`${path}: what is in force is there again`);
      problem = undefined;
      return;
    }
    if (content.digest === problem?.content?.digest && !forced) return;
    const parsed = await called(() => subject.parse(files), { ...call(), name: 'parse' });
    if (!parsed.ok) {
      refuse(content, parsed.error);
      return;
    }
    const { value } = parsed;
    const checked = await called(() => validate?.(value), { ...call(), name: 'validate' });
    if (!checked.ok) {
      refuse(content, checked.error);
      return;
    }
    await swap(value, content);
  };

  const swap = async (value: T, content: Content): Promise<void> => {
    if (isClosed()) return;
    const previous = loaded;
    const keys = changedKeys(value, previous?.value) ?? changedFiles(content, previous?.content);
    const undo = subject.commit?.(value);
    if (apply !== undefined) {
      const applied = await called(() => apply(value, previous?.value, keys), { ...call(), name: 'apply' });
      if (!applied.ok) {
        undo?.();
        refuse(content, applied.error);
        return;
      }
    }
    loaded = {
      value,
      content,
      since: new Date(clock.now()).toISOString(),
      sinceByFile: sinceByFile(content, previous, clock.now()),
    };
    problem = undefined;
    counts.reloads += 1;
    log(`${path}: loaded${sensitive ? '' : `, changed: ${listed(keys)}`}`);
    await tell(() => callbacks.tell({ next: value, previous: previous?.value, changedKeys: keys }, { who: 'all' }));
  };

  const tellLate = async (): Promise<void> => {
    if (loaded === undefined || isClosed() || !callbacks.hasLate()) return;
    const { value, content } = loaded;
    const keys = changedKeys(value, undefined) ?? changedFiles(content, undefined);
    await tell(() => callbacks.tell({ next: value, previous: undefined, changedKeys: keys }, { who: 'late' }));
  };

  const tell = async (telling: () => Promise<readonly unknown[]>): Promise<void> => {
    const errors = await telling();
    counts.callbackFailures += errors.length;
    callbackError = errors.length === 0 ? undefined : reasonOf(errors[0], { sensitive });
    for (const error of errors) log(`${path}: a callback failed, the reload stands: ${reasonOf(error, { sensitive })}`);
  };

  const refuse = (content: Content, error: unknown): void => {
    counts.refusals += 1;
    report({ state: 'Refused', reason: reasonOf(error, { sensitive }), content });
  };

  const report = (now: Problem): void => {
    const again = problem?.reason === now.reason && problem.content?.digest === now.content?.digest;
    problem = now;
    if (again) return;
    const kept = loaded === undefined ? 'nothing is in force' : 'the earlier stays in force';
    log(`${path}: ${now.reason}: ${kept}`);
  };

  const facts = (): Facts => ({
    ...{ path, kind, sensitive, counts, loaded, problem, callbackError },
    mode: lookout.mode(),
    phase: isClosed() ? 'Closed' : first ? 'Loading' : 'Open',
  });

  const status = (): WatchStatus => statusOf(facts());

  const ended = new Promise<void>((resolve) => {
    ending.signal.addEventListener('abort', () => {
      resolve();
    });
  });

  const watcher: Watcher<T> = {
    get current() {
      return loaded?.value;
    },
    ready: async () => {
      await Promise.race([loadedOnce, ended]);
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
      const done = new Promise<void>((resolve) => mine.waiting.push(resolve));
      start();
      if (!outer.has(self)) await Promise.race([done, ended]);
      return status();
    },
    onChange: (callback, { current = false, timeoutMs } = {}) => {
      const late = current && loaded !== undefined;
      const remove = callbacks.add(callback, { current: late, ...(timeoutMs !== undefined && { timeoutMs }) });
      if (late) {
        next();
        start();
      }
      return remove;
    },
    status,
    close: async () => {
      if (!isClosed()) {
        ending.abort(new WatchError('closed'));
        debounce.cancel();
        lookout.close();
        leave();
      }
      if (!waitingForUs().has(self)) await running;
    },
  };

  const loadedOnce = new Promise<void>((resolve) => errand?.waiting.push(resolve));
  const leave = group.add(watcher);
  start();
  return watcher;
}

const sinceByFile = (
  content: Content,
  previous: Loaded<unknown> | undefined,
  now: number,
): ReadonlyMap<string, string> => {
  const changed = new Set(changedFiles(content, previous?.content));
  const since = new Date(now).toISOString();
  return new Map(
    [...content.digests.keys()].map((name) => [
      name,
      changed.has(name) ? since : (previous?.sinceByFile.get(name) ?? since),
    ]),
  );
};

const MOST_LISTED = 10;

const listed = (keys: readonly string[]): string => {
  const more = keys.length - MOST_LISTED;
  return `${keys.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
