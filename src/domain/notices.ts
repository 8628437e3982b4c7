/** What is worth telling a user as an event: the steps from one record to the next. */

import { changedKeys } from './difference.ts';
import type { Notice } from './effects.ts';
import { isOfFailure, RECOVERED, undoWords } from './failure-words.ts';
import { listed } from './listed.ts';
import { heldState } from './gates/gate.ts';
import type { Ledger } from './observed.ts';

/** @param before undefined: the workload was just adopted, which changes nothing and is no news */
export const noticesOf = (before: Ledger | undefined, after: Ledger): readonly Notice[] => [
  ...restartNotices(before, after),
  ...undoNotices(before, after),
  ...heldNotices(before, after),
  ...deliveryNotices(before, after),
];

const restartNotices = (before: Ledger | undefined, { restart }: Ledger): readonly Notice[] => {
  if (before === undefined || restart === undefined || restart.phase === before.restart?.phase) return [];
  // What was undone comes to its end without a rollout.
  if (restart.reason === RECOVERED) return [normal(RECOVERED, restart.message ?? '')];
  const what = `restart ${restart.n}`;
  const message = restart.message ?? '';
  switch (restart.phase) {
    case 'InProgress':
      return restart.origin === 'Foreign'
        ? [
            normal(
              'CarriedByRollout',
              `a rollout of others carries the change of ${listed(changedKeys(restart.changes))}`,
            ),
          ]
        : [];
    case 'Succeeded':
      return [normal('RolloutSucceeded', `${what} is complete: ${message}`)];
    case 'Failed':
      return restart.reason === 'NotCarried' ? [] : [warning('RolloutFailed', `${what} failed: ${message}`)];
    case 'TimedOut':
      return [warning('RolloutTimedOut', `${what} timed out ${message}`)];
  }
};

const undoNotices = (before: Ledger | undefined, { failed }: Ledger): readonly Notice[] => {
  const phase = failed?.undo?.phase;
  if (before === undefined || failed === undefined || phase === before.failed?.undo?.phase) return [];
  if (phase !== 'Succeeded' && phase !== 'TimedOut') return [];
  const isUndo = failed.undo?.mode === 'Undo';
  const reason = isUndo ? 'RestartUndone' : 'RestartRolledBack';
  return [warning(phase === 'TimedOut' ? 'UndoTimedOut' : reason, `restart ${failed.n}: ${undoWords(failed)}`)];
};

const heldNotices = (before: Ledger | undefined, { held }: Ledger): readonly Notice[] => {
  if (held === undefined || held.reason === before?.held?.reason || isOfFailure(held.reason)) return [];
  const note = `a restart for ${listed(changedKeys(held.changes))} waits: ${held.message ?? held.reason}`;
  // A breaker that opens is worth somebody's attention, though it is what the policy asks for.
  if (held.reason === 'BudgetExhausted') return [warning('BudgetExhausted', note)];
  return [heldState(held.reason) === 'Held' ? normal('RestartHeld', note) : warning('RestartBlocked', note)];
};

const deliveryNotices = (before: Ledger | undefined, { delivery, history }: Ledger): readonly Notice[] => {
  const known = before?.delivery;
  if (known === undefined || known.phase === 'Succeeded') return [];
  const hot = { action: 'HotReload' } as const;
  if (delivery?.phase === 'TimedOut')
    return known.phase === 'TimedOut'
      ? []
      : [{ ...warning('ProofTimedOut', `${listed(delivery.places)}: ${delivery.message ?? ''}`), ...hot }];
  const [latest] = history;
  if (latest?.action !== 'Hot' || latest.outcome !== 'Succeeded' || latest === before?.history[0]) return [];
  const note = `${latest.pods} pods ${latest.reason ?? ''}: ${listed(latest.keys)}`;
  return delivery === undefined || delivery.phase === 'Succeeded'
    ? [{ ...normal('HotReloadProven', note), ...hot }]
    : [];
};

const normal = (reason: string, note: string): Notice => ({ severity: 'Normal', reason, action: 'Restart', note });
const warning = (reason: string, note: string): Notice => ({ severity: 'Warning', reason, action: 'Restart', note });
