import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkSchema } from '../../../src/documents/checks/schema.ts';
import { parseDocument } from '../../../src/documents/parse.ts';
import { check, lines } from './check.ts';
import { PLAIN_FORMATS } from './requests.ts';

const MOST = 10;
const told = (schema: unknown, document: unknown): readonly string[] =>
  checkSchema(typeof schema === 'string' ? schema : JSON.stringify(schema), document, MOST).map(({ path, message }) =>
    path === undefined ? message : `${path} ${message}`,
  );

interface Row {
  readonly schema: object | boolean;
  readonly good?: readonly unknown[];
  readonly bad: readonly (readonly [document: unknown, ...told: readonly string[]])[];
}

const KEYWORDS: Readonly<Record<string, Row>> = {
  type: {
    schema: { type: 'integer' },
    good: [1, -0, 1e3],
    bad: [
      [1.5, 'must be an integer (schema: type)'],
      ['1', 'must be an integer (schema: type)'],
      [Infinity, 'must be an integer (schema: type)'],
      [NaN, 'must be an integer (schema: type)'],
    ],
  },
  'type, several': {
    schema: { type: ['string', 'null', 'boolean', 'array', 'object', 'number'] },
    good: ['', null, true, [], {}, 1],
    bad: [],
  },
  'type, one of two': { schema: { type: ['string', 'null'] }, bad: [[1, 'must be a string or null (schema: type)']] },
  const: {
    schema: { properties: { a: { const: 'prod' }, b: { const: { x: [1] } }, c: { const: null } } },
    good: [{ a: 'prod', b: { x: [1] }, c: null }],
    bad: [
      [
        { a: 'q', b: { x: [2] }, c: 0 },
        '/a must be "prod" (schema: const)',
        '/b must be {"x":[1]} (schema: const)',
        '/c must be null (schema: const)',
      ],
    ],
  },
  'const and enum': {
    schema: { const: 'a', enum: ['a', 'b'] },
    good: ['a'],
    bad: [['b', 'must be "a" (schema: const)']],
  },
  enum: {
    schema: { enum: ['x', 2, { y: 1 }] },
    good: ['x', 2, { y: 1 }],
    bad: [['z', 'must be one of "x", 2, {"y":1} (schema: enum)']],
  },
  minimum: { schema: { minimum: 1 }, good: [1, 'x'], bad: [[0.5, 'must be at least 1 (schema: minimum)']] },
  maximum: {
    schema: { properties: { server: { properties: { port: { maximum: 65_535 } } } } },
    bad: [[{ server: { port: 70_000 } }, '/server/port must be at most 65535 (schema: maximum)']],
  },
  exclusiveMinimum: {
    schema: { exclusiveMinimum: 0 },
    good: [0.1],
    bad: [[0, 'must be more than 0 (schema: exclusiveMinimum)']],
  },
  exclusiveMaximum: {
    schema: { exclusiveMaximum: 1 },
    good: [0.9],
    bad: [[1, 'must be less than 1 (schema: exclusiveMaximum)']],
  },
  multipleOf: {
    schema: { multipleOf: 0.01 },
    good: [19.99],
    bad: [[19.999, 'must be a multiple of 0.01 (schema: multipleOf)']],
  },
  minLength: {
    schema: { minLength: 1 },
    good: ['a'],
    bad: [['', 'must be at least 1 character long (schema: minLength)']],
  },
  maxLength: {
    schema: { maxLength: 2 },
    good: ['😀😀'],
    bad: [['abc', 'must be at most 2 characters long (schema: maxLength)']],
  },
  pattern: {
    schema: { pattern: '^\\u0061\\d{2}$' },
    good: ['a12'],
    bad: [['a1', 'must match ^\\u0061\\d{2}$ (schema: pattern)']],
  },
  format: {
    schema: { format: 'date-time' },
    good: ['2026-01-02T03:04:05Z'],
    bad: [['yesterday', 'must be written as a date-time (schema: format)']],
  },
  'format, regex': {
    schema: { format: 'regex' },
    good: ['a+'],
    bad: [['(', 'must be written as a regex (schema: format)']],
  },
  'format, unknown': { schema: { format: 'constructor' }, good: ['x'], bad: [] },
  required: {
    schema: { properties: { s: { required: ['host', 'a/b', '__proto__'] } } },
    bad: [
      [
        { s: {} },
        '/s lacks host (schema: required)',
        '/s lacks a/b (schema: required)',
        '/s lacks __proto__ (schema: required)',
      ],
    ],
  },
  dependentRequired: {
    schema: { dependentRequired: { a: ['b', 'c'] } },
    good: [{}, { a: 1, b: 1, c: 1 }],
    bad: [[{ a: 1, b: 1 }, 'lacks c, which goes with a (schema: dependentRequired)']],
  },
  dependentSchemas: {
    schema: { dependentSchemas: { a: { required: ['b'] } } },
    bad: [[{ a: 1 }, 'lacks b (schema: required)']],
  },
  'dependencies, of earlier drafts': {
    schema: { dependencies: { a: ['b'], c: { required: ['d'] } } },
    bad: [[{ a: 1, c: 1 }, 'lacks b, which goes with a (schema: dependencies)', 'lacks d (schema: required)']],
  },
  minProperties: { schema: { minProperties: 1 }, bad: [[{}, 'must have at least 1 entry (schema: minProperties)']] },
  maxProperties: {
    schema: { maxProperties: 0 },
    bad: [[{ a: 1 }, 'must have at most 0 entries (schema: maxProperties)']],
  },
  propertyNames: {
    schema: { propertyNames: { maxLength: 2, pattern: '^a' } },
    good: [{ ab: 1 }],
    bad: [
      [
        { ab: 1, 'x/y~': 1, abc: 1 },
        '/x~1y~0 has a name that is not allowed (schema: propertyNames)',
        '/abc has a name that is not allowed (schema: propertyNames)',
      ],
    ],
  },
  additionalProperties: {
    schema: { properties: { a: true }, additionalProperties: false },
    good: [{ a: 1 }],
    bad: [[{ a: 1, 'b ä%#': 1 }, '/b ä%# is not allowed (schema: additionalProperties)']],
  },
  patternProperties: {
    schema: { patternProperties: { '^n-': { type: 'number' }, '^x': false } },
    bad: [
      [
        { 'n-a': 'x', x: 1, b: 1 },
        '/n-a must be a number (schema: type)',
        '/x is not allowed (schema: patternProperties)',
      ],
    ],
  },
  unevaluatedProperties: {
    schema: { allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
    bad: [[{ a: 1, b: 2 }, '/b is not allowed (schema: unevaluatedProperties)']],
  },
  items: {
    schema: { prefixItems: [{ type: 'string' }], items: { type: 'number' } },
    good: [['a', 1, 2], []],
    bad: [
      [
        [1, 'a', 2, 'b'],
        '/0 must be a string (schema: type)',
        '/1 must be a number (schema: type)',
        '/3 must be a number (schema: type)',
      ],
    ],
  },
  unevaluatedItems: {
    schema: { prefixItems: [true], unevaluatedItems: false },
    bad: [[[1, 2], '/1 is not allowed (schema: unevaluatedItems)']],
  },
  minItems: { schema: { minItems: 2 }, bad: [[[1], 'must have at least 2 items (schema: minItems)']] },
  maxItems: { schema: { maxItems: 1 }, bad: [[[1, 2], 'must have at most 1 item (schema: maxItems)']] },
  uniqueItems: {
    schema: { uniqueItems: true },
    good: [[1, '1', { a: 1 }, { a: 2 }]],
    bad: [[[{ a: 1 }, 2, { a: 1 }], 'must not have two equal items (schema: uniqueItems)']],
  },
  contains: {
    schema: { contains: { type: 'string' } },
    good: [[1, 'a']],
    bad: [
      [[1, 2], 'must have an item of the kind that the schema asks for (schema: contains)'],
      [[], 'must have an item of the kind that the schema asks for (schema: contains)'],
    ],
  },
  minContains: {
    schema: { contains: { properties: { a: false }, required: ['b'] }, minContains: 2 },
    bad: [
      [
        [{ a: 1 }, {}, { b: 1 }],
        'must have at least 2 items of the kind that the schema asks for (schema: minContains)',
      ],
    ],
  },
  maxContains: {
    schema: { contains: { type: 'number' }, maxContains: 1 },
    bad: [[[1, 2], 'must have at most 1 item of the kind that the schema asks for (schema: maxContains)']],
  },
  allOf: {
    schema: { allOf: [{ type: 'string' }, { minLength: 3 }] },
    bad: [['a', 'must be at least 3 characters long (schema: minLength)']],
  },
  anyOf: {
    schema: { anyOf: [{ type: 'string' }, { type: 'number', maximum: 3 }, false] },
    good: ['a', 3],
    bad: [[4, 'fits none of the 3 alternatives (schema: anyOf)']],
  },
  oneOf: {
    schema: { oneOf: [{ type: 'number' }, { maximum: 3 }] },
    good: [4],
    bad: [[3, 'must fit exactly one of the 2 alternatives (schema: oneOf)']],
  },
  not: { schema: { not: { type: 'string' } }, bad: [['a', 'is what the schema rules out (schema: not)']] },
  'if, then, else': {
    schema: { if: { required: ['a'] }, then: { required: ['b'] }, else: { required: ['c'] } },
    bad: [
      [{ a: 1 }, 'lacks b (schema: required)'],
      [{}, 'lacks c (schema: required)'],
    ],
  },
  $ref: {
    schema: {
      $defs: { 'p/q r': { type: 'string' } },
      properties: { a: { $ref: '#/$defs/p~1q%20r' }, $ref: { type: 'string' } },
    },
    bad: [[{ a: 1, $ref: 1 }, '/a must be a string (schema: type)', '/$ref must be a string (schema: type)']],
  },
  '$ref, to itself, further down': {
    schema: { type: ['object', 'string'], additionalProperties: { $ref: '#' } },
    good: [{ a: { b: 'c' } }],
    bad: [[{ a: { b: 1 } }, '/a/b must be an object or a string (schema: type)']],
  },
  $anchor: {
    schema: { $defs: { x: { $anchor: 'foo', type: 'string' } }, items: { $ref: '#foo' } },
    bad: [[[1], '/0 must be a string (schema: type)']],
  },
  $id: {
    schema: {
      $id: 'https://example.com/root.json',
      $defs: { x: { $id: 'x.json', type: 'string' } },
      properties: { a: { $ref: 'x.json' }, b: { $ref: 'https://example.com/x.json' } },
    },
    bad: [[{ a: 1, b: 1 }, '/a must be a string (schema: type)', '/b must be a string (schema: type)']],
  },
  '$ref, into a part of another name': {
    schema: { components: { schemas: { x: { type: 'string' } } }, items: { $ref: '#/components/schemas/x' } },
    bad: [[[1], '/0 must be a string (schema: type)']],
  },
  'what is only told': {
    schema: {
      title: 'T',
      default: { $ref: 'gone' },
      examples: [{ $ref: 'gone' }],
      'x-y': { $ref: 'gone', type: 5 },
      $schema: 'x',
    },
    good: [1],
    bad: [],
  },
  false: { schema: false, bad: [[1, 'is not allowed (schema: false)']] },
  '__proto__ as a name': {
    schema: JSON.parse('{"properties":{"__proto__":{"type":"string"}}}') as object,
    bad: [[JSON.parse('{"__proto__":1}'), '/__proto__ must be a string (schema: type)']],
  },
};

describe('a schema', () => {
  for (const [keyword, { schema, good = [], bad }] of Object.entries(KEYWORDS)) {
    it(`says what it demands: ${keyword}`, () => {
      for (const document of good) assert.deepEqual(told(schema, document), [], JSON.stringify(document));
      for (const [document, ...expected] of bad) assert.deepEqual(told(schema, document), expected);
    });
  }

  it('is JSON or YAML', () => {
    assert.deepEqual(told('type: object\nrequired: [a]\n', {}), ['lacks a (schema: required)']);
    assert.deepEqual(told('true', 1), []);
  });

  const UNUSABLE: readonly (readonly [schema: unknown, says: string])[] = [
    ['a: [', 'is neither JSON nor YAML'],
    ['[1]', 'has at / what is no schema: it must be an object, true or false'],
    [{ properties: { a: 1 } }, 'has at /properties/a what is no schema: it must be an object, true or false'],
    [{ properties: { a: { required: 'x' } } }, 'is wrong at /properties/a/required: it must be a list of names'],
    [
      { type: 'text' },
      'is wrong at /type: it must be one of null, boolean, object, array, number, integer, string, or a list of them',
    ],
    [{ exclusiveMaximum: true }, 'is wrong at /exclusiveMaximum: it must be a number'],
    [{ allOf: {} }, 'is wrong at /allOf: it must be a list of schemas'],
    [{ properties: [] }, 'is wrong at /properties: it must be an object of schemas'],
    [
      { pattern: '(?=x)' },
      "has at /pattern the pattern (?=x), which RE2 can't express (invalid or unsupported Perl syntax: `(?=`)",
    ],
    [
      { patternProperties: { '(a)\\1': {} } },
      "has at /patternProperties the pattern (a)\\1, which RE2 can't express (invalid escape sequence: `\\1`)",
    ],
    [
      { $ref: 'https://example.com/x.json' },
      'refers to https://example.com/x.json at /, which is not in it: references lead only inside of the schema',
    ],
    [
      { items: { $ref: '#/$defs/gone' } },
      'refers to #/$defs/gone at /items, which is not in it: references lead only inside of the schema',
    ],
    [{ $dynamicRef: '#x' }, 'uses $dynamicRef, which is not supported: use $ref'],
    [{ $recursiveRef: '#' }, 'uses $recursiveRef, which is not supported: use $ref'],
    [{ $id: 'http://[' }, 'has a $id, $anchor or $ref that is no URI, or is there twice'],
    [JSON.parse(`${'{"not":'.repeat(100)}true${'}'.repeat(100)}`), 'nests deeper than 64 levels'],
    [JSON.parse(`${'{"$id":"a","not":'.repeat(50)}true${'}'.repeat(50)}`), 'nests more than 4 parts with an $id'],
    [JSON.stringify({ title: 'x'.repeat(70_000) }), 'is longer than 65536 characters'],
  ];

  it('that can not be used is a problem that says why', () => {
    for (const [schema, says] of UNUSABLE) assert.deepEqual(told(schema, {}), [`can't be checked: the schema ${says}`]);
  });

  it('is looked for nowhere but in the document', () => {
    const options = { key: 'a.yaml' };
    assert.deepEqual(lines('a: x', { schema: '{"properties":{"a":{"type":"number"}}}' }, options), [
      '/a must be a number (schema: type)',
    ]);
    assert.deepEqual(lines('a = 1', { format: 'TOML', schema: '{"properties":{"a":{"type":"string"}}}' }, options), [
      '/a must be a string (schema: type)',
    ]);
    assert.deepEqual(lines('a: 1', { schema: '{}' }, { key: 'conf' }), [
      "can't be checked against the schema: set format to one of YAML, JSON, TOML, Properties, Dotenv, INI",
    ]);
    // Where the owner of a Secret does not allow it, there is no answer.
    assert.deepEqual(lines('a: x', { schema: 'false' }, { ...options, schemas: false }), []);
    assert.equal(lines('a: [', { format: 'YAML', schema: 'false' }, { ...options, schemas: false }).length, 1);
    assert.equal(lines('a: [', { format: 'YAML', schema: 'false' }, options).length, 1);
  });

  it('tells at most ten things', () => {
    const schema = { additionalProperties: { type: 'string' } };
    const document = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, index]));
    const found = told(schema, document);
    assert.ok(found.length >= 1 && found.length <= MOST);
    assert.equal(found[0], '/k0 must be a string (schema: type)');
    assert.equal(told(schema, Object.fromEntries(Object.entries(document).slice(0, 50))).length, MOST);
  });

  it('tells no endless path', () => {
    const [only = ''] = told(
      { additionalProperties: { additionalProperties: false } },
      { a: { ['b'.repeat(1_000)]: 1 } },
    );
    assert.equal(only, '/a/… is not allowed (schema: additionalProperties)');
  });
});

describe('a hostile schema', () => {
  const doubling = (last: unknown): object => ({
    $ref: '#/$defs/a0',
    $defs: {
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [
          `a${n}`,
          { allOf: [{ $ref: `#/$defs/a${n + 1}` }, { $ref: `#/$defs/a${n + 1}` }] },
        ]),
      ),
      a40: last,
    },
  });
  const deepDocument = Array.from({ length: 90 }).reduce<unknown>((inner) => ({ a: inner }), 1);
  const TOO_MUCH = "can't be checked: the schema asks for too much work";
  const ENDLESS = "can't be checked: the schema refers to itself without end, or far too much is wrong";
  const CASES: readonly (readonly [name: string, schema: unknown, document: unknown, says: string | RegExp])[] = [
    ['a loop', { $ref: '#' }, 1, ENDLESS],
    [
      'a loop of several',
      { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } } },
      1,
      ENDLESS,
    ],
    ['doubling', doubling({ type: 'string' }), 'x', TOO_MUCH],
    ['doubling of what is wrong', doubling({ type: 'string' }), 1, /^can't be checked/],
    [
      'doubling on the way down',
      { allOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: { $ref: '#' } } }] },
      deepDocument,
      TOO_MUCH,
    ],
    [
      'each with each',
      { uniqueItems: true },
      Array.from({ length: 20_000 }, (_, n) => ({ n })),
      "can't be checked: its lists are too long for the schema's uniqueItems",
    ],
    ['a pattern', { pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}!`, 'must match ^(a+)+$ (schema: pattern)'],
    [
      'a pattern of names',
      { patternProperties: { '^(a+)+$': false } },
      { [`${'a'.repeat(50_000)}!`]: 1, aa: 1 },
      '/aa is not allowed (schema: patternProperties)',
    ],
    [
      'a pattern in a loop of items',
      { items: { pattern: '^(a|a)*$' } },
      Array.from({ length: 1_000 }, () => `${'a'.repeat(500)}!`),
      /^\/0 must match/,
    ],
    ['a format', { format: 'url', not: {} }, `http://${'a-'.repeat(100_000)}`, /rules out/],
  ];
  for (const [name, schema, document, says] of CASES) {
    it(`ends in a problem: ${name}`, () => {
      const start = performance.now();
      const [first = ''] = told(schema, document);
      const took = performance.now() - start;
      assert.ok(typeof says === 'string' ? first === says : says.test(first), first);
      assert.ok(took < 5_000, `${took} ms`);
    });
  }

  it('leaves the expressions of all others as they were', () => {
    const before = globalThis.RegExp;
    for (const [, schema, document] of CASES) told(schema, document);
    assert.equal(globalThis.RegExp, before);
    assert.ok(new RegExp('(?=a)') instanceof before);
  });
});

describe('problems', () => {
  it('carry nothing of the content', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{16,40}$/).filter((text) => !/^\d/.test(text));
    const scalars = ['type', 'pattern', 'maxLength', 'enum', 'format', 'not', 'anyOf', 'oneOf', 'const'] as const;
    const SCHEMAS: Readonly<Record<(typeof scalars)[number], unknown>> = {
      type: { type: 'number' },
      pattern: { pattern: '^-$' },
      maxLength: { maxLength: 3 },
      enum: { enum: ['a', 'b'] },
      format: { format: 'date-time' },
      not: { not: { type: 'string' } },
      anyOf: { anyOf: [{ type: 'number' }, { const: 'x' }] },
      oneOf: { oneOf: [{ type: 'string' }, { minLength: 1 }] },
      const: { const: 'c' },
    };
    fc.assert(
      fc.property(secret, fc.constantFrom(...scalars), fc.constantFrom('JSON', 'YAML'), (value, keyword, format) => {
        const schema = JSON.stringify({ properties: { list: { items: SCHEMAS[keyword] }, a: SCHEMAS[keyword] } });
        const content = JSON.stringify({ a: value, list: [value, `${value}/${value}`] });
        const found = check(content, { format, schema });
        assert.ok(found.length >= 2);
        assert.ok(!JSON.stringify(found).includes(value), JSON.stringify(found));
      }),
    );
  });

  it('of texts, and of documents that are none, carry nothing of them', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{16,40}$/);
    const around = fc.constantFrom<(value: string) => string>(
      (value) => value,
      (value) => `"${value}`,
      (value) => `{"a": ${value}`,
      (value) => `a: *${value}`,
      (value) => `a: !${value} [`,
      (value) => `${value}: 1\n${value}: 2\n`,
      (value) => `[${value}\n${value} = `,
      (value) => `a: "\\${value}"`,
      (value) => `%${value}\n---\n`,
      (value) => `${value}=\\u${value}`,
      (value) => `-----BEGIN ${value}-----\n${value}\n-----END x-----`,
      (value) => `1${value}`,
      (value) => `http:${value}`,
      (value) => `? ${value}\n\t: ${value}: ${value}\n`,
      (value) => `export ${value}`,
    );
    const formats = fc.constantFrom(...PLAIN_FORMATS);
    fc.assert(
      fc.property(secret, around, formats, (value, make, format) => {
        const found = check(make(value), { format });
        assert.ok(!JSON.stringify(found).includes(value), JSON.stringify(found));
        if (['YAML', 'JSON', 'TOML', 'Properties', 'Dotenv', 'INI'].includes(format)) {
          try {
            parseDocument(make(value), format as 'YAML');
          } catch (error) {
            assert.ok(!String((error as Error).stack).includes(value), String(error));
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
