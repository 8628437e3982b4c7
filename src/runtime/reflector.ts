import { createBackoff, type Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { retryAfterOf, statusOf, toError } from './errors.ts';
import type { ListWatch, Page, Sink, WatchEvent } from './list-watch.ts';
import type { Logger } from './log.ts';
import { compareResourceVersions } from './resource-version.ts';
import { createWatchdog } from './watchdog.ts';

export type { ListWatch, Page, Sink, WatchEvent };

export interface ReflectorStatus {
  readonly name: string;
  /** The sink has had a full list. */
  readonly synced: boolean;
  /** When the watch last proved alive (opened, event, bookmark, clean end), in ms since the epoch. */
  readonly aliveAt: number | undefined;
  /** The latest failure, until something succeeds again. */
  readonly error?: Error;
}

export interface ReflectorOptions<T> {
  /** What is watched, for logs, metrics and health: "configmaps", say. */
  readonly name: string;
  readonly source: ListWatch<T>;
  readonly sink: Sink<T>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Objects per page. Default: 500. */
  readonly pageSize?: number;
  /** A watch silent for so long may be dead: it is begun anew, in ms. Longer than the usual bookmark period of 1 min. Default: 90 000. */
  readonly idleMs?: number;
  /** Bounds of the pause before a retry, in ms. Default: 100 to 15 000. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number };
  readonly onStatus?: (status: ReflectorStatus) => void;
  /** For metrics: a full list of `items` objects took `seconds`. */
  readonly onList?: (items: number, seconds: number) => void;
}

/**
 * Keeps a sink equal to what a source lists, by list and watch, for ever.
 *
 * Guarantees: `run` ends only by abort; every failure is retried, with a jittered backoff that honours Retry-After;
 * a failed read removes nothing: only a DELETED event or a full list says gone; pages are handed on one by one, none
 * is kept; a watch resumes where it stopped (last event or bookmark) after a clean end, a cut connection or silence,
 * and a version that has expired (410) leads to a new list; a sink that throws is logged and goes on being fed.
 */
export interface Reflector {
  /** Resolves after the abort; never rejects. May be called once. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves with the first full list; stays pending when `run` is aborted before. */
  readonly synced: Promise<void>;
  status(): ReflectorStatus;
  /** Reads the source once, with its own rights; rejects with the source's error. Resolves at once when the source can't probe. */
  probe(signal: AbortSignal): Promise<void>;
}

export function createReflector<T>(options: ReflectorOptions<T>): Reflector {
  return new ListWatchReflector(options);
}

/** Jittered, so that the watches of a process don't end together. */
const WATCH_SECONDS = { min: 300, max: 600 };
/** A watch that stood so long, or until it was silent for too long, was sound: the next one may follow without backing off. */
const SOUND_WATCH_MS = 10_000;
/** However long the other side asks for, the loop looks again after this. */
const LONGEST_RETRY_AFTER_MS = 60_000;
/** A watch that fails so often in a row at one resourceVersion, by the server's answer, is given up for a new list. */
const FAILURES_BEFORE_RELIST = 3;

class WatchError extends Error {
  override readonly name = 'WatchError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

class ListWatchReflector<T> implements Reflector {
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #resolveSynced: () => void;
  /** Where the next watch begins; undefined: list first. */
  #resourceVersion: string | undefined;
  /** Failures by answer since the watch last moved on. */
  #refusals = 0;
  /** The latest that was ever seen. */
  #latest: string | undefined;
  #status: ReflectorStatus;
  #started = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = createBackoff({ minMs: 100, maxMs: 15_000, ...options.backoff, random: options.random });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.synced = promise;
    this.#resolveSynced = () => {
      resolve(undefined);
    };
    this.#status = { name: options.name, synced: false, aliveAt: undefined };
  }

  status(): ReflectorStatus {
    return this.#status;
  }

  async probe(signal: AbortSignal): Promise<void> {
    await this.#options.source.probe?.(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    if (this.#started) throw new Error(`reflector ${this.#options.name} was started before: create another one`);
    this.#started = true;
    while (!signal.aborted) {
      const pauseMs = await this.#turn(signal);
      await this.#options.clock.sleep(pauseMs, signal).catch(ignoreAbort);
    }
  }

  /** One list if needed and one watch to its end; the milliseconds to pause before the next. Never rejects. */
  async #turn(signal: AbortSignal): Promise<number> {
    try {
      this.#resourceVersion ??= await this.#list(signal);
      await this.#watch(this.#resourceVersion, signal);
      return this.#backoff.next();
    } catch (thrown) {
      if (signal.aborted) return 0;
      return this.#recover(toError(thrown));
    }
  }

  /** Decides how to go on after a failure; the milliseconds to pause before. */
  #recover(error: Error): number {
    const { name, log } = this.#options;
    const status = statusOf(error);
    const listing = this.#resourceVersion === undefined;
    if (status !== undefined && !listing) this.#refusals += 1;
    const expired = status === 410 || this.#refusals >= FAILURES_BEFORE_RELIST;
    if (expired) {
      this.#resourceVersion = undefined;
      this.#refusals = 0;
    }
    const retryAfterMs = Math.min(retryAfterOf(error) ?? 0, LONGEST_RETRY_AFTER_MS);
    const pauseMs = Math.round(Math.max(this.#backoff.next(), retryAfterMs));
    this.#update({ error });
    const fields = {
      watch: name,
      during: listing ? 'list' : 'watch',
      next: this.#resourceVersion === undefined ? 'list' : 'watch',
      pauseMs,
    };
    if (status === 410) log.info({ ...fields, reason: error.message }, 'version expired, will list again');
    else log.warn({ ...fields, err: error }, 'list or watch failed, will retry');
    return pauseMs;
  }

  /** Passes a full list on, page by page; the resourceVersion at which the watch begins. */
  async #list(signal: AbortSignal): Promise<string> {
    const { source, clock, pageSize: limit = 500, onList } = this.#options;
    const startedAt = clock.now();
    this.#feed((sink) => {
      sink.listing();
    });
    let page = await source.list({ limit }, signal);
    const { resourceVersion } = page;
    this.#findRewound(resourceVersion);
    let items = this.#upsertAll(page);
    while (page.continueToken !== undefined && page.continueToken !== '') {
      page = await source.list({ limit, continueToken: page.continueToken }, signal);
      items += this.#upsertAll(page);
    }
    this.#feed((sink) => {
      sink.listed();
    });
    this.#succeed({ synced: true });
    this.#resolveSynced();
    this.#notify(() => onList?.(items, (clock.now() - startedAt) / 1000));
    return resourceVersion;
  }

  #findRewound(resourceVersion: string): void {
    const { log, name } = this.#options;
    const latest = this.#latest;
    this.#latest = resourceVersion;
    if (latest === undefined || (compareResourceVersions(resourceVersion, latest) ?? 0) >= 0) return;
    log.warn({ watch: name, latest, listed: resourceVersion }, 'the server is at an earlier version than it was');
    this.#feed((sink) => {
      sink.rewound();
    });
  }

  #upsertAll(page: Page<T>): number {
    for (const item of page.items) {
      this.#feed((sink) => {
        sink.upsert(item);
      });
    }
    return page.items.length;
  }

  /** Watches until the server ends it; throws what ended it otherwise. */
  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { source, clock, random, idleMs = 90_000, log, name } = this.#options;
    const idle = createWatchdog(clock, idleMs, signal);
    const timeoutSeconds = Math.round(WATCH_SECONDS.min + random() * (WATCH_SECONDS.max - WATCH_SECONDS.min));
    let openedAt: number | undefined;
    const onOpen = (): void => {
      openedAt = clock.now();
      idle.alive();
      this.#alive();
    };
    try {
      for await (const event of source.watch({ resourceVersion, timeoutSeconds, onOpen }, idle.signal)) {
        idle.alive();
        this.#take(event);
      }
      // An iterable may also just end when its signal is aborted.
      idle.signal.throwIfAborted();
      this.#alive();
    } catch (error) {
      if (!idle.expired || signal.aborted) throw error;
      // No failure yet: servers send no bookmarks of a resource of which they have seen no event. A new watch will tell.
      log.debug({ watch: name, idleMs }, 'silent for long, will watch anew');
    } finally {
      idle.stop();
      if (openedAt !== undefined && clock.now() - openedAt >= Math.min(SOUND_WATCH_MS, idleMs)) this.#backoff.reset();
    }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw new WatchError(event.code, event.message);
    if (event.type === 'BOOKMARK') {
      this.#moveTo(event.resourceVersion);
      return;
    }
    this.#feed((sink) => {
      if (event.type === 'DELETED') sink.remove(event.object);
      else sink.upsert(event.object);
    });
    this.#moveTo(this.#options.source.resourceVersionOf(event.object));
  }

  /** Only progress ends a backoff: a watch that opens and ends at once, again and again, must not spin. */
  #moveTo(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    this.#latest = resourceVersion;
    this.#refusals = 0;
    this.#backoff.reset();
    this.#alive();
  }

  #alive(): void {
    this.#succeed({ aliveAt: this.#options.clock.now() });
  }

  #succeed(change: Partial<ReflectorStatus>): void {
    const { error: _, ...rest } = this.#status;
    this.#status = rest;
    this.#update(change);
  }

  #update(change: Partial<ReflectorStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.#notify(() => this.#options.onStatus?.(this.#status));
  }

  #feed(call: (sink: Sink<T>) => void): void {
    const { sink, log, name } = this.#options;
    try {
      call(sink);
    } catch (error) {
      log.error({ watch: name, err: error }, 'the sink of a reflector failed');
    }
  }

  #notify(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.log.error({ watch: this.#options.name, err: error }, 'a callback of the reflector failed');
    }
  }
}

/** The loop that slept looks at the signal itself. */
function ignoreAbort(): void {}
