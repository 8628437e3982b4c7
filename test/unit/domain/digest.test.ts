import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  bareDigest,
  combineDigests,
  comparable,
  digestContent,
  digestKeys,
  digestVersion,
  macKey,
  macScheme,
  moved,
} from '../../../src/domain/digest.ts';

describe('the digest of content', () => {
  it('is versioned and fits into an annotation', () => {
    const digest = digestContent('a');
    assert.match(digest, /^v1:[A-Za-z0-9_-]{22}$/);
    assert.equal(bareDigest(digest), digest.slice(3));
  });

  it('is the same for ever: records of earlier releases hold it', () => {
    // printf 'hello' | openssl dgst -sha256 -binary | basenc --base64url | cut -c 1-22
    assert.equal(digestContent('hello'), 'v1:LPJNul-wow4m6Dsqxbninh');
  });

  it('is of the bytes, whether they come as text or as base64', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const base64 = Buffer.from(text, 'utf8').toString('base64');
        assert.deepEqual(digestKeys({ key: text }), digestKeys({}, { key: base64 }));
      }),
    );
  });

  it('differs where the bytes do', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        assert.equal(digestContent(a) === digestContent(b), Buffer.from(a).equals(Buffer.from(b)));
      }),
    );
  });
});

describe('the digest of many', () => {
  const named = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 })), {
    selector: ([name]) => name,
  });

  it('does not depend on their order', () => {
    fc.assert(
      fc.property(
        named.chain((items) => fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length }))),
        ([items, shuffled]) => {
          assert.equal(combineDigests(items), combineDigests(shuffled));
        },
      ),
    );
  });

  it('tells apart any two that differ in a name or a digest', () => {
    const canonical = (items: readonly (readonly [string, string])[]): string =>
      JSON.stringify([...items].sort(([a], [b]) => (a < b ? -1 : 1)));
    fc.assert(
      fc.property(named, named, (a, b) => {
        assert.equal(combineDigests(a) === combineDigests(b), canonical(a) === canonical(b));
      }),
    );
  });

  for (const [what, a, b] of [
    ['a boundary between name and digest', [['ab', 'c']], [['a', 'bc']]],
    [
      'a boundary between two entries',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
      [['a', 'b1:c1:d']],
    ],
    [
      'a name that looks like an entry',
      [
        ['a', ''],
        ['b', ''],
      ],
      [['a0:b', '']],
    ],
    ['digits that look like a length', [['1', '1:1']], [['11', ':1']]],
    ['no entry and an empty one', [], [['', '']]],
  ] as const) {
    it(`is not fooled by ${what}`, () => {
      assert.notEqual(combineDigests(a), combineDigests(b));
    });
  }
});

describe('two digests of one key', () => {
  const a = digestContent('a');
  const b = digestContent('b');
  for (const [what, recorded, present, expected] of [
    ['the same', a, a, false],
    ['another content', a, b, true],
    ['a key that came', undefined, a, true],
    ['a key that went', a, undefined, true],
    ['a key that had gone and came back', '', a, true],
    ['no key at all', undefined, undefined, false],
    ['a record in another format', 'v0:abc', a, false],
    ['a record in another format, of a key that went', 'v0:abc', undefined, false],
    ['a record in the format of a later release', 'v11:abc', a, false],
  ] as const) {
    it(`${expected ? 'say that content moved' : 'say nothing'}: ${what}`, () => {
      assert.equal(moved(recorded, present), expected);
    });
  }
});

describe('the MAC of a value', () => {
  const key = { id: '0a1b2c3d', bytes: Buffer.alloc(32, 7) };
  const scheme = macScheme(key, 'shop', 'Secret', 'db');

  it('names its key, and fits into an annotation', () => {
    assert.match(digestContent('a', scheme, 'password'), /^m1-0a1b2c3d:[A-Za-z0-9_-]{22}$/);
    assert.equal(bareDigest(digestContent('a', scheme, 'password')).length, 22);
  });

  it('depends on the key of the MAC, on where the value stands, and on the value', () => {
    const others = [
      digestContent('b', scheme, 'password'),
      digestContent('a', scheme, 'user'),
      digestContent('a', macScheme(key, 'shop', 'Secret', 'cache'), 'password'),
      digestContent('a', macScheme(key, 'test', 'Secret', 'db'), 'password'),
      digestContent('a', macScheme({ ...key, bytes: Buffer.alloc(32, 8) }, 'shop', 'Secret', 'db'), 'password'),
    ].map(bareDigest);
    const mac = bareDigest(digestContent('a', scheme, 'password'));
    assert.equal(new Set([mac, ...others]).size, 6);
  });

  it('of another key says nothing, also of a value that is gone', () => {
    const before = digestContent('a', macScheme({ ...key, id: 'ffffffff' }, 'shop', 'Secret', 'db'), 'password');
    assert.equal(moved(before, digestContent('b', scheme, 'password'), scheme.format), false);
    assert.equal(moved(before, undefined, scheme.format), false);
  });
});

describe('the key of the MACs', () => {
  it('is named by the beginning of its hash', () => {
    // head -c 32 /dev/zero | sha256sum | cut -c 1-8
    assert.equal(macKey(new Uint8Array(32)).id, '66687aad');
  });
});

describe('digests', () => {
  const [plain, first, second] = [
    digestKeys({ a: '1', b: '2' }),
    digestKeys({ a: '1' }, {}, macScheme(macKey(new Uint8Array(32).fill(1)), 'x')),
    digestKeys({ a: '1', b: '2' }, {}, macScheme(macKey(new Uint8Array(32).fill(2)), 'x')),
  ];
  const version = new Map([['*', digestVersion('uid', '1')]]);
  const none = new Map<string, string>();
  for (const [what, a, b, expected] of [
    ['of one format', plain, digestKeys({ c: '3' }), true],
    ['of different keys', first, second, false],
    ['of a version and of content', version, first, false],
    ['of no key at all', none, first, true],
    ['some of which are of the same format', new Map([...first, ...version]), first, true],
  ] as const) {
    it(`${what}: can be held against each other: ${expected}`, () => {
      assert.equal(comparable(a, b), expected);
      assert.equal(comparable(b, a), expected);
    });
  }

  it('of a version are of nothing but uid and resourceVersion', () => {
    assert.equal(digestVersion('u', '12'), digestVersion('u', '12'));
    assert.notEqual(digestVersion('u', '12'), digestVersion('u1', '2'));
    assert.match(digestVersion('u', '12'), /^rv:[\w-]{22}$/);
  });
});
