import { infoOf } from '../api/v1alpha1/kinds.ts';
import { NUDGE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { FollowedPod, Pods } from '../controller/ports.ts';
import type { Pod, Workload } from '../domain/observed.ts';
import type { WorkloadKind } from '../domain/selection.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ListWatch, WatchEvent } from '../runtime/reflector.ts';
import type { KubeClient } from './connect.ts';
import { isConflict, isNotFound, KubeError } from './errors.ts';
import { everyItem } from './every-item.ts';
import { listWatch, METADATA, QUICK_PAGE_MS, type KubeObject, type ObjectMeta } from './listwatch.ts';
import { pods as podsPath, replicaSets } from './paths.ts';
import { podDetails, type RawPodSpec, type RawPodStatus } from './pod-details.ts';
import { podReport, type ReportedPod } from './pod-report.ts';
import { warningsOf } from './warnings.ts';

type RawPod = ReportedPod & {
  readonly metadata: ObjectMeta;
  readonly spec: RawPodSpec;
  readonly status?: RawPodStatus;
};

/** A ReplicaSet hardly ever changes hands; where it does, that is found out after so long at the latest. */
const OWNER_KNOWN_MS = 600_000;
/** Beyond so many, the one that was asked about first is forgotten. */
const OWNERS_KNOWN = 4_096;

export const createPods = (client: KubeClient, clock: Pick<Clock, 'now'>): Pods => {
  const follow = (workload: Workload): ListWatch<RawPod> =>
    listWatch<RawPod>(client, { path: podsPath(workload.namespace), query: podQuery(workload) });
  /** By the uid of a ReplicaSet, that of its controller. */
  const owners = new Map<string, { readonly uid: string | undefined; readonly at: number }>();

  const ownerOfReplicaSet = async (
    namespace: string,
    { name, uid }: FollowedPod['controller'],
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const known = owners.get(uid);
    if (known !== undefined && clock.now() - known.at < OWNER_KNOWN_MS) return known.uid;
    const found = await getReplicaSet(client, namespace, name, signal);
    // Another one of this name says nothing of the pod's.
    if (found?.metadata.uid !== uid) return undefined;
    owners.delete(uid);
    owners.set(uid, { uid: controllerOf(found.metadata)?.uid, at: clock.now() });
    const [first] = owners.keys();
    if (owners.size > OWNERS_KNOWN && first !== undefined) owners.delete(first);
    return owners.get(uid)?.uid;
  };

  return {
    look: async (workload, signal) => {
      if (infoOf(workload.kind).restart === 'NextRun') return { pods: [], reports: [] };
      const options = { path: podsPath(workload.namespace), query: podQuery(workload), pageMs: QUICK_PAGE_MS };
      const found = (await everyItem<RawPod>(client, options, signal)).filter((pod) => isOf(workload, pod));
      return {
        pods: found.filter(isReachable).map(parse),
        reports: found.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(podReport),
      };
    },
    warnings: (workload, reports, signal) => warningsOf(client, workload, reports, signal),
    watch: (workload) => ownedBy(workload, follow(workload)),
    belongs: async ({ controller, uid: podUid }, { kind, uid, namespace }, signal) => {
      if (kind === 'Pod') return podUid === uid;
      if (!hasReplicaSets(kind)) return controller.uid === uid;
      return controller.kind === 'ReplicaSet' && (await ownerOfReplicaSet(namespace, controller, signal)) === uid;
    },
    nudge: async (pod, value, signal) => {
      try {
        await client.request({
          method: 'PATCH',
          path: `${podsPath(pod.namespace)}/${pod.name}/status`,
          contentType: 'application/merge-patch+json',
          accept: METADATA,
          body: { metadata: { uid: pod.uid, annotations: { [NUDGE_ANNOTATION]: value } } },
          signal,
        });
        return true;
      } catch (error) {
        if (isNotFound(error) || isOther(error)) return false;
        throw error;
      }
    },
  };
};

/** Another pod has taken the name. A 409 says as well that others were faster for a while: that one is tried again. */
const isOther = (error: unknown): boolean =>
  error instanceof KubeError &&
  (isConflict(error) || error.status === 422) &&
  /\bUID\b|metadata\.uid/.test(error.message);

const getReplicaSet = async (
  client: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<KubeObject | undefined> => {
  try {
    return await client.request<KubeObject>({
      method: 'GET',
      path: `${replicaSets(namespace)}/${name}`,
      accept: METADATA,
      signal,
    });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

const controllerOf = ({
  ownerReferences,
}: ObjectMeta): NonNullable<ObjectMeta['ownerReferences']>[number] | undefined =>
  ownerReferences?.find(({ controller }) => controller === true);

/**
 * Labels can be copied; what counts is the chain of controllers. A Deployment's or Rollout's ReplicaSets are not read here:
 * their names are its own with the hash that their pods carry as a label. That is enough to tell a kubelet to look;
 * `belongs` tells for certain.
 */
const isOf = ({ kind, name, uid }: Workload, { metadata }: RawPod): boolean => {
  if (kind === 'Pod') return metadata.uid === uid;
  const owner = controllerOf(metadata);
  if (owner === undefined) return false;
  if (!hasReplicaSets(kind)) return owner.uid === uid;
  const hash = metadata.labels?.[kind === 'Rollout' ? 'rollouts-pod-template-hash' : 'pod-template-hash'] ?? '';
  return owner.kind === 'ReplicaSet' && owner.name === `${name}-${hash}`;
};

const hasReplicaSets = (kind: WorkloadKind): boolean => kind === 'Deployment' || kind === 'Rollout';

/** A bare pod is its own. */
const podQuery = ({ kind, name, podSelector }: Workload): Record<string, string> =>
  kind === 'Pod' ? { fieldSelector: `metadata.name=${name}` } : { labelSelector: podSelector };

const isReachable = ({ metadata, spec, status = {} }: RawPod): boolean =>
  spec.nodeName !== undefined &&
  metadata.deletionTimestamp === undefined &&
  status.phase !== 'Succeeded' &&
  status.phase !== 'Failed';

const parse = ({ metadata, status = {} }: RawPod): Pod => ({
  name: metadata.name,
  uid: metadata.uid,
  containers: [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(
    ({ name, state = {} }) => {
      // One that waits will read everything anew when it starts.
      const startedAt = Date.parse(state.running?.startedAt ?? state.terminated?.startedAt ?? '');
      return Number.isNaN(startedAt) ? { name } : { name, startedAt };
    },
  ),
});

const parseFollowed = (pod: RawPod): FollowedPod => {
  const { metadata, spec, status = {} } = pod;
  return {
    ...parse(pod),
    namespace: metadata.namespace ?? '',
    resourceVersion: metadata.resourceVersion,
    reachable: isReachable(pod),
    running: status.phase === 'Running',
    ...podDetails(spec, status, controllerOf(metadata)),
  };
};

const ownedBy = (workload: Workload, source: ListWatch<RawPod>): ListWatch<FollowedPod> => ({
  list: async (options, signal) => {
    const page = await source.list(options, signal);
    return { ...page, items: page.items.filter((pod) => isOf(workload, pod)).map(parseFollowed) };
  },
  watch: (options, signal) => owned(workload, source.watch(options, signal)),
  resourceVersionOf: ({ resourceVersion }) => resourceVersion,
});

async function* owned(
  workload: Workload,
  events: AsyncIterable<WatchEvent<RawPod>>,
): AsyncGenerator<WatchEvent<FollowedPod>> {
  for await (const event of events) {
    if (event.type === 'BOOKMARK' || event.type === 'ERROR') yield event;
    else if (isOf(workload, event.object)) yield { type: event.type, object: parseFollowed(event.object) };
  }
}
