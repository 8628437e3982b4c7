import { listed } from '../listed.ts';
import { localTime } from '../local-time.ts';
import type { Policy } from '../observed.ts';
import { windowsAt } from '../windows.ts';
import { policiesOf, type Gate, type Hold } from './gate.ts';

/** Restarts begin only while the windows of every policy that is asked are open. */
export const window: Gate = (question) =>
  // Where several are shut, the one that is so for the longest is what is waited for.
  policiesOf(question)
    .flatMap((policy) => windowHold(policy, question.now) ?? [])
    .reduce<Hold | undefined>(
      (a, b) => (a === undefined || (b.until ?? Infinity) > (a.until ?? Infinity) ? b : a),
      undefined,
    );

/** What the windows of a policy say at a time. */
export const windowHold = (
  { name, gates: { windows } }: Pick<Policy, 'name' | 'gates'>,
  now: number,
): Hold | undefined => {
  const at = windowsAt(windows, now);
  if (at.open) return undefined;
  const { closedBy, opens, until } = at;
  const shut = closedBy.length === 0 ? 'no window is open' : `window ${listed(closedBy)} denies restarts`;
  const told = windows.find(({ name: each }) => each === (opens ?? closedBy[0]));
  const next =
    until === undefined
      ? 'when one opens is not in sight'
      : `${opens === undefined ? 'restarts may begin' : `window ${opens} lets restarts begin`} at ${localTime(until, told?.timeZone ?? 'UTC')}`;
  return {
    reason: 'OutsideWindow',
    message: `policy ${name}: ${shut}; ${next}`,
    ...(until !== undefined && { until }),
  };
};
