/** How far an Argo Rollout is, by the rules of `kubectl argo rollouts status` (its controller counts, and says so in a phase). */

import type { Progress } from './rollout.ts';

export interface ArgoRolloutState {
  readonly kind: 'Rollout';
  readonly generation: number;
  readonly observedGeneration: number;
  /** `spec.paused`: a person has stopped it. */
  readonly paused: boolean;
  readonly replicas: number;
  /** Healthy, Progressing, Paused, Degraded; absent: its controller has said nothing yet. */
  readonly phase?: string;
  readonly message?: string;
  /** A pause is over, and its controller has not gone on yet. */
  readonly unpausing: boolean;
  readonly status: { readonly updated: number; readonly available: number };
  /** The latest restart of ours is by `spec.restartAt`, and is not done. */
  readonly restarting: boolean;
}

export const argoProgress = (state: ArgoRolloutState): Progress => {
  const { phase, message = '', unpausing, restarting, replicas, status } = state;
  if (unpausing) return { phase: 'InProgress', message: 'its controller is about to go on after a pause' };
  if (phase === 'Degraded')
    return { phase: 'Failed', reason: 'Degraded', message: message || 'the Rollout is degraded' };
  if (restarting) return { phase: 'InProgress', message: 'its pods are being restarted' };
  if (phase === 'Healthy')
    return { phase: 'Complete', pods: status.updated, message: `${status.available} of ${replicas} pods available` };
  return { phase: 'InProgress', message: message || 'its controller has not said how it is yet' };
};

/** A step that waits, for a person or for a time: it is the Rollout's own, and not ours to end. */
export const argoPause = ({
  generation,
  observedGeneration,
  phase,
  message = '',
  unpausing,
}: ArgoRolloutState): { readonly reason: 'Paused'; readonly message: string } | undefined =>
  phase === 'Paused' && !unpausing && generation === observedGeneration
    ? { reason: 'Paused', message: `the Rollout waits in one of its steps (${message}): promote or abort it` }
    : undefined;
