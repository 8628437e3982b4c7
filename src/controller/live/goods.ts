/** Which snapshots hold what is known to be good: what was applied, of the keys that take a restart. */

import { compare, onItsWay } from '../../domain/difference.ts';
import { keysIn } from '../../domain/live.ts';
import type { Ledger, Observed } from '../../domain/observed.ts';
import type { HeldKeys } from '../../domain/render.ts';
import type { Target, Targets } from './targets.ts';
import type { Wants } from './wanted.ts';

export interface Goods {
  /**
   * The latest snapshot before the present one that holds what was applied to a workload, or the present one if it does;
   * undefined: there is none.
   * @param changed what is to be gone back from
   */
  of(
    target: Target,
    observed: Observed,
    { applied, immutable }: Pick<Ledger, 'applied' | 'immutable'>,
    changed: ReadonlyMap<string, unknown> | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined>;
  /** What restarts that are on their way may have to go back to. */
  needed(target: Target, members: readonly Observed[], signal: AbortSignal): Promise<ReadonlySet<number>>;
}

export const createGoods = ({
  targets,
  wants,
}: {
  readonly targets: Pick<Targets, 'live'>;
  readonly wants: Pick<Wants, 'lastOf'>;
}): Goods => {
  const of: Goods['of'] = async (target, observed, { applied, immutable }, changed, signal) => {
    const { source } = target;
    const due = compare(observed, { applied, immutable }).restart.get(source);
    // Hot keys are no matter of snapshots. Of a source that is away nobody can tell which they are.
    const isThere = observed.sources.get(source)?.state === 'Present';
    const keys = keysIn(isThere ? due : changed);
    const good: HeldKeys = new Map([...keys].map((key) => [key, new Set([applied.get(source)?.get(key) ?? ''])]));
    const live = targets.live(target);
    const present = live.state === 'Present' ? live : undefined;
    const holds = [...good].every(([key, accepted]) => accepted.has(present?.keys.get(key) ?? ''));
    // Another that shares it may have gone back already.
    if (present?.snapshot !== undefined && holds) return present.snapshot;
    return wants.lastOf(target, good, signal, present?.snapshot);
  };
  return {
    of,
    needed: async (target, members, signal) => {
      const numbers = new Set<number>();
      for (const member of members) {
        const { ledger } = member;
        const changed = onItsWay(ledger)?.get(target.source);
        if (ledger === undefined || changed === undefined) continue;
        const number = await of(target, member, ledger, changed, signal);
        if (number !== undefined) numbers.add(number);
      }
      return numbers;
    },
  };
};
