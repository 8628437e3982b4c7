/** Collections of a cluster, followed for as long as a command runs. */

import type { KubeObject } from '../kube/listwatch.ts';
import { statusOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { createReflector, type ListWatch } from '../runtime/reflector.ts';
import type { Terminal } from './terminal.ts';

export interface Followed<T> {
  /** What there is, by name. */
  items(): readonly T[];
}

export interface Follower {
  /** Begins to follow; all collections are to be named before the first `next`. */
  follow<T extends KubeObject>(name: string, source: ListWatch<T>): Followed<T>;
  /**
   * Resolves when every collection is there and anything has changed since the last call. Rejects with what no waiting
   * cures: a right that is missing, a resource that is not there, a cluster that can't be reached at first.
   */
  next(): Promise<void>;
  /** Lets `next` resolve once more although nothing has changed. */
  again(): void;
  /** Ends the watches. */
  close(): void;
}

export const createFollower = ({ clock, random, signal, err }: Terminal): Follower => {
  const closing = new AbortController();
  const ending = AbortSignal.any([signal, closing.signal]);
  const pending = new Set<string>();
  let changed = true;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
  };
  const touch = (): void => {
    changed = true;
    notify();
  };
  ending.addEventListener('abort', notify);

  return {
    follow: <T extends KubeObject>(name: string, source: ListWatch<T>) => {
      const held = new Map<string, T>();
      let listed: Set<string> | undefined;
      let troubled = false;
      const keyOf = ({ metadata: { namespace = '', name: of } }: T): string => `${namespace}/${of}`;
      pending.add(name);
      const reflector = createReflector<T>({
        name,
        source,
        clock,
        random,
        log: SILENT,
        sink: {
          listing: () => {
            listed = new Set();
          },
          rewound: () => undefined,
          upsert: (object) => {
            listed?.add(keyOf(object));
            held.set(keyOf(object), object);
            touch();
          },
          remove: (object) => {
            held.delete(keyOf(object));
            touch();
          },
          listed: () => {
            for (const key of held.keys()) if (listed?.has(key) === false) held.delete(key);
            listed = undefined;
            pending.delete(name);
            touch();
          },
        },
        onStatus: ({ error }) => {
          if (error === undefined) {
            troubled = false;
          } else if (isFinal(error, pending.has(name))) {
            failure ??= error;
            notify();
          } else if (!troubled) {
            troubled = true;
            err(`lost sight of ${name}, trying again: ${error.message}\n`);
          }
        },
      });
      void reflector.run(ending);
      return { items: () => [...held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object) };
    },
    next: async () => {
      for (;;) {
        if (failure !== undefined) throw failure;
        signal.throwIfAborted();
        if (changed && pending.size === 0) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      changed = false;
    },
    again: touch,
    close: () => {
      closing.abort(new Error('done'));
    },
  };
};

/** An answer of the kind that stays as it is; before the first list also no answer at all. */
const isFinal = (error: Error, first: boolean): boolean => {
  const status = statusOf(error);
  if (status === undefined) return first;
  return status >= 400 && status < 500 && ![408, 410, 429].includes(status);
};

const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
