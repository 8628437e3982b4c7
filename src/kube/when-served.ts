/** Kinds that not every cluster serves: while one is not served there are none of it, or it is said that it is missing. */

import type { Clock } from '../runtime/clock.ts';
import type { ListWatch, WatchEvent } from '../runtime/reflector.ts';
import { isNotFound } from './errors.ts';

/** How soon a kind is seen that a cluster has come to serve. */
const LOOK_AGAIN_MS = 20_000;
/** The version of an empty list of what isn't served. */
const NOT_SERVED = '';

/**
 * The list of what is not served is empty. Its watch looks again every 20 s, and ends as one whose version has expired
 * as soon as the kind is served: a list follows, and everything goes its usual way. So it does the other way round when
 * the kind goes.
 */
export const whenServed = <T>(source: ListWatch<T>, clock: Pick<Clock, 'sleep'>): ListWatch<T> => {
  const isServed = async (signal: AbortSignal): Promise<boolean> => {
    try {
      await source.list({ limit: 1 }, signal);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  async function* watch(
    request: Parameters<ListWatch<T>['watch']>[0],
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    if (request.resourceVersion !== NOT_SERVED) {
      try {
        yield* source.watch(request, signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        yield EXPIRED;
      }
      return;
    }
    request.onOpen?.();
    while (!(await isServed(signal))) {
      yield { type: 'BOOKMARK', resourceVersion: NOT_SERVED };
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
    yield EXPIRED;
  }

  return {
    ...source,
    list: async (options, signal) => {
      try {
        return await source.list(options, signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        return { items: [], resourceVersion: NOT_SERVED };
      }
    },
    watch,
    probe: async (signal) => {
      await isServed(signal);
    },
  };
};

const EXPIRED = { type: 'ERROR', code: 410, message: 'what is served has changed' } as const;

/** How long a kind that somebody has to install is left alone until it is looked for again. */
const UNSERVED_RETRY_MS = 60_000;

class NotServedError extends Error {
  override readonly name = 'NotServedError';
  readonly status = 404;
  readonly retryAfterMs = UNSERVED_RETRY_MS;
}

/**
 * A kind that should be served: a list fails with what is missing while it is not, and is tried again after a minute.
 * @param message what is missing, and what comes of that
 */
export const saidWhereNotServed = <T>(source: ListWatch<T>, message: string): ListWatch<T> => ({
  ...source,
  list: async (options, signal) => {
    try {
      return await source.list(options, signal);
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
      throw new NotServedError(message, { cause });
    }
  },
});
