/** One hot change of one workload, on its way to proof in all of its pods. */

import type { Workload } from '../../domain/observed.ts';
import type { ProofOrder, ProofProgress } from '../../domain/proof.ts';
import type { Sink } from '../../runtime/reflector.ts';
import type { PodWatches } from '../pod-watches.ts';
import type { FollowedPod, SourceReader } from '../ports.ts';
import type { Effort } from './ask.ts';
import { createPodPursuit, type PodPursuit, type PodPursuitOptions } from './pod.ts';
import { createQuestions, createSigningKeys } from './secrets.ts';

export interface Pursuit {
  take(order: ProofOrder): void;
  /** What was begun and must not be broken off goes on, and then it ends by itself. */
  finish(): void;
  progress(): ProofProgress;
  end(): void;
}

export interface PursuitOptions extends Omit<
  PodPursuitOptions,
  'workload' | 'questions' | 'keys' | 'known' | 'onChange'
> {
  readonly watches: PodWatches;
  readonly reader: Pick<SourceReader, 'get'>;
  readonly randomKey: () => Uint8Array;
  /** @param complete nothing is missing any more */
  readonly onProgress: (workload: Workload, complete: boolean) => void;
}

/** What is to be finished never takes longer. */
const FINISH_MS = 10_000;

/** @param onEnd it has ended by itself */
export const createPursuit = (
  options: PursuitOptions,
  workload: Workload,
  firstOrder: ProofOrder,
  onEnd: () => void,
): Pursuit => {
  const controller = new AbortController();
  const secrets = { ...options, namespace: workload.namespace, signal: controller.signal };
  const shared = { questions: createQuestions(secrets), keys: createSigningKeys(secrets) };
  const pods = new Map<string, PodPursuit>();
  const latest = new Map<string, FollowedPod>();
  let order = firstOrder;
  let finishing = false;
  let listed = false;
  let told = '';
  let telling = false;
  let cancelFinish = (): void => undefined;
  const effort = (): Effort => (finishing ? 'Finish' : order.effort);

  const progress = (): ProofProgress => {
    const all = [...pods.values()];
    const proofs = all.flatMap((pod) => pod.proof() ?? []);
    return {
      digest: order.digest,
      listed,
      pods: proofs.sort((a, b) => (a.name < b.name ? -1 : 1)),
      blind: all.some((pod) => pod.blind()),
      askedAgain: order.effort === 'AskAgain' && listed && all.every((pod) => pod.settled()),
    };
  };

  /** Of many changes in one go, one is told. */
  const changed = (): void => {
    if (telling) return;
    telling = true;
    queueMicrotask(() => {
      telling = false;
      if (controller.signal.aborted) return;
      if (finishing) {
        if ([...pods.values()].every((pod) => pod.settled())) finish();
        return;
      }
      const now = progress();
      const text = JSON.stringify(now);
      if (text === told) return;
      told = text;
      options.onProgress(workload, now.listed && (now.askedAgain || now.pods.every(({ done }) => done)));
    });
  };

  const drop = (uid: string): void => {
    pods.get(uid)?.end();
    pods.delete(uid);
    latest.delete(uid);
  };

  let seen = new Set<string>();
  const sink: Sink<FollowedPod> = {
    listing: () => {
      seen = new Set();
    },
    rewound: () => undefined,
    upsert: (pod) => {
      seen.add(pod.uid);
      if (!pod.reachable) {
        // It is not set up yet, or never will be again.
        drop(pod.uid);
      } else {
        latest.set(pod.uid, pod);
        const known = pods.get(pod.uid);
        if (known !== undefined) known.take(pod, order, effort());
        else {
          const more = { ...options, ...shared, workload, known: !listed, onChange: changed };
          pods.set(pod.uid, createPodPursuit(more, pod, order, effort()));
        }
      }
      changed();
    },
    remove: (pod) => {
      drop(pod.uid);
      changed();
    },
    listed: () => {
      listed = true;
      for (const uid of [...pods.keys()]) if (!seen.has(uid)) drop(uid);
      changed();
    },
  };
  const unfollow = options.watches.follow(workload, sink, { pods: 'Known' });

  const end = (): void => {
    cancelFinish();
    unfollow();
    for (const uid of [...pods.keys()]) drop(uid);
    controller.abort(new Error('the change is no longer of concern'));
  };
  const finish = (): void => {
    end();
    onEnd();
  };
  const tellAll = (): void => {
    for (const [uid, pod] of latest) pods.get(uid)?.take(pod, order, effort());
    changed();
  };

  return {
    take: (next) => {
      cancelFinish();
      finishing = false;
      order = next;
      tellAll();
    },
    finish: () => {
      if (finishing) return;
      finishing = true;
      cancelFinish = options.clock.schedule(FINISH_MS, finish);
      tellAll();
    },
    progress,
    end,
  };
};
