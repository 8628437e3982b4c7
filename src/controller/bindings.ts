/** Who binds whom, worked out from the stores. */

import { bindsThroughLive, liveId, type Claim, type LiveObject } from '../domain/live.ts';
import { sourceId, type SourceId } from '../domain/observed.ts';
import type { Stores, StoredPolicy, StoredWorkload } from './ports.ts';
import type { Sources } from './sources.ts';

export interface Bindings {
  /** The usable policies that bind a workload, by name; with the sources that their selectors find. */
  policiesOf(workload: StoredWorkload): readonly StoredPolicy[];
  /** False while a policy of the namespace can't be understood, or not all that it selects is found: it may bind anything. */
  complete(namespace: string): boolean;
  workloadsOf(policy: StoredPolicy): readonly StoredWorkload[];
  /** The bound workloads that read a source. */
  consumersOf(namespace: string, source: SourceId): readonly StoredWorkload[];
  /** The policies that render a live object, by name, and how. */
  rendering(
    namespace: string,
    live: SourceId,
  ): readonly { readonly policy: StoredPolicy; readonly object: LiveObject }[];
  /** The live objects of a policy that others render, since they come first. */
  claims(policy: Pick<StoredPolicy, 'namespace' | 'name' | 'delivery'>): readonly Claim[];
  /** The live objects that are rendered from a source. */
  renderedFrom(namespace: string, source: SourceId): readonly SourceId[];
  /** The policies that name a source. */
  policiesNaming(namespace: string, source: SourceId): readonly StoredPolicy[];
}

export const createBindings = (
  { policies, workloads }: Pick<Stores, 'policies' | 'workloads'>,
  sources: Pick<Sources, 'withFound' | 'complete'>,
): Bindings => {
  const all = (namespace: string): readonly StoredPolicy[] =>
    policies.by('namespace', namespace).map((policy) => sources.withFound(policy));

  const usable = (namespace: string): readonly StoredPolicy[] =>
    all(namespace).filter(({ invalid }) => invalid === undefined);

  const policiesOf = (workload: StoredWorkload): readonly StoredPolicy[] =>
    usable(workload.namespace)
      .filter((policy) => bindsThroughLive(policy, workload))
      .sort((a, b) => (a.name < b.name ? -1 : 1));

  const renderedFrom = (namespace: string, source: SourceId): readonly SourceId[] => [
    ...new Set(
      policies
        .by('namespace', namespace)
        .flatMap(({ delivery }) => delivery.objects.filter((object) => sourceId(object.source) === source).map(liveId)),
    ),
  ];

  const rendering: Bindings['rendering'] = (namespace, live) =>
    usable(namespace)
      .flatMap((policy) =>
        policy.delivery.objects.filter((object) => liveId(object) === live).map((object) => ({ policy, object })),
      )
      .sort((a, b) => (a.policy.name < b.policy.name ? -1 : 1));

  return {
    policiesOf,
    complete: (namespace) =>
      policies.by('namespace', namespace).every(({ invalid }) => invalid === undefined) && sources.complete(namespace),
    workloadsOf: (policy) => {
      const whole = sources.withFound(policy);
      return policy.invalid === undefined
        ? workloads.by('namespace', policy.namespace).filter((workload) => bindsThroughLive(whole, workload))
        : [];
    },
    consumersOf: (namespace, source) =>
      [
        ...new Set(
          [source, ...renderedFrom(namespace, source)].flatMap((id) => workloads.by('source', `${namespace}/${id}`)),
        ),
      ].filter((workload) => policiesOf(workload).some((policy) => names(policy, source))),
    rendering,
    claims: ({ namespace, name, delivery }) =>
      delivery.objects.flatMap((object) => {
        const [first] = rendering(namespace, liveId(object));
        return first === undefined || first.policy.name === name
          ? []
          : [{ object, theirs: first.object, by: first.policy.name }];
      }),
    renderedFrom,
    policiesNaming: (namespace, source) => all(namespace).filter((policy) => names(policy, source)),
  };
};

const names = (policy: StoredPolicy, source: SourceId): boolean =>
  policy.sources.some((each) => sourceId(each) === source);
