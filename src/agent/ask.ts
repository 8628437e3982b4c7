/** A question, answered as soon as the answer is yes. Nothing is watched while nobody asks. */

import { digestContent, digestParts } from '../domain/digest.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Answer, Question } from './protocol.ts';
import { look, volumeFolder, type Look } from './volume.ts';

export interface AskOptions {
  /** The kubelet's, with one folder for each pod's uid. */
  readonly podsFolder: string;
  readonly clock: Clock;
  /**
   * Calls back whenever something moves in a folder, until the function returned is called. May throw where the kernel
   * has no more to give: there is the poll.
   */
  readonly watch: (folder: string, onEvent: () => void) => () => void;
}

/**
 * Beside the kernel's events, for one that is lost, or where none are to be had. Growing, for a look costs a dozen calls
 * of the kernel.
 */
const POLL_MS = { first: 200, factor: 1.5, longest: 1_000 };

/** @param signal ends the wait; the answer is of no interest then */
export const ask = async (question: Question, signal: AbortSignal, options: AskOptions): Promise<Answer> => {
  const { podsFolder, clock, watch } = options;
  const digest = digesterOf(question);
  const deadline = clock.now() + question.waitMs;
  const lookAgain = (): Promise<Look> => look(podsFolder, question, digest);

  let seen = await lookAgain();
  if (isFinal(seen) || question.waitMs === 0) return answerOf(seen);
  const bell = createBell();
  const stop = watchIfPossible(watch, volumeFolder(podsFolder, question), bell.ring);
  signal.addEventListener('abort', bell.ring, { once: true });
  try {
    let pollMs = POLL_MS.first;
    // What happened before the watch is seen by the look after it.
    while (!signal.aborted && !isFinal((seen = await lookAgain())) && clock.now() < deadline) {
      const cancel = clock.schedule(Math.min(pollMs, deadline - clock.now()), bell.ring);
      await bell.rung();
      cancel();
      pollMs = Math.min(pollMs * POLL_MS.factor, POLL_MS.longest);
    }
    return answerOf(seen);
  } finally {
    signal.removeEventListener('abort', bell.ring);
    stop();
  }
};

const isFinal = (seen: Look): boolean => seen.type !== 'Seen' || seen.differing.length === 0;

const answerOf = (seen: Look): Answer => {
  switch (seen.type) {
    case 'Seen':
      return seen.differing.length === 0 ? { type: 'Mounted' } : { type: 'Differs', files: [...seen.differing] };
    case 'NoVolume':
      return { type: 'Unavailable', why: 'no such volume on this node' };
    case 'Unreadable':
      return { type: 'Unavailable', why: seen.why };
  }
};

const digesterOf = ({ key }: Question): ((content: Uint8Array) => string) => {
  if (key === undefined) return digestContent;
  const scheme = { format: 'q1', key: Buffer.from(key, 'base64url'), context: [] };
  return (content) => digestParts(scheme, content);
};

const watchIfPossible = (watch: AskOptions['watch'], folder: string, onEvent: () => void): (() => void) => {
  try {
    return watch(folder, onEvent);
  } catch {
    // The limit of watches, or the folder has gone: the next look tells.
    return () => undefined;
  }
};

/** Rings that come while nobody listens are kept, as one. */
const createBell = (): { readonly ring: () => void; rung(): Promise<void> } => {
  let next = Promise.withResolvers<undefined>();
  return {
    ring: () => {
      next.resolve(undefined);
    },
    rung: async () => {
      await next.promise;
      next = Promise.withResolvers<undefined>();
    },
  };
};
