import { formatDuration } from '../../api/v1alpha1/duration.ts';
import { localTime } from '../local-time.ts';
import { policiesOf, type Gate } from './gate.ts';

/** A workload is left alone for a while after each restart; the longest cooldown of those that are asked holds. */
export const cooldown: Gate = (question) => {
  const [latest] = question.ledger.restartTimes ?? [];
  if (latest === undefined) return undefined;
  const policies = policiesOf(question);
  const longest = Math.max(0, ...policies.map(({ gates }) => gates.cooldownMs));
  const until = latest + longest;
  if (question.now >= until) return undefined;
  const names = policies.flatMap(({ name, gates }) => (gates.cooldownMs === longest ? [name] : []));
  return {
    reason: 'Cooldown',
    message: `policy ${names.join(', ')} wants ${formatDuration(longest)} between two restarts, and the latest was issued at ${localTime(latest, 'UTC')}: the next may begin at ${localTime(until, 'UTC')}`,
    until,
  };
};
