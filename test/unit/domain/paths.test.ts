import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PATH_PATTERN } from '../../../src/api/v1alpha1/documents.ts';
import { compilePath, compilePaths } from '../../../src/domain/paths.ts';

/** What a pattern means, without any care for time. */
const reference = (pattern: readonly string[], tokens: readonly string[]): boolean => {
  const [head, ...rest] = pattern;
  if (head === undefined) return tokens.length === 0;
  if (head === '**') return reference(rest, tokens) || (tokens.length > 0 && reference(pattern, tokens.slice(1)));
  const [token, ...others] = tokens;
  if (token === undefined) return false;
  const literal = head.replaceAll('~2', '*').replaceAll('~1', '/').replaceAll('~0', '~');
  return (head === '*' || literal === token) && reference(rest, others);
};

const TOKENS = ['a', 'b', '', '*', '**', 'a/b', '~', '0', '~2'];
const name = fc.constantFrom(...TOKENS);
const literal = name.map((token) => token.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('*', '~2'));
const pattern = fc.array(fc.oneof(literal, fc.constantFrom('*', '**', '**')), { minLength: 1, maxLength: 7 });
const place = fc.array(name, { maxLength: 7 });

describe('a path', () => {
  for (const [path, tokens, expected] of [
    ['/logging/level', ['logging', 'level'], true],
    ['/logging/level', ['logging'], false],
    ['/logging/level', ['logging', 'level', '0'], false],
    ['/rateLimits/**', ['rateLimits'], true],
    ['/rateLimits/**', ['rateLimits', 'a', '0'], true],
    ['/rateLimits/**', ['rateLimitsX'], false],
    ['/rateLimits/*', ['rateLimits', 'a'], true],
    ['/rateLimits/*', ['rateLimits'], false],
    ['/**', [], true],
    ['/**/level', ['level'], true],
    ['/**/level', ['a', 'b', 'level'], true],
    ['/**/level', ['a', 'level', 'b'], false],
    ['/*/level', ['0', 'level'], true],
    ['/a~1b/~2', ['a/b', '*'], true],
    ['/a~1b/~2', ['a/b', 'c'], false],
    ['/~0', ['~'], true],
    ['/', [''], true],
    ['/', [], false],
    ['/**/**', [], true],
    ['/__proto__', ['__proto__'], true],
  ] as const) {
    it(`${path} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(tokens)}`, () => {
      assert.match(path, PATH_PATTERN);
      assert.equal(compilePath(path)(tokens), expected);
    });
  }

  it('means what its naive reading means', () => {
    fc.assert(
      fc.property(pattern, place, (tokens, at) => {
        const path = `/${tokens.join('/')}`;
        assert.match(path, PATH_PATTERN);
        assert.equal(compilePath(path)(at), reference(tokens, at));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is found as the first of several lists, whatever was asked before', () => {
    const lists = fc.array(fc.array(pattern, { maxLength: 4 }), { maxLength: 5 });
    fc.assert(
      fc.property(lists, fc.array(place, { maxLength: 20 }), (patterns, places) => {
        const find = compilePaths(patterns.map((list) => list.map((tokens) => `/${tokens.join('/')}`)));
        for (const at of places) {
          const pointer = at.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
          const expected = patterns.findIndex((list) => list.some((tokens) => reference(tokens, at)));
          assert.equal(find(pointer), expected);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no longer for a catastrophic pattern', () => {
    const find = compilePath(`${'/**/a'.repeat(90)}/b`);
    const tokens = Array.from({ length: 100 }, () => 'a');
    assert.ok(fastest(() => assert.equal(find(tokens), false)) < 5);
  });

  it('is found among 256 patterns for 50,000 places', () => {
    const patterns = Array.from({ length: 256 }, (_, index) => `/**/k${index}/*/x/**/y${index}`);
    const pointers = Array.from({ length: 50_000 }, (_, index) => `/a/k${index % 300}/${index}/x/b/c/y${index % 300}`);
    const took = fastest(() => {
      const find = compilePaths(patterns.map((each) => [each]));
      pointers.forEach((pointer, index) => assert.equal(find(pointer), index % 300 < 256 ? index % 300 : -1));
    }, 3);
    assert.ok(took < 1_000, `took ${took} ms`);
  });
});

/** The fastest tells of the algorithm, the others of the machine. */
const fastest = (run: () => void, times = 20): number =>
  Math.min(
    ...Array.from({ length: times }, () => {
      const startedAt = performance.now();
      run();
      return performance.now() - startedAt;
    }),
  );
