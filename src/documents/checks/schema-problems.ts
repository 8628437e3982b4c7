/** What the validator found, as problems. Its own texts carry values, and are not used. */

import type { OutputUnit, Schema } from '@cfworker/json-schema';
import type { CompiledSchema } from './schema-compile.ts';
import { SCHEMA_KEYWORDS } from './schema-keywords.ts';
import { demand, withKeyword } from './schema-words.ts';
import { listed } from './words.ts';

/** Of longer ones, the beginning is told. */
const LONGEST_PATH = 256;

export interface Finding {
  /** A JSON Pointer; absent: the whole document. */
  readonly path?: string;
  readonly message: string;
}

/** They only say that something below is wrong, which is said itself. */
const PARENTS: ReadonlySet<string> = new Set([
  '$ref',
  'properties',
  'patternProperties',
  'additionalProperties',
  'unevaluatedProperties',
  'items',
  'prefixItems',
  'additionalItems',
  'unevaluatedItems',
  'allOf',
  'if',
  'dependentSchemas',
]);

/** What is wrong below them is wrong in one of several ways, none of which need be meant. */
const ALTERNATIVES: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'contains', 'not', 'propertyNames']);

/** @param value what was validated @param most of how many to tell */
export const findingsOf = (
  errors: readonly OutputUnit[],
  compiled: CompiledSchema,
  value: unknown,
  most: number,
): readonly Finding[] => {
  const found = new Map<string, Finding>();
  for (const [index, error] of errors.entries()) {
    for (const finding of findings(error, errors[index + 1], compiled, value)) {
      found.set(`${finding.path ?? ''} ${finding.message}`, finding);
      if (found.size >= most) return [...found.values()];
    }
  }
  return found.size > 0 ? [...found.values()] : [{ message: 'does not match the schema' }];
};

const findings = (
  error: OutputUnit,
  next: OutputUnit | undefined,
  compiled: CompiledSchema,
  value: unknown,
): readonly Finding[] => {
  const place = locate(compiled, tokensOf(error.keywordLocation));
  if (place === undefined || place.through.some((keyword) => ALTERNATIVES.has(keyword))) return [];
  const { keyword, part } = place;
  const at = pathOf(error.instanceLocation);
  const held: unknown = part[keyword];
  if (keyword === 'not' && compiled.refusing.has(part)) {
    return [{ ...at, message: withKeyword('is not allowed', place.through.at(-1) ?? 'false') }];
  }
  if (LACKS[keyword] !== undefined) {
    const lacking = LACKS[keyword](held, valueAt(value, tokensOf(error.instanceLocation)));
    return lacking.map((words) => ({ ...at, message: withKeyword(words, keyword) }));
  }
  if (PARENTS.has(keyword)) return [];
  // What follows tells which name.
  if (keyword === 'propertyNames' && next !== undefined) {
    return [{ ...pathOf(next.instanceLocation), message: demand(keyword, held) }];
  }
  return [{ ...at, message: demand(keyword, held) }];
};

/** Of keywords whose errors name what is missing only in their text: worked out again. */
const LACKS: Readonly<Record<string, (held: unknown, value: unknown) => readonly string[]>> = {
  required: (held, value) => missing(held, value).map((name) => `lacks ${listed([name])}`),
  dependentRequired: (held, value) => missingBeside(held, value),
  // Those that hold schemas have something below that is wrong.
  dependencies: (held, value) => missingBeside(held, value),
};

const missingBeside = (held: unknown, value: unknown): readonly string[] =>
  Object.entries(held as Record<string, unknown>).flatMap(([name, needed]) =>
    Array.isArray(needed) && has(value, name)
      ? missing(needed, value).map((each) => `lacks ${listed([each])}, which goes with ${listed([name])}`)
      : [],
  );

const missing = (names: unknown, value: unknown): readonly string[] =>
  (names as readonly string[]).filter((name) => !has(value, name));

const has = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name);

interface Place {
  readonly part: Schema;
  readonly keyword: string;
  /** The keywords on the way, references aside. */
  readonly through: readonly string[];
}

/** The part of the schema that holds a keyword, along the way that the validator went. */
const locate = ({ root, lookup }: CompiledSchema, tokens: readonly string[]): Place | undefined => {
  const through: string[] = [];
  let part: unknown = root;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] ?? '';
    if (typeof part !== 'object' || part === null) return undefined;
    const here = part as Schema;
    if (index === tokens.length - 1) return { part: here, keyword: SPELT[token] ?? token, through };
    if (token === '$ref') {
      part = lookup[here.__absolute_ref__ ?? ''];
      continue;
    }
    through.push(token);
    const held: unknown = here[token];
    const several = Array.isArray(held) || SCHEMA_KEYWORDS[token]?.startsWith('map') === true;
    if (several) index++;
    part = several ? (held as Record<string, unknown>)[tokens[index] ?? ''] : held;
  }
  return undefined;
};

/** The validator's own spelling. */
const SPELT: Readonly<Record<string, string>> = { dependantRequired: 'dependentRequired' };

/** Of a location as the validator writes it: a pointer whose tokens are escaped, and then percent-encoded. */
const tokensOf = (location: string): readonly string[] =>
  location
    .split('/')
    .slice(1)
    .map((token) => decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~'));

const pathOf = (location: string): { readonly path?: string } => {
  const path = decodeURIComponent(location.slice(1));
  if (path === '') return {};
  return { path: path.length <= LONGEST_PATH ? path : `${path.slice(0, path.lastIndexOf('/', LONGEST_PATH))}/…` };
};

const valueAt = (value: unknown, tokens: readonly string[]): unknown =>
  tokens.reduce<unknown>((at, token) => (has(at, token) ? (at as Record<string, unknown>)[token] : undefined), value);
