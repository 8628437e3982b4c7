/** What has changed, in words for people: keys, and where earlier content is at hand, the places in them. */

import { changedPaths } from './leaf-table.ts';
import { sourceOf, type Changes, type Ledger, type Observed, type Policy, type SourceId } from './observed.ts';
import { consumedSources } from './difference.ts';
import { classAt } from './rule-at.ts';
import type { Class } from './rules.ts';
import { keyOfUnit, partOfUnit } from './units.ts';

/** So many places of one key are named. */
const MOST = 20;

/**
 * `ConfigMap/app:flag`, `ConfigMap/app:config.yaml#/logging/level`, in order. Only places whose class is among the parts
 * that have changed are named; of Secrets, and where the earlier content is gone, only the key.
 * @param applied what the changes are held against
 */
export const changedPlaces = (observed: Observed, applied: Ledger['applied'], changes: Changes): readonly string[] => {
  const policies = consumedSources(observed);
  return [...changes]
    .flatMap(([id, units]) => {
      const keys = new Map<string, Set<Class>>();
      for (const name of units.keys()) {
        const parts = keys.get(keyOfUnit(name)) ?? new Set<Class>();
        const part = partOfUnit(name);
        keys.set(keyOfUnit(name), part === undefined ? parts : parts.add(part));
      }
      return [...keys].flatMap(([key, parts]) => placesIn(observed, policies.get(id) ?? [], applied, id, key, parts));
    })
    .sort();
};

const placesIn = (
  { sources }: Observed,
  policies: readonly Policy[],
  applied: Ledger['applied'],
  id: SourceId,
  key: string,
  parts: ReadonlySet<Class>,
): readonly string[] => {
  const source = sources.get(id);
  const was = applied.get(id)?.get(key);
  if (parts.size === 0 || source?.state !== 'Present' || was === undefined) return [`${id}:${key}`];
  const [before, after] = [source.earlier?.get(was), source.documents?.get(key)?.leaves];
  if (before === undefined || after === undefined) return [`${id}:${key}`];
  const { paths, count } = changedPaths(before, after, MOST * 5);
  const own = paths.filter((path) => parts.has(classAt(policies, sourceOf(id), key, path)));
  if (own.length === 0) return [`${id}:${key}`];
  const named = own.slice(0, MOST).map((path) => `${id}:${key}#${path}`);
  return own.length > MOST || count > paths.length ? [...named, `${id}:${key}`] : named;
};

/** The places of a key that have changed and that rules ignore, where the earlier content is at hand. */
export const ignoredPlaces = (
  observed: Observed,
  applied: Ledger['applied'],
  id: SourceId,
  key: string,
): readonly string[] => {
  const found = placesIn(observed, consumedSources(observed).get(id) ?? [], applied, id, key, new Set(['Ignore']));
  return found.filter((place) => place !== `${id}:${key}`);
};
