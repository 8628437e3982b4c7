/** What is known when it is chosen whether to restart, and what is chosen. */

import type { Difference } from './difference.ts';
import { bareDigest } from './digest.ts';
import type { RestartOrder } from './effects.ts';
import type { Hold, Question } from './gates.ts';
import type { Ledger, Observed, Pending } from './observed.ts';
import { failedBefore } from './undo.ts';

export interface Situation {
  readonly observed: Observed;
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly forced: boolean;
  /** A hot change was not proven in time, and a policy wants a restart then: why it was not. */
  readonly unproven: string | undefined;
  /** Nothing can be decided before this is settled. */
  readonly unsettled: Hold | undefined;
  readonly now: number;
}

export interface Choice {
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly pending?: Pending;
  readonly order?: RestartOrder;
  /** The hot part goes with a restart that is due. */
  readonly hotWaits: boolean;
  readonly waitMs?: number;
  /** What holds the restart, in the words of this moment. */
  readonly hold?: Hold;
  /** When to look again whether it still does. */
  readonly lookMs?: number;
}

export const withoutHeld = ({ held: _held, ...ledger }: Ledger): Ledger => ledger;

/** What is not proven is found out anew at each look, and so is what the restart for it waits for. */
export const withoutAwaited = (ledger: Ledger): Ledger => {
  if (ledger.delivery?.awaits === undefined) return ledger;
  const { awaits: _awaits, ...delivery } = ledger.delivery;
  return { ...ledger, delivery };
};

/** What the gates are asked about the situation. */
export const questionOf = ({
  observed,
  ledger,
  difference,
  now,
}: Pick<Situation, 'observed' | 'ledger' | 'difference' | 'now'>): Omit<Question, 'changed'> => {
  const failure = failedBefore(ledger, difference);
  return {
    observed,
    ledger,
    digest: bareDigest(difference.restartDigest),
    ...(failure !== undefined && { failure }),
    now,
  };
};
