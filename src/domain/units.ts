/**
 * The units that sources are compared by. A key that no rule looks into is one unit, by its own name. A document that
 * rules look into is one for each class that its places have: `app.yaml#Hot`, `app.yaml#Restart`. Beside them stands
 * `app.yaml#`, which names what the parts were made by: parts that were made by other rules say nothing of content. `#`
 * is in no key.
 */

import { digestParts, formatOfDigest, PLAIN, type Digest } from './digest.ts';
import type { DocumentParts, LeafSum } from './documents.ts';
import type { Source } from './observed.ts';
import { declaredClass, looksInto, strictest, type Class, type Declaring } from './rules.ts';

export type UnitName = string;

export const unitName = (key: string, part: Class): UnitName => `${key}#${part}`;
export const makingName = (key: string): UnitName => `${key}#`;
export const keyOfUnit = (name: UnitName): string => {
  const at = name.indexOf('#');
  return at < 0 ? name : name.slice(0, at);
};
/** The class of a document's part; undefined for a whole key, and for what names the parts' making. */
export const partOfUnit = (name: UnitName): Class | undefined => PARTS.find((part) => name.endsWith(`#${part}`));

export const PARTS: readonly Class[] = ['Hot', 'Restart', 'Ignore'];

/** A document as the policies of one workload see it. */
export interface DocumentUnits {
  /** What the parts were made by. */
  readonly making: Digest;
  readonly parts: ReadonlyMap<Class, Digest>;
  /** Policies declare different classes for some place. */
  readonly disagreed: boolean;
  /** Why it counts as a whole. */
  readonly error?: string;
}

interface Content {
  readonly keys: ReadonlyMap<string, Digest>;
  readonly documents?: ReadonlyMap<string, DocumentParts>;
}

type NamedPolicy = Declaring & { readonly name: string };

/**
 * @param policies those that bind the workload to the source, at least one
 * @returns undefined where none of them looks into the key
 */
export const documentUnits = (
  { keys, documents }: Content,
  policies: readonly NamedPolicy[],
  source: { readonly kind: string; readonly name: string },
  key: string,
): DocumentUnits | undefined => {
  const document = documents?.get(key);
  const whole = keys.get(key);
  if (document === undefined || whole === undefined || !policies.some((policy) => looksInto(policy, source, key)))
    return undefined;
  const views = policies.map((policy) => viewOf(document, policy, source, key));
  const making = digestParts(PLAIN, ...views.map((view) => view.making).sort());
  const format = formatOfDigest(whole);
  if (document.error !== undefined) {
    const part = strictest(policies.map((policy) => declaredClass(policy, source, key)));
    const digest = inFormat(format, digestParts(PLAIN, 'whole', whole));
    return { making, parts: new Map([[part, digest]]), disagreed: false, error: document.error };
  }

  const sums = new Map<Class, bigint>();
  let disagreed = false;
  for (const [vector, sum] of document.parts) {
    const classes = views.map((view) => view.classIn(vector));
    disagreed ||= new Set(classes).size > 1;
    const part = strictest(classes);
    sums.set(part, ((sums.get(part) ?? 0n) + toNumber(sum)) % MODULUS);
  }
  const residues = policies.flatMap(({ name }) => [...(document.residues.get(name) ?? [])]);
  const parts = PARTS.flatMap((part) => {
    const sum = sums.get(part);
    const texts = residues.flatMap(([of, digest]) => (of === part ? [digest] : [])).sort();
    if (sum === undefined && texts.length === 0) return [];
    return [[part, inFormat(format, digestParts(PLAIN, (sum ?? 0n).toString(16), ...texts))] as const];
  });
  return { making, parts: new Map(parts), disagreed };
};

const LETTERS: Readonly<Record<string, Class>> = { H: 'Hot', R: 'Restart', I: 'Ignore' };

/** How one policy sees a document. One that doesn't look into it gives all of it one class. */
const viewOf = (
  document: DocumentParts,
  policy: NamedPolicy,
  source: { readonly kind: string; readonly name: string },
  key: string,
): { readonly making: string; readonly classIn: (vector: string) => Class } => {
  const index = document.policies.indexOf(policy.name);
  const whole = declaredClass(policy, source, key);
  if (index < 0) return { making: `all ${whole}`, classIn: () => whole };
  return {
    making: document.fingerprints[index] ?? '',
    classIn: (vector) => LETTERS[vector[index] ?? ''] ?? whole,
  };
};

const MODULUS = 1n << 256n;
const toNumber = (sum: LeafSum): bigint => BigInt(`0x${sum}`);

/** Parts of a Secret's document can be compared for as long as its keys can: while the key of the MACs is the same. */
const inFormat = (format: string, digest: Digest): Digest => `${format}${digest.slice(digest.indexOf(':'))}` as Digest;

/** The documents that a policy looks into, but that don't parse, and why. */
export const unreadDocumentsOf = (source: Source, policy: string): readonly string[] =>
  source.state === 'Present' && source.documents !== undefined
    ? [...source.documents].flatMap(([key, { policies, error }]) =>
        error !== undefined && policies.includes(policy) ? [`${key} counts as a whole until it parses: ${error}`] : [],
      )
    : [];
