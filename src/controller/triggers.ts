/** Which change in the world calls for another look at what. */

import { isDeepStrictEqual } from 'node:util';
import { liveId, liveObjectsFor } from '../domain/live.ts';
import { sourceId, type SourceId } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import type { WorkQueue } from '../runtime/workqueue.ts';
import type { Bindings } from './bindings.ts';
import type { Memory } from './memory.ts';
import type { Nudger } from './nudger.ts';
import { workloadKey, type StoredPolicy, type Stores, type StoredWorkload } from './ports.ts';
import type { Prover } from './prover.ts';
import type { Sources } from './sources.ts';
import { keyOf } from './sources/keys.ts';

export interface Queues {
  readonly workloads: WorkQueue;
  readonly policies: WorkQueue;
  /** Of live objects, keyed as sources are. */
  readonly live: WorkQueue;
}

export interface TriggersOptions {
  readonly stores: Stores;
  readonly bindings: Bindings;
  readonly sources: Sources;
  readonly memory: Memory;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly nudger: Nudger;
  readonly prover: Pick<Prover, 'forget'>;
  readonly listed: (namespace: string) => boolean;
}

export interface Triggers {
  /** For `Sources`: the content of one is another than before. */
  onSource(namespace: string, id: SourceId): void;
  /** For `Sources`: a live object is another than before, or can't be rendered, or can again. */
  onLive(namespace: string, id: SourceId): void;
  /** For `Sources`: a policy finds a source by label, or does no longer. */
  onFound(namespace: string, policy: string, id: SourceId): void;
  /** For `Sources`: how the selection of a policy stands is another than before. */
  onSelection(namespace: string, policy: string): void;
  onVerdict(workload: StoredWorkload): void;
  /** For the room of requests: somebody asks for something. */
  onRequest(workload: StoredWorkload): void;
  /** For the prover: pods have got on. @param complete nothing is missing any more: what waits for it goes on at once */
  onProgress(workload: StoredWorkload, complete: boolean): void;
  /** For those that wait for others: it may be their turn. */
  onTurn(waiting: readonly StoredWorkload[]): void;
  /** A look at all that is bound, or was: everywhere, or in a namespace. */
  lookAtAll(namespace?: string): void;
}

/** Changes of a policy's status come in bursts: one write tells of them all. */
const REPORT_AFTER_MS = 250;

/**
 * How far a rollout has got comes in bursts, too, of every workload that was just restarted: one look sees them all,
 * and what is still to be restarted goes first.
 */
const PROGRESS_AFTER_MS = 250;

const policyKey = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** Subscribes to the stores. Nothing is looked at before `start`, but for what the stores show afterwards. */
export const createTriggers = (rooms: TriggersOptions): Triggers => {
  const { stores, bindings, queues, memory, clock } = rooms;

  const look = (workload: StoredWorkload): void => {
    if (rooms.listed(workload.namespace)) queues.workloads.add(workloadKey(workload));
  };
  const lookSoon = (workload: StoredWorkload): void => {
    if (rooms.listed(workload.namespace)) queues.workloads.addAfter(workloadKey(workload), PROGRESS_AFTER_MS);
  };
  const reportKey = (policy: string): void => {
    queues.policies.addAfter(policy, REPORT_AFTER_MS);
  };
  const report = (policy: StoredPolicy): void => {
    reportKey(policyKey(policy));
  };
  const render = (namespace: string, ids: readonly SourceId[]): void => {
    for (const id of ids) queues.live.add(keyOf(namespace, id));
  };
  const renderFor = (policy: StoredPolicy | undefined): void => {
    if (policy !== undefined) render(policy.namespace, policy.delivery.objects.map(liveId));
  };
  /** Whoever renders an object, or would if others did not, and whoever reads it. */
  const tellOfLive = (namespace: string, id: SourceId): void => {
    for (const { policy, object } of bindings.rendering(namespace, id)) {
      report(policy);
      for (const each of object.workloads) {
        const workload = stores.workloads.get(workloadKey({ ...each, namespace }));
        if (workload !== undefined) look(workload);
      }
    }
  };
  const boundBy = (policy: StoredPolicy | undefined): readonly StoredWorkload[] =>
    policy === undefined ? [] : bindings.workloadsOf(policy);

  stores.policies.onDelta(({ old, new: next }) => {
    if (next !== undefined) report(next);
    if (old?.uid === next?.uid && old?.generation === next?.generation) return;
    // What it has found by label is forgotten with it.
    boundBy(old).forEach(look);
    rooms.sources.bind(old, next);
    boundBy(next).forEach(look);
    renderFor(old);
    renderFor(next);
    for (const id of new Set([old, next].flatMap((each) => each?.delivery.objects.map(liveId) ?? [])))
      tellOfLive((next ?? old)?.namespace ?? '', id);
    // Nobody knows what one that can't be understood binds.
    if (old?.invalid !== undefined || next?.invalid !== undefined) {
      stores.workloads.by('namespace', (next ?? old)?.namespace ?? '').forEach(look);
    }
  });

  stores.workloads.onDelta(({ old, new: next }) => {
    memory.see(old, next, clock.now());
    if (old !== undefined && old.uid !== next?.uid) {
      rooms.nudger.forget(old);
      rooms.prover.forget(old);
    }
    const before = old === undefined ? [] : bindings.policiesOf(old);
    const after = next === undefined ? [] : bindings.policiesOf(next);
    if (next !== undefined && (after.length > 0 || before.length > 0)) {
      if (old !== undefined && onlyProgressed(old, next)) lookSoon(next);
      else look(next);
    }
    for (const id of unused(old, next)) rooms.sources.reconsider(old?.namespace ?? '', id);
    // A look at what is still bound ends in a verdict, and that in a report.
    before.filter((policy) => !after.includes(policy)).forEach(report);
  });

  stores.records.onDelta(({ old, new: next }) => {
    const record = next ?? old;
    const workload = record === undefined ? undefined : stores.workloads.get(workloadKey(record.workload));
    // Mostly it is what we have written ourselves.
    if (workload !== undefined) lookSoon(workload);
  });

  return {
    onSource: (namespace, id) => {
      bindings.consumersOf(namespace, id).forEach(look);
      bindings.policiesNaming(namespace, id).forEach(report);
      render(namespace, bindings.renderedFrom(namespace, id));
    },
    onLive: (namespace, id) => {
      render(namespace, [id]);
      tellOfLive(namespace, id);
    },
    onFound: (namespace, policy, id) => {
      stores.workloads.by('source', `${namespace}/${id}`).forEach(look);
      reportKey(policy);
    },
    onSelection: (namespace, policy) => {
      stores.workloads.by('namespace', namespace).forEach(look);
      reportKey(policy);
    },
    onVerdict: (workload) => {
      const policies = bindings.policiesOf(workload);
      policies.forEach(report);
      render(workload.namespace, liveObjectsFor(policies, workload).map(liveId));
    },
    onRequest: look,
    onProgress: (workload, complete) => {
      if (complete) look(workload);
      else lookSoon(workload);
    },
    onTurn: (waiting) => {
      waiting.forEach(lookSoon);
    },
    lookAtAll: (namespace) => {
      const policies = namespace === undefined ? stores.policies.values() : stores.policies.by('namespace', namespace);
      for (const policy of policies) {
        boundBy(policy).forEach(look);
        report(policy);
        renderFor(policy);
      }
      for (const record of stores.records.values()) {
        if (namespace !== undefined && record.namespace !== namespace) continue;
        const workload = stores.workloads.get(workloadKey(record.workload));
        if (workload !== undefined) look(workload);
      }
    },
  };
};

/** The sources that a workload used and uses no longer. */
const unused = (old: StoredWorkload | undefined, next: StoredWorkload | undefined): readonly SourceId[] => {
  if (old === undefined || old.templateHash === next?.templateHash) return [];
  const still = new Set(next?.uses.map(({ source }) => sourceId(source)));
  return [...new Set(old.uses.map(({ source }) => sourceId(source)))].filter((id) => !still.has(id));
};

/** Neither is it another workload than before, nor are its pods to be others, nor does anything bind it anew. */
const onlyProgressed = (old: StoredWorkload, next: StoredWorkload): boolean =>
  old.uid === next.uid &&
  old.templateHash === next.templateHash &&
  old.ignored === next.ignored &&
  isDeepStrictEqual(old.labels, next.labels);
