/** What effects that have succeeded add to the record. An effect that failed adds nothing: it is planned again. */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import { withoutConsent } from './consent.ts';
import { changedKeys, overlay, without } from './difference.ts';
import type { Nudge, RestartOrder } from './effects.ts';
import type { Changes, HistoryEntry, Ledger, Workload } from './observed.ts';

export const withEntry = (ledger: Ledger, entry: HistoryEntry): Ledger => ({
  ...ledger,
  history: [entry, ...ledger.history].slice(0, RECORD_LIMITS.history),
});

/** Changes that count as applied from now on, whatever a restart is doing. */
export const withApplied = (ledger: Ledger, changes: Changes): Ledger => ({
  ...ledger,
  applied: overlay(ledger.applied, changes),
  // A restart under way may carry these keys with earlier content: its end must not put that over the newer one.
  ...(ledger.restart !== undefined && {
    restart: { ...ledger.restart, changes: without(ledger.restart.changes, changes) },
  }),
});

/**
 * What is to be proven goes into the history when it has been; what was sent counts as applied in any case.
 * @param pods how many pods were nudged
 */
export const nudged = (ledger: Ledger, nudge: Nudge, pods: number, now: number): Ledger => {
  const applied = withApplied(ledger, nudge.changes);
  if (nudge.delivery !== undefined)
    return { ...applied, delivery: { ...nudge.delivery, startedAt: now, phase: 'InProgress' } };
  return withEntry(applied, {
    time: now,
    action: 'Hot',
    outcome: 'Succeeded',
    reason: reasonOf(nudge, pods),
    ...(nudge.nextRun === true && { message: 'the next run starts on it' }),
    keys: nudge.keys,
    pods,
  });
};

const reasonOf = ({ nextRun }: Nudge, pods: number): string => {
  if (nextRun === true) return 'NextRun';
  return pods === 0 ? 'NoPods' : 'Nudged';
};

export const restartIssued = (
  { intent: _completed, ...ledger }: Ledger,
  order: RestartOrder,
  workload: Workload,
  now: number,
): Ledger => ({
  ...counted(carried(superseded(withoutConsent(ledger), now), order, now), now),
  restart: {
    n: order.n,
    digest: order.digest,
    origin: 'Issued',
    issuedAt: now,
    templateHash: workload.templateHash,
    phase: 'InProgress',
    ...(order.replaces !== undefined && { replaces: order.replaces }),
    changes: order.changes,
  },
});

/** One more restart, for cooldown and budget: as many times as a budget may allow, for as long as it may look back. */
export const counted = (ledger: Ledger, at: number): Ledger => ({
  ...ledger,
  restartTimes: [at, ...(ledger.restartTimes ?? [])]
    .filter((time) => time > at - LONGEST_PERIOD_MS)
    .slice(0, RECORD_LIMITS.restartTimes),
});

/** Of a budget, as the API bounds it: 168h. */
const LONGEST_PERIOD_MS = 168 * 3_600_000;

/** New pods read at their start what was to be proven of the old ones. */
export const carried = (
  { delivery, ...ledger }: Ledger,
  { n, unproven }: Pick<RestartOrder, 'n' | 'unproven'>,
  now: number,
): Ledger => {
  if (delivery?.phase !== 'InProgress') return ledger;
  const carries = `restart ${n} carries it`;
  return withEntry(ledger, {
    time: now,
    action: 'Hot',
    ...(unproven === undefined
      ? { outcome: 'InProgress', reason: 'Superseded', message: carries }
      : { outcome: 'TimedOut', reason: 'ProofTimeout', message: `${unproven}; ${carries}` }),
    keys: delivery.places,
    pods: 0,
  });
};

/** A restart whose rollout was still under way is not forgotten without a word. */
const superseded = (ledger: Ledger, now: number): Ledger =>
  ledger.restart?.phase !== 'InProgress'
    ? ledger
    : withEntry(ledger, {
        time: now,
        action: 'Restart',
        outcome: 'InProgress',
        reason: 'Superseded',
        message: `restart ${ledger.restart.n} was under way when a newer change came`,
        keys: changedKeys(ledger.restart.changes),
        pods: 0,
      });
