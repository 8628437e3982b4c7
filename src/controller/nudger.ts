/**
 * Makes kubelets refresh the files of a workload's pods. Each nudge is given at once and once more two seconds later
 * with another value, since one that overtakes the kubelet's own watch of the source is lost and puts off the
 * kubelet's next look by a minute. Pods that are first seen within ten seconds, or while a rollout is followed, are
 * nudged once when they run (design law 8).
 */

import type { Workload } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import { toError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { Sink } from '../runtime/reflector.ts';
import type { PodWatches } from './pod-watches.ts';
import { incarnation, workloadKey, type FollowedPod, type Pods } from './ports.ts';

export interface Nudger {
  /**
   * Nudges every pod of a workload, and goes on in the background as described above. Ends what an earlier call began;
   * where that failed for some pods with the same content, only those are left to be nudged.
   * @param digest names the content
   * @returns how many pods were nudged; rejects with the first failure, after all have been tried
   */
  nudge(workload: Workload, digest: string, signal: AbortSignal): Promise<number>;
  /** Nudges pods that come, until `unfollow`. Does nothing where the workload's pods are being followed already. */
  follow(workload: Workload, digest: string): void;
  unfollow(workload: Workload): void;
  /** The workload is gone, or nobody's concern any more: its pods are left alone. */
  forget(workload: Workload): void;
  /** Ends everything; resolves when it has ended. */
  close(): Promise<void>;
}

export interface NudgerOptions {
  readonly pods: Pick<Pods, 'nudge'>;
  readonly watches: PodWatches;
  readonly clock: Clock;
  readonly log: Logger;
}

const AGAIN_MS = 2_000;
const FOLLOW_MS = 10_000;

export const createNudger = (options: NudgerOptions): Nudger => {
  const rounds = new Map<string, Round>();
  const rollouts = new Map<string, Round>();
  const ended = new Set<Promise<void>>();
  /** The pods that a nudge has reached which failed for others. */
  const unfinished = new Map<string, { readonly digest: string; readonly reached: ReadonlySet<string> }>();

  const begin = (
    rooms: Map<string, Round>,
    workload: Workload,
    digest: string,
    first: { readonly known: 'nudge' | 'leave'; readonly reached?: ReadonlySet<string> },
  ): Round => {
    const key = incarnation(workload);
    rooms.get(key)?.end();
    const round = new Round(options, workload, digest, first);
    rooms.set(key, round);
    const done = round.done.then(() => {
      if (rooms.get(key) === round) rooms.delete(key);
      ended.delete(done);
    });
    ended.add(done);
    return round;
  };

  return {
    nudge: async (workload, digest, signal) => {
      const key = incarnation(workload);
      const before = unfinished.get(key);
      unfinished.delete(key);
      const round = begin(rounds, workload, digest, {
        known: 'nudge',
        ...(before?.digest === digest && { reached: before.reached }),
      });
      try {
        const count = await round.first(signal);
        round.goOn();
        return count;
      } catch (error) {
        unfinished.set(key, { digest, reached: round.reached() });
        throw error;
      }
    },
    follow: (workload, digest) => {
      if (!rollouts.has(incarnation(workload))) begin(rollouts, workload, digest, { known: 'leave' });
    },
    unfollow: (workload) => {
      rollouts.get(incarnation(workload))?.end();
    },
    forget: (workload) => {
      unfinished.delete(incarnation(workload));
      rollouts.get(incarnation(workload))?.end();
      rounds.get(incarnation(workload))?.end();
    },
    close: async () => {
      for (const round of [...rounds.values(), ...rollouts.values()]) round.end();
      await Promise.all(ended);
    },
  };
};

/** The time makes each value a new one: the same value again would not be an update to the kubelet. */
export const nudgeValue = (digest: string, now: number): string => `v1.${digest}.${now.toString(36)}`;

/** One change of content, on its way to the pods of one workload. */
class Round implements Sink<FollowedPod> {
  readonly done: Promise<unknown>;
  readonly #options: NudgerOptions;
  readonly #workload: Workload;
  readonly #digest: string;
  /** Whether pods of the first list are to be nudged, or only those that come after it. */
  readonly #known: 'nudge' | 'leave';
  /** By uid, those of the first list that need no nudge any more. */
  readonly #reached: ReadonlySet<string>;
  readonly #controller = new AbortController();
  readonly #firstList = Promise.withResolvers<undefined>();
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #unfollow: () => void;
  #listed = false;
  #failure: Error | undefined;
  /** By uid, the pods that are done: running when they were nudged. */
  readonly #settled = new Set<string>();
  readonly #pods = new Map<string, FollowedPod>();
  readonly #nudged = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  readonly #later: (() => void)[] = [];

  constructor(
    options: NudgerOptions,
    workload: Workload,
    digest: string,
    {
      known,
      reached = new Set(),
    }: { readonly known: 'nudge' | 'leave'; readonly reached?: ReadonlySet<string> | undefined },
  ) {
    this.#options = options;
    this.#workload = workload;
    this.#digest = digest;
    this.#known = known;
    this.#reached = reached;
    this.#firstList.promise.catch(() => undefined);
    this.done = this.#ended.promise;
    this.#unfollow = options.watches.follow(workload, this, {
      pods: 'Listed',
      // Without a first list nothing can be nudged: whoever waits for it is told why.
      onError: (error) => {
        if (!this.#listed) this.#firstList.reject(error);
      },
    });
  }

  /** Resolves when every pod of the first list has been nudged. */
  async first(signal: AbortSignal): Promise<number> {
    const stop = (): void => {
      this.end();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([this.#firstList.promise, this.done]);
      await Promise.all(this.#pending);
      signal.throwIfAborted();
    } catch (error) {
      this.end();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    if (this.#failure !== undefined) {
      this.end();
      throw this.#failure;
    }
    return this.#nudged.size;
  }

  /** By uid, the pods that were running when they were nudged. */
  reached(): ReadonlySet<string> {
    return new Set([...this.#nudged].filter((uid) => this.#settled.has(uid)));
  }

  /** Nudges once more, follows pods that come, and ends. */
  goOn(): void {
    const { clock } = this.#options;
    this.#later.push(
      clock.schedule(AGAIN_MS, () => {
        for (const pod of this.#pods.values()) if (this.#nudged.has(pod.uid)) this.#send(pod);
      }),
      clock.schedule(FOLLOW_MS, () => {
        this.end();
      }),
    );
  }

  end(): void {
    for (const cancel of this.#later.splice(0)) cancel();
    this.#controller.abort(new Error('the round is over'));
    this.#unfollow();
    this.#ended.resolve(undefined);
  }

  listing(): void {
    this.#pods.clear();
  }

  /** What is listed counts in any case. */
  rewound(): void {}

  upsert(pod: FollowedPod): void {
    this.#pods.set(pod.uid, pod);
    if (!pod.reachable || this.#settled.has(pod.uid)) return;
    const early = !this.#listed;
    if (early && this.#reached.has(pod.uid)) {
      this.#settled.add(pod.uid);
      this.#nudged.add(pod.uid);
      return;
    }
    if (early && this.#known === 'leave') {
      // Those that ran before the rollout began are none of its new pods.
      if (pod.running) this.#settled.add(pod.uid);
      return;
    }
    // A pod that is still being set up has its files written then, or has had them written just before the change.
    if (pod.running || (early && !this.#nudged.has(pod.uid))) {
      if (pod.running) this.#settled.add(pod.uid);
      this.#send(pod);
    }
  }

  remove(pod: FollowedPod): void {
    this.#pods.delete(pod.uid);
  }

  listed(): void {
    this.#listed = true;
    this.#firstList.resolve(undefined);
  }

  #send(pod: FollowedPod): void {
    const sending = this.#nudge(pod).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  async #nudge(pod: FollowedPod): Promise<void> {
    const { pods, clock, log } = this.#options;
    const value = nudgeValue(this.#digest, clock.now());
    try {
      if (await pods.nudge(pod, value, this.#controller.signal)) this.#nudged.add(pod.uid);
    } catch (thrown) {
      if (this.#controller.signal.aborted) return;
      const error = toError(thrown);
      this.#failure ??= error;
      this.#settled.delete(pod.uid);
      log.warn({ workload: workloadKey(this.#workload), pod: pod.name, err: error }, 'could not nudge a pod');
    }
  }
}
