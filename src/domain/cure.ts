/** Restarts that cure a failed one pass windows, cooldown and budget (design law 9). */

import { ROLLBACK_REQUESTED } from './failure-words.ts';
import type { Ledger } from './observed.ts';

/**
 * Whether what a workload was last given has failed, so that any other content is a way out. What failed before a way out
 * that has succeeded, or what somebody went back from, is remembered, but the pods are well.
 */
export const isCure = ({ restart, failed }: Ledger): boolean =>
  (failed !== undefined && failed.reason !== ROLLBACK_REQUESTED && restart?.phase !== 'Succeeded') ||
  ((restart?.phase === 'Failed' || restart?.phase === 'TimedOut') && !NOT_OF_CONTENT.has(restart.reason ?? ''));

/** A rollout of others that proved nothing, and a restart that somebody took back: the pods are well. */
const NOT_OF_CONTENT: ReadonlySet<string> = new Set(['NotCarried', 'Reverted']);
