/** Rules for lists of conditions, as Kubernetes and kstatus want them. */

import type { Condition } from '../api/v1alpha1/types.ts';

/** A condition as it is wanted now; when it began is worked out from what was there. */
export type Wanted = Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>;

/**
 * The list that replaces another one: sorted by type, with the time moved only where the status moved. A condition
 * that isn't wanted any more is dropped.
 * @param now RFC 3339
 */
export const mergeConditions = (
  before: readonly Condition[],
  wanted: readonly Wanted[],
  observedGeneration: number,
  now: string,
): readonly Condition[] =>
  [...wanted]
    .sort((a, b) => (a.type < b.type ? -1 : 1))
    .map((condition) => {
      const known = before.find(({ type }) => type === condition.type);
      const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : now;
      return { ...condition, observedGeneration, lastTransitionTime };
    });
