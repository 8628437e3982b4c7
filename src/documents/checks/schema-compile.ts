/**
 * Users' schemas, made fit to be applied: copied, so that only known keywords of the right shape are left, and refused
 * with a sentence where they can't be taken at their word.
 */

import { deepCompareStrict, dereference, ignoredKeyword, type Schema } from '@cfworker/json-schema';
import { parseDocument } from '../parse.ts';
import { compileScriptExpression, type Expression } from './expressions.ts';
import { FORMATS, isMap, PLAIN_KEYWORDS, REFUSED_KEYWORDS, SCHEMA_KEYWORDS } from './schema-keywords.ts';
import { asWritten } from './words.ts';

const MOST_CHARACTERS = 65_536;
const DEEPEST = 64;
/** The validator goes through what is below one twice. */
const MOST_NESTED_IDS = 4;

export interface CompiledSchema {
  readonly root: Schema;
  /** By absolute URI: what references lead to. */
  readonly lookup: Readonly<Record<string, Schema | boolean>>;
  readonly expressions: ReadonlyMap<string, Expression>;
  /** Those that stand for `false`: they let nothing pass. */
  readonly refusing: ReadonlySet<Schema>;
  /** Whether lists are searched for equal items, which takes quadratic time. */
  readonly comparesItems: boolean;
  /** Lets the schema be applied, all its parts together, so many times more. Then it throws Exhausted. */
  allow(applications: number): void;
}

/** A schema was applied more often than allowed. */
export class Exhausted extends Error {
  override readonly name = 'Exhausted';
}

/** @returns a sentence without a subject where the schema can't be used: `is neither JSON nor YAML`. */
export const compileSchema = (text: string): CompiledSchema | string => {
  if (text.length > MOST_CHARACTERS) return `is longer than ${MOST_CHARACTERS} characters`;
  const parsed = parseSchema(text);
  if (parsed === undefined) return 'is neither JSON nor YAML';
  try {
    return compile(parsed.value);
  } catch (error) {
    if (error instanceof Unusable) return error.message;
    // What the validator finds while it collects identifiers: a URI that is none, or the same one twice.
    return 'has a $id, $anchor or $ref that is no URI, or is there twice';
  }
};

class Unusable extends Error {}

const parseSchema = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    try {
      return { value: parseDocument(text, 'YAML').toValue() };
    } catch {
      return undefined;
    }
  }
};

interface Work {
  readonly state: { left: number; comparesItems: boolean };
  readonly base: object;
  /** The parts whose references must lead somewhere. */
  readonly parts: { readonly part: Schema; readonly at: string }[];
  readonly expressions: Map<string, Expression>;
  readonly refusing: Set<Schema>;
}

const compile = (value: unknown): CompiledSchema => {
  const state = { left: 0, comparesItems: false };
  const work: Work = { state, base: counting(state), parts: [], expressions: new Map(), refusing: new Set() };
  const root = schema(work, value, '', 0, 0);
  const lookup = dereference(root);
  for (const { part, at } of work.parts) {
    const target = part.__absolute_ref__;
    if (part.$ref !== undefined && (target === undefined || lookup[target] === undefined)) {
      throw new Unusable(
        `refers to ${asWritten(part.$ref)} at ${at || '/'}, which is not in it: references lead only inside of the schema`,
      );
    }
  }
  return {
    root,
    lookup,
    expressions: work.expressions,
    refusing: work.refusing,
    comparesItems: state.comparesItems,
    allow: (applications) => {
      state.left = applications;
    },
  };
};

/**
 * What all parts of a schema inherit: the validator reads this keyword of an earlier draft, which has no meaning here,
 * once for each time that it applies a part to something, so that its work can be counted.
 */
const counting = (state: { left: number }): object =>
  Object.create(null, {
    $recursiveAnchor: {
      get: () => {
        state.left--;
        if (state.left < 0) throw new Exhausted();
        return undefined;
      },
    },
  }) as object;

const schema = (work: Work, value: unknown, at: string, depth: number, ids: number): Schema => {
  if (depth > DEEPEST) throw new Unusable(`nests deeper than ${DEEPEST} levels`);
  const part = Object.create(work.base) as Schema;
  if (value === true) return part;
  if (value === false) {
    // Refusals so have a place in the schema, as all others have.
    part.not = true as unknown as Schema;
    work.refusing.add(part);
    return part;
  }
  if (!isMap(value)) throw new Unusable(`has at ${at || '/'} what is no schema: it must be an object, true or false`);
  work.parts.push({ part, at });
  const within = ids + (value.$id === undefined ? 0 : 1);
  if (within > MOST_NESTED_IDS) throw new Unusable(`nests more than ${MOST_NESTED_IDS} parts with an $id`);
  for (const [keyword, held] of Object.entries(value)) {
    const kept = keep(work, keyword, held, `${at}/${escaped(keyword)}`, depth, within);
    if (kept !== undefined) part[keyword] = kept;
  }
  if (Object.hasOwn(value, 'const')) {
    part.enum = (part.enum ?? [value.const]).filter((each: unknown) => deepCompareStrict(each, value.const));
  }
  if (part.enum !== undefined) part.enum = unwritten(part.enum);
  return part;
};

/** The validator writes it into an error for each content that is none of it: nobody reads that. */
const unwritten = (values: readonly unknown[]): unknown[] =>
  Object.defineProperty([...values], 'toJSON', { value: () => null });

/** @returns undefined for what has no effect. */
const keep = (work: Work, keyword: string, held: unknown, at: string, depth: number, ids: number): unknown => {
  if (REFUSED_KEYWORDS.includes(keyword)) throw new Unusable(`uses ${keyword}, which is not supported: use $ref`);
  const below = (value: unknown, name: string | number): Schema =>
    schema(work, value, `${at}/${escaped(String(name))}`, depth + 1, ids);
  if (Object.hasOwn(PLAIN_KEYWORDS, keyword)) {
    const wrong = PLAIN_KEYWORDS[keyword]?.(held);
    if (wrong !== undefined) throw new Unusable(`is wrong at ${at}: it must be ${wrong}`);
    return plain(work, keyword, held, at);
  }
  const holding = Object.hasOwn(SCHEMA_KEYWORDS, keyword) ? SCHEMA_KEYWORDS[keyword] : undefined;
  if (holding === undefined) {
    const passedOver = !isMap(held) || keyword.startsWith('__') || ignoredKeyword[keyword] === true;
    return passedOver ? undefined : unknown(work, held, at, depth, ids);
  }
  if (holding.startsWith('map')) {
    if (!isMap(held)) throw new Unusable(`is wrong at ${at}: it must be an object of schemas`);
    if (keyword === 'patternProperties') for (const source of Object.keys(held)) expression(work, source, at);
    return byName(
      Object.entries(held).map(([name, each]) => [
        name,
        holding === 'map of schemas or names' && Array.isArray(each) ? namesOf(each, at) : below(each, name),
      ]),
    );
  }
  if (Array.isArray(held) && holding !== 'schema') return held.map(below);
  if (holding === 'schemas') throw new Unusable(`is wrong at ${at}: it must be a list of schemas`);
  return schema(work, held, at, depth + 1, ids);
};

const plain = (work: Work, keyword: string, held: unknown, at: string): unknown => {
  if (keyword === 'pattern') expression(work, held as string, at);
  if (keyword === 'uniqueItems') work.state.comparesItems ||= held === true;
  if (keyword === '$ref' && held === '') return '#';
  if (keyword === 'const') return undefined;
  if (keyword === 'format') return Object.hasOwn(FORMATS, held as string) ? FORMATS[held as string] : undefined;
  return held;
};

const expression = (work: Work, source: string, at: string): void => {
  const compiled = compileScriptExpression(source);
  if (compiled instanceof Error) {
    throw new Unusable(
      `has at ${at} the pattern ${asWritten(source)}, which RE2 can't express (${asWritten(compiled.message)})`,
    );
  }
  work.expressions.set(source, compiled);
};

/** A part under a name without meaning: references may lead there, but it may as well be no schema at all. */
const unknown = (
  work: Work,
  held: Readonly<Record<string, unknown>>,
  at: string,
  depth: number,
  ids: number,
): Schema | undefined => {
  try {
    return schema({ ...work, parts: [] }, held, at, depth + 1, ids);
  } catch (error) {
    if (error instanceof Unusable) return undefined;
    throw error;
  }
};

const namesOf = (value: readonly unknown[], at: string): readonly unknown[] => {
  const wrong = PLAIN_KEYWORDS.required?.(value);
  if (wrong !== undefined) throw new Unusable(`is wrong at ${at}: it must hold schemas or lists of names`);
  return value;
};

/** Without a prototype, so that `__proto__` is a name like any other. */
const byName = (entries: readonly (readonly [string, unknown])[]): Readonly<Record<string, unknown>> => {
  const map = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of entries) map[name] = value;
  return map;
};

const escaped = (token: string): string => token.replaceAll('~', '~0').replaceAll('/', '~1');
