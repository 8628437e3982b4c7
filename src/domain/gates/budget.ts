import { formatDuration } from '../../api/v1alpha1/duration.ts';
import { infoOf } from '../../api/v1alpha1/kinds.ts';
import { localTime } from '../local-time.ts';
import type { Policy } from '../observed.ts';
import { policiesOf, type Gate, type Hold, type Question } from './gate.ts';

/**
 * A workload has so many restarts in so much time, and no more: something that flaps ends in a breaker that is open
 * and says so, not in thousands of ReplicaSets. The breaker closes when enough of them are that long ago.
 */
export const budget: Gate = (question) =>
  policiesOf(question)
    .flatMap((policy) => exhausted(policy, question) ?? [])
    .reduce<Hold | undefined>((a, b) => (a?.until !== undefined && a.until >= (b.until ?? 0) ? a : b), undefined);

const exhausted = ({ name, gates }: Policy, { observed, ledger, now }: Question): Hold | undefined => {
  if (gates.budget === undefined) return undefined;
  const { restarts, periodMs } = gates.budget;
  const { restartTimes = [], budgetFrom = 0 } = ledger;
  const counted = restartTimes.filter((time) => time > Math.max(now - periodMs, budgetFrom));
  // Cures may have gone beyond the budget: as many as that have to leave the period.
  const leaving = counted[restarts - 1];
  if (leaving === undefined) return undefined;
  const until = leaving + periodMs;
  const { kind, name: workload } = observed.workload;
  return {
    reason: 'BudgetExhausted',
    message: `policy ${name} allows ${restarts} ${restarts === 1 ? 'restart' : 'restarts'} in ${formatDuration(periodMs)}, and there have been as many: it goes on at ${localTime(until, 'UTC')}, or at once by kubectl reload reset ${infoOf(kind).short}/${workload}`,
    until,
  };
};
