/**
 * First sight adopts (design law 2): what a workload's sources hold when it is first bound counts as applied, unless
 * it is certain that a running container is older than the content.
 */

import { someStartedBefore } from './containers.ts';
import { compare } from './difference.ts';
import { keyOfUnit } from './units.ts';
import { sourceId, type Ledger, type Observed, type SourceId } from './observed.ts';

/** The record of a workload that has none. A restart annotation that it came with is only counted on from. */
export const emptyLedger = (observed: Observed, now: number): Ledger => {
  const { annotation, templateHash } = observed.workload;
  return {
    adoptedAt: now,
    applied: new Map(),
    immutable: new Map(),
    history: [],
    ...(annotation !== undefined && {
      restart: {
        n: annotation.n,
        digest: annotation.digest,
        origin: 'Foreign',
        issuedAt: now,
        templateHash,
        phase: 'Succeeded',
        reason: 'Adopted',
        changes: new Map(),
      },
    }),
  };
};

/**
 * The record with every source's baseline in it.
 * @returns undefined where the workload's pods must be known to tell
 */
export const adopt = (observed: Observed, ledger: Ledger): Ledger | undefined => {
  // For a workload that is known already, a source that is new to it is a matter of edited rules or templates.
  if (observed.ledger !== undefined) return ledger;
  const { applied, adopted } = compare(observed, ledger);
  const stale = adopted.flatMap((id) => candidate(observed, id));
  if (stale.length === 0) return { ...ledger, applied };
  if (observed.pods === undefined) return undefined;
  const next = new Map(applied);
  for (const { id, keys, at } of stale) {
    if (!someStartedBefore(observed.workload, observed.pods, at)) continue;
    next.set(id, new Map([...(applied.get(id) ?? [])].filter(([name]) => !keys.includes(keyOfUnit(name)))));
  }
  return { ...ledger, applied: next };
};

/** A change of content that is certain, and younger than the workload and a policy that names the source. */
const candidate = (
  { workload, policies, sources }: Observed,
  id: SourceId,
): readonly { readonly id: SourceId; readonly keys: readonly string[]; readonly at: number }[] => {
  const source = sources.get(id);
  if (source?.state !== 'Present' || source.certainChange === undefined) return [];
  const { at, keys } = source.certainChange;
  const naming = policies.filter((policy) => policy.sources.some((each) => sourceId(each) === id));
  const bound = Math.min(...naming.map(({ createdAt }) => createdAt));
  return at > workload.createdAt && at > bound ? [{ id, keys, at }] : [];
};
