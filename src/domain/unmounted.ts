/** Managed delivery that a workload does not take part in: it reads the source itself, which kubelets deliver. */

import { liveId, liveObjectsFor, type LiveObject } from './live.ts';
import { sourceId, type Policy, type Workload } from './observed.ts';

/**
 * The objects that policies render for a workload and that none of its containers reads, a sentence each.
 * @param workload as policies see it, through its live objects
 */
export const unmountedLive = (
  policies: readonly Pick<Policy, 'delivery'>[],
  workload: Pick<Workload, 'kind' | 'name' | 'live'>,
): readonly string[] =>
  liveObjectsFor(policies, workload)
    .filter((object) => workload.live?.has(liveId(object)) !== true)
    .map(sentence);

const sentence = ({ name, source }: LiveObject): string =>
  `no container reads ${source.kind} ${name}, which is rendered for it: mount it in the place of ${sourceId(source)}, which kubelets deliver whatever the operator decides`;
