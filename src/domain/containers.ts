/**
 * What the start times of containers prove. Kubernetes gives them in whole seconds, so every comparison is made to
 * fall on the safe side of what it must prove.
 */

import type { Pod, Workload } from './observed.ts';

const SECOND = 1_000;
const floor = (time: number): number => Math.floor(time / SECOND) * SECOND;

/** The containers that read a source. */
const readers = (workload: Workload): ReadonlySet<string> => new Set(workload.uses.map((use) => use.container));

/** When the containers that read a source started, over all pods; a container that waits reads on its next start. */
const starts = (workload: Workload, pods: readonly Pod[]): readonly number[] => {
  const reading = readers(workload);
  return pods.flatMap((pod) =>
    pod.containers.flatMap(({ name, startedAt }) => (reading.has(name) && startedAt !== undefined ? [startedAt] : [])),
  );
};

/** No container that has started did so before the second of `time`; one that waits will read what is there then. */
export const allStartedSince = (workload: Workload, pods: readonly Pod[], time: number): boolean =>
  starts(workload, pods).every((start) => start >= floor(time));

/** Every container that reads a source runs, or ran, and was started in the second of `time` or later. */
export const allRunSince = (workload: Workload, pods: readonly Pod[], time: number): boolean => {
  const reading = readers(workload);
  return pods.every(({ containers }) =>
    [...reading].every((name) => {
      const startedAt = containers.find((container) => container.name === name)?.startedAt;
      return startedAt !== undefined && startedAt >= floor(time);
    }),
  );
};

/**
 * Some container may have started at `time` or later. One of which nothing is known counts: the kubelet tells of a start
 * only after it.
 */
export const someMayHaveStartedSince = (workload: Workload, pods: readonly Pod[], time: number): boolean =>
  pods.some(({ containers }) =>
    [...readers(workload)].some((name) => {
      const startedAt = containers.find((container) => container.name === name)?.startedAt;
      return startedAt === undefined || startedAt >= floor(time);
    }),
  );

/** Some container that runs, or ran last, started between two times, or in the second of either. */
export const someStartedWithin = (workload: Workload, pods: readonly Pod[], from: number, to: number): boolean =>
  starts(workload, pods).some((start) => start >= floor(from) && start <= to);

/** Some container started before the second of `time`, for certain. */
export const someStartedBefore = (workload: Workload, pods: readonly Pod[], time: number): boolean =>
  starts(workload, pods).some((start) => start < floor(time));
