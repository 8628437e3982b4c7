import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';
import { compileGlob, type Matcher } from './globs.ts';
import type { Use, Way } from './references.ts';

/** What a policy declares for a key. */
export type Class = 'Hot' | 'Restart' | 'Ignore';
/** What a change of a key really needs for one workload; `Unused`: no container reads the key. */
export type EffectiveClass = Class | 'Unused';

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

/** The part of a policy that classifies. */
export interface Classifier {
  readonly rules: readonly Rule[];
  readonly defaultClass: Class;
  readonly onImpossible: 'Restart' | 'Report';
}

export interface Classified {
  readonly class: EffectiveClass;
  /** Absent where nobody reads the key. */
  readonly declared?: Class;
  /** Why a key that is declared Hot can't be hot here, in words: `env of container main`. */
  readonly impossible?: string;
}

interface Source {
  readonly kind: string;
  readonly name: string;
}

/** The class that one policy declares: the first rule that matches, else its default. */
export const declaredClass = (policy: Classifier, source: Source, key: string): Class =>
  policy.rules.find(
    ({ keys, from }) =>
      (from === undefined || from.some(({ kind, name }) => kind === source.kind && name === source.name)) &&
      matchersOf(keys).some((matches) => matches(key)),
  )?.class ?? policy.defaultClass;

const compiled = new WeakMap<readonly string[], readonly Matcher[]>();

/** The globs of a list, each compiled once. */
export const matchersOf = (globs: readonly string[]): readonly Matcher[] => {
  const matchers = compiled.get(globs) ?? globs.map(compileGlob);
  compiled.set(globs, matchers);
  return matchers;
};

/** Keys come back with every look at a source: what a policy declares for them is worked out once. */
const known = new WeakMap<Classifier, Map<string, Class>>();
const MOST_KNOWN = 20_000;

const knownClass = (policy: Classifier, source: Source, key: string): Class => {
  const classes = known.get(policy) ?? new Map<string, Class>();
  if (classes.size >= MOST_KNOWN) classes.clear();
  known.set(policy, classes);
  const name = `${source.kind}/${source.name}:${key}`;
  const found = classes.get(name) ?? declaredClass(policy, source, key);
  classes.set(name, found);
  return found;
};

const STRICTNESS: Readonly<Record<Class, number>> = { Ignore: 0, Hot: 1, Restart: 2 };

/** Where policies disagree, the stricter class decides (design law 16). */
export const strictest = (classes: readonly Class[]): Class =>
  classes.reduce((strict, next) => (STRICTNESS[next] > STRICTNESS[strict] ? next : strict), 'Ignore');

/**
 * The effective class of a key for one workload: what its policies declare, cut down to what the
 * workload's way of reading the key allows.
 * @param policies those that bind this workload to this source; at least one
 * @param uses all uses of the workload's template
 */
export const classify = (
  policies: readonly Classifier[],
  uses: readonly Use[],
  source: Source,
  key: string,
): Classified => {
  const using = uses.filter(
    (use) =>
      use.source.kind === source.kind && use.source.name === source.name && (use.key === undefined || use.key === key),
  );
  // What nobody reads is not even looked up: sources and rules come from tenants, and their product may be large.
  if (using.length === 0) return { class: 'Unused' };
  const declared = strictest(policies.map((policy) => knownClass(policy, source, key)));
  if (declared !== 'Hot') return { class: declared, declared };
  const impossible = whyNotHot(using);
  if (impossible === undefined) return { class: 'Hot', declared };
  const restart = policies.some(({ onImpossible }) => onImpossible === 'Restart');
  // Only reported: the containers that can have it hot still get it; where there are none, nothing can be done.
  const reported = using.some((use) => use.way === 'File') ? 'Hot' : 'Ignore';
  return { class: restart ? 'Restart' : reported, declared, impossible };
};

/** The strictest reason first: what one container needs a restart for, the pod needs a restart for. */
const whyNotHot = (using: readonly Use[]): string | undefined => {
  const fixed = WAYS.flatMap(({ way, words }) =>
    using
      .filter((use) => use.way === way)
      .map((use) => `${words} of ${use.init ? 'init container' : 'container'} ${use.container}`),
  )[0];
  if (fixed !== undefined) return fixed;
  // An init container that shares its files with others has only read them first.
  return using.every((use) => use.init) ? `read only by init container ${using[0]?.container ?? ''}` : undefined;
};

const WAYS: readonly { readonly way: Way; readonly words: string }[] = [
  { way: 'Args', words: 'command line' },
  { way: 'Env', words: 'env' },
  { way: 'EnvFrom', words: 'envFrom' },
  { way: 'SubPath', words: 'subPath mount' },
];
