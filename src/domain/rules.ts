/** What policies declare: which rules count for a key, and which class they give it. */

import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';
import { compileGlob, type Matcher } from './globs.ts';

/** What a policy declares for a key, or for a place in the document that it holds. */
export type Class = 'Hot' | 'Restart' | 'Ignore';

export interface Rule {
  readonly keys: readonly string[];
  /** Only these places in the document that the key holds; absent: the key as a whole. */
  readonly paths?: readonly string[];
  readonly format?: DocumentFormatName;
  readonly comparison?: 'Meaning' | 'Bytes';
  readonly class: Class;
  /** Only these sources' keys; absent: every source's. */
  readonly from?: readonly { readonly kind: string; readonly name: string }[];
}

/** The part of a policy that declares classes. */
export interface Declaring {
  readonly rules: readonly Rule[];
  readonly defaultClass: Class;
}

interface Source {
  readonly kind: string;
  readonly name: string;
}

/** Stands for all keys of a source whose values are not read. No real key is named so. */
export const WHOLE = '*';

const compiled = new WeakMap<readonly string[], readonly Matcher[]>();

/** The globs of a list, each compiled once. */
export const matchersOf = (globs: readonly string[]): readonly Matcher[] => {
  const matchers = compiled.get(globs) ?? globs.map(compileGlob);
  compiled.set(globs, matchers);
  return matchers;
};

/** The rules that count for a key, in order, up to the first that takes all of it. */
export const rulesFor = ({ rules }: Pick<Declaring, 'rules'>, source: Source, key: string): readonly Rule[] => {
  const matching: Rule[] = [];
  for (const rule of rules) {
    const { keys, from, paths } = rule;
    if (from !== undefined && !from.some(({ kind, name }) => kind === source.kind && name === source.name)) continue;
    // Only a rule that takes every key, and each of them as a whole, says something of an object as a whole.
    if (key === WHOLE && (paths !== undefined || !keys.includes(WHOLE))) continue;
    if (!matchersOf(keys).some((matches) => matches(key))) continue;
    matching.push(rule);
    if (paths === undefined) break;
  }
  return matching;
};

/** Whether a rule goes by what a document means, not by its bytes. */
export const goesByMeaning = ({ paths, comparison }: Rule): boolean => paths !== undefined || comparison === 'Meaning';

/** Whether a policy's rules look into the document that a key holds. */
export const looksInto = (policy: Pick<Declaring, 'rules'>, source: Source, key: string): boolean =>
  rulesFor(policy, source, key).some(goesByMeaning);

const STRICTNESS: Readonly<Record<Class, number>> = { Ignore: 0, Hot: 1, Restart: 2 };

/** Where policies disagree, the stricter class decides (design law 16). */
export const strictest = (classes: readonly Class[]): Class =>
  classes.reduce((strict, next) => (STRICTNESS[next] > STRICTNESS[strict] ? next : strict), 'Ignore');

/**
 * The class that one policy declares for a key as a whole: that of the first rule that matches, else its default. Where
 * rules look into the key, the strictest of what any part of it can have.
 */
export const declaredClass = (policy: Declaring, source: Source, key: string): Class => {
  const rules = rulesFor(policy, source, key);
  const rest = rules.at(-1)?.paths === undefined && rules.length > 0 ? [] : [policy.defaultClass];
  return strictest([...rules.map((rule) => rule.class), ...rest]);
};
