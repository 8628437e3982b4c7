/** What an application sees of a watcher. Everything here is data or a function; nothing is inherited from. */

import type { IncomingMessage, ServerResponse } from 'node:http';

/** A value, or the promise of one. */
type Awaitable<T> = T | Promise<T>;

/**
 * Called after each swap. `previous` is undefined at the first one. `changedKeys` are the names that were added, changed
 * or removed: of a map its keys, of an object its own properties, of anything else the names of the files.
 */
export type ChangeCallback<T> = (next: T, previous: T | undefined, changedKeys: readonly string[]) => Awaitable<void>;

/** What all watchers take. `T` is what the content is parsed into. */
export interface CommonOptions<T> {
  /** Throws to refuse: the earlier configuration stays in force, and the message says why in the status. */
  readonly validate?: (next: T) => Awaitable<void>;
  /**
   * The application's own part of the swap, before `current` moves. Throws to refuse, and has then to have left
   * everything as it was.
   */
  readonly apply?: ChangeCallback<T>;
  /**
   * How long everything is to be quiet before a change is taken, in milliseconds. Default 500, at least 0. An endless
   * burst is taken after four times as long. What the kubelet writes is complete whenever it is seen: 0 is safe for it.
   * Others replace a file by renaming, or write it in place: those are taken when they weren't written to for as long,
   * and for 25 ms at least.
   */
  readonly debounceMs?: number;
  /** How often to look where events are not to be had, in milliseconds. Default 1,000. Where given: also beside events, which otherwise happens every 30 s. */
  readonly pollMs?: number;
  /** The limit of each call of the application's functions, in milliseconds. Default 10,000. */
  readonly callbackTimeoutMs?: number;
  /** For Secrets: no digest and no text of an error leaves the process. Default false. */
  readonly sensitive?: boolean;
  /** Whether an open watcher keeps the process alive, as `fs.watch` does. Default true. */
  readonly persistent?: boolean;
  /** Default: the group of the whole process. */
  readonly group?: WatchGroup;
  /** Takes one line without an end. Default: standard error. */
  readonly log?: (line: string) => void;
}

export interface WatchOptions<T, Raw = string> extends CommonOptions<T> {
  /** Turns text into what the application works with; throws to refuse. A byte order mark is gone already. */
  readonly parse?: (content: Raw, path: string) => Awaitable<T>;
}

/** Options with a parser, which says what `T` is. */
export type ParsingOptions<T, Raw = string> = WatchOptions<T, Raw> & Required<Pick<WatchOptions<T, Raw>, 'parse'>>;

export interface EnvFileOptions extends CommonOptions<ReadonlyMap<string, string>> {
  /** Where the variables go. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * `Loading` until the first load has ended; `Loaded`: what is there is in force; `Refused`: what is there was refused or
 * can't be read, and the earlier, if any, is in force; `Missing`: nothing is there, and the earlier is in force.
 */
export type WatchState = 'Loading' | 'Loaded' | 'Refused' | 'Missing' | 'Closed';

/** How changes are noticed. */
export type WatchMode = 'Events' | 'Polling';

export interface WatchedFile {
  /** Absolute, as the application opens it. */
  readonly path: string;
  /** Of the bytes that are loaded, in lower-case hexadecimal. Absent where nothing is loaded, and where it is sensitive. */
  readonly sha256?: string;
  /** RFC 3339. */
  readonly loadedAt?: string;
  /** One line: why what is there now is not loaded. */
  readonly error?: string;
}

/** As JSON, too. Never content. */
export interface WatchStatus {
  readonly path: string;
  readonly kind: 'File' | 'Directory' | 'EnvFile';
  readonly state: WatchState;
  readonly mode: WatchMode;
  /** One for a file; for a directory one for each file in it, by name. */
  readonly files: readonly WatchedFile[];
  /** When that which is in force was loaded, RFC 3339. */
  readonly since?: string;
  /** One line that begins with the path: why what is there now is not loaded. */
  readonly error?: string;
  /** One line: a callback that threw or took too long when the latest change was told. */
  readonly callbackError?: string;
  readonly counts: {
    /** Swaps, the first load among them. */
    readonly reloads: number;
    /** Contents that were refused. */
    readonly refusals: number;
    /** Callbacks that threw or took too long. */
    readonly callbackFailures: number;
  };
}

export interface Watcher<T> {
  /** What is in force; undefined until something was loaded. */
  readonly current: T | undefined;
  /** When the first load has ended, well or not. Never rejects. */
  ready(): Promise<WatchStatus>;
  /**
   * Reloads now and resolves when that is done, callbacks included. Content that was refused is tried again. From within
   * a function that this watcher has called it resolves at once, and the reload follows. Never rejects.
   */
  force(): Promise<WatchStatus>;
  /**
   * Calls back after each swap from now on; with `current`, also for what is in force already. Callbacks run side by
   * side, and what changes meanwhile is told when all have ended or had their time.
   *
   * @returns ends it
   */
  onChange(callback: ChangeCallback<T>, options?: OnChangeOptions): () => void;
  status(): WatchStatus;
  /**
   * Ends it: nothing is called any more, and no handle stays. Resolves when what was running has ended; from within a
   * function that this watcher has called, at once. What is in force stays so. Never rejects.
   */
  close(): Promise<void>;
}

export interface OnChangeOptions {
  /** Default false. */
  readonly current?: boolean;
  /** Default: the watcher's `callbackTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** Watchers that are forced, asked and closed together. */
export interface WatchGroup {
  /** Reloads all now. Never rejects. */
  force(): Promise<readonly WatchStatus[]>;
  /** Of all that are open, in the order in which they were made. */
  status(): readonly WatchStatus[];
  /** Closes all; the group can be used on. */
  close(): Promise<void>;
  /** Used by the watchers themselves. @returns takes it out again */
  add(watcher: Pick<Watcher<unknown>, 'force' | 'status' | 'close'>): () => void;
}

export interface HandlerOptions {
  /** Default: the group of the whole process. */
  readonly group?: WatchGroup;
  /** Where given, only requests with a `Reload-Signature` made with it are answered; without a key, none. */
  readonly signingKey?: string | Buffer | (() => string | Buffer | undefined);
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;
