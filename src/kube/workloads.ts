import { createHash } from 'node:crypto';
import { FIELD_MANAGER, IGNORE_ANNOTATION, RESTART_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { StoredWorkload, WorkloadWriter } from '../controller/ports.ts';
import { parseRestartAnnotation } from '../domain/annotation.ts';
import { findPorts, findUnfollowed, findUses, type PodTemplate } from '../domain/references.ts';
import type { RolloutState } from '../domain/rollout.ts';
import type { Workload } from '../domain/observed.ts';
import type { LabelSelector, WorkloadKind } from '../domain/selection.ts';
import type { KubeClient } from './connect.ts';
import { WaitingError } from '../runtime/errors.ts';
import { isConflict, isNotFound, KubeError } from './errors.ts';
import type { ObjectMeta } from './listwatch.ts';
import { ownsTemplateAnnotation, type ManagedFieldsEntry } from './managed-fields.ts';
import { workloads } from './paths.ts';
import { selectorQuery } from './selectors.ts';

/** The parts of a Deployment, StatefulSet or DaemonSet that are looked at. */
export interface RawWorkload {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly readyReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** The part of a workload that decisions stand on; the rest is dropped. */
export const parseWorkload = (kind: WorkloadKind, raw: RawWorkload): StoredWorkload => {
  const { metadata, spec } = raw;
  const { [RESTART_ANNOTATION]: restartValue, ...annotations } = spec.template.metadata?.annotations ?? {};
  const annotation = parseRestartAnnotation(
    restartValue,
    ownsTemplateAnnotation(metadata.managedFields ?? [], FIELD_MANAGER, RESTART_ANNOTATION),
  );
  const unfollowed = findUnfollowed(spec.template);
  const ports = findPorts(spec.template);
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    labels: metadata.labels ?? {},
    ignored: metadata.annotations?.[IGNORE_ANNOTATION] === 'true',
    uses: findUses(spec.template),
    ...(unfollowed.length > 0 && { unfollowed }),
    ...(ports.size > 0 && { ports }),
    podSelector: selectorQuery(spec.selector),
    templateHash: templateHash(spec.template, annotations),
    ...(annotation !== undefined && { annotation }),
    ...(restartValue !== undefined && { annotationValue: restartValue }),
    rollout: rolloutState(kind, raw),
  };
};

/** Of the template as the API server writes it, which is always in the same order, without our annotation. */
const templateHash = (template: PodTemplate, annotations: Readonly<Record<string, string>>): string => {
  const others = { ...template, metadata: { ...template.metadata, annotations } };
  return createHash('sha256').update(JSON.stringify(others)).digest('base64url').slice(0, 22);
};

const rolloutState = (kind: WorkloadKind, { metadata, spec, status = {} }: RawWorkload): RolloutState => {
  const common = { generation: metadata.generation ?? 0, observedGeneration: status.observedGeneration ?? 0 };
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
  }
};

/**
 * An apply to a name that is free would create the object: what it lacks then, or the uid it may not have, is complained
 * of with 422. So is much else, such as an admission policy that says no, which is no sign of that.
 */
const isGone = (error: unknown): boolean =>
  isNotFound(error) ||
  (error instanceof KubeError &&
    error.causes.some(({ field }) => field === 'metadata.uid' || field === 'spec.selector'));

/**
 * A raw apply of one field: no other manager's fields are touched, the same value again is no change, and the uid makes
 * sure that it is still the workload that was decided on (design law 10). An apply without the field takes it away.
 */
const applyAnnotation = async (
  client: KubeClient,
  { kind, namespace, name, uid }: Workload,
  {
    value,
    resourceVersion,
    signal,
  }: { readonly value: string | undefined; readonly resourceVersion?: string; readonly signal: AbortSignal },
): Promise<Workload> => {
  const path = `${workloads(kind)(namespace)}/${name}`;
  const request = client.request<RawWorkload>({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGER, force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, namespace, uid, ...(resourceVersion !== undefined && { resourceVersion }) },
      ...(value !== undefined && {
        spec: { template: { metadata: { annotations: { [RESTART_ANNOTATION]: value } } } },
      }),
    },
    signal,
  });
  try {
    return parseWorkload(kind, await request);
  } catch (error) {
    if (isGone(error))
      throw new WaitingError(1_000, 'WorkloadGone', `${path} with uid ${uid} is gone`, { cause: error });
    if (resourceVersion !== undefined && isConflict(error))
      throw new WaitingError(BEHIND_MS, 'Conflict', `${path} has changed since`, { cause: error });
    throw error;
  }
};

/** Until the watch has shown what changed. */
const BEHIND_MS = 250;

export const createWorkloadWriter = (client: KubeClient): WorkloadWriter => ({
  restart: (workload, value, signal) => applyAnnotation(client, workload, { value, signal }),
  undo: (workload, value, signal) =>
    applyAnnotation(client, workload, { value, resourceVersion: workload.resourceVersion, signal }),
});
