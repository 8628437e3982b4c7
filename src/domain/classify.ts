/** What a change of a key really needs for one workload: what its policies declare, cut down to its way of reading it. */

import { readerOf, usesKey, type Use, type Way } from './references.ts';
import { declaredClass, strictest, WHOLE, type Class, type Declaring } from './rules.ts';

/** What a change of a key really needs for one workload; `Unused`: no container reads the key. */
export type EffectiveClass = Class | 'Unused';

/** The part of a policy that classifies. */
export interface Classifier extends Declaring {
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

/** Keys come back with every look at a source: what a policy declares for them is worked out once. */
const known = new WeakMap<Classifier, Map<string, Class>>();
const MOST_KNOWN = 20_000;

export const knownClass = (policy: Classifier, source: Source, key: string): Class => {
  const classes = known.get(policy) ?? new Map<string, Class>();
  if (classes.size >= MOST_KNOWN) classes.clear();
  known.set(policy, classes);
  const name = `${source.kind}/${source.name}:${key}`;
  const found = classes.get(name) ?? declaredClass(policy, source, key);
  classes.set(name, found);
  return found;
};

/**
 * The effective class of a key for one workload: what its policies declare, cut down to what the
 * workload's way of reading the key allows.
 * @param policies those that bind this workload to this source; at least one
 * @param uses all uses of the workload's template
 * @param part what is declared for the part of the key that is asked for; absent: for the key as a whole
 */
export const classify = (
  policies: readonly Classifier[],
  uses: readonly Use[],
  source: Source,
  key: string,
  part?: Class,
): Classified => {
  const using = uses.filter(
    (use) => use.source.kind === source.kind && use.source.name === source.name && (key === WHOLE || usesKey(use, key)),
  );
  // What nobody reads is not even looked up: sources and rules come from tenants, and their product may be large.
  if (using.length === 0) return { class: 'Unused' };
  const declared = part ?? strictest(policies.map((policy) => knownClass(policy, source, key)));
  if (declared !== 'Hot') return { class: declared, declared };
  const impossible = whyNotHot(using);
  if (impossible === undefined) return { class: 'Hot', declared };
  const restart = policies.some(({ onImpossible }) => onImpossible === 'Restart');
  // Only reported: the containers that can have it hot still get it; where there are none, nothing can be done.
  const reported = using.some((use) => use.way === 'File' && !use.init) ? 'Hot' : 'Ignore';
  return { class: restart ? 'Restart' : reported, declared, impossible };
};

/** The strictest reason first: what one container needs a restart for, the pod needs a restart for. */
const whyNotHot = (using: readonly Use[]): string | undefined => {
  const fixed = WAYS.flatMap(({ way, words }) =>
    using.filter((use) => use.way === way).map((use) => `${words} of ${readerOf(use)}`),
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
