/** Values made from a schema: one with every field filled, any at random, and one spoilt at each place. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StructuralSchema } from '../../../src/codegen/crd.ts';

const PATTERN_SAMPLES: readonly string[] = ['web', 'Ready', '500ms', '1m'];

const childrenOf = (schema: StructuralSchema): readonly (readonly [name: string, child: StructuralSchema])[] =>
  Object.entries(schema.properties ?? {});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value that fills every field there is; each list and map has one entry. */
export const fullest = (schema: StructuralSchema): unknown => {
  switch (schema.type) {
    case 'object':
      return schema.additionalProperties
        ? { 'a.key': fullest(schema.additionalProperties) }
        : Object.fromEntries(childrenOf(schema).map(([name, child]) => [name, fullest(child)]));
    case 'array':
      assert(schema.items);
      return [fullest(schema.items)];
    case 'integer':
      return (schema.minimum ?? 0) + 1;
    case 'boolean':
      return true;
    default:
      return sampleText(schema);
  }
};

const sampleText = ({ enum: values, format, pattern, maxLength }: StructuralSchema): string => {
  if (values !== undefined) return values.at(-1) ?? '';
  if (format === 'date-time') return '2026-01-02T03:04:05Z';
  if (pattern === undefined) return 'text'.slice(0, maxLength);
  const sample = PATTERN_SAMPLES.find((text) => new RegExp(pattern).test(text));
  assert(sample !== undefined, `no sample matches ${pattern}`);
  return sample;
};

/** Any value that the structural part of a schema lets pass; of its rules in CEL it knows nothing. */
export const anyOf = (schema: StructuralSchema): fc.Arbitrary<unknown> => {
  switch (schema.type) {
    case 'object': {
      if (schema.additionalProperties) {
        const key = fc.stringMatching(/^[-._a-zA-Z0-9]{1,30}$/).filter((name) => name !== '__proto__');
        return fc.dictionary(key, anyOf(schema.additionalProperties), { maxKeys: 4, noNullPrototype: true });
      }
      const fields = Object.fromEntries(childrenOf(schema).map(([name, child]) => [name, anyOf(child)]));
      return fc.record(fields, { requiredKeys: [...(schema.required ?? [])], noNullPrototype: true });
    }
    case 'array': {
      const { items, minItems = 0, maxItems = 3, 'x-kubernetes-list-map-keys': mapKeys } = schema;
      assert(items);
      const bounds = { minLength: minItems, maxLength: Math.min(maxItems, minItems + 3) };
      const identity = (item: unknown): string =>
        JSON.stringify(mapKeys?.map((key) => (isObject(item) ? item[key] : undefined)));
      return mapKeys ? fc.uniqueArray(anyOf(items), { ...bounds, selector: identity }) : fc.array(anyOf(items), bounds);
    }
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 0 });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    default:
      return anyText(schema);
  }
};

const anyText = ({
  enum: values,
  format,
  pattern,
  minLength = 0,
  maxLength = 100,
}: StructuralSchema): fc.Arbitrary<string> => {
  if (values !== undefined) return fc.constantFrom(...values);
  if (format === 'date-time') {
    const range = { min: new Date('1970-01-01T00:00:00Z'), max: new Date('2200-01-01T00:00:00Z'), noInvalidDate: true };
    return fc.date(range).map((date) => date.toISOString());
  }
  if (pattern === undefined) return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 40) });
  return fc.stringMatching(new RegExp(pattern)).filter((text) => text.length >= minLength && text.length <= maxLength);
};

export interface Spoilt {
  /** What was done, and where. */
  readonly name: string;
  /** The field that a refusal has to name, as the API server writes it. */
  readonly field: string;
  readonly value: unknown;
}

const OF_ANOTHER_TYPE: Readonly<Record<string, unknown>> = {
  object: 'text',
  array: { a: 'b' },
  string: 7,
  integer: 'text',
  number: 'text',
  boolean: 'true',
};

/** The values that break one limit of this very node each, by what they break. */
const spoil = (schema: StructuralSchema, value: unknown): (readonly [what: string, value: unknown])[] => {
  const { type, minimum, maximum, minLength, maxLength, minItems, maxItems, maxProperties } = schema;
  const one: unknown = Array.isArray(value) ? value[0] : undefined;
  const copies = (count: number): unknown[] => Array.from({ length: count }, () => one);
  return [
    ['of another type', OF_ANOTHER_TYPE[type]],
    ...(schema.enum ? ([['outside the enum', 'Nonsense']] as const) : []),
    ...(schema.pattern === undefined ? [] : ([['against the pattern', ' ']] as const)),
    ...(schema.format === 'date-time' ? ([['no time', 'yesterday']] as const) : []),
    ...(minLength === undefined ? [] : ([['too short', '']] as const)),
    ...(maxLength === undefined ? [] : ([['too long', 'a'.repeat(maxLength + 1)]] as const)),
    ...(minimum === undefined ? [] : ([['too small', minimum - 1]] as const)),
    ...(maximum === undefined ? [] : ([['too big', maximum + 1]] as const)),
    ...(type === 'integer' ? ([['no whole number', 1.5]] as const) : []),
    ...(minItems === undefined ? [] : ([['too few items', []]] as const)),
    ...(maxItems === undefined ? [] : ([['too many items', copies(maxItems + 1)]] as const)),
    ...(maxProperties === undefined
      ? []
      : ([
          ['too many entries', Object.fromEntries(copies(maxProperties + 1).map((_, index) => [`k${index}`, 'v']))],
        ] as const)),
  ];
};

/** For each limit at each place of a value: the value with only that limit broken. */
export const spoiltAtEachPlace = function* (
  schema: StructuralSchema,
  value: unknown,
  field: string,
): Generator<Spoilt> {
  for (const [what, spoilt] of spoil(schema, value)) yield { name: `${field} ${what}`, field, value: spoilt };
  if (Array.isArray(value) && schema.items) {
    const list: readonly unknown[] = value;
    for (const [index, item] of list.entries()) {
      for (const inner of spoiltAtEachPlace(schema.items, item, `${field}[${index}]`)) {
        yield { ...inner, value: list.with(index, inner.value) };
      }
    }
  }
  if (!isObject(value)) return;
  for (const [name, child] of childrenOf(schema)) {
    if (!(name in value)) continue;
    for (const inner of spoiltAtEachPlace(child, value[name], `${field}.${name}`)) {
      yield { ...inner, value: { ...value, [name]: inner.value } };
    }
    if (schema.required?.includes(name)) {
      const { [name]: _, ...rest } = value;
      yield { name: `${field}.${name} missing`, field: `${field}.${name}`, value: rest };
    }
  }
  if (schema.additionalProperties) {
    for (const [name, entry] of Object.entries(value)) {
      for (const inner of spoiltAtEachPlace(schema.additionalProperties, entry, `${field}.${name}`)) {
        yield { ...inner, value: { ...value, [name]: inner.value } };
      }
    }
  }
};
