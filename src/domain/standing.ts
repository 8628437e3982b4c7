/** How a workload stands for those that wait for it. */

import { isCure } from './cure.ts';
import type { Plan } from './effects.ts';
import { ROLLBACK_REQUESTED } from './failure-words.ts';
import type { Ledger } from './observed.ts';
import type { Standing } from './others.ts';

type Decided = Exclude<Plan, { readonly type: 'LookAtPods' }>;

/**
 * As a plan leaves it. What is about to begin has its place already, also while a debounce runs: nobody else is to take
 * it meanwhile.
 */
export const standingOf = (plan: Decided): Standing => {
  if (plan.type === 'Forget') return 'Done';
  const { ledger, pending, restart, undo } = plan;
  if (restart !== undefined || undo !== undefined) return 'InProgress';
  return recordedStanding(ledger, pending !== undefined);
};

/** As a record tells it. */
export const recordedStanding = (ledger: Ledger, isPending = false): Standing => {
  if (ledger.intent !== undefined || isRollingOut(ledger)) return 'InProgress';
  const { held, failed } = ledger;
  // Where somebody went back from what the others may have, nothing has failed.
  const hasFailed = failed !== undefined && failed.reason !== ROLLBACK_REQUESTED;
  if (hasFailed && (held?.digest ?? failed.digest) === failed.digest) return 'Failed';
  // Nothing replaces its pods: whoever waited for that would do so for ever.
  if (held?.reason === 'NoRollout') return 'Done';
  // What has failed is not over because its way out has to wait.
  if (held !== undefined) return isCure(ledger) ? 'Failed' : 'Due';
  if (isPending) return 'InProgress';
  switch (ledger.restart?.phase) {
    case 'Failed':
    case 'TimedOut':
      return ledger.restart.reason === 'NotCarried' ? 'Done' : 'Failed';
    case 'InProgress':
      // Somebody has stopped it.
      return 'Due';
    case 'Succeeded':
    case undefined:
      return 'Done';
  }
};

/** Whether a rollout is under way as far as the record tells. */
export const isRollingOut = ({ restart }: Ledger): boolean =>
  restart?.phase === 'InProgress' && restart.reason === undefined;
