/** What people can do themselves, as commands where there are any. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import type { Workload } from './observed.ts';

type Named = Pick<Workload, 'kind' | 'name'> & { readonly namespace?: string };

const rollout = ({ kind, namespace, name }: Named, verb: string): string => {
  const kubectl = namespace === undefined ? 'kubectl' : `kubectl -n ${namespace}`;
  return kind === 'Rollout'
    ? `${kubectl} argo rollouts ${verb} ${name}`
    : `${kubectl} rollout ${verb} ${kind.toLowerCase()}/${name}`;
};

export const restartByHand = (workload: Named): string => {
  if (workload.kind === 'Pod') return 'delete it and create it again';
  if (infoOf(workload.kind).restart === 'None') return 'delete its pods, and new ones are started';
  return rollout(workload, 'restart');
};

export const followByHand = (workload: Named): string => rollout(workload, 'status');

/** Of one that is paused, or waits in one of its steps. */
export const resumeByHand = (workload: Named): string =>
  rollout(workload, workload.kind === 'Rollout' ? 'promote' : 'resume');
