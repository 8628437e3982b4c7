/**
 * How far a workload's rollout is, by the rules of `kubectl rollout status`
 * (kubectl's polymorphichelpers/rollout_status.go), and what keeps it from moving.
 */

import { argoPause, argoProgress, type ArgoRolloutState } from './rollout-argo.ts';

/** What the API says of a workload's rollout, per kind; counts that the API leaves out are 0. */
export type RolloutState =
  | {
      readonly kind: 'Deployment';
      readonly generation: number;
      readonly observedGeneration: number;
      readonly paused: boolean;
      readonly replicas: number;
      readonly status: { readonly replicas: number; readonly updated: number; readonly available: number };
      /** The message of condition Progressing where its reason is ProgressDeadlineExceeded. */
      readonly deadlineExceeded?: string;
      /** The message of condition ReplicaFailure where it is True: quota, admission. */
      readonly replicaFailure?: string;
    }
  | {
      readonly kind: 'StatefulSet';
      readonly generation: number;
      readonly observedGeneration: number;
      readonly onDelete: boolean;
      readonly replicas: number;
      readonly partition: number;
      readonly status: { readonly ready: number; readonly updated: number };
    }
  | {
      readonly kind: 'DaemonSet';
      readonly generation: number;
      readonly observedGeneration: number;
      readonly onDelete: boolean;
      readonly status: { readonly desired: number; readonly updated: number; readonly available: number };
    }
  | ArgoRolloutState
  | {
      readonly kind: 'CronJob';
      readonly generation: number;
      readonly observedGeneration: number;
      /** No run begins until somebody lifts that. */
      readonly suspended: boolean;
    }
  | {
      /** Nothing replaces the pods. */
      readonly kind: 'ReplicaSet' | 'Pod';
      readonly generation: number;
      readonly observedGeneration: number;
      readonly replicas: number;
    };

export type Progress =
  | { readonly phase: 'Complete'; readonly pods: number; readonly message: string }
  | { readonly phase: 'InProgress'; readonly message: string }
  | {
      readonly phase: 'Failed';
      readonly reason: 'ProgressDeadlineExceeded' | 'Degraded';
      readonly message: string;
    };

export const rolloutProgress = (state: RolloutState): Progress => {
  if (state.generation > state.observedGeneration) {
    return { phase: 'InProgress', message: 'the change is not seen by the controller yet' };
  }
  switch (state.kind) {
    case 'Deployment':
      return deploymentProgress(state);
    case 'StatefulSet':
      return statefulSetProgress(state);
    case 'DaemonSet':
      return daemonSetProgress(state);
    case 'Rollout':
      return argoProgress(state);
    case 'CronJob':
      return {
        phase: 'Complete',
        pods: 0,
        message: `the next run starts on it${state.suspended ? '; the CronJob is suspended' : ''}`,
      };
    case 'ReplicaSet':
    case 'Pod':
      return { phase: 'Complete', pods: state.replicas, message: 'nothing replaces its pods' };
  }
};

/** In one word, how a rollout has succeeded. */
export const completeReason = (state: RolloutState): 'Complete' | 'NoReplicas' | 'NextRun' => {
  if (state.kind === 'CronJob') return 'NextRun';
  return desiredPods(state) === 0 ? 'NoReplicas' : 'Complete';
};

export interface Blocker {
  readonly reason: 'Paused' | 'OnDelete' | 'NoRollout';
  readonly message: string;
}

/** What keeps a template change from replacing pods at all; a person decides, we only say so. */
export const rolloutBlocker = (state: RolloutState): Blocker | undefined => {
  switch (state.kind) {
    case 'Deployment':
    case 'Rollout':
      return state.paused
        ? { reason: 'Paused', message: `the ${state.kind} is paused: resume it to let the restart go on` }
        : undefined;
    case 'StatefulSet':
    case 'DaemonSet':
      return state.onDelete
        ? {
            reason: 'OnDelete',
            message: `the ${state.kind}'s update strategy is OnDelete: delete its pods by hand to restart them`,
          }
        : undefined;
    case 'ReplicaSet':
      return {
        reason: 'NoRollout',
        message: 'a ReplicaSet has no rollout: delete its pods by hand to have it start new ones',
      };
    case 'Pod':
      return { reason: 'NoRollout', message: 'a bare Pod is not restarted: delete and create it' };
    case 'CronJob':
      return undefined;
  }
};

/** What a rollout that is under way waits for, though nothing is wrong with it. */
export const rolloutPause = (state: RolloutState): Blocker | undefined =>
  state.kind === 'Rollout' ? argoPause(state) : undefined;

/** A change of the template replaces no pods: only the start times of containers tell what they run on. */
export const isRestartedByHand = (state: RolloutState): boolean =>
  state.kind === 'ReplicaSet' || state.kind === 'Pod' || ('onDelete' in state && state.onDelete);

/** How many pods the workload is meant to have. */
export const desiredPods = (state: RolloutState): number => {
  if (state.kind === 'CronJob') return 0;
  return state.kind === 'DaemonSet' ? state.status.desired : state.replicas;
};

const of = (count: number, total: number, what: string): string => `${count} of ${total} pods ${what}`;

const deploymentProgress = (state: Extract<RolloutState, { kind: 'Deployment' }>): Progress => {
  const { replicas, status, deadlineExceeded, replicaFailure } = state;
  if (deadlineExceeded !== undefined) {
    const message = replicaFailure === undefined ? deadlineExceeded : `${deadlineExceeded}; ${replicaFailure}`;
    return { phase: 'Failed', reason: 'ProgressDeadlineExceeded', message };
  }
  const because = replicaFailure === undefined ? '' : `: ${replicaFailure}`;
  if (status.updated < replicas)
    return { phase: 'InProgress', message: of(status.updated, replicas, 'updated') + because };
  if (status.replicas > status.updated) {
    return { phase: 'InProgress', message: `${status.replicas - status.updated} old pods are still there` };
  }
  if (status.available < status.updated) {
    return { phase: 'InProgress', message: of(status.available, status.updated, 'available') + because };
  }
  return { phase: 'Complete', pods: status.updated, message: of(status.available, replicas, 'available') };
};

const statefulSetProgress = (state: Extract<RolloutState, { kind: 'StatefulSet' }>): Progress => {
  const { replicas, partition, status } = state;
  if (status.ready < replicas) return { phase: 'InProgress', message: of(status.ready, replicas, 'ready') };
  const wanted = Math.max(0, replicas - partition);
  if (status.updated < wanted) return { phase: 'InProgress', message: of(status.updated, wanted, 'updated') };
  const kept =
    partition > 0 ? `; the ${Math.min(partition, replicas)} pods below the partition keep what they started with` : '';
  return { phase: 'Complete', pods: wanted, message: of(status.ready, replicas, 'ready') + kept };
};

const daemonSetProgress = (state: Extract<RolloutState, { kind: 'DaemonSet' }>): Progress => {
  const { desired, updated, available } = state.status;
  if (updated < desired) return { phase: 'InProgress', message: of(updated, desired, 'updated') };
  if (available < desired) return { phase: 'InProgress', message: of(available, desired, 'available') };
  return { phase: 'Complete', pods: updated, message: of(available, desired, 'available') };
};
