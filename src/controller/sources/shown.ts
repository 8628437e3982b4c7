/**
 * What the watches of sources have shown: a store for each of them, since some come and go. Only versions of sources
 * that a policy names are kept.
 */

import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Sink } from '../../runtime/reflector.ts';
import { createStore, type FedStore } from '../../runtime/store.ts';
import type { SourceScope, SourceVersion } from '../ports.ts';
import { covers, scopeKey, scopeKeysOf } from './keys.ts';

export interface Shown {
  /** What the watch of a scope feeds. */
  part(scope: SourceScope): Sink<SourceVersion>;
  /** The watch of a scope has ended. */
  drop(scope: SourceScope): void;
  get(key: string): SourceVersion | undefined;
  /** When the watch showed the present version. */
  at(key: string): number | undefined;
  /** A version that was read is known before the watch shows it. */
  offer(version: SourceVersion): void;
  forget(key: string): void;
}

export interface ShownOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly isBound: (key: string) => boolean;
  readonly boundKeys: () => Iterable<string>;
  /** False for what is known from a read. */
  readonly isNews: (key: string, version: SourceVersion | undefined) => boolean;
  /** Sees every version with its labels before it is kept or not. */
  readonly onSeen: (version: SourceVersion) => void;
  /** A bound source has another version, is gone, or may be. */
  readonly onNews: (key: string) => void;
}

export const createShown = (options: ShownOptions): Shown => {
  const stores = new Map<string, FedStore<SourceVersion, SourceVersion>>();
  const times = new Map<string, number>();

  const storeOf = (key: string): FedStore<SourceVersion, SourceVersion> | undefined => {
    for (const scope of scopeKeysOf(key)) {
      const store = stores.get(scope);
      if (store !== undefined) return store;
    }
    return undefined;
  };

  const createPart = (): FedStore<SourceVersion, SourceVersion> => {
    const store = createStore<SourceVersion, SourceVersion>({
      keyOf: ({ key }) => key,
      keyOfValue: ({ key }) => key,
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
      trim: ({ key, resourceVersion, uid }) => (options.isBound(key) ? { key, resourceVersion, uid } : undefined),
      log: options.log,
    });
    store.onDelta(({ key, new: version }) => {
      if (!options.isBound(key) || !options.isNews(key, version)) return;
      times.set(key, options.clock.now());
      options.onNews(key);
    });
    return store;
  };

  return {
    part: (scope) => {
      const store = createPart();
      stores.set(scopeKey(scope), store);
      return {
        listing: () => {
          store.listing();
        },
        rewound: () => {
          store.rewound();
        },
        upsert: (version) => {
          options.onSeen(version);
          store.upsert(version);
        },
        // A source that was there before it was bound may not be held: that it goes, or is in no list, counts all the same.
        remove: (version) => {
          store.remove(version);
          if (options.isBound(version.key)) options.onNews(version.key);
        },
        listed: () => {
          store.listed();
          for (const key of options.boundKeys()) {
            if (covers(scope, key) && store.get(key) === undefined) options.onNews(key);
          }
        },
      };
    },
    drop: (scope) => {
      stores.delete(scopeKey(scope));
    },
    get: (key) => storeOf(key)?.get(key),
    at: (key) => times.get(key),
    offer: (version) => {
      storeOf(version.key)?.offer(version);
    },
    forget: (key) => {
      times.delete(key);
    },
  };
};
