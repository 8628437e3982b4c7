import { createHash } from 'node:crypto';
import { apiVersionOf, infoOf } from '../api/v1alpha1/kinds.ts';
import { FIELD_MANAGER, IGNORE_ANNOTATION, RESTART_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { StoredWorkload, WorkloadWriter } from '../controller/ports.ts';
import { parseRestartAnnotation, type RestartAnnotation } from '../domain/annotation.ts';
import { findPorts, findUnfollowed, findUses, type PodTemplate } from '../domain/references.ts';
import type { Workload } from '../domain/observed.ts';
import type { WorkloadKind } from '../domain/selection.ts';
import type { KubeClient } from './connect.ts';
import { WaitingError } from '../runtime/errors.ts';
import { isConflict, isNotFound, KubeError } from './errors.ts';
import { ownsAnnotation } from './managed-fields.ts';
import { workloads } from './paths.ts';
import { rolloutState, templateOf, type RawWorkload } from './raw-workload.ts';
import { selectorQuery } from './selectors.ts';

export { templateOf, type RawWorkload } from './raw-workload.ts';

/** The part of a workload that decisions stand on; the rest is dropped. */
export const parseWorkload = (kind: WorkloadKind, raw: RawWorkload): StoredWorkload => {
  const { metadata, spec } = raw;
  const template = templateOf(kind, raw);
  const { [RESTART_ANNOTATION]: _, ...annotations } = template.metadata?.annotations ?? {};
  const restart = restartOf(kind, raw, template);
  const unfollowed = findUnfollowed(template);
  const ports = findPorts(template);
  const notItsOwn = whyNotItsOwn(kind, raw);
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    labels: metadata.labels ?? {},
    ignored: metadata.annotations?.[IGNORE_ANNOTATION] === 'true',
    uses: findUses(template),
    ...(unfollowed.length > 0 && { unfollowed }),
    ...(ports.size > 0 && { ports }),
    podSelector: selectorQuery(spec.selector ?? {}),
    templateHash: templateHash(template, annotations),
    ...restart,
    ...(notItsOwn !== undefined && { notItsOwn }),
    rollout: rolloutState(kind, raw),
  };
};

/** Of the template as the API server writes it, which is always in the same order, without our annotation. */
const templateHash = (template: PodTemplate, annotations: Readonly<Record<string, string>>): string => {
  const others = { ...template, metadata: { ...template.metadata, annotations } };
  return createHash('sha256').update(JSON.stringify(others)).digest('base64url').slice(0, 22);
};

interface Restarted {
  readonly annotation?: RestartAnnotation;
  readonly annotationValue?: string;
}

/**
 * The restart that was issued last, and the value in the template. The restart of a Rollout by `restartAt` stands in its own
 * metadata, and leaves nothing in the template that could be put back.
 */
const restartOf = (kind: WorkloadKind, { metadata }: RawWorkload, template: PodTemplate): Restarted => {
  const inTemplate = restarted(metadata, infoOf(kind).template, template.metadata?.annotations);
  if (kind !== 'Rollout') return inTemplate;
  const { annotation } = restarted(metadata, [], metadata.annotations);
  if (annotation === undefined || annotation.n <= (inTemplate.annotation?.n ?? 0)) return inTemplate;
  return { ...inTemplate, annotation };
};

const restarted = (
  { managedFields = [] }: RawWorkload['metadata'],
  path: readonly string[],
  annotations: Readonly<Record<string, string>> = {},
): Restarted => {
  const value = annotations[RESTART_ANNOTATION];
  if (value === undefined) return {};
  const ours = ownsAnnotation(managedFields, FIELD_MANAGER, path, RESTART_ANNOTATION);
  const annotation = parseRestartAnnotation(value, ours);
  return { annotationValue: value, ...(annotation !== undefined && { annotation }) };
};

/** What a controller made is put right by that controller: nothing is bound but its owner. */
const whyNotItsOwn = (kind: WorkloadKind, { metadata, spec }: RawWorkload): string | undefined => {
  if (kind === 'Rollout' && spec.workloadRef !== undefined) {
    const { kind: of = 'Deployment', name = '' } = spec.workloadRef;
    return `Rollout ${metadata.name} has its pod template in ${of} ${name} (spec.workloadRef): bind that one`;
  }
  if (kind !== 'ReplicaSet' && kind !== 'Pod') return undefined;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined
    ? undefined
    : `${kind} ${metadata.name} belongs to ${owner.kind} ${owner.name}: bind its owner, not what the owner makes`;
};

/** Fields that a new object of some kind lacks where all that is applied is an annotation. */
const LACKING = ['metadata.uid', 'spec.selector', 'spec.schedule', 'spec.template.spec.containers'];

/**
 * An apply to a name that is free would create the object: what it lacks then, or the uid it may not have, is complained
 * of of
 * with 422. So is much else, such as an admission policy that says no, which is no sign of that.
 */
const isGone = (error: unknown): boolean =>
  isNotFound(error) || (error instanceof KubeError && error.causes.some(({ field = '' }) => LACKING.includes(field)));

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
      apiVersion: apiVersionOf(kind),
      kind,
      metadata: { name, namespace, uid, ...(resourceVersion !== undefined && { resourceVersion }) },
      ...(value !== undefined && inTemplateOf(kind, { metadata: { annotations: { [RESTART_ANNOTATION]: value } } })),
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

const inTemplateOf = (kind: WorkloadKind, inner: object): object =>
  infoOf(kind).template.reduceRight((at, field) => ({ [field]: at }), inner);

/** Has an Argo Rollout replace its pods. One write says when, and which restart it is; its template is left alone. */
const restartAtTime = async (
  client: KubeClient,
  { kind, namespace, name, uid }: Workload,
  { value, restartAt }: { readonly value: string; readonly restartAt: string },
  signal: AbortSignal,
): Promise<Workload> => {
  const path = `${workloads(kind)(namespace)}/${name}`;
  // A merge: an apply would have to name the template's annotation, too, or take it away where it is ours.
  const request = client.request<RawWorkload>({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGER },
    contentType: 'application/merge-patch+json',
    body: { metadata: { uid, annotations: { [RESTART_ANNOTATION]: value } }, spec: { restartAt } },
    signal,
  });
  try {
    return parseWorkload(kind, await request);
  } catch (error) {
    // 409: another one has taken the name.
    if (isNotFound(error) || isConflict(error))
      throw new WaitingError(1_000, 'WorkloadGone', `${path} with uid ${uid} is gone`, { cause: error });
    throw error;
  }
};

/** Until the watch has shown what changed. */
const BEHIND_MS = 250;

export const createWorkloadWriter = (client: KubeClient): WorkloadWriter => ({
  restart: (workload, { value, restartAt }, signal) =>
    restartAt === undefined
      ? applyAnnotation(client, workload, { value, signal })
      : restartAtTime(client, workload, { value, restartAt }, signal),
  undo: (workload, value, signal) =>
    applyAnnotation(client, workload, { value, resourceVersion: workload.resourceVersion, signal }),
});
