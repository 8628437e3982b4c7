/** What a planned restart would wait for, as far as policies and the time alone tell. */

import { emptyLedger } from './adoption.ts';
import { holdsAhead } from './gates.ts';
import type { Changes, Observed } from './observed.ts';

/**
 * Sentences; none: nothing that is known here holds it. What cooldown, budget, order and limits say is known to a running
 * operator only.
 *
 * @param at when the change would be made; absent: whenever that is
 */
export const plannedWaits = (observed: Observed, changes: Changes, at: number | undefined): readonly string[] => {
  const now = at ?? 0;
  const ledger = observed.ledger ?? emptyLedger(observed, now);
  const waits = [...changes.keys()].map((id) =>
    holdsAhead({ observed, changed: new Set([id]), ledger, now })
      .filter(({ reason }) => at !== undefined || reason !== 'OutsideWindow')
      .map(({ message }) => `it would wait: ${message}`),
  );
  // What is free takes the others along (design law 16).
  return waits.some((each) => each.length === 0) ? [] : [...new Set(waits.flat())];
};
