/**
 * Leaf tables of earlier versions of documents, so that a change can name the places that it touched. Losing one loses
 * nothing but those names, so they are bounded as a whole.
 */

import type { Digest } from '../../domain/digest.ts';
import type { LeafTable } from '../../domain/documents.ts';

export interface Earlier {
  put(source: string, key: string, digest: Digest, leaves: LeafTable): void;
  /** By the digest of the whole key; undefined where there are none. */
  of(source: string): ReadonlyMap<Digest, LeafTable> | undefined;
  forget(source: string): void;
}

interface Entry {
  readonly source: string;
  readonly key: string;
  readonly digest: Digest;
  readonly leaves: LeafTable;
}

/** @param maxBytes of all tables together; @param perKey versions of one key */
export const createEarlier = ({
  maxBytes,
  perKey,
}: {
  readonly maxBytes: number;
  readonly perKey: number;
}): Earlier => {
  /** Oldest first. */
  const entries = new Map<string, Entry>();
  const bySource = new Map<string, Set<string>>();
  let bytes = 0;

  const drop = (id: string): void => {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    bytes -= entry.leaves.byteLength;
    const ids = bySource.get(entry.source);
    ids?.delete(id);
    if (ids?.size === 0) bySource.delete(entry.source);
  };

  const entriesOf = (source: string): readonly (readonly [string, Entry])[] =>
    [...(bySource.get(source) ?? [])].flatMap((id) => {
      const entry = entries.get(id);
      return entry === undefined ? [] : [[id, entry] as const];
    });

  return {
    put: (source, key, digest, leaves) => {
      const id = `${source}/${key}/${digest}`;
      drop(id);
      entries.set(id, { source, key, digest, leaves });
      bySource.set(source, (bySource.get(source) ?? new Set()).add(id));
      bytes += leaves.byteLength;
      const ofKey = entriesOf(source).filter(([, entry]) => entry.key === key);
      for (const [old] of ofKey.slice(0, Math.max(0, ofKey.length - perKey))) drop(old);
      for (const old of entries.keys()) {
        if (bytes <= maxBytes) break;
        drop(old);
      }
    },
    of: (source) => {
      const found = entriesOf(source);
      return found.length === 0 ? undefined : new Map(found.map(([, { digest, leaves }]) => [digest, leaves]));
    },
    forget: (source) => {
      for (const id of [...(bySource.get(source) ?? [])]) drop(id);
    },
  };
};
