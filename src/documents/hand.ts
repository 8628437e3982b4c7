import { Worker } from 'node:worker_threads';
import type { Answer, Task } from './protocol.ts';

export interface Ending {
  /** `Ended`: nobody asked for it but `end` without a reason, or it can't be told. */
  readonly why: 'TooLong' | 'OutOfMemory' | 'NotStarted' | 'Ended';
  /** Of a start that failed. */
  readonly error?: string;
}

/** One worker. */
export interface Hand {
  take(task: Task): void;
  /** Milliseconds of a processor that it has used since it took the latest task, or undefined where that can't be told. */
  used(): Promise<number | undefined>;
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
  { url, memoryMb = 128 }: { readonly url: URL; readonly memoryMb?: number },
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
  let ended = false;
  let ending: Ending = { why: 'NotStarted' };
  let before: Promise<number | undefined> = Promise.resolve(undefined);
  worker.on('message', (answer: Answer) => {
    if (answer.type === 'Ready') {
      // It has been told to end meanwhile.
      if (ended) return;
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
    take: (task) => {
      before = processorTime(worker);
      worker.postMessage(task);
    },
    used: async () => {
      const [from, to] = await Promise.all([before, processorTime(worker)]);
      return from === undefined || to === undefined ? undefined : to - from;
    },
    end: async (why) => {
      ended = true;
      if (why !== undefined) ending = { why };
      await worker.terminate();
    },
  };
};

/** In milliseconds. It is asked in the midst of its work, too. */
const processorTime = async (worker: Worker): Promise<number | undefined> => {
  try {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1_000;
  } catch {
    // It has ended.
    return undefined;
  }
};
