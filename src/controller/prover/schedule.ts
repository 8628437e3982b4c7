/** When pods are nudged again, and applications asked again: pure. Times are milliseconds. */

import type { ProofOrder } from '../../domain/proof.ts';
import type { Heard } from './heard.ts';

/** How long after a nudge files are there at the latest, if it was not lost. */
const NUDGE_LOST_MS = 1_500;
const LONGEST_NUDGE_PAUSE_MS = 30_000;
/** Where nobody sees the files: after the nudges at 0 and 2 s (design law 8), at 5, 15 and 30 s, and then each minute. */
const BLIND_NUDGE_PAUSES_MS: readonly number[] = [5_000, 10_000, 15_000];
const BLIND_NUDGE_PAUSE_MS = 60_000;

/**
 * When the next nudge is due of a pod that is not proven.
 * @param lastAt of the latest nudge of any kind
 * @param given how many have been given for want of proof
 * @param seen files are known to be old, by an agent or by the application
 */
export const nextNudgeAt = (lastAt: number, given: number, seen: boolean): number =>
  lastAt +
  (seen
    ? Math.min(NUDGE_LOST_MS * 2 ** Math.min(given, 10), LONGEST_NUDGE_PAUSE_MS)
    : (BLIND_NUDGE_PAUSES_MS[given] ?? BLIND_NUDGE_PAUSE_MS));

/** What is known of one container that is to be asked. */
export interface AskFacts {
  readonly effort: ProofOrder['effort'] | 'Finish';
  /** It listens, and asking it is not known to be too early. */
  readonly open: boolean;
  /** The pod's files are known to be right since then. */
  readonly mountedAt?: number;
  /** When its pod was nudged. */
  readonly nudgedAt: number;
  /** Of the present run of the container, and the present effort. */
  readonly asked: number;
  readonly lastAskedAt?: number;
  readonly heard?: Heard;
  /** It has told what it has loaded. */
  readonly tells: boolean;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
const WATCH_MS = 30_000;
/**
 * One that accepts without telling may have read its files too early: it is asked again when the first nudge has mostly
 * taken effect, and when the second one has.
 */
const ACCEPTED_AGAIN_MS: readonly number[] = [500, 3_000];
const AGAIN_ATTEMPTS = 3;
const AGAIN_PAUSE_MS = 1_000;

/** When it is to be asked next; undefined: not, until something else changes. */
export const nextAskAt = (facts: AskFacts): number | undefined => {
  const { open, effort, heard, lastAskedAt, asked, mountedAt, nudgedAt, tells } = facts;
  if (!open) return undefined;
  if (lastAskedAt === undefined) return effort === 'Finish' ? undefined : 0;
  if (effort === 'AskAgain') {
    if (asked === 0) return 0;
    return heard?.type === 'Not' && asked < AGAIN_ATTEMPTS ? lastAskedAt + AGAIN_PAUSE_MS : undefined;
  }
  if (heard === undefined || heard.type === 'Loaded') return undefined;
  const early = mountedAt !== undefined && lastAskedAt < mountedAt;
  if (heard.type === 'Accepted') {
    if (mountedAt !== undefined) return early ? 0 : undefined;
    return effort === 'Watch' ? undefined : ACCEPTED_AGAIN_MS.map((ms) => nudgedAt + ms).find((at) => at > lastAskedAt);
  }
  if (effort === 'Finish') return undefined;
  if (early) return 0;
  if (effort === 'Watch') return tells ? lastAskedAt + WATCH_MS : undefined;
  return lastAskedAt + Math.min(FIRST_PAUSE_MS * 2 ** Math.min(asked - 1, 10), LONGEST_PAUSE_MS);
};

/** An agent answers when there is something to tell, for so long at the most. */
export const AGENT_WAIT_MS = 1_000;
/** One that says nothing at all is taken for gone. */
export const AGENT_SILENT_MS = 2_500;

/** The pause before an agent is asked again. */
export const agentPauseMs = (effort: ProofOrder['effort'] | 'Finish', answered: boolean, tookMs: number): number => {
  if (effort !== 'Pursue') return WATCH_MS;
  // One that has waited has done the waiting.
  return answered ? Math.max(0, 100 - tookMs) : 1_000;
};
