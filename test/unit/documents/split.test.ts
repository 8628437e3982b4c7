import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFor, splitDocument } from '../../../src/documents/split.ts';
import { parseDocument } from '../../../src/documents/parse.ts';
import { macScheme, PLAIN } from '../../../src/domain/digest.ts';
import type { InspectingPolicy } from '../../../src/domain/inspection.ts';
import type { Rule } from '../../../src/domain/rules.ts';
import { changedClasses, split } from './parts.ts';

const KEY = 'app.yaml';
const TEXT = 'a: 1 # one\nb: {c: 2, d: "3"}\n';

const policy = (rules: readonly Partial<Rule>[], more: Partial<InspectingPolicy> = {}): InspectingPolicy => ({
  name: 'policy',
  defaultClass: 'Restart',
  rules: rules.map((rule) => ({ keys: [KEY], class: 'Hot', ...rule })),
  ...more,
});

/** What changes when one text becomes another. */
const changes = (of: InspectingPolicy, after: string, before = TEXT): readonly string[] =>
  changedClasses(split(KEY, before, [of]), split(KEY, after, [of]));

describe('a document, split by rules', () => {
  it('gives each place to the first rule that names it, and what none names to the default', () => {
    const rules = [
      { paths: ['/b/c'], class: 'Ignore' },
      { paths: ['/b/**'], class: 'Hot' },
    ] as const;
    assert.deepEqual(changes(policy(rules), TEXT.replace('2', '5')), ['Ignore']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('3', '5')), ['Hot']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('1', '5')), ['Restart']);
    assert.deepEqual(changes(policy(rules, { defaultClass: 'Ignore' }), TEXT.replace('1', '5')), ['Ignore']);
  });

  it('gives the rest to a rule without paths, and asks no rule behind it', () => {
    const rules = [{ paths: ['/b/**'] }, { class: 'Ignore' }, { paths: ['/a'], class: 'Restart' }] as const;
    assert.deepEqual(changes(policy(rules), TEXT.replace('1', '5')), ['Ignore']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('3', '5')), ['Hot']);
  });

  it('asks only rules that are about the key and the source', () => {
    const rules = [
      { keys: ['other.yaml'], paths: ['/**'] },
      { from: [{ kind: 'Secret', name: 'app' }], paths: ['/**'] },
      { paths: ['/b/**'], class: 'Ignore' },
    ] as const;
    assert.deepEqual(changes(policy(rules), TEXT.replace('3', '5')), ['Ignore']);
  });

  it('names one part for each way in which the policies look at it', () => {
    const one = policy([{ paths: ['/a'] }], { name: 'one' });
    const other = policy([{ paths: ['/**'], class: 'Ignore' }], { name: 'other' });
    const blind = policy([{}], { name: 'none' });
    const { policies, parts, fingerprints } = split(KEY, TEXT, [blind, one, other]);
    assert.deepEqual(policies, ['one', 'other']);
    assert.deepEqual([...parts.keys()].sort(), ['HI', 'RI']);
    assert.equal(new Set(fingerprints).size, 2);
  });

  it('sums parts: two together are what one rule for both makes', () => {
    const [apart, together] = [policy([{ paths: ['/b/**'] }]), policy([{ paths: ['/**'] }])].map((each) =>
      [...split(KEY, TEXT, [each]).parts.values()].reduce((sum, part) => sum + BigInt(`0x${part}`), 0n),
    );
    assert.equal((apart ?? 0n) % 2n ** 256n, together);
  });

  it('has no parts where no policy looks into it', () => {
    assert.deepEqual(split(KEY, TEXT, [policy([{}])]), {
      policies: [],
      fingerprints: [],
      parts: new Map(),
      residues: new Map(),
    });
  });

  it('takes what somebody has parsed, or has failed to', () => {
    const request = {
      source: { kind: 'ConfigMap', name: 'app' },
      scheme: PLAIN,
      key: KEY,
      content: TEXT,
      policies: [policy([{ paths: ['/a'] }])],
      schemas: true,
    } as const;
    assert.deepEqual(splitDocument(request, parseDocument(TEXT, 'YAML')), splitDocument(request));
  });
});

describe('a document that can not be split', () => {
  const rules = [{ paths: ['/a'] }];
  for (const [what, key, content, error] of [
    ['does not parse', KEY, 'a: [', 'line 1, column 5: wrong indentation, or a bracket that is not closed'],
    [
      'has no known format',
      'app.conf',
      TEXT,
      'its format is not known by the ending of its name: set format in the rule',
    ],
    ['is no text', KEY, new Uint8Array([0xff, 0xfe]), 'is not UTF-8 text'],
    ['is too large', KEY, 'x'.repeat(1024 * 1024 + 1), 'is longer than 1 MiB'],
  ] as const) {
    it(`${what}: it has an error, no parts, and fingerprints all the same`, () => {
      const parts = split(key, content, [policy(rules.map((rule) => ({ ...rule, keys: ['*'] })))]);
      assert.equal(parts.error, error);
      assert.equal(parts.parts.size, 0);
      assert.equal(parts.fingerprints.length, 1);
      assert.equal(parts.leaves, undefined);
    });
  }
});

describe('the format of a document', () => {
  const request = (key: string, ...policies: InspectingPolicy[]) => ({
    source: { kind: 'ConfigMap', name: 'app' } as const,
    scheme: PLAIN,
    key,
    content: '',
    policies,
    schemas: true,
  });

  it('is the first that a rule about the key names, else it goes by the ending', () => {
    const rule = { keys: ['*'], paths: ['/a'] };
    assert.equal(
      formatFor(request('a.conf', policy([rule, { ...rule, format: 'TOML' }, { ...rule, format: 'INI' }]))),
      'TOML',
    );
    assert.equal(formatFor(request('a.json', policy([{ ...rule, format: 'YAML' }]))), 'YAML');
    assert.equal(formatFor(request('a.json', policy([rule]))), 'JSON');
    assert.equal(formatFor(request('a.json', policy([{ ...rule, keys: ['b'], format: 'YAML' }, rule]))), 'JSON');
    assert.equal(formatFor(request('a.conf', policy([rule]))), undefined);
  });

  it('is no matter of a policy that does not look into the key', () => {
    assert.equal(formatFor(request('a.conf', policy([{ keys: ['*'], format: 'TOML' }]))), undefined);
  });
});

describe('the fingerprint of a policy', () => {
  const of = (rules: readonly Partial<Rule>[], more: Partial<InspectingPolicy> = {}): string | undefined =>
    split(KEY, TEXT, [policy(rules, more)]).fingerprints[0];
  const base = of([{ paths: ['/a'] }]);

  it('stays where rules mean the same for the key', () => {
    assert.equal(of([{ keys: ['*.yaml'], paths: ['/a'] }]), base);
    assert.equal(of([{ keys: ['other'], paths: ['/b'] }, { paths: ['/a'] }]), base);
    assert.equal(of([{ paths: ['/a'] }, { class: 'Restart' }]), base);
    assert.equal(of([{ paths: ['/a'], comparison: 'Meaning', format: 'YAML' }]), base);
    assert.equal(of([{ paths: ['/a'] }], { name: 'renamed' }), base);
  });

  it('moves with whatever makes other parts', () => {
    const others = [
      of([{ paths: ['/b'] }]),
      of([{ paths: ['/a'], class: 'Ignore' }]),
      of([{ paths: ['/a'], comparison: 'Bytes' }]),
      of([{ paths: ['/a'], format: 'JSON' }]),
      of([{ paths: ['/a'] }], { defaultClass: 'Hot' }),
      of([{ paths: ['/a'] }, { paths: ['/b'] }]),
      of([{ paths: ['/a', '/b'] }]),
      split(KEY, TEXT, [policy([{ paths: ['/a'] }])], { scheme: SECRET }).fingerprints[0],
    ];
    assert.equal(new Set([...others, base]).size, others.length + 1);
  });
});

const SECRET = macScheme({ id: '0123abcd', bytes: new Uint8Array(32) }, 'default', 'Secret', 'app');

describe('a document of a Secret', () => {
  const rules = policy([{ paths: ['/a'] }]);

  it('has parts that are MACs, and no table of its places', () => {
    const secret = split(KEY, TEXT, [rules], { scheme: SECRET, kind: 'Secret' });
    const plain = split(KEY, TEXT, [rules]);
    assert.equal(secret.leaves, undefined);
    assert.notEqual(plain.leaves, undefined);
    for (const [vector, sum] of plain.parts) assert.notEqual(secret.parts.get(vector), sum);
  });
});

describe('comparison by bytes', () => {
  const rules = [
    { paths: ['/b/**'], comparison: 'Bytes' },
    { paths: ['/x'], class: 'Ignore' },
  ] as const;

  it('counts comments, quotes and order for its class', () => {
    assert.deepEqual(changes(policy(rules), TEXT.replace('# one', '# two')), ['Hot']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('"3"', "'3'")), ['Hot']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('c: 2, d: "3"', 'd: "3", c: 2')), ['Hot']);
  });

  it('leaves the values of other rules to those', () => {
    assert.deepEqual(changes(policy(rules), TEXT.replace('a: 1', 'a: 111')), ['Restart']);
    assert.deepEqual(changes(policy(rules), TEXT.replace('c: 2', 'c: 5')), ['Hot']);
  });

  it('leaves values to the rules of bytes of another class, too', () => {
    const both = [...rules, { comparison: 'Bytes', class: 'Restart' }] as const;
    assert.deepEqual(changes(policy(both), TEXT.replace('a: 1', 'a: "1"')), ['Restart']);
    assert.deepEqual(changes(policy(both), TEXT.replace('c: 2', 'c: "2"')), ['Hot']);
    assert.deepEqual(changes(policy(both), TEXT.replace('# one', '# two')), ['Hot', 'Restart']);
  });

  it('is not what a rule goes by that says nothing and takes what paths leave', () => {
    assert.deepEqual(changes(policy([{ paths: ['/b/**'] }, { class: 'Restart' }]), TEXT.replace('# one', '')), []);
  });
});
