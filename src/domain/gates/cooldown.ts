import { policiesOf, type Gate } from './gate.ts';

/** A workload is left alone for a while after each restart; the longest cooldown of those that are asked holds. */
export const cooldown: Gate = (question) => {
  const [latest] = question.ledger.restartTimes ?? [];
  if (latest === undefined) return undefined;
  const longest = Math.max(0, ...policiesOf(question).map(({ gates }) => gates.cooldownMs));
  const until = latest + longest;
  return question.now >= until
    ? undefined
    : {
        reason: 'Cooldown',
        message: `the latest restart was issued at ${new Date(latest).toISOString()}, and the next may be ${longest / 1_000}s after it`,
        until,
      };
};
