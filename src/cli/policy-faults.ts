/**
 * What the API server would refuse in a policy's spec, found without one: types and patterns by the schema itself,
 * unknown fields, and the CEL rules that stand in the schema, each in JavaScript. And what the operator would refuse:
 * windows that can't be decided by.
 */

import * as z from 'zod';
import { parseDuration } from '../api/v1alpha1/duration.ts';
import { groupOf, isWorkloadKind } from '../api/v1alpha1/kinds.ts';
import { reloadPolicySpecSchema } from '../api/v1alpha1/schema.ts';
import { GROUP_FITS_KIND } from '../api/v1alpha1/schema/fields.ts';
import { windowFaults } from '../domain/windows.ts';
import { faults, pathOf } from './paths.ts';
import { RESTART_AND_DELIVERY_PREDICATES } from './policy-rules.ts';

/** Sentences that begin with the place, the first few; none: the policy is one. */
export const policyFaults = (spec: unknown): readonly string[] => {
  const parsed = reloadPolicySpecSchema.safeParse(spec);
  const found = [...walk(spec, schema(), ['spec'])];
  if (parsed.success)
    return [
      ...found,
      ...windowFaults(parsed.data.restart?.windows ?? []).map((fault) => `spec.restart.windows: ${fault}`),
    ];
  // A name that is written wrong is both unknown and missing: the first says what to do.
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['spec', ...issue.path] }));
  return [...found.filter((sentence) => sentence.startsWith('unknown field')), faults(issues)];
};

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

let known: JsonSchema | undefined;
const schema = (): JsonSchema => (known ??= z.toJSONSchema(reloadPolicySpecSchema, { io: 'input' }) as JsonSchema);

type Loose = Readonly<Record<string, unknown>>;

function* walk(value: unknown, at: JsonSchema, path: readonly PropertyKey[]): Generator<string> {
  if (Array.isArray(value) && at.items !== undefined) {
    for (const [index, item] of value.entries()) yield* walk(item, at.items, [...path, index]);
    yield* duplicates(value, at['x-kubernetes-list-map-keys'] ?? [], path);
  } else if (isLoose(value) && at.properties !== undefined) {
    for (const [key, of] of Object.entries(value)) {
      const property = Object.hasOwn(at.properties, key) ? at.properties[key] : undefined;
      if (property === undefined) yield `unknown field ${pathOf([...path, key])}: check its spelling`;
      else yield* walk(of, property, [...path, key]);
    }
  }
  for (const { rule, message } of at['x-kubernetes-validations'] ?? []) {
    if (!holds(rule, value)) yield `${pathOf(path)}: ${message}`;
  }
}

/** Items of a map that go by the same keys. */
function* duplicates(
  list: readonly unknown[],
  keys: readonly string[],
  path: readonly PropertyKey[],
): Generator<string> {
  if (keys.length === 0) return;
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const name = keys.map((key) => (isLoose(item) ? String(item[key]) : '')).join(', ');
    if (seen.has(name))
      yield `${pathOf([...path, index])}: there is another ${name}: each needs a ${keys.join(' and ')} of its own`;
    seen.add(name);
  }
}

const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value of another shape than its rule is about is the schema's concern. */
const holds = (rule: string, value: unknown): boolean => {
  const predicate = predicateFor(rule);
  try {
    return predicate === undefined || predicate(value as never);
  } catch (error) {
    // A duration that is more than can be counted is longer than any may be.
    return !(error instanceof RangeError);
  }
};

/** Undefined: a rule that is not known here is left to the API server. */
export const predicateFor = (rule: string): ((self: never) => boolean) | undefined => {
  const [, min, max] = DURATION_RULE.exec(rule) ?? [];
  if (min === undefined || max === undefined) return PREDICATES.get(rule);
  return (self: string) => parseDuration(self) >= parseDuration(min) && parseDuration(self) <= parseDuration(max);
};

const DURATION_RULE = /^duration\(self\) >= duration\('(\w+)'\) && duration\(self\) <= duration\('(\w+)'\)$/;

interface Named {
  readonly kind?: string;
  readonly name?: string;
  readonly selector?: unknown;
}
interface Requirement {
  readonly operator: string;
  readonly values?: unknown;
}
interface Check {
  readonly required?: unknown;
  readonly format?: string;
  readonly pattern?: unknown;
  readonly values?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly schema?: unknown;
  readonly maxBytes?: unknown;
}
interface Rule {
  readonly keys: readonly string[];
  readonly paths?: readonly string[];
  readonly from?: readonly Named[];
}

const oneOf = ({ name, selector }: Named): boolean => (name !== undefined) !== (selector !== undefined);
const allDifferent = (list: readonly Named[]): boolean => {
  const named = list.flatMap(({ kind = '', name }) => (name === undefined ? [] : [`${kind}/${name}`]));
  return new Set(named).size === named.length;
};
const takesValues = (operator: string): boolean => operator === 'In' || operator === 'NotIn';
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

const QUALIFIED_NAME =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

const PREDICATES: ReadonlyMap<string, (self: never) => boolean> = new Map<string, (self: never) => boolean>([
  ...RESTART_AND_DELIVERY_PREDICATES,
  ['has(self.name) != has(self.selector)', oneOf],
  [
    GROUP_FITS_KIND.rule,
    ({ group, kind = '' }: { readonly group?: string; readonly kind?: string }) =>
      group === undefined || !isWorkloadKind(kind) || group === groupOf(kind),
  ],
  [
    'self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.kind == b.kind && a.name == b.name))',
    allDifferent,
  ],
  ['self.size() > 0', (self: readonly unknown[]) => self.length > 0],
  [
    "!(self.operator in ['In', 'NotIn']) || has(self.values)",
    ({ operator, values }: Requirement) => !takesValues(operator) || values !== undefined,
  ],
  [
    "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values)",
    ({ operator, values }: Requirement) => takesValues(operator) || values === undefined,
  ],
  [
    'self.all(key, !format.qualifiedName().validate(key).hasValue())',
    (self: object) => Object.keys(self).every((key) => QUALIFIED_NAME.test(key)),
  ],
  [
    '(has(self.matchLabels) && self.matchLabels.size() > 0) || has(self.matchExpressions)',
    ({ matchLabels, matchExpressions }: { readonly matchLabels?: object; readonly matchExpressions?: unknown }) =>
      Object.keys(matchLabels ?? {}).length > 0 || matchExpressions !== undefined,
  ],
  [
    "has(self.pattern) == (has(self.format) && self.format == 'Pattern')",
    ({ pattern, format }: Check) => (pattern !== undefined) === (format === 'Pattern'),
  ],
  [
    "has(self.values) == (has(self.format) && self.format == 'Enum')",
    ({ values, format }: Check) => (values !== undefined) === (format === 'Enum'),
  ],
  [
    "!(has(self.minimum) || has(self.maximum)) || (has(self.format) && self.format == 'Number')",
    ({ minimum, maximum, format }: Check) => (minimum ?? maximum) === undefined || format === 'Number',
  ],
  [
    '!(has(self.minimum) && has(self.maximum)) || self.minimum <= self.maximum',
    ({ minimum = -Infinity, maximum = Infinity }: Check) => minimum <= maximum,
  ],
  [
    'has(self.required) || has(self.format) || has(self.schema) || has(self.maxBytes)',
    ({ required, format, schema: document, maxBytes }: Check) =>
      [required, format, document, maxBytes].some((each) => each !== undefined),
  ],
  [
    "!has(self.proof) || self.proof != 'Loaded' || has(self.notify)",
    ({ proof, notify }: { readonly proof?: string; readonly notify?: unknown }) =>
      proof !== 'Loaded' || notify !== undefined,
  ],
  [
    'self.map(r, r.keys.size()).sum() <= 256',
    (self: readonly Rule[]) => sum(self.map(({ keys }) => keys.length)) <= 256,
  ],
  [
    'self.map(r, has(r.paths) ? r.paths.size() : 0).sum() <= 256',
    (self: readonly Rule[]) => sum(self.map(({ paths = [] }) => paths.length)) <= 256,
  ],
  [
    '!has(self.rules) || self.sources.exists(s, has(s.selector)) || self.rules.all(r, !has(r.from) || r.from.all(f, dyn(f) in dyn(self.sources)))',
    ({ rules = [], sources }: { readonly rules?: readonly Rule[]; readonly sources: readonly Named[] }) =>
      sources.some(({ selector }) => selector !== undefined) ||
      rules.every(({ from = [] }) =>
        from.every((each) => sources.some(({ kind, name }) => kind === each.kind && name === each.name)),
      ),
  ],
]);
