/** What policies' rules make of a document: a digest of each part of it that is declared alike. */

import type { DocumentFormatName } from '../api/v1alpha1/documents.ts';
import { looksInto, rulesFor, type Class, type Rule } from '../domain/rules.ts';
import { digestParts, hashLeaf, PLAIN, type Digest } from '../domain/digest.ts';
import type { DocumentParts } from '../domain/documents.ts';
import type { InspectingPolicy, KeyRequest } from '../domain/inspection.ts';
import { encodeLeaves, type HashedLeaf } from '../domain/leaf-table.ts';
import { createLeafSum } from './leaf-sum.ts';
import { DocumentError, formatOf, parseDocument, type Leaf, type ParsedDocument } from './parse.ts';
import { compilePaths } from '../domain/paths.ts';

/** Moves with whatever makes other leaves of the same text: parts of different versions are not compared. */
const CANONICAL_FORM = 'leaves-1';
/** Of larger documents the places that change are not named. */
const MOST_NAMED = 20_000;

/** The content as text. @throws DocumentError where it is none */
export const textOf = (content: string | Uint8Array): string => {
  if (typeof content === 'string') return content;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new DocumentError('is not UTF-8 text');
  }
};

/** How the document is read: the first format that a rule about the key names, of all policies, else by the key's ending. */
export const formatFor = ({ policies, source, key }: KeyRequest): DocumentFormatName | undefined =>
  policies
    .filter((policy) => looksInto(policy, source, key))
    .flatMap((policy) => rulesFor(policy, source, key))
    .find(({ format }) => format !== undefined)?.format ?? formatOf(key);

/**
 * @param parsed what came of reading it in the format that formatFor says, where somebody has done so already
 */
export const splitDocument = (request: KeyRequest, parsed?: ParsedDocument | DocumentError): DocumentParts => {
  const { key, scheme, source } = request;
  const format = formatFor(request);
  const views = request.policies
    .filter((policy) => looksInto(policy, source, key))
    .map((policy) => viewOf(policy, source, key));
  const known = {
    policies: views.map(({ name }) => name),
    fingerprints: views.map(({ rules }) =>
      digestParts(PLAIN, CANONICAL_FORM, scheme.format, format ?? '', JSON.stringify(rules.map(significant))),
    ),
  };
  const failed = (error: string): DocumentParts => ({ ...known, parts: new Map(), residues: new Map(), error });
  if (views.length === 0) return { ...known, parts: new Map(), residues: new Map() };
  if (format === undefined) return failed('its format is not known by the ending of its name: set format in the rule');
  if (parsed instanceof DocumentError) return failed(parsed.message);
  try {
    const text = textOf(request.content);
    return { ...known, ...partsOf(request, views, parsed ?? parseDocument(text, format), text) };
  } catch (thrown) {
    if (thrown instanceof DocumentError) return failed(thrown.message);
    throw thrown;
  }
};

/** What one policy declares: its rules that count, the last of which takes all the rest. */
interface View {
  readonly name: string;
  readonly rules: readonly DocumentRule[];
  /** The number of the rule that a place belongs to. */
  readonly ruleAt: (pointer: string) => number;
}

interface DocumentRule {
  readonly class: Class;
  /** Absent: all that the rules before it leave. */
  readonly paths?: readonly string[];
  readonly bytes: boolean;
}

const viewOf = (policy: InspectingPolicy, source: KeyRequest['source'], key: string): View => {
  const own = rulesFor(policy, source, key).map(documentRule);
  const rules: readonly DocumentRule[] =
    own.at(-1)?.paths === undefined && own.length > 0 ? own : [...own, { class: policy.defaultClass, bytes: false }];
  const find = compilePaths(rules.map(({ paths = [] }) => paths));
  return {
    name: policy.name,
    rules,
    ruleAt: (pointer) => {
      const found = find(pointer);
      return found < 0 ? rules.length - 1 : found;
    },
  };
};

/** In a document that is looked into, bytes count only for rules that say so. */
const documentRule = ({ class: declared, paths, comparison }: Rule): DocumentRule => ({
  class: declared,
  bytes: comparison === 'Bytes',
  ...(paths && { paths }),
});

/** Neither the order of the fields nor which of them are left out makes a difference. */
const significant = ({ class: declared, paths, bytes }: DocumentRule): readonly unknown[] => [
  declared,
  bytes,
  paths ?? null,
];

const partsOf = (
  { key, scheme, source }: KeyRequest,
  views: readonly View[],
  { leaves }: ParsedDocument,
  text: string,
): Pick<DocumentParts, 'parts' | 'residues' | 'leaves'> => {
  const sums = new Map<string, ReturnType<typeof createLeafSum>>();
  const named: HashedLeaf[] | undefined = source.kind === 'ConfigMap' && leaves.length <= MOST_NAMED ? [] : undefined;
  for (const { pointer, tag, text: value } of leaves) {
    const hash = hashLeaf(scheme, key, pointer, tag, value);
    let letters = '';
    for (const { rules, ruleAt } of views) letters += rules[ruleAt(pointer)]?.class[0] ?? '';
    const sum = sums.get(letters) ?? createLeafSum();
    sums.set(letters, sum);
    sum.add(hash);
    named?.push({ pointer, hash });
  }
  return {
    parts: new Map([...sums].map(([letters, sum]) => [letters, sum.hex()])),
    residues: new Map(
      views.flatMap((view) => {
        const residues = residuesOf(view, leaves, text, (of, rest) => digestParts(scheme, key, 'residue', of, rest));
        return residues.size > 0 ? [[view.name, residues] as const] : [];
      }),
    ),
    ...(named && { leaves: encodeLeaves(named) }),
  };
};

/** For each class that has rules of comparison Bytes, the text without the values that belong to other rules. */
const residuesOf = (
  { rules, ruleAt }: View,
  leaves: readonly Leaf[],
  text: string,
  digest: (of: Class, rest: string) => Digest,
): ReadonlyMap<Class, Digest> => {
  const classes = [...new Set(rules.filter(({ bytes }) => bytes).map((rule) => rule.class))];
  if (classes.length === 0) return new Map();
  const byRule = leaves.map((leaf) => ({ range: leaf.range, rule: rules[ruleAt(leaf.pointer)] }));
  return new Map(
    classes.map((of) => {
      const others = byRule.flatMap(({ range, rule }) =>
        range === undefined || (rule?.bytes === true && rule.class === of) ? [] : [range],
      );
      return [of, digest(of, without(text, others))];
    }),
  );
};

/** Stands for a value. */
const PLACEHOLDER = '\0';

const without = (text: string, ranges: readonly (readonly [start: number, end: number])[]): string => {
  let rest = '';
  let at = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (start < at) continue;
    rest += text.slice(at, start) + PLACEHOLDER;
    at = end;
  }
  return rest + text.slice(at);
};
