/** What there is to render, and who reads it, worked out from the stores. */

import { liveId, type Live, type LiveObject } from '../../domain/live.ts';
import { sourceId, type Observed, type SourceId } from '../../domain/observed.ts';
import type { Store } from '../../runtime/store.ts';
import type { Bindings } from '../bindings.ts';
import { workloadKey, type StoredPolicy, type StoredWorkload } from '../ports.ts';
import type { Sources } from '../sources.ts';
import { keyOf, partsOf } from '../sources/keys.ts';

/** A live object that a policy renders. */
export interface Target {
  readonly key: string;
  readonly namespace: string;
  readonly object: LiveObject;
  readonly policy: StoredPolicy;
  readonly source: SourceId;
}

export interface Targets {
  /** Undefined: no policy renders it. */
  of(key: string): Target | undefined;
  /** Those that a workload reads in the place of some sources. */
  readBy(observed: Observed, sources: readonly SourceId[]): readonly Target[];
  /** As it is known. */
  live(target: Target): Live;
  /** The workloads that read the object; undefined: not all of them are known yet. */
  members(target: Target): readonly Observed[] | undefined;
}

export interface TargetsOptions {
  readonly bindings: Pick<Bindings, 'rendering'>;
  readonly sources: Pick<Sources, 'live'>;
  readonly workloads: Store<StoredWorkload>;
  /** A workload by itself. */
  readonly observe: (workload: StoredWorkload) => Observed;
}

export const createTargets = ({ bindings, sources, workloads, observe }: TargetsOptions): Targets => {
  const of = (key: string): Target | undefined => {
    const { namespace, id } = partsOf(key);
    const [found] = bindings.rendering(namespace, id);
    return found === undefined ? undefined : { key, namespace, ...found, source: sourceId(found.object.source) };
  };
  return {
    of,
    readBy: ({ workload }, ids) =>
      [...(workload.live ?? [])].flatMap(([id, source]) =>
        ids.includes(source) ? (of(keyOf(workload.namespace, id)) ?? []) : [],
      ),
    live: ({ namespace, object }) => sources.live(namespace, liveId(object)),
    members: ({ namespace, object }) => {
      const members: Observed[] = [];
      for (const { kind, name } of object.workloads) {
        const key = workloadKey({ kind, namespace, name });
        if (!workloads.syncedFor(key)) return undefined;
        const workload = workloads.get(key);
        // What is not bound for itself never has a record.
        if (workload === undefined || workload.ignored || workload.notItsOwn !== undefined) continue;
        const observed = observe(workload);
        if (observed.policies.length > 0) members.push(observed);
      }
      return members;
    },
  };
};
