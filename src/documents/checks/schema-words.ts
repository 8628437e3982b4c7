/** What each keyword demands, in words: of the schema alone, never of the content. */

import { asWritten, listed } from './words.ts';

const TYPES: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  number: 'a number',
  integer: 'an integer',
  string: 'a string',
};

type Words = (value: unknown) => string;

const json = (value: unknown): string => asWritten(JSON.stringify(value));
const plural = (value: unknown, one: string, many: string): string => `${String(value)} ${value === 1 ? one : many}`;
const all = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

const WORDS: Readonly<Record<string, Words>> = {
  type: (value) =>
    `must be ${all(value)
      .map((each) => TYPES[String(each)] ?? String(each))
      .join(' or ')}`,
  enum: (value) => `must be one of ${listed(all(value).map(json))}`,
  minimum: (value) => `must be at least ${String(value)}`,
  maximum: (value) => `must be at most ${String(value)}`,
  exclusiveMinimum: (value) => `must be more than ${String(value)}`,
  exclusiveMaximum: (value) => `must be less than ${String(value)}`,
  multipleOf: (value) => `must be a multiple of ${String(value)}`,
  minLength: (value) => `must be at least ${plural(value, 'character', 'characters')} long`,
  maxLength: (value) => `must be at most ${plural(value, 'character', 'characters')} long`,
  pattern: (value) => `must match ${asWritten(String(value))}`,
  format: (value) => `must be written as a ${String(value)}`,
  minItems: (value) => `must have at least ${plural(value, 'item', 'items')}`,
  maxItems: (value) => `must have at most ${plural(value, 'item', 'items')}`,
  uniqueItems: () => 'must not have two equal items',
  contains: () => 'must have an item of the kind that the schema asks for',
  minContains: (value) => `must have at least ${plural(value, 'item', 'items')} of the kind that the schema asks for`,
  maxContains: (value) => `must have at most ${plural(value, 'item', 'items')} of the kind that the schema asks for`,
  minProperties: (value) => `must have at least ${plural(value, 'entry', 'entries')}`,
  maxProperties: (value) => `must have at most ${plural(value, 'entry', 'entries')}`,
  propertyNames: () => 'has a name that is not allowed',
  not: () => 'is what the schema rules out',
  anyOf: (value) => `fits none of the ${all(value).length} alternatives`,
  oneOf: (value) => `must fit exactly one of the ${all(value).length} alternatives`,
};

/** Completes "app.yaml at /port ...". A `const` has become an `enum` of one. */
export const demand = (keyword: string, value: unknown): string =>
  keyword === 'enum' && all(value).length === 1
    ? withKeyword(`must be ${json(all(value)[0])}`, 'const')
    : withKeyword(WORDS[keyword]?.(value) ?? 'is not what the schema asks for', keyword);

export const withKeyword = (words: string, keyword: string): string => `${words} (schema: ${keyword})`;
