/** What is known of one source, and whether it is another than before. */

import { WHOLE } from '../../domain/rules.ts';
import { comparable, digestContent, digestVersion, type Digest, type Scheme } from '../../domain/digest.ts';
import type { Source } from '../../domain/observed.ts';
import type { SourceObject } from '../ports.ts';
import type { Inspected } from './inspections.ts';

type Present = Extract<Source, { readonly state: 'Present' }>;

/** The digests of an object's keys; of one whose values are not read, one that stands for them all. */
export const digestsOf = (
  { content, uid, resourceVersion }: SourceObject,
  scheme: Scheme,
): ReadonlyMap<string, Digest> =>
  content === undefined
    ? new Map([[WHOLE, digestVersion(uid, resourceVersion)]])
    : new Map([...content].map(([key, value]) => [key, digestContent(value, scheme, key)]));

export interface Reading {
  readonly object: SourceObject;
  readonly keys: ReadonlyMap<string, Digest>;
  readonly inspected: Inspected;
  /** Whether schemas may be applied. */
  readonly schemas: boolean;
  /** When the watch showed this version; undefined where it has not yet. */
  readonly shownAt: number | undefined;
  readonly now: number;
}

export const presentState = (known: Source | undefined, reading: Reading): Present => {
  const { object, keys, inspected, now } = reading;
  const { uid, resourceVersion, immutable, certainChange } = object;
  const common = {
    state: 'Present',
    uid,
    resourceVersion,
    immutable,
    ...inspected,
    ...(reading.schemas ? {} : ({ schemasBarred: true } as const)),
  } as const;
  if (known?.state === 'Present') {
    const same = sameDigests(known.keys, keys);
    // With another key of MACs, or values that are not read any more, nothing tells that there was a change.
    if (same || !comparable(known.keys, keys)) {
      const { changedAt, seenToChange } = known;
      return {
        ...common,
        keys: same ? known.keys : keys,
        changedAt,
        seenToChange,
        ...(known.certainChange !== undefined && { certainChange: known.certainChange }),
      };
    }
  }
  if (known === undefined || known.state === 'Unknown' || known.state === 'Ignored') {
    return {
      ...common,
      keys,
      changedAt: object.changedBefore ?? now,
      seenToChange: false,
      ...(certainChange !== undefined && { certainChange }),
    };
  }
  // A read that is ahead of the watch tells no time but its own: later is the safe side.
  return { ...common, keys, changedAt: reading.shownAt ?? now, seenToChange: true };
};

const sameDigests = (a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);

/** Whether decisions can't tell the two apart: a resourceVersion alone says nothing. */
export const isSame = (a: Source | undefined, b: Source): boolean => {
  if (a?.state === 'Present' && b.state === 'Present') {
    const { keys, uid, immutable, unreadable, documents, problems, schemasBarred } = a;
    return (
      keys === b.keys &&
      uid === b.uid &&
      immutable === b.immutable &&
      unreadable === b.unreadable &&
      documents === b.documents &&
      problems === b.problems &&
      schemasBarred === b.schemasBarred
    );
  }
  if (a?.state === 'Unknown' && b.state === 'Unknown') return a.message === b.message;
  return a?.state === b.state;
};
