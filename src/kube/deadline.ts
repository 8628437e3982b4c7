import type { Clock } from '../runtime/clock.ts';

/** A signal that is aborted with an outer one, or after some time. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** It was the time that ran out. */
  readonly passed: boolean;
  /** Stops the time; the outer signal still counts. */
  disarm(): void;
  /** Lets go of time and outer signal. Must be called. */
  clear(): void;
}

/** Cheaper than AbortSignal.any with AbortSignal.timeout, and nothing stays behind on a long-lived outer signal. */
export function createDeadline(clock: Clock, ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  let passed = false;
  const disarm = clock.schedule(ms, () => {
    passed = true;
    controller.abort(new Error(`no answer within ${ms / 1000} s`));
  });
  const follow = (): void => {
    controller.abort(outer?.reason);
  };
  if (outer?.aborted === true) follow();
  else outer?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    get passed() {
      return passed;
    },
    disarm,
    clear: () => {
      disarm();
      outer?.removeEventListener('abort', follow);
    },
  };
}
