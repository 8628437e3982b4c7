/**
 * How workloads stand, for those that must know: the later ones of an order, and all where a limit is set. In memory
 * alone: after a start nothing is known of a workload until it has been decided on, and whoever depends on it waits.
 */

import { isDeepStrictEqual } from 'node:util';
import { consumedSources } from '../domain/difference.ts';
import type { Plan } from '../domain/effects.ts';
import { waitsForOthers } from '../domain/gates.ts';
import { unrecordedRestart } from '../domain/issued.ts';
import { asksForOthers } from '../domain/order.ts';
import type { Observed, Source, SourceId } from '../domain/observed.ts';
import type { Others, Peer, Standing } from '../domain/others.ts';
import { bindingOf } from '../domain/selection.ts';
import { isRollingOut, standingOf } from '../domain/standing.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import { workloadKey, type StoredPolicy, type Stores, type StoredWorkload } from './ports.ts';
import { isSame } from './sources/state.ts';
import type { Sources } from './sources.ts';

export interface OthersRoom {
  /**
   * How others stand, as far as gates ask; undefined: they don't.
   * @param policies those that bind the workload, where they are at hand
   */
  of(workload: StoredWorkload, policies?: readonly StoredPolicy[]): Others | undefined;
  /**
   * Takes note of a decision. To be called in the same turn as `decide`, before anything is awaited: two that decide at
   * once must not both take the last place.
   */
  decided(observed: Observed, plan: Exclude<Plan, { readonly type: 'LookAtPods' }>): void;
  /** The API server has refused the restart that was decided on: its place is free. */
  refused(workload: StoredWorkload): void;
}

export interface OthersOptions {
  readonly stores: Pick<Stores, 'workloads' | 'records'>;
  readonly bindings: Pick<Bindings, 'policiesOf' | 'workloadsOf'>;
  readonly sources: Pick<Sources, 'get'>;
  readonly ledgers: Pick<Ledgers, 'of'>;
  /** How many workloads of the cluster may roll out at a time; 0: as many as like. */
  readonly limit: number;
  /** These wait for others, of which one stands otherwise than before. */
  readonly onMoved: (waiting: readonly StoredWorkload[]) => void;
}

interface Known {
  readonly uid: string;
  readonly standing: Standing;
  /** What the sources that it consumes held then. */
  readonly sources: ReadonlyMap<SourceId, Source>;
}

export const createOthers = ({ stores, bindings, sources, ledgers, limit, onMoved }: OthersOptions): OthersRoom => {
  const known = new Map<string, Known>();
  const rolling = new Set<string>();
  /** What holds those that wait for others. */
  const waiting = new Map<string, string>();
  const members = createMembers(stores.workloads, bindings);
  /** Only where there is a limit: those that are not decided on yet. */
  const undecided = new Set<string>();

  const standing = (key: string, { uid, namespace }: Pick<StoredWorkload, 'uid' | 'namespace'>): Standing => {
    const found = known.get(key);
    if (found?.uid !== uid) return 'Unknown';
    for (const [id, source] of found.sources) if (!isSame(source, sources.get(namespace, id))) return 'Unknown';
    return found.standing;
  };

  const moved = (key: string, before: Standing | undefined, next: Standing | undefined): void => {
    const [, namespace] = key.split('/');
    // That somebody is due now lets nobody go who waits for it: only a place is free.
    const onlyPlace = next === 'Due' && before !== 'Failed';
    const found = [...waiting].flatMap(([each, reason]) => {
      if (onlyPlace && reason !== 'ConcurrencyLimit') return [];
      const workload = each === key ? undefined : stores.workloads.get(each);
      return workload !== undefined && (limit > 0 || workload.namespace === namespace) ? [workload] : [];
    });
    if (found.length > 0) onMoved(found);
  };

  /** @param before how it stood for others */
  const set = (key: string, before: Standing | undefined, next: Known | undefined): void => {
    if (next === undefined) known.delete(key);
    else known.set(key, next);
    if (next?.standing === 'InProgress') rolling.add(key);
    else rolling.delete(key);
    // Whose turn comes is told by who ends, not by who begins.
    if (before !== next?.standing && next?.standing !== 'InProgress') moved(key, before, next?.standing);
  };

  stores.workloads.onDelta(({ old, new: next }) => {
    if (old !== undefined && old.uid !== next?.uid) {
      const key = workloadKey(old);
      undecided.delete(key);
      waiting.delete(key);
      if (known.has(key)) set(key, standing(key, old), undefined);
    }
    if (limit > 0 && next !== undefined && known.get(workloadKey(next))?.uid !== next.uid) {
      undecided.add(workloadKey(next));
    }
  });

  /** What a process before this one has begun is found in the record and in the annotation. */
  const rollsOutUndecided = (key: string): boolean => {
    const workload = stores.workloads.get(key);
    if (workload === undefined) return false;
    const ledger = ledgers.of(workload);
    if (ledger === undefined) {
      if (stores.records.syncedFor(`${workload.namespace}/`)) undecided.delete(key);
      return false;
    }
    if (isRollingOut(ledger) || unrecordedRestart({ workload }, ledger) !== undefined) return true;
    undecided.delete(key);
    return false;
  };

  const inProgressBut = (key: string): number =>
    [...rolling].filter((each) => each !== key).length +
    [...undecided].filter((each) => each !== key && rollsOutUndecided(each)).length;

  return {
    of: (workload, policies = bindings.policiesOf(workload)) => {
      const asking = policies.filter(asksForOthers);
      if (asking.length === 0 && limit === 0) return undefined;
      let bound: Others['bound'] | undefined;
      return {
        // Only where something is due does anybody ask.
        get bound() {
          bound ??= new Map(
            asking.map((policy): readonly [string, readonly Peer[]] => [
              policy.name,
              members(policy).map(({ key, uid, as }) => as[standing(key, { uid, namespace: policy.namespace })]),
            ]),
          );
          return bound;
        },
        ...(limit > 0 && { cluster: { limit, inProgress: inProgressBut(workloadKey(workload)) } }),
      };
    },
    decided: (observed, plan) => {
      const { workload, policies } = observed;
      const key = workloadKey(workload);
      undecided.delete(key);
      const reason = plan.type === 'Act' ? plan.ledger.held?.reason : undefined;
      if (reason !== undefined && (waitsForOthers(reason) || reason === 'EarlierFailed')) waiting.set(key, reason);
      else waiting.delete(key);
      if (limit > 0 || policies.some(asksForOthers)) {
        // What it does not consume it is not looked at for, either.
        const consumed = [...consumedSources(observed).keys()].flatMap((id) => {
          const source = observed.sources.get(id);
          return source === undefined ? [] : [[id, source] as const];
        });
        const next = { uid: workload.uid, standing: standingOf(plan), sources: new Map(consumed) };
        set(key, standing(key, workload), next);
      } else if (known.has(key)) set(key, standing(key, workload), undefined);
    },
    refused: (workload) => {
      const key = workloadKey(workload);
      const found = known.get(key);
      if (found?.uid === workload.uid && found.standing === 'InProgress')
        set(key, 'InProgress', { ...found, standing: 'Due' });
    },
  };
};

interface Member {
  readonly key: string;
  readonly uid: string;
  /** Made once: a thousand that ask for a thousand would else leave a million behind. */
  readonly as: Readonly<Record<Standing, Peer>>;
}

/**
 * The workloads that a policy binds. Each of them asks for all, again and again: they are remembered until a workload
 * comes, goes, or may be bound otherwise.
 */
const createMembers = (
  workloads: Stores['workloads'],
  bindings: Pick<Bindings, 'workloadsOf'>,
): ((policy: StoredPolicy) => readonly Member[]) => {
  let known = new WeakMap<StoredPolicy, readonly Member[]>();
  workloads.onDelta(({ old, new: next }) => {
    const isBoundAlike =
      old?.uid === next?.uid &&
      old?.templateHash === next?.templateHash &&
      isDeepStrictEqual(old?.labels, next?.labels);
    if (!isBoundAlike) known = new WeakMap();
  });
  return (policy) => {
    const before = known.get(policy);
    if (before !== undefined) return before;
    const found = bindings.workloadsOf(policy).map((workload) => {
      const { kind, name, uid } = workload;
      const binding = bindingOf(policy, workload);
      const as = (standing: Standing): Peer => ({ kind, name, standing, ...(binding !== undefined && { binding }) });
      return {
        key: workloadKey(workload),
        uid,
        as: {
          Done: as('Done'),
          Due: as('Due'),
          InProgress: as('InProgress'),
          Failed: as('Failed'),
          Unknown: as('Unknown'),
        },
      };
    });
    known.set(policy, found);
    return found;
  };
};
