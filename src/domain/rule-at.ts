/** Which rule of a policy counts at a place. */

import { compilePaths, type PathFinder } from './paths.ts';
import { declaredClass, rulesFor, strictest, type Class, type Declaring, type Rule } from './rules.ts';

interface Source {
  readonly kind: string;
  readonly name: string;
}

export interface RuleAt {
  readonly class: Class;
  /** Which of `spec.rules`, from 1; absent: none, the default counts. */
  readonly rule?: number;
}

const finders = new WeakMap<Declaring, Map<string, PathFinder>>();

/** Which of the rules for a key is the first that matches a place. */
const finderOf = (policy: Declaring, rules: readonly Rule[], id: string): PathFinder => {
  const known = finders.get(policy) ?? new Map<string, PathFinder>();
  finders.set(policy, known);
  const find = known.get(id) ?? compilePaths(rules.map(({ paths }) => paths ?? ['/**']));
  known.set(id, find);
  return find;
};

/**
 * The rule that counts for a place in the document that a key holds, or for the key as a whole. Where rules look into the
 * key and no place is given, it is the one of the strictest class.
 * @param pointer RFC 6901; undefined: the key as a whole
 */
export const ruleAt = (policy: Declaring, source: Source, key: string, pointer?: string): RuleAt => {
  const rules = rulesFor(policy, source, key);
  const found =
    pointer === undefined
      ? rules.find((rule) => rule.class === declaredClass(policy, source, key))
      : rules[finderOf(policy, rules, `${source.kind}/${source.name}:${key}`)(pointer)];
  return found === undefined
    ? { class: pointer === undefined ? declaredClass(policy, source, key) : policy.defaultClass }
    : { class: found.class, rule: policy.rules.indexOf(found) + 1 };
};

/** The class of a place: the strictest that any of the policies declares for it. */
export const classAt = (policies: readonly Declaring[], source: Source, key: string, pointer: string): Class =>
  strictest(policies.map((policy) => ruleAt(policy, source, key, pointer).class));
