/** Looks into content in a worker of its own: whatever the content is, the main thread goes on. */

import type { Inspector, KeyInspection, KeyRequest } from '../domain/inspection.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import { allow } from './allowance.ts';
import { startHand, type Ending, type Hand } from './hand.ts';
import type { Task } from './protocol.ts';
import { createRefused } from './refused.ts';

export interface InspectorOptions {
  /** The program of the worker. */
  readonly url: URL;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * How long one key may take of a processor's time: a machine that is busy with other things is no fault of the
   * content. By the clock it may take six times as long. Default: 5 s.
   */
  readonly deadlineMs?: number;
  /** How long a worker without work is kept. Default: one minute. */
  readonly idleMs?: number;
  /** How large a worker's heap may get. Default: 128 MiB. */
  readonly memoryMb?: number;
}

/** The program of the worker: beside this file, or beside the bundle that this file is in. */
export const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './reload-operator-worker.mjs',
  import.meta.url,
);

/** Loading a program has nothing to do with content: a busy machine may take its time. */
const START_MS = 30_000;

interface Job extends Task {
  readonly done: (outcome: KeyInspection | Error) => void;
}

/**
 * One worker, which takes one request after another. One that takes too long or too much memory ends the worker, and
 * is answered with a refusal; for ten minutes the very same request is then refused without being tried.
 */
export const createInspector = (options: InspectorOptions): Inspector => {
  const { clock, log, deadlineMs = 5_000, idleMs = 60_000 } = options;
  const refused = createRefused(clock);
  const waiting: Job[] = [];
  let hand: Hand | undefined;
  let current: Job | undefined;
  let disarm = (): void => undefined;
  /** The worker has been told to end: nothing may be given to it any more. */
  let ending = false;
  let closed = false;

  const next = (): void => {
    if (current !== undefined || ending || closed) return;
    disarm();
    current = waiting.shift();
    if (current === undefined) {
      if (hand !== undefined) disarm = clock.schedule(idleMs, () => void end());
      return;
    }
    if (hand === undefined) start();
    // A new one is told when it is ready.
    else begin(hand, current);
  };

  const end = async (why?: Ending['why']): Promise<void> => {
    ending = true;
    await hand?.end(why);
  };

  const start = (): void => {
    const started = startHand(options, {
      ready: () => {
        disarm();
        if (current !== undefined) begin(started, current);
      },
      answered: (answer) => {
        if (answer.type === 'Inspected') {
          finish(answer.inspection);
          return;
        }
        const { request } = current ?? {};
        log.error({ source: request?.source, key: request?.key, at: answer.at }, 'content could not be looked into');
        finish('can not be looked into, for an error of the operator itself, and is taken for invalid');
      },
      ended: (how) => {
        hand = undefined;
        ending = false;
        if (current !== undefined) finish(outcomeOf(how));
        else next();
      },
    });
    hand = started;
    disarm = clock.schedule(START_MS, () => void end('NotStarted'));
  };

  const begin = (to: Hand, { request, refused }: Job): void => {
    to.take({ request, ...(refused !== undefined && { refused }) });
    disarm = allow({ clock, ms: deadlineMs, used: () => to.used(), usedUp: () => void end('TooLong') });
  };

  const outcomeOf = ({ why, error }: Ending): string | Error => {
    if (closed) return stopping();
    switch (why) {
      case 'TooLong':
        return `takes longer than ${deadlineMs / 1000} s to look into, and is taken for invalid`;
      case 'OutOfMemory':
        return 'needs too much memory to look into, and is taken for invalid';
      case 'NotStarted':
        return new Error(`the worker that looks into content can't be started: ${error ?? 'it takes too long'}`);
      case 'Ended':
        return 'can not be looked into, and is taken for invalid';
    }
  };

  /** @param outcome a text: why the request is refused */
  const finish = (outcome: KeyInspection | string | Error): void => {
    disarm();
    const job = current;
    current = undefined;
    if (job !== undefined) {
      if (typeof outcome === 'string') refuse(job, outcome);
      else job.done(outcome);
    }
    next();
  };

  /** What is answered depends on the rules alone, and is worked out where rules are: in the worker. */
  const refuse = (job: Job, reason: string): void => {
    const { source, key } = job.request;
    log.warn({ source, key, reason }, 'refused to look into content');
    if (job.refused !== undefined) job.done(new Error(`what becomes of a refused key can't be told: it ${reason}`));
    else {
      refused.add(job.request, reason);
      waiting.unshift({ ...job, refused: reason });
    }
  };

  const inspect = (request: KeyRequest, signal: AbortSignal): Promise<KeyInspection> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (closed) throw stopping();
      const slim = slimmed(request);
      const reason = refused.reason(slim);
      const job: Job = {
        request: slim,
        ...(reason !== undefined && { refused: reason }),
        done: (outcome) => {
          signal.removeEventListener('abort', abort);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      // One that is being worked on is finished all the same, within its time, and nobody is told.
      const abort = (): void => {
        const index = waiting.indexOf(job);
        if (index >= 0) waiting.splice(index, 1);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the contract is the signal's own reason, whatever it is
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      waiting.push(job);
      next();
    });

  return {
    inspect,
    close: async () => {
      closed = true;
      disarm();
      for (const { done } of waiting.splice(0)) done(stopping());
      await end();
    },
  };
};

const stopping = (): Error => new Error('the operator is stopping');

/** Only what is needed: the rest would be copied, and may be what can't be. */
const slimmed = ({ source, scheme, key, content, policies, schemas }: KeyRequest): KeyRequest => ({
  source: { kind: source.kind, name: source.name },
  scheme,
  key,
  content,
  schemas,
  policies: policies.map(({ name, rules, defaultClass, validation }) => ({
    name,
    rules,
    defaultClass,
    ...(validation !== undefined && { validation }),
  })),
});
