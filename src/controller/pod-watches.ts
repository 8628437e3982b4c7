/**
 * One watch of a workload's pods for all who follow them, for as long as somebody does. Who needs to be sure of the pods
 * that are there now asks for a new list, which everybody gets then; who only joins gets at once what is known.
 */

import type { Workload } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { createReflector, type Sink } from '../runtime/reflector.ts';
import { incarnation, type FollowedPod, type Pods } from './ports.ts';

export interface PodWatches {
  /**
   * Feeds the sink until what is returned is called.
   * @param onError why there is no list yet; it is tried again
   */
  follow(
    workload: Workload,
    sink: Sink<FollowedPod>,
    options: { readonly pods: 'Listed' | 'Known'; readonly onError?: (error: Error) => void },
  ): () => void;
  /** Resolves when every watch that is over has ended. */
  ended(): Promise<void>;
}

export interface PodWatchesOptions {
  readonly pods: Pick<Pods, 'watch'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

interface Follower {
  readonly sink: Sink<FollowedPod>;
  readonly onError: (error: Error) => void;
}

interface Shared {
  readonly followers: Set<Follower>;
  /** By uid. */
  readonly pods: Map<string, FollowedPod>;
  listed: boolean;
  stop: () => void;
}

export const createPodWatches = (options: PodWatchesOptions): PodWatches => {
  const shared = new Map<string, Shared>();
  const running = new Set<Promise<void>>();

  const begin = (workload: Workload, room: Shared): void => {
    room.stop();
    room.listed = false;
    const controller = new AbortController();
    room.stop = () => {
      controller.abort(new Error('nobody follows these pods any more'));
    };
    const reflector = createReflector({
      name: 'pods',
      source: options.pods.watch(workload),
      sink: fanOut(room, controller.signal, options.log),
      clock: options.clock,
      random: options.random,
      log: options.log,
      onStatus: ({ error }) => {
        if (error === undefined || room.listed || controller.signal.aborted) return;
        for (const { onError } of [...room.followers]) onError(error);
      },
    });
    const run = reflector.run(controller.signal).finally(() => running.delete(run));
    running.add(run);
  };

  return {
    follow: (workload, sink, { pods, onError = () => undefined }) => {
      const key = incarnation(workload);
      const follower: Follower = { sink, onError };
      const known = shared.get(key);
      const room: Shared = known ?? { followers: new Set(), pods: new Map(), listed: false, stop: () => undefined };
      shared.set(key, room);
      room.followers.add(follower);
      if (known === undefined || pods === 'Listed') begin(workload, room);
      else {
        sink.listing();
        for (const pod of room.pods.values()) sink.upsert(pod);
        if (room.listed) sink.listed();
      }
      return () => {
        if (!room.followers.delete(follower) || room.followers.size > 0) return;
        room.stop();
        shared.delete(key);
      };
    },
    ended: async () => {
      await Promise.all(running);
    },
  };
};

/** What one watch brings, to all. A watch that has been called off brings nothing more. */
const fanOut = (room: Shared, signal: AbortSignal, log: Logger): Sink<FollowedPod> => {
  const tell = (call: (sink: Sink<FollowedPod>) => void): void => {
    if (signal.aborted) return;
    for (const { sink } of [...room.followers]) {
      try {
        call(sink);
      } catch (error) {
        log.error({ err: error }, 'who follows pods failed');
      }
    }
  };
  return {
    listing: () => {
      if (!signal.aborted) room.pods.clear();
      tell((sink) => {
        sink.listing();
      });
    },
    rewound: () => {
      tell((sink) => {
        sink.rewound();
      });
    },
    upsert: (pod) => {
      if (!signal.aborted) room.pods.set(pod.uid, pod);
      tell((sink) => {
        sink.upsert(pod);
      });
    },
    remove: (pod) => {
      if (!signal.aborted) room.pods.delete(pod.uid);
      tell((sink) => {
        sink.remove(pod);
      });
    },
    listed: () => {
      if (!signal.aborted) room.listed = true;
      tell((sink) => {
        sink.listed();
      });
    },
  };
};
