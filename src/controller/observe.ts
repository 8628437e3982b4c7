/** Gathers what a decision needs, from the stores alone. */

import { sourceId, type Observed, type Source, type SourceId } from '../domain/observed.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import type { Memory } from './memory.ts';
import type { OthersRoom } from './others.ts';
import type { StoredWorkload } from './ports.ts';
import type { Prover } from './prover.ts';
import type { Requests } from './requests.ts';
import type { Sources } from './sources.ts';

export type Observe = (workload: StoredWorkload) => Observed;

export const createObserve =
  (rooms: {
    readonly bindings: Bindings;
    readonly sources: Sources;
    readonly ledgers: Ledgers;
    readonly memory: Memory;
    readonly prover: Pick<Prover, 'progress'>;
    readonly others: Pick<OthersRoom, 'of'>;
    readonly requests: Pick<Requests, 'of'>;
  }): Observe =>
  (workload) => {
    const policies = rooms.bindings.policiesOf(workload);
    const ids = new Set(policies.flatMap((policy) => policy.sources.map(sourceId)));
    const ledger = rooms.ledgers.of(workload);
    const pending = rooms.memory.pending(workload);
    const proof = rooms.prover.progress(workload);
    const others = rooms.others.of(workload, policies);
    const podsSeenAt = rooms.memory.podsSeenAt(workload);
    const requests = rooms.requests.of(workload);
    return {
      workload,
      templateSeenAt: rooms.memory.templateSeenAt(workload),
      policies,
      complete: rooms.bindings.complete(workload.namespace),
      sources: new Map<SourceId, Source>([...ids].map((id) => [id, rooms.sources.get(workload.namespace, id)])),
      ...(ledger !== undefined && { ledger }),
      ...(pending !== undefined && { pending }),
      ...(proof !== undefined && { proof }),
      ...(podsSeenAt !== undefined && { podsSeenAt }),
      ...(others !== undefined && { others }),
      ...(requests.length > 0 && { requests }),
    };
  };
