/** Lets what isn't urgent wait for what is, but not for ever. */

import type { Clock } from '../runtime/clock.ts';
import type { WorkQueue } from '../runtime/workqueue.ts';

const LONGEST_QUIET_MS = 3_000;

/**
 * Resolves when none of the queues has anything to do, or after a while. All who wait at a time share one wait; when
 * that has become too long, nobody waits any more until the queues have been idle once.
 */
export const createQuiet = (urgent: readonly Pick<WorkQueue, 'idle'>[], clock: Clock): (() => Promise<void>) => {
  let waiting: Promise<void> | undefined;
  let overdue = false;
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.schedule(LONGEST_QUIET_MS, () => {
        overdue = true;
        resolve();
      });
      void Promise.all(urgent.map((queue) => queue.idle())).then(() => {
        cancel();
        overdue = false;
        resolve();
      });
    });
  return () => {
    if (overdue) return Promise.resolve();
    waiting ??= wait().finally(() => {
      waiting = undefined;
    });
    return waiting;
  };
};
