/** The keywords of JSON Schema 2020-12, and of earlier drafts what means the same: what each may hold. */

/** Undefined: it may be so; else what it must be. */
type Shape = (value: unknown) => string | undefined;

const shape =
  (words: string, holds: (value: unknown) => boolean): Shape =>
  (value) =>
    holds(value) ? undefined : words;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): value is string => typeof value === 'string';
const isFinite = (value: unknown): boolean => Number.isFinite(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'];
const isType = (value: unknown): boolean => isText(value) && TYPES.includes(value);

const count = shape('a whole number from 0', isCount);
const number = shape('a number', isFinite);
const text = shape('a text', isText);
const names = shape('a list of names', isTexts);
const any = shape('', () => true);

/** Keywords that hold no schemas. */
export const PLAIN_KEYWORDS: Readonly<Record<string, Shape>> = {
  $id: text,
  $ref: text,
  $anchor: shape('a name', (value) => isText(value) && /^[A-Za-z_][-A-Za-z0-9._]*$/.test(value)),
  type: shape(
    `one of ${TYPES.join(', ')}, or a list of them`,
    (value) => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
  ),
  const: any,
  enum: shape('a list', Array.isArray),
  required: names,
  dependentRequired: shape('lists of names', (value) => isMap(value) && Object.values(value).every(isTexts)),
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: shape('a number above 0', (value) => isFinite(value) && Number(value) > 0),
  minLength: count,
  maxLength: count,
  pattern: text,
  format: text,
  minItems: count,
  maxItems: count,
  uniqueItems: shape('true or false', (value) => typeof value === 'boolean'),
  minContains: count,
  maxContains: count,
  minProperties: count,
  maxProperties: count,
};

export type Holding = 'schema' | 'schemas' | 'map' | 'schema or schemas' | 'map of schemas or names';

/** Keywords that hold schemas, and how. */
export const SCHEMA_KEYWORDS: Readonly<Record<string, Holding>> = {
  not: 'schema',
  if: 'schema',
  then: 'schema',
  else: 'schema',
  contains: 'schema',
  propertyNames: 'schema',
  additionalProperties: 'schema',
  unevaluatedProperties: 'schema',
  additionalItems: 'schema',
  unevaluatedItems: 'schema',
  items: 'schema or schemas',
  prefixItems: 'schemas',
  allOf: 'schemas',
  anyOf: 'schemas',
  oneOf: 'schemas',
  $defs: 'map',
  definitions: 'map',
  properties: 'map',
  patternProperties: 'map',
  dependentSchemas: 'map',
  dependencies: 'map of schemas or names',
};

/** They would be passed over, and content pass that the schema does not allow. */
export const REFUSED_KEYWORDS: readonly string[] = ['$dynamicRef', '$recursiveRef'];

/** Those that are checked; the others only tell people something (2020-12, format-annotation). */
export const FORMATS: Readonly<Record<string, string>> = {
  date: 'date',
  time: 'time',
  'date-time': 'date-time',
  duration: 'duration',
  uri: 'uri',
  'uri-reference': 'uri-reference',
  'uri-template': 'uri-template',
  // The validator has an expression of its own for it, which takes exponential time.
  url: 'uri',
  email: 'email',
  hostname: 'hostname',
  ipv4: 'ipv4',
  ipv6: 'ipv6',
  regex: 'regex',
  uuid: 'uuid',
  'json-pointer': 'json-pointer',
  'relative-json-pointer': 'relative-json-pointer',
};
