/** Watches that begin with the first source that needs them and end with the last. */

import type { Sink } from '../../runtime/reflector.ts';
import type { SourceScope, SourceVersion, SourceWatcher } from '../ports.ts';
import { scopeKey, scopeKeysOf } from './keys.ts';

export interface OwnWatches {
  /** Begins the watch of a scope where nobody uses it yet. */
  use(scope: SourceScope, user: string): void;
  /** Ends it where nobody else uses it. */
  release(scope: SourceScope, user: string): void;
  /** Why a source can't be watched, in the server's words; undefined where it can, or is not watched by one of these. */
  refused(key: string): string | undefined;
}

export interface OwnWatchesOptions {
  readonly watcher: SourceWatcher;
  readonly sinkOf: (scope: SourceScope) => Sink<SourceVersion>;
  readonly onEnd: (scope: SourceScope) => void;
  /** A scope can be watched no longer, or again. */
  readonly onRefused: (scope: SourceScope) => void;
}

interface Running {
  readonly users: Set<string>;
  readonly stop: () => void;
  refused: string | undefined;
}

export const createOwnWatches = (options: OwnWatchesOptions): OwnWatches => {
  const running = new Map<string, Running>();
  return {
    use: (scope, user) => {
      const key = scopeKey(scope);
      const known = running.get(key);
      if (known !== undefined) {
        known.users.add(user);
        return;
      }
      const watch: Running = {
        users: new Set([user]),
        stop: options.watcher.watch(scope, options.sinkOf(scope), (why) => {
          if (running.get(key) !== watch || watch.refused === why) return;
          watch.refused = why;
          options.onRefused(scope);
        }),
        refused: undefined,
      };
      running.set(key, watch);
    },
    release: (scope, user) => {
      const key = scopeKey(scope);
      const watch = running.get(key);
      watch?.users.delete(user);
      if (watch?.users.size !== 0) return;
      running.delete(key);
      watch.stop();
      options.onEnd(scope);
    },
    refused: (key) => {
      for (const scope of scopeKeysOf(key)) {
        const watch = running.get(scope);
        if (watch !== undefined) return watch.refused;
      }
      return undefined;
    },
  };
};
