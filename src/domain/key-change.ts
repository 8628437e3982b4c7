/** How one key of a source stands against what is recorded of it: as a whole, or document part by part. */

import { formatOfDigest, moved, type Digest } from './digest.ts';
import type { Source } from './observed.ts';
import type { Class } from './rules.ts';
import { makingName, unitName, type DocumentUnits, type UnitName } from './units.ts';

/** One unit of a key: what is recorded of it, and what it is now. */
export interface UnitChange {
  readonly name: UnitName;
  /** What is declared for a document's part; absent: the key is one unit, and classified as a whole. */
  readonly part?: Class;
  readonly was: Digest | undefined;
  readonly is: Digest | undefined;
  /** It has moved away from what is applied. */
  readonly differs: boolean;
  /** It has moved away from what it holds once the restart under way has arrived. */
  readonly due: boolean;
}

export interface KeyChange {
  readonly units: readonly UnitChange[];
  /** What goes along with any of the units' changes. */
  readonly beside: readonly (readonly [UnitName, Digest | undefined])[];
  /** What is recorded beside the units, before and now: it moves when no unit differs any more. */
  readonly marks: readonly (readonly [UnitName, was: Digest | undefined, is: Digest | undefined])[];
}

/** What a source's keys are held against. */
export interface Known {
  readonly source: Extract<Source, { readonly state: 'Present' }>;
  readonly recorded: ReadonlyMap<UnitName, Digest> | undefined;
  readonly onItsWay: ReadonlyMap<UnitName, Digest | ''> | undefined;
  readonly arriving: boolean;
  /** Of the source's digests; undefined where it has no key that could tell. */
  readonly format: string | undefined;
}

const wholeChange = ({ source, recorded, onItsWay, format }: Known, key: string): KeyChange => {
  const [was, is] = [recorded?.get(key), source.keys.get(key)];
  const expected = expectedOf(onItsWay, key, was);
  return {
    units: [{ name: key, was, is, differs: movedIn(format, was, is), due: movedIn(format, expected, is) }],
    beside: [],
    marks: [],
  };
};

/** Whether a key that is no document now, or is gone, was recorded as one that is still looked into. */
const isDocument = ({ source, recorded }: Known, key: string): boolean =>
  !source.keys.has(key) && recorded?.has(makingName(key)) === true;

/** @param now undefined: the key is gone, and all its parts with it */
const documentChange = (known: Known, key: string, now: DocumentUnits | undefined): KeyChange => {
  const { source, recorded, onItsWay, format } = known;
  const making = makingName(key);
  const [wholeWas, wholeIs] = [recorded?.get(key), source.keys.get(key)];
  const [madeWas, madeIs] = [recorded?.get(making), now?.making];
  const marks = [
    [key, wholeWas, wholeIs],
    [making, madeWas, madeIs],
  ] as const;
  const present = (part: Class): Digest | undefined => now?.parts.get(part);
  // Parts that were made by other rules: the bytes of the whole tell whether anything has changed, but not what.
  const sameMaking = now === undefined || madeWas === madeIs;
  const unmoved = !sameMaking && !movedIn(format, wholeWas, wholeIs);
  const madeExpected = expectedOf(onItsWay, making, madeWas);
  const units = COMPARED.map((part): UnitChange => {
    const name = unitName(key, part);
    const [was, is] = [recorded?.get(name), present(part)];
    if (unmoved) return { name, part, was, is, differs: false, due: false };
    const expected = now !== undefined && madeExpected !== madeIs ? undefined : expectedOf(onItsWay, name, was);
    return {
      name,
      part,
      was,
      is,
      differs: sameMaking ? movedIn(format, was, is) : is !== undefined,
      due: movedIn(format, expected, is),
    };
  });
  const vanished = sameMaking
    ? []
    : COMPARED.flatMap((part) =>
        present(part) === undefined && recorded?.has(unitName(key, part)) === true
          ? [[unitName(key, part), undefined] as const]
          : [],
      );
  return { units, beside: sameMaking ? [] : [[making, madeIs], ...vanished], marks };
};

/** What has the class Ignore needs nothing, whatever it holds. */
const COMPARED: readonly Class[] = ['Hot', 'Restart'];

/** Where a source has no key left to tell the format, that they are gone is beyond doubt. */
const movedIn = (format: string | undefined, was: Digest | undefined, is: Digest | undefined): boolean =>
  moved(was, is, format ?? formatOfDigest(was ?? ''));

/** What a unit holds once a restart has arrived. */
export const expectedOf = (
  onItsWay: ReadonlyMap<UnitName, Digest | ''> | undefined,
  name: UnitName,
  applied: Digest | undefined,
): Digest | undefined => {
  const sent = onItsWay?.get(name);
  return sent === '' ? undefined : (sent ?? applied);
};

/** @param units undefined: no rule looks into the key, or it is gone */
export const keyChange = (known: Known, key: string, units: DocumentUnits | undefined): KeyChange =>
  units === undefined && !isDocument(known, key) ? wholeChange(known, key) : documentChange(known, key, units);
