/** The controller's own rooms, on what they ask of their neighbours: how others stand, what is observed, live objects. */

import { createLiveObjects, type LiveObjects, type LiveObjectsOptions } from '../../../src/controller/live.ts';
import { createObserve, createObserveAlone, type Observe } from '../../../src/controller/observe.ts';
import { createOthers, type OthersOptions, type OthersRoom } from '../../../src/controller/others.ts';
import { partsOf } from '../../../src/controller/sources/keys.ts';
import { PLAIN } from '../../../src/domain/digest.ts';
import { liveId, type Live, type LiveObject } from '../../../src/domain/live.ts';
import type { Ledger, Pending, Policy, Source, SourceId, Workload } from '../../../src/domain/observed.ts';
import type { Request } from '../../../src/domain/requests.ts';
import { shownWorkload, type Cluster, type Deployed } from './cluster.ts';
import { createLiveStore, type Writing } from './live-store.ts';

/** What the process knows, and what is done for it. */
export interface Neighbours extends Writing {
  readonly cluster: Cluster;
  /** How many workloads may roll out at a time; 0: as many as like. */
  readonly limit: number;
  policies(): readonly Policy[];
  policiesOf(workload: Deployed): readonly Policy[];
  ledger(name: string): Ledger | undefined;
  source(name: string): Source;
  live(name: string): Live;
  memory(
    name: string,
  ): { readonly pending?: Pending; readonly templateSeenAt: number; readonly podsSeenAt?: number } | undefined;
  requests(name: string): readonly Request[];
  store(workload: string, ledger: Ledger): void;
  /** The watch shows a live object. */
  show(name: string): void;
  onMoved(workloads: readonly string[]): void;
  onTrouble(name: string): void;
}

export interface Rooms {
  readonly others: OthersRoom;
  readonly observe: Observe;
  readonly live: LiveObjects;
}

const nameOf = (id: SourceId): string => id.slice(id.indexOf('/') + 1);

/** The live objects that policies render, each once. */
export const renderedBy = (
  policies: readonly Policy[],
): readonly { readonly policy: Policy; readonly object: LiveObject }[] =>
  policies.flatMap((policy) => policy.delivery.objects.map((object) => ({ policy, object })));

export const createRooms = (known: Neighbours): Rooms => {
  const { cluster } = known;
  const shown = (name: string): Workload => shownWorkload(cluster.workload(name));
  const workloads = {
    get: (key: string) => shown(key.slice(key.lastIndexOf('/') + 1)),
    syncedFor: () => true,
    onDelta: () => () => undefined,
  };
  const bindings = {
    policiesOf: ({ name }: Workload) => known.policiesOf(cluster.workload(name)),
    workloadsOf: (policy: Policy) =>
      cluster.workloads.filter((each) => known.policiesOf(each).includes(policy)).map(shownWorkload),
    complete: () => true,
    claims: () => [],
    rendering: (_namespace: string, id: SourceId) =>
      renderedBy(known.policies()).filter(({ object }) => liveId(object) === id),
  };
  const sources = {
    get: (_namespace: string, id: SourceId) => known.source(nameOf(id)),
    live: (_namespace: string, id: SourceId) => known.live(nameOf(id)),
    schemeOf: () => Promise.resolve(PLAIN),
    shown: (_namespace: string, id: SourceId) => {
      known.show(nameOf(id));
      return Promise.resolve();
    },
  };
  const ledgers = {
    of: ({ name }: Workload) => known.ledger(name),
    store: async ({ name }: Workload, ledger: Ledger) => {
      await Promise.resolve();
      known.store(name, ledger);
    },
  };
  const own = {
    stores: { workloads, records: { syncedFor: () => true } },
    ...{ bindings, sources, ledgers },
    limit: known.limit,
    onMoved: (waiting: readonly Workload[]) => {
      known.onMoved(waiting.map(({ name }) => name));
    },
  };
  const others = createOthers(own as unknown as OthersOptions);
  const memory = {
    pending: ({ name }: Workload) => known.memory(name)?.pending,
    annotationSeenAt: () => undefined,
    templateSeenAt: ({ name }: Workload) => known.memory(name)?.templateSeenAt ?? 0,
    podsSeenAt: ({ name }: Workload) => known.memory(name)?.podsSeenAt,
  };
  const observing = {
    ...{ bindings, sources, ledgers, memory, others, workloads },
    prover: { progress: () => undefined },
    requests: { of: ({ name }: Workload) => known.requests(name) },
    trouble: (namespace: string, id: SourceId) => live.trouble(namespace, id),
  } as unknown as Parameters<typeof createObserve>[0];
  const rendering = {
    ...{ sources, bindings, workloads, ledgers },
    store: createLiveStore(cluster, known),
    observe: createObserveAlone(observing),
    events: { publish: () => undefined },
    clock: { now: () => cluster.now },
    listed: () => true,
    onTrouble: (namespace: string, id: SourceId) => {
      known.onTrouble(partsOf(`ConfigMap/${namespace}/${nameOf(id)}`).name);
    },
  };
  const live = createLiveObjects(rendering as unknown as LiveObjectsOptions);
  return { others, observe: createObserve(observing), live };
};
