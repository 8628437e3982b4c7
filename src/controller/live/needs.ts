/** Which snapshots may not be removed: those of restarts and rollbacks under way. */

import type { Observed } from '../../domain/observed.ts';
import type { Target } from './targets.ts';

export interface Needs {
  of(target: Target, members: readonly Observed[]): ReadonlySet<number>;
  /** A snapshot of a restart that is about to begin: no record tells of it yet. */
  take(key: string, number: number): void;
  release(key: string): void;
}

export const createNeeds = (): Needs => {
  const taken = new Map<string, number>();
  return {
    of: ({ key, object }, members) => {
      const about = taken.get(key);
      const recorded = recordedBy(members, object.name);
      return new Set(about === undefined ? recorded : [...recorded, about]);
    },
    take: (key, number) => {
      taken.set(key, number);
    },
    release: (key) => {
      taken.delete(key);
    },
  };
};

const recordedBy = (members: readonly Observed[], object: string): readonly number[] =>
  members.flatMap(({ ledger }) =>
    [...(ledger?.intent?.snapshots ?? []), ...(ledger?.failed?.undo?.snapshots ?? [])].flatMap((each) =>
      each.object === object ? [each.number] : [],
    ),
  );
