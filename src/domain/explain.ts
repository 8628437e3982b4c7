/** What every key does for one workload, and why: the decisions' own rules, in words. */

import { classify, type Classified, type EffectiveClass } from './classify.ts';
import { keyProof, type KeyProof } from './key-proof.ts';
import { sourceId, sourceOf, type Policy, type SourceId, type Workload } from './observed.ts';
import { neededKeys, placeOf, readerOf, usesKey, type Use, type Way } from './references.ts';
import { rulesFor, strictest, type Class } from './rules.ts';
import { binds, type SourceKind } from './selection.ts';

/** What has to be known for an explanation. */
export interface Explained {
  readonly workload: Pick<
    Workload,
    'kind' | 'namespace' | 'name' | 'labels' | 'ignored' | 'notItsOwn' | 'uses' | 'unfollowed' | 'ports'
  >;
  /** Those of the namespace; whichever do not bind the workload are left aside. */
  readonly policies: readonly Policy[];
  /** Those that the workload uses and those that its policies name, as far as they are known. */
  readonly sources: ReadonlyMap<SourceId, SourceFacts>;
}

export interface SourceFacts {
  readonly state: 'Present' | 'Invalid' | 'Missing' | 'Unreadable' | 'Ignored' | 'Unknown';
  /** The names of its keys. */
  readonly keys: readonly string[];
  readonly immutable?: boolean;
  /** What is wrong with its content, or why it can't be read, in sentences. */
  readonly problems?: readonly string[];
}

export interface KeyExplanation {
  readonly source: { readonly kind: SourceKind; readonly name: string };
  readonly key: string;
  /** Whether the source has it now: a key that is only asked for is explained, too. */
  readonly present: boolean;
  /** Of each policy that binds the workload and names the source. */
  readonly policies: readonly Declaration[];
  /** For all of the key that no `paths` take. Absent: no policy that binds the workload names the source. */
  readonly class?: EffectiveClass;
  /** Why what is declared Hot can't be hot here: `env of container main`. */
  readonly impossible?: string;
  readonly consumption: readonly Consumption[];
  /** What is to be proven of a hot change of it, or of a part; absent: nothing. */
  readonly proof?: KeyProof;
  /** One sentence. */
  readonly why: string;
}

/** Which entry of a policy's `rules`, from 1. */
export type RuleNumber = number | 'default';

export interface Declaration {
  readonly policy: string;
  /** For all of the key that no `paths` take. */
  readonly class: Class;
  readonly rule: RuleNumber;
  /** In the order in which they are tried. */
  readonly paths: readonly PathDeclaration[];
}

export interface PathDeclaration {
  readonly pattern: string;
  readonly class: Class;
  readonly rule: number;
  /**
   * What it comes to for this workload. Where other policies look into the same document, place by place the stricter
   * class may count.
   */
  readonly effective: EffectiveClass;
}

export interface Consumption {
  readonly way: Way;
  readonly container: string;
  readonly init: boolean;
  readonly sidecar: boolean;
  /** `/etc/app/config.yaml`, `env FLAG` or `argument via $(FLAG)` */
  readonly where: string;
}

/** The policies that bind the workload. */
export const bindingPolicies = <P extends Policy>(
  policies: readonly P[],
  workload: Pick<Workload, 'kind' | 'name' | 'labels' | 'uses'>,
): readonly P[] => policies.filter((policy) => binds(policy, workload));

/** Whether a policy names a source, by name or by its labels. */
export const namesSource = ({ sources }: Pick<Policy, 'sources'>, id: SourceId): boolean =>
  sources.some((source) => sourceId(source) === id);

/**
 * Every key that counts for the workload, by source and key in order.
 * @param wanted only this key, as `config.yaml` or `ConfigMap/app:config.yaml`
 */
export const explain = (explained: Explained, wanted?: string): readonly KeyExplanation[] => {
  const { workload } = explained;
  const binding = bindingPolicies(explained.policies, workload);
  const ids = new Set([...chosenSources(workload.uses), ...binding.flatMap((policy) => policy.sources.map(sourceId))]);
  return [...ids].sort().flatMap((id) => {
    const uses = workload.uses.filter((use) => sourceId(use.source) === id);
    const naming = decidingOf(binding.filter((policy) => namesSource(policy, id)));
    return keysOf(uses, explained.sources.get(id))
      .filter((key) => wanted === undefined || wanted === key || wanted === `${id}:${key}`)
      .map((key) => explainKey({ id, key, uses, naming, facts: explained.sources.get(id), workload }));
  });
};

/** In a pod as it is in the API stands, beside what somebody chose to read, the certificate that every pod is given. */
const GIVEN: SourceId = 'ConfigMap/kube-root-ca.crt';

/** What a workload reads because somebody wanted it to. */
export const chosenSources = (uses: readonly Use[]): readonly SourceId[] =>
  [...new Set(uses.map((use) => sourceId(use.source)))].filter((id) => id !== GIVEN).sort();

/** Of the policies that name a source: one that only observes decides nothing where another enforces. */
export const decidingOf = (naming: readonly Policy[]): readonly Policy[] => {
  const enforcing = naming.filter(({ observes }) => observes !== true);
  return enforcing.length === 0 ? naming : enforcing;
};

/** What the source holds, and what is asked of it by name. */
const keysOf = (uses: readonly Use[], facts: SourceFacts | undefined): readonly string[] =>
  [
    ...new Set([
      ...(facts?.keys ?? []),
      ...uses.flatMap((use) => (use.key === undefined || isGuess(use, uses) ? [] : [use.key])),
    ]),
  ].sort();

/** An argument's variable that may or may not come from one of the sources that are taken up whole. */
const isGuess = ({ way, key = '', at, container, optional }: Use, uses: readonly Use[]): boolean =>
  way === 'Args' &&
  optional &&
  uses.some((other) => other.way === 'EnvFrom' && other.container === container && `${other.at ?? ''}${key}` === at);

interface Subject {
  readonly id: SourceId;
  readonly key: string;
  /** Of the source. */
  readonly uses: readonly Use[];
  /** The policies that bind the workload and name the source. */
  readonly naming: readonly Policy[];
  readonly facts: SourceFacts | undefined;
  readonly workload: Explained['workload'];
}

const explainKey = (subject: Subject): KeyExplanation => {
  const { id, key, uses, naming, facts } = subject;
  const using = uses.filter((use) => usesKey(use, key));
  const policies = naming.map((policy) => declarationOf(policy, subject));
  const classified = classifiedOf(subject, policies);
  const proof = proofOf(subject, policies, classified, using);
  return {
    source: sourceOf(id),
    key,
    present: facts?.keys.includes(key) ?? false,
    policies,
    ...(classified !== undefined && { class: classified.class }),
    ...(classified?.impossible !== undefined && { impossible: classified.impossible }),
    consumption: using.map((use) => ({
      way: use.way,
      container: use.container,
      init: use.init,
      sidecar: use.sidecar === true,
      where: placeOf(use, key),
    })),
    ...(proof !== undefined && { proof }),
    why: [reasonOf(subject, policies, classified, using), ...circumstances(subject, policies, using)].join('; '),
  };
};

const proofOf = (
  { naming, workload }: Subject,
  declarations: readonly Declaration[],
  classified: Classified | undefined,
  using: readonly Use[],
): KeyProof | undefined => {
  const paths = declarations.flatMap((declaration) => declaration.paths);
  const hot = classified?.class === 'Hot' || (using.length > 0 && paths.some(({ effective }) => effective === 'Hot'));
  return hot ? keyProof(naming, using, workload.ports) : undefined;
};

const classifiedOf = (
  { id, key, uses, naming, facts }: Subject,
  declarations: readonly Declaration[],
): Classified | undefined => {
  if (naming.length === 0) return undefined;
  if (facts?.state === 'Ignored') return { class: 'Ignore' };
  return classify(naming, uses, sourceOf(id), key, strictest(declarations.map((each) => each.class)));
};

const declarationOf = (policy: Policy, { id, key, uses, naming }: Subject): Declaration => {
  const source = sourceOf(id);
  const others = naming.filter((other) => other !== policy).map((other) => restOf(other, source, key).class);
  const effective = (declared: Class): EffectiveClass =>
    classify(naming, uses, source, key, strictest([declared, ...others])).class;
  return {
    policy: policy.name,
    ...restOf(policy, source, key),
    paths: rulesFor(policy, source, key).flatMap((rule) =>
      (rule.paths ?? []).map((pattern) => ({
        pattern,
        class: rule.class,
        rule: policy.rules.indexOf(rule) + 1,
        effective: effective(rule.class),
      })),
    ),
  };
};

/** What a policy declares for all that no path takes. */
const restOf = (policy: Policy, source: KeyExplanation['source'], key: string): Pick<Declaration, 'class' | 'rule'> => {
  const last = rulesFor(policy, source, key).at(-1);
  return last === undefined || last.paths !== undefined
    ? { class: policy.defaultClass, rule: 'default' }
    : { class: last.class, rule: policy.rules.indexOf(last) + 1 };
};

const reasonOf = (
  { id, workload, facts, naming }: Subject,
  declarations: readonly Declaration[],
  classified: Classified | undefined,
  using: readonly Use[],
): string => {
  if (classified === undefined) return `no policy that binds ${workload.kind} ${workload.name} names ${id}`;
  if (facts?.state === 'Ignored') return `${id} is opted out by annotation`;
  if (classified.class === 'Unused') return 'no container reads it';
  const said = declared(declarations);
  if (classified.impossible !== undefined) {
    const outcome = naming.some(({ onImpossible }) => onImpossible === 'Restart')
      ? ''
      : ` (onImpossible is Report: ${classified.class === 'Hot' ? 'only files are refreshed' : 'nothing is done'})`;
    return `${said}, but it can't be hot: ${classified.impossible}${outcome}`;
  }
  if (classified.class !== 'Hot') return said;
  const readers = new Set(using.flatMap((use) => (use.init ? [] : [readerOf(use)])));
  return `${said}, and ${[...readers].join(', ')} ${readers.size === 1 ? 'reads' : 'read'} it from files`;
};

/** `policy a declares Hot by rule 1, policy b Restart by default: the stricter counts` */
const declared = (declarations: readonly Declaration[]): string => {
  const each = declarations.map(
    (declaration, index) =>
      `policy ${declaration.policy} ${index === 0 ? 'declares ' : ''}${declaration.class} by ${ruleName(declaration.rule)}`,
  );
  const agree = new Set(declarations.map((declaration) => declaration.class)).size === 1;
  return `${each.join(', ')}${agree ? '' : ': the stricter counts'}`;
};

const ruleName = (rule: RuleNumber): string => (rule === 'default' ? 'default' : `rule ${rule}`);

const circumstances = (
  { id, key, facts }: Subject,
  declarations: readonly Declaration[],
  using: readonly Use[],
): readonly string[] => {
  const paths = declarations.flatMap((declaration) =>
    declaration.paths.map(
      ({ pattern, class: as, rule, effective }) =>
        `${pattern} ${as}${effective === as ? '' : `, here ${effective}`} (policy ${declaration.policy}, rule ${rule})`,
    ),
  );
  const absent = facts !== undefined && !facts.keys.includes(key);
  const needed = using.some((use) => neededKeys(use).includes(key));
  return [
    ...(paths.length > 0 && using.length > 0 ? [`in the document: ${paths.join(', ')}`] : []),
    ...(absent ? [`${id} has no such key now${needed ? ", and pods can't start without it" : ''}`] : []),
    ...(facts?.immutable === true ? [`${id} is immutable: give new content a new name`] : []),
  ];
};
