import type { Clock } from './clock.ts';

/** Tells a connection that has gone silent from one that is alive. */
export interface Watchdog {
  readonly signal: AbortSignal;
  /** It was the silence that aborted the signal. */
  readonly expired: boolean;
  alive(): void;
  stop(): void;
}

/** A signal that is aborted with the outer one, or when `alive()` wasn't called for `idleMs`. */
export function createWatchdog(clock: Clock, idleMs: number, outer: AbortSignal): Watchdog {
  const controller = new AbortController();
  let aliveAt = clock.now();
  let expired = false;
  // One timer that looks again is cheaper than one set anew for every event.
  const look = (): void => {
    const leftMs = aliveAt + idleMs - clock.now();
    if (leftMs > 0) {
      cancel = clock.schedule(leftMs, look);
      return;
    }
    expired = true;
    controller.abort(new Error(`silent for ${idleMs / 1000} s`));
  };
  let cancel = clock.schedule(idleMs, look);
  const abort = (): void => {
    controller.abort(outer.reason);
  };
  if (outer.aborted) abort();
  outer.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    alive: () => {
      aliveAt = clock.now();
    },
    stop: () => {
      cancel();
      outer.removeEventListener('abort', abort);
    },
  };
}
