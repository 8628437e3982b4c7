/** Workloads of every kind as the API carries them, as far as they are looked at. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import { RESTART_ANNOTATION } from '../api/v1alpha1/names.ts';
import { parseRestartAnnotation } from '../domain/annotation.ts';
import type { PodTemplate } from '../domain/references.ts';
import type { ArgoRolloutState } from '../domain/rollout-argo.ts';
import type { RolloutState } from '../domain/rollout.ts';
import type { LabelSelector, WorkloadKind } from '../domain/selection.ts';
import type { ObjectMeta } from './listwatch.ts';
import type { ManagedFieldsEntry } from './managed-fields.ts';

export interface RawWorkload {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly spec: {
    readonly selector?: LabelSelector;
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly suspend?: boolean;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
    /** Of a Rollout: all pods that are older are to be replaced. */
    readonly restartAt?: string;
    /** Of a Rollout: who has its template. */
    readonly workloadRef?: { readonly kind?: string; readonly name?: string };
  };
  readonly status?: {
    /** A number; of a Rollout, as text. */
    readonly observedGeneration?: number | string;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly phase?: string;
    readonly message?: string;
    readonly restartedAt?: string;
    readonly controllerPause?: boolean;
    readonly pauseConditions?: readonly unknown[] | null;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Of a pod that it is itself: what labels and annotations it gets changes nothing about it. */
export const templateOf = (kind: WorkloadKind, raw: object): PodTemplate => {
  const path = infoOf(kind).template;
  if (path.length === 0) return { spec: (raw as { readonly spec: NonNullable<PodTemplate['spec']> }).spec };
  const found = path.reduce<unknown>((at, field) => (isObject(at) ? at[field] : undefined), raw);
  return isObject(found) ? found : {};
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

export const rolloutState = (kind: WorkloadKind, raw: RawWorkload): RolloutState => {
  const { metadata, spec, status = {} } = raw;
  const generation = metadata.generation ?? 0;
  const common = { generation, observedGeneration: Number(status.observedGeneration ?? 0) };
  const replicas = spec.replicas ?? 1;
  const updated = status.updatedReplicas ?? 0;
  switch (kind) {
    case 'Deployment': {
      const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
      const failure = status.conditions?.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
      return {
        kind,
        ...common,
        paused: spec.paused ?? false,
        replicas,
        status: { replicas: status.replicas ?? 0, updated, available: status.availableReplicas ?? 0 },
        ...(progressing?.reason === 'ProgressDeadlineExceeded' && { deadlineExceeded: progressing.message ?? '' }),
        ...(failure !== undefined && { replicaFailure: failure.message ?? '' }),
      };
    }
    case 'StatefulSet':
      return {
        kind,
        ...common,
        onDelete: spec.updateStrategy?.type === 'OnDelete',
        replicas,
        partition: spec.updateStrategy?.rollingUpdate?.partition ?? 0,
        status: { ready: status.readyReplicas ?? 0, updated },
      };
    case 'DaemonSet':
      return {
        kind,
        ...common,
        onDelete: spec.updateStrategy?.type === 'OnDelete',
        status: {
          desired: status.desiredNumberScheduled ?? 0,
          updated: status.updatedNumberScheduled ?? 0,
          available: status.numberAvailable ?? 0,
        },
      };
    case 'Rollout':
      return argoState(raw);
    case 'CronJob':
      // What it will start is what its template says: nobody has to have seen that first.
      return { kind, generation, observedGeneration: generation, suspended: spec.suspend ?? false };
    case 'ReplicaSet':
    case 'Pod':
      return { kind, generation, observedGeneration: generation, replicas: kind === 'Pod' ? 1 : replicas };
  }
};

const argoState = (raw: RawWorkload): ArgoRolloutState => {
  const { metadata, spec, status = {} } = raw;
  const generation = metadata.generation ?? 0;
  return {
    kind: 'Rollout',
    generation,
    observedGeneration: Number(status.observedGeneration ?? 0) || 0,
    paused: spec.paused ?? false,
    replicas: spec.replicas ?? 1,
    ...(status.phase !== undefined && status.phase !== '' && { phase: status.phase }),
    ...(status.message !== undefined && { message: status.message }),
    unpausing: status.controllerPause === true && (status.pauseConditions ?? []).length === 0,
    status: { updated: status.updatedReplicas ?? 0, available: status.availableReplicas ?? 0 },
    restarting: spec.restartAt !== undefined && spec.restartAt !== status.restartedAt && isRestartedByTime(raw),
  };
};

/** A time that a person has set may be far ahead, and is no part of a restart of ours. */
const isRestartedByTime = (raw: RawWorkload): boolean =>
  countOf(raw.metadata.annotations) > countOf(templateOf('Rollout', raw).metadata?.annotations);

const countOf = (annotations: Readonly<Record<string, string>> = {}): number =>
  parseRestartAnnotation(annotations[RESTART_ANNOTATION], false)?.n ?? 0;
