/** One page of a list. Every page of one list shows the state at the same resourceVersion. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Present when there is more. */
  readonly continueToken?: string;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ERROR'; readonly code: number; readonly message: string };

/**
 * Where objects come from. Errors may carry the HTTP status of an answer in `status`, and in `retryAfterMs` how long
 * the other side wants to be left alone; without a status no answer came. Both calls must end soon after the abort.
 */
export interface ListWatch<T> {
  list(options: { readonly limit: number; readonly continueToken?: string }, signal: AbortSignal): Promise<Page<T>>;
  /** Asks for bookmarks. Ends without an error when the server ends it. `onOpen`: the server has accepted the watch. */
  watch(
    options: { readonly resourceVersion: string; readonly timeoutSeconds: number; readonly onOpen?: () => void },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  resourceVersionOf(object: T): string;
  /** A cheap read of the same objects with the same rights: tells "the API is away" from "the watch is dead". */
  probe?(signal: AbortSignal): Promise<void>;
}

/** Where objects go. */
export interface Sink<T> {
  /** A full list begins, or begins anew: until `listed()`, every object that still exists is passed to `upsert`. */
  listing(): void;
  /**
   * The list that has begun shows an earlier state than what was passed before: the server was restored from a backup.
   * What is passed until `listed()` counts whatever its version.
   */
  rewound(): void;
  upsert(object: T): void;
  remove(object: T): void;
  listed(): void;
}
