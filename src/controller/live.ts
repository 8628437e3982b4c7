/**
 * Renders live objects (design law 6): level by level, what each is to hold is worked out of its source, its snapshots and
 * the records of the workloads that read it, and written where it differs. One object is written by one run at a time.
 */

import type { LiveTrouble } from '../domain/live.ts';
import type { Observed, SourceId } from '../domain/observed.ts';
import type { PutBacks } from '../domain/put-back.ts';
import type { Clock } from '../runtime/clock.ts';
import { WaitingError } from '../runtime/errors.ts';
import type { Store } from '../runtime/store.ts';
import type { WorkResult } from '../runtime/workqueue.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import { createAsked, type Asked } from './live/asked.ts';
import { createContents } from './live/contents.ts';
import { createGoods } from './live/goods.ts';
import { createMoves, type Moves } from './live/moves.ts';
import { createNeeds } from './live/needs.ts';
import { createRenderer } from './live/renderer.ts';
import { createSnapshots } from './live/snapshots.ts';
import { createTargets } from './live/targets.ts';
import { createTroubles, troubleOf } from './live/troubles.ts';
import { createTurns } from './live/turns.ts';
import { createVersions } from './live/versions.ts';
import { createWants } from './live/wanted.ts';
import type { EventPublisher, LiveStore, StoredWorkload } from './ports.ts';
import type { Sources } from './sources.ts';
import { keyOf, partsOf } from './sources/keys.ts';

export interface LiveObjects extends Moves {
  /** Looks at one live object, and writes it where it differs from what it is to be; the queue's worker. */
  render(key: string, signal: AbortSignal): Promise<WorkResult>;
  /** Why a live object can't be rendered; undefined: it can. */
  trouble(namespace: string, id: SourceId): LiveTrouble | undefined;
  /** What others have done to a live object, and was put right, as far as this process has seen it. */
  putBacks(namespace: string, id: SourceId): PutBacks | undefined;
  readonly asked: Asked;
}

export interface LiveObjectsOptions {
  readonly store: LiveStore;
  readonly sources: Sources;
  readonly bindings: Bindings;
  readonly workloads: Store<StoredWorkload>;
  /** A workload by itself. */
  readonly observe: (workload: StoredWorkload) => Observed;
  readonly ledgers: Pick<Ledgers, 'store'>;
  readonly events: EventPublisher;
  readonly clock: Clock;
  /** Whether everything of a namespace has been listed that a decision stands on. */
  readonly listed: (namespace: string) => boolean;
  /** How an object stands is another than before. */
  readonly onTrouble: (namespace: string, id: SourceId) => void;
}

export const createLiveObjects = (options: LiveObjectsOptions): LiveObjects => {
  const { store, sources, bindings, workloads, observe, ledgers, events, clock, listed } = options;
  const turns = createTurns();
  const needs = createNeeds();
  const contents = createContents(sources);
  const snapshots = createSnapshots(store);
  const versions = createVersions(store);
  const targets = createTargets({ bindings, sources, workloads, observe });
  const wants = createWants({ sources, contents, snapshots });
  const goods = createGoods({ targets, wants });
  const troubles = createTroubles((key) => {
    const { namespace, id } = partsOf(key);
    options.onTrouble(namespace, id);
  });
  const renderer = createRenderer({
    store,
    sources,
    targets,
    wants,
    versions,
    snapshots,
    goods,
    needs,
    troubles,
    events,
    listed,
    clock,
  });

  const moves = createMoves({ targets, goods, versions, snapshots, needs, renderer, turns, ledgers, clock });

  return {
    begin: (observed, ledger, order, signal) => moves.begin(observed, ledger, order, signal),
    goBack: (observed, ledger, back, signal) => moves.goBack(observed, ledger, back, signal),
    asked: createAsked({ targets, contents, snapshots }),
    trouble: (namespace, id) => troubles.get(keyOf(namespace, id)),
    putBacks: (namespace, id) => renderer.putBacks(keyOf(namespace, id)),
    render: async (key, signal) => {
      const target = targets.of(key);
      if (target === undefined) {
        renderer.forget(key);
        troubles.settle(key, undefined);
        return {};
      }
      try {
        return await turns.take(key, () => renderer.render(target, false, signal));
      } catch (thrown) {
        if (!signal.aborted && !(thrown instanceof WaitingError))
          troubles.settle(key, troubleOf(target.object, thrown));
        throw thrown;
      }
    },
  };
};
