/** What a planned restart would wait for, as far as policies and the time alone tell. */

import { policiesOf } from './gates/gate.ts';
import { windowHold } from './gates/window.ts';
import type { Changes, Observed, Policy } from './observed.ts';

/**
 * Sentences; none: nothing that is known here holds it. What cooldown, budget, order and limits say is known to a running
 * operator only.
 *
 * @param at when the change would be made; absent: whenever that is
 */
export const plannedWaits = (observed: Observed, changes: Changes, at: number | undefined): readonly string[] => {
  const waits = [...changes.keys()].map((id) =>
    policiesOf({ observed, changed: new Set([id]) }).flatMap((policy) => waitsOf(policy, at)),
  );
  // What is free takes the others along (design law 16).
  return waits.some((each) => each.length === 0) ? [] : [...new Set(waits.flat())];
};

const waitsOf = (policy: Policy, at: number | undefined): readonly string[] => {
  const shut = at === undefined ? undefined : windowHold(policy, at);
  return [
    ...(policy.gates.approval === 'Manual' ? [`it would wait for approval: policy ${policy.name} wants that`] : []),
    ...(shut === undefined ? [] : [`it would wait: ${shut.message}`]),
  ];
};
