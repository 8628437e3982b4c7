/** Which names of a configuration changed. */

import { isDeepStrictEqual } from 'node:util';

/**
 * Of a map its keys, of a plain object its own properties, in order; undefined for anything else.
 */
export function changedKeys(next: unknown, previous: unknown): readonly string[] | undefined {
  const after = entriesOf(next);
  if (after === undefined) return undefined;
  const before = entriesOf(previous) ?? new Map<string, unknown>();
  const names = new Set([...after.keys(), ...before.keys()]);
  return [...names]
    .filter((name) => after.has(name) !== before.has(name) || !isDeepStrictEqual(after.get(name), before.get(name)))
    .sort();
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [String(key), each as unknown]));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}
