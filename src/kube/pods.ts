import { NUDGE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { FollowedPod, Pods } from '../controller/ports.ts';
import type { Workload } from '../domain/observed.ts';
import type { ListWatch, WatchEvent } from '../runtime/reflector.ts';
import type { KubeClient } from './connect.ts';
import { isConflict, isNotFound } from './errors.ts';
import { listWatch, METADATA } from './listwatch.ts';
import { pods as podsPath } from './paths.ts';
import { podReport, type ReportedPod } from './pod-report.ts';

type RawPod = ReportedPod & {
  readonly spec: { readonly nodeName?: string };
};

export const createPods = (client: KubeClient): Pods => {
  const follow = (workload: Workload): ListWatch<RawPod> =>
    listWatch<RawPod>(client, { path: podsPath(workload.namespace), query: { labelSelector: workload.podSelector } });

  return {
    look: async (workload, signal) => {
      const source = follow(workload);
      const found: RawPod[] = [];
      let continueToken: string | undefined;
      do {
        const page = await source.list({ limit: 500, ...(continueToken !== undefined && { continueToken }) }, signal);
        found.push(...page.items.filter((pod) => isOf(workload, pod)));
        continueToken = page.continueToken;
      } while (continueToken !== undefined);
      return {
        pods: found.map(parse).filter(({ reachable }) => reachable),
        reports: found.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(podReport),
      };
    },
    watch: (workload) => ownedBy(workload, follow(workload)),
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
        // 409: another pod has taken the name.
        if (isNotFound(error) || isConflict(error)) return false;
        throw error;
      }
    },
  };
};

/**
 * Labels can be copied; what counts is the chain of controllers. A Deployment's ReplicaSets are not read: their names
 * are the Deployment's with the hash that their pods carry as a label.
 */
const isOf = ({ kind, name, uid }: Workload, { metadata }: RawPod): boolean => {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return false;
  if (kind !== 'Deployment') return owner.uid === uid;
  return owner.kind === 'ReplicaSet' && owner.name === `${name}-${metadata.labels?.['pod-template-hash'] ?? ''}`;
};

const parse = ({ metadata, spec, status = {} }: RawPod): FollowedPod => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  reachable:
    spec.nodeName !== undefined &&
    metadata.deletionTimestamp === undefined &&
    status.phase !== 'Succeeded' &&
    status.phase !== 'Failed',
  running: status.phase === 'Running',
  containers: [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(
    ({ name, state = {} }) => {
      // One that waits will read everything anew when it starts.
      const startedAt = Date.parse(state.running?.startedAt ?? state.terminated?.startedAt ?? '');
      return Number.isNaN(startedAt) ? { name } : { name, startedAt };
    },
  ),
});

const ownedBy = (workload: Workload, source: ListWatch<RawPod>): ListWatch<FollowedPod> => ({
  list: async (options, signal) => {
    const page = await source.list(options, signal);
    return { ...page, items: page.items.filter((pod) => isOf(workload, pod)).map(parse) };
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
    else if (isOf(workload, event.object)) yield { type: event.type, object: parse(event.object) };
  }
}
