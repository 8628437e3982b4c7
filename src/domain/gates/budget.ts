import type { Ledger, Policy } from '../observed.ts';
import { policiesOf, type Gate, type Hold } from './gate.ts';

/**
 * A workload has so many restarts in so much time, and no more: something that flaps ends in a breaker that is open
 * and says so, not in thousands of ReplicaSets. The breaker closes when enough of them are that long ago.
 */
export const budget: Gate = (question) =>
  policiesOf(question)
    .flatMap((policy) => exhausted(policy, question.ledger, question.now) ?? [])
    .reduce<Hold | undefined>((a, b) => (a?.until !== undefined && a.until >= (b.until ?? 0) ? a : b), undefined);

const exhausted = (
  { name, gates }: Policy,
  { restartTimes = [], budgetFrom = 0 }: Ledger,
  now: number,
): Hold | undefined => {
  if (gates.budget === undefined) return undefined;
  const { restarts, periodMs } = gates.budget;
  const counted = restartTimes.filter((time) => time > Math.max(now - periodMs, budgetFrom));
  // Cures may have gone beyond the budget: as many as that have to leave the period.
  const leaving = counted[restarts - 1];
  return leaving === undefined
    ? undefined
    : {
        reason: 'BudgetExhausted',
        message: `policy ${name} allows ${restarts} ${restarts === 1 ? 'restart' : 'restarts'} in ${periodMs / 1_000}s, and there have been as many: kubectl reload reset lets it go on at once`,
        until: leaving + periodMs,
      };
};
