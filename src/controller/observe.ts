/** Gathers what a decision needs, from the stores alone. */

import { claimTrouble, liveId, liveObjectsFor, throughLive, type Live, type LiveTrouble } from '../domain/live.ts';
import { sourceId, type Observed, type Source, type SourceId } from '../domain/observed.ts';
import type { Store } from '../runtime/store.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import type { Memory } from './memory.ts';
import type { OthersRoom } from './others.ts';
import { workloadKey, type StoredPolicy, type StoredWorkload } from './ports.ts';
import type { Prover } from './prover.ts';
import type { Requests } from './requests.ts';
import type { Sources } from './sources.ts';

export type Observe = (workload: StoredWorkload) => Observed;

interface Rooms {
  readonly bindings: Bindings;
  readonly sources: Sources;
  readonly ledgers: Ledgers;
  readonly memory: Memory;
  readonly prover: Pick<Prover, 'progress'>;
  readonly others: Pick<OthersRoom, 'of'>;
  readonly requests: Pick<Requests, 'of'>;
  readonly workloads: Store<StoredWorkload>;
  /** Why a live object can't be rendered. */
  readonly trouble: (namespace: string, live: SourceId) => LiveTrouble | undefined;
}

/** A workload, with those that share its live objects. */
export const createObserve = (rooms: Rooms): Observe => {
  const alone = createObserveAlone(rooms);
  return (workload) => {
    const observed = alone(workload);
    const sharers = sharersOf(rooms, observed).map(alone);
    return sharers.length === 0 ? observed : { ...observed, sharers };
  };
};

/** A workload by itself. */
export const createObserveAlone =
  (rooms: Rooms): Observe =>
  (workload) => {
    const policies = rooms.bindings.policiesOf(workload);
    const ids = new Set(policies.flatMap((policy) => policy.sources.map(sourceId)));
    const mapped = throughLive(workload, policies);
    const ledger = rooms.ledgers.of(workload);
    const pending = rooms.memory.pending(workload);
    const proof = rooms.prover.progress(workload);
    const others = rooms.others.of(workload, policies);
    const annotationSeenAt = rooms.memory.annotationSeenAt(workload);
    const podsSeenAt = rooms.memory.podsSeenAt(workload);
    const requests = rooms.requests.of(workload);
    return {
      workload: mapped,
      templateSeenAt: rooms.memory.templateSeenAt(workload),
      ...(annotationSeenAt !== undefined && { annotationSeenAt }),
      policies,
      complete: rooms.bindings.complete(workload.namespace),
      sources: new Map<SourceId, Source>([...ids].map((id) => [id, rooms.sources.get(workload.namespace, id)])),
      ...(mapped.live !== undefined && { live: liveOf(rooms, { ...workload, live: mapped.live }, policies) }),
      ...(ledger !== undefined && { ledger }),
      ...(pending !== undefined && { pending }),
      ...(proof !== undefined && { proof }),
      ...(podsSeenAt !== undefined && { podsSeenAt }),
      ...(others !== undefined && { others }),
      ...(requests.length > 0 && { requests }),
    };
  };

const liveOf = (
  { sources, bindings, trouble }: Rooms,
  workload: StoredWorkload & Required<Pick<StoredWorkload, 'live'>>,
  policies: readonly StoredPolicy[],
): ReadonlyMap<SourceId, Live> => {
  const { namespace, live } = workload;
  const claims = policies.flatMap((policy) => bindings.claims(policy));
  return new Map(
    [...live].map(([id, source]) => {
      const claim = claims.find(({ object }) => liveId(object) === id && sourceId(object.source) === source);
      const why = (claim === undefined ? undefined : claimTrouble(claim, workload)) ?? trouble(namespace, id);
      const state = sources.live(namespace, id);
      return [source, why === undefined ? state : { ...state, trouble: why }];
    }),
  );
};

const sharersOf = ({ workloads }: Rooms, { workload, policies }: Observed): readonly StoredWorkload[] => {
  if (workload.live === undefined) return [];
  const { live, kind, namespace, name } = workload;
  const shared = liveObjectsFor(policies, workload).filter(({ source, name: object }) =>
    live.has(sourceId({ kind: source.kind, name: object })),
  );
  const keys = new Set(shared.flatMap((object) => object.workloads.map((each) => workloadKey({ ...each, namespace }))));
  keys.delete(workloadKey({ kind, namespace, name }));
  return [...keys].flatMap((key) => workloads.get(key) ?? []).filter(({ ignored }) => !ignored);
};
