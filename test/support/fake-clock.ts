import type { Clock } from '../../src/runtime/clock.ts';

/** A clock that stands still until it is told to go on. */
export interface FakeClock extends Clock {
  /** Lets the time pass, calling what falls due on the way in its order; promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Timers that haven't fired. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export function createFakeClock(startAt = 1_000_000): FakeClock {
  let now = startAt;
  const timers = new Set<Timer>();

  const schedule = (ms: number, run: () => void): (() => void) => {
    const timer = { at: now + Math.max(0, ms), run };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  };

  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];

  return {
    now: () => now,
    schedule,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => {
          cancel();
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
        const cancel = schedule(ms, () => {
          signal.removeEventListener('abort', abort);
          resolve();
        });
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      }),
    advance: async (ms) => {
      const until = now + ms;
      await settled();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = timer.at;
        timer.run();
        await settled();
      }
      now = until;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Every promise that can settle without time passing has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
