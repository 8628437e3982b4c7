import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ContentFormat, Validation } from '../../../src/domain/validation.ts';
import { check, lines } from './check.ts';

interface Row {
  readonly format: ContentFormat;
  readonly with?: Partial<Validation>;
  readonly good: readonly string[];
  readonly bad: readonly string[];
  readonly says: string | RegExp;
}

const block = (body: string, label = 'CERTIFICATE') => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

const ROWS: readonly Row[] = [
  {
    format: 'YAML',
    good: ['a: 1', 'a: 1\n---\nb: 2\n', '[1, 2]'],
    bad: ['a: [', 'a: 1\na: 2', 'a: *x'],
    says: /^can't be read as YAML: /,
  },
  { format: 'JSON', good: ['{"a":1}', ' 3 '], bad: ['{"a":1', '{"a":1,"a":2}', ''], says: /^can't be read as JSON: / },
  { format: 'TOML', good: ['a = 1', '[x]\ny = "z"'], bad: ['a = ', 'a = 1\na = 2'], says: /^can't be read as TOML: / },
  { format: 'Properties', good: ['a=1', 'a.b: c\\\n  d'], bad: ['a=\\u00zz'], says: /^can't be read as Properties: / },
  { format: 'Dotenv', good: ['A=1', 'export B="x y"'], bad: [], says: '' },
  { format: 'INI', good: ['[a]\nb = c'], bad: [], says: '' },
  {
    format: 'Pattern',
    with: { pattern: '^v\\d+$' },
    good: ['v1', 'v12\n', ' v3 '],
    bad: ['', 'v', 'xv1', 'v1\nv2'],
    says: 'must match ^v\\d+$',
  },
  { format: 'Pattern', with: { pattern: 'b' }, good: ['abc', 'b'], bad: ['ac'], says: 'must match b' },
  {
    format: 'Pattern',
    with: { pattern: '(?=a)' },
    good: [],
    bad: ['a', ''],
    says: "can't be checked: the pattern (?=a) is no regular expression of RE2 (invalid or unsupported Perl syntax: `(?=`)",
  },
  {
    format: 'Pattern',
    with: { pattern: '(?:a?){1000}'.repeat(80) },
    good: [],
    bad: ['a'],
    says: /is no regular expression of RE2 \(it is too large\)$/,
  },
  {
    format: 'Number',
    good: ['0', '-0', '42', '+1', '-0.5', '1e6', '1.50E-3\n', '9007199254740993'],
    bad: [
      '',
      '0x10',
      'NaN',
      'Infinity',
      '1_000',
      '1,5',
      '.5',
      '5.',
      '007',
      '1e',
      '--1',
      '1 2',
      '٣',
      '0b1',
      '1n',
      'true',
    ],
    says: 'must be a decimal number, such as 42, -0.5 or 1e6',
  },
  { format: 'Number', good: ['1e308'], bad: ['1e999', '-1e309'], says: /double precision/ },
  {
    format: 'Number',
    with: { minimum: -1.5, maximum: 100 },
    good: ['-1.5', '-1.50', '100', '1e2', '100.000', '0', '99.99999999999999999999'],
    bad: ['100.00000000000000000001', '1e3', '101'],
    says: 'must be at most 100',
  },
  {
    format: 'Number',
    with: { minimum: -1.5 },
    good: ['-1.5'],
    bad: ['-1.50000000000000000001', '-2', '-1e300'],
    says: 'must be at least -1.5',
  },
  {
    format: 'Number',
    with: { minimum: 1 },
    good: ['1'],
    bad: ['0.99999999999999999999', '0', '1e-5', '-1'],
    says: 'must be at least 1',
  },
  {
    format: 'Number',
    with: { maximum: 9007199254740992 },
    good: ['9007199254740992'],
    bad: ['9007199254740993'],
    says: /at most/,
  },
  {
    format: 'Number',
    with: { maximum: 1e21 },
    good: ['1e21', '1e-400'],
    bad: ['1000000000000000000001'],
    says: /at most/,
  },
  {
    format: 'Duration',
    good: ['0', '300ms', '1.5h', '1h30m', '-2s', '+1us', '3µs', '3μs', '.5s', '1.s', '1h\n', '2540400h'],
    bad: ['', '1', '1d', '1h 30m', 's', '.s', '1h30', 'P1D', '1H', '1e3s', '-', '99999999999h'],
    says: /^must be a duration/,
  },
  {
    format: 'Quantity',
    good: ['0', '100Mi', '1.5Gi', '100m', '2e3', '1E', '1E3', '-1k', '.5', '1.', '+1u', '5n', '3Ei\n'],
    bad: ['', 'Mi', '1 Gi', '1gi', '1KiB', '1mi', '1e', '1.5.2', '1Kib', '0x1', '1K'],
    says: 'must be a quantity, such as 100m, 1.5Gi or 2e3',
  },
  {
    format: 'Enum',
    with: { values: ['debug', 'info', ''] },
    good: ['debug', 'info\n', '', '  '],
    bad: ['Debug', 'debug,info', 'x'],
    says: 'must be one of debug, info, ',
  },
  {
    format: 'URL',
    good: ['https://example.com', 'postgres://u:p@db:5432/x?y=z#f\n', 'unix:///var/run/x.sock', 'http://[::1]:80/'],
    bad: [
      '',
      'example.com',
      'localhost:8080',
      '/path',
      '//example.com',
      'http://',
      'http:example.com',
      'http://a b',
      'http://exa\nmple.com',
      'http://x:99999',
      'mailto:a@b',
    ],
    says: 'must be an absolute URL, such as https://example.com/path',
  },
  {
    format: 'PEM',
    good: [
      block('AAAA'),
      `${block('AAAA')}\n${block('AAA=\nAAAA'.replace('=\n', 'A\n'), 'RSA PRIVATE KEY')}\n\n`,
      `subject=CN = x\n${block('QUJD\r')}# the next\n${block('QUI=')}`,
      block('Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nQUJD', 'EC PRIVATE KEY'),
      `  ${block('QUJD').trim()}  `,
    ],
    bad: [
      '',
      'no block',
      block(''),
      block('A'),
      block('QU=D'),
      block('QU!D'),
      '-----BEGIN A-----\nQUJD\n-----END B-----',
      '-----BEGIN A-----\nQUJD',
      '-----BEGIN A-----\n-----BEGIN A-----\nQUJD\n-----END A-----',
      '-----END A-----',
      '-----BEGIN A----\nQUJD\n-----END A-----',
      `${block('QUJD')}and more`,
      '-----BEGIN A-----QUJD-----END A-----',
    ],
    says: /^must be PEM, but /,
  },
];

const matches = (text: string, expected: string | RegExp): boolean =>
  typeof expected === 'string' ? text === expected : expected.test(text);

describe('checks', () => {
  for (const { format, with: more = {}, good, bad, says } of ROWS) {
    const name = `${format} ${JSON.stringify(more).slice(0, 60)}`;
    it(`${name}: good`, () => {
      for (const content of good) assert.deepEqual(lines(content, { format, ...more }), [], JSON.stringify(content));
    });
    it(`${name}: bad`, () => {
      for (const content of bad) {
        const found = lines(content, { format, ...more });
        assert.equal(found.length, 1, JSON.stringify(content));
        assert.ok(matches(found[0] ?? '', says), `${JSON.stringify(content)}: ${found[0] ?? ''}`);
      }
    });
  }

  it('name the key, and the entry of the policy', () => {
    assert.deepEqual(check('x', { format: 'Number' }), [
      { key: 'key', rule: 3, message: 'must be a decimal number, such as 42, -0.5 or 1e6' },
    ]);
  });

  it('count bytes, and look no further where there are too many', () => {
    assert.deepEqual(lines('äöü', { maxBytes: 6 }), []);
    assert.deepEqual(lines('äöü', { maxBytes: 5, format: 'Number' }), ['must have at most 5 bytes']);
    assert.deepEqual(lines(new Uint8Array([1, 2, 255]), { maxBytes: 3 }), []);
    assert.deepEqual(lines(new Uint8Array([1, 2, 255]), { maxBytes: 2 }), ['must have at most 2 bytes']);
    assert.deepEqual(lines('x', { maxBytes: 0 }), ['must have at most 0 bytes']);
  });

  it('take binary data for text where it is', () => {
    const formats = ROWS.map(({ format, with: more }) => ({ format, ...more }));
    for (const each of formats) {
      assert.deepEqual(lines(new Uint8Array([0xff, 0xfe]), each), ['must be text, but is binary']);
    }
    assert.deepEqual(lines(Buffer.from('12'), { format: 'Number' }), []);
    assert.deepEqual(lines(Buffer.from('x'), { schema: '{}' }, { key: 'a.json' }), [lines('x', { format: 'JSON' })[0]]);
  });

  it('compare numbers as they are written', () => {
    const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: -30, max: 30 }));
    fc.assert(
      fc.property(
        decimal,
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
        ([n, e], bound) => {
          // Exactly, as fractions with a common denominator; a double's shortest text is what its user wrote.
          const [digits = '', exponent = '0'] = String(bound).split('e');
          const [whole = '', fraction = ''] = digits.split('.');
          const boundN = BigInt(whole + fraction) * 10n ** 400n;
          const boundValue = shifted(boundN, Number(exponent) - fraction.length);
          const value = shifted(n * 10n ** 400n, e);
          const text = `${n}e${e}`;
          assert.equal(lines(text, { format: 'Number', maximum: bound }).length === 0, value <= boundValue, text);
          assert.equal(lines(text, { format: 'Number', minimum: bound }).length === 0, value >= boundValue, text);
        },
      ),
    );
  });

  it('are linear', () => {
    const hostile = [
      '1',
      '1h',
      '.',
      'a',
      '-----BEGIN ',
      '-----BEGIN A',
      'A ',
      '-----BEGIN A-----\n',
      '1.',
      '://',
      ' ',
      'é',
    ];
    for (const { format, with: more } of ROWS) {
      for (const part of hostile) {
        const text = part.repeat(Math.floor(300_000 / part.length)) + '!';
        const start = performance.now();
        check(text, { format, ...more });
        const took = performance.now() - start;
        assert.ok(took < 2_000, `${format} of ${JSON.stringify(part)} took ${took} ms`);
      }
    }
    const start = performance.now();
    assert.equal(lines(`${'a'.repeat(50_000)}!`, { format: 'Pattern', pattern: '^(a+)+$' }).length, 1);
    assert.ok(performance.now() - start < 1_000);
  });
});

const shifted = (n: bigint, exponent: number): bigint =>
  exponent >= 0 ? n * 10n ** BigInt(exponent) : n / 10n ** BigInt(-exponent);
