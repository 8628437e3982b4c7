/** Which policies name which sources, and what they ask of content. */

import { isDeepStrictEqual } from 'node:util';
import type { InspectingPolicy } from '../../domain/inspection.ts';
import { goesByMeaning } from '../../domain/rules.ts';
import type { StoredPolicy } from '../ports.ts';

export interface Bound {
  has(key: string): boolean;
  keys(): Iterable<string>;
  /** Takes note of what a policy asks of content now; undefined: it is gone. */
  know(policy: string, now: StoredPolicy | undefined): void;
  /** @returns whether it is the first policy to name the source */
  add(key: string, policy: string): boolean;
  /** @returns whether no policy names the source any more */
  remove(key: string, policy: string): boolean;
  /** The policies that name a source and look into content, by name. */
  inspecting(key: string): readonly InspectingPolicy[];
  /** What these policies ask: equal texts ask the same. Empty where nobody asks anything. */
  asked(key: string): string;
}

interface Known {
  readonly policy: InspectingPolicy;
  readonly inspects: boolean;
  /** Another number for whatever is asked anew. */
  readonly revision: number;
}

export const createBound = (): Bound => {
  const policies = new Map<string, Known>();
  const naming = new Map<string, Set<string>>();
  let revisions = 0;

  const inspecting = (key: string): readonly Known[] =>
    [...(naming.get(key) ?? [])]
      .flatMap((name) => policies.get(name) ?? [])
      .filter(({ inspects }) => inspects)
      .sort((a, b) => (a.policy.name < b.policy.name ? -1 : 1));

  return {
    has: (key) => naming.has(key),
    keys: () => naming.keys(),
    know: (name, now) => {
      if (now === undefined) {
        policies.delete(name);
        return;
      }
      const policy = asked(now);
      const before = policies.get(name);
      if (before !== undefined && isDeepStrictEqual(before.policy, policy)) return;
      revisions += 1;
      const inspects = policy.rules.some(goesByMeaning) || (policy.validation ?? []).length > 0;
      policies.set(name, { policy, inspects, revision: revisions });
    },
    add: (key, policy) => {
      const names = naming.get(key);
      if (names === undefined) naming.set(key, new Set([policy]));
      else names.add(policy);
      return names === undefined;
    },
    remove: (key, policy) => {
      const names = naming.get(key);
      names?.delete(policy);
      return names?.size === 0 && naming.delete(key);
    },
    inspecting: (key) => inspecting(key).map(({ policy }) => policy),
    asked: (key) =>
      inspecting(key)
        .map(({ revision }) => revision)
        .join(' '),
  };
};

/** No more than is asked: it is sent to another thread. */
const asked = ({ name, rules, defaultClass, validation }: StoredPolicy): InspectingPolicy => ({
  name,
  rules,
  defaultClass,
  ...(validation !== undefined && { validation }),
});
