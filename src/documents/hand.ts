import { Worker } from 'node:worker_threads';
import type { KeyRequest } from '../domain/inspection.ts';
import type { Answer } from './protocol.ts';

export interface Ending {
  /** `Ended`: nobody asked for it but `end` without a reason, or it can't be told. */
  readonly why: 'TooLong' | 'OutOfMemory' | 'NotStarted' | 'Ended';
  /** Of a start that failed. */
  readonly error?: string;
}

/** One worker. */
export interface Hand {
  take(request: KeyRequest): void;
  /** Resolves when it has ended. */
  end(why?: Ending['why']): Promise<void>;
}

interface Events {
  readonly ready: () => void;
  readonly answered: (answer: Exclude<Answer, { type: 'Ready' }>) => void;
  /** Once, when its memory is free again. */
  readonly ended: (ending: Ending) => void;
}

/** Of this size young objects are collected without slowing a parser down. */
const YOUNG_MB = 16;

export const startHand = (
  { url, memoryMb = 192 }: { readonly url: URL; readonly memoryMb?: number },
  events: Events,
): Hand => {
  const worker = new Worker(url, {
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
    env: {},
    // A library's warning may quote content: none of it is to reach our own streams.
    stdout: true,
    stderr: true,
  });
  worker.stdout.resume();
  worker.stderr.resume();
  let ending: Ending = { why: 'NotStarted' };
  worker.on('message', (answer: Answer) => {
    if (answer.type === 'Ready') {
      ending = { why: 'Ended' };
      events.ready();
    } else events.answered(answer);
  });
  worker.on('error', (error: Error & { readonly code?: string }) => {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') ending = { why: 'OutOfMemory' };
    // Before it was told any content, its errors can't quote any.
    else if (ending.why === 'NotStarted') ending = { why: 'NotStarted', error: error.message };
  });
  worker.on('exit', () => {
    events.ended(ending);
  });
  return {
    take: (request) => {
      worker.postMessage(request);
    },
    end: async (why) => {
      if (why !== undefined) ending = { why };
      await worker.terminate();
    },
  };
};
