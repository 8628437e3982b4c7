/** Restarts of an Argo Rollout by `spec.restartAt`: its controller replaces pods that are older, in the same revision. */

import type { Observed } from './observed.ts';

/** Of several policies, Template is the stricter word: it takes the Rollout's own steps. */
export const isByRestartAt = ({ workload, policies }: Observed): boolean =>
  workload.kind === 'Rollout' && policies.every(({ rollouts }) => rollouts === 'RestartAt');

/** Pods are as old as whole seconds tell: one that was made in the second of the change may be older than it. */
export const wholeSecondAfter = (now: number): string =>
  new Date(Math.ceil(now / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
