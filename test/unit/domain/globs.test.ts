import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesGlob } from '../../../src/domain/globs.ts';

/** What a glob means, without any care for time. */
const reference = (glob: string, key: string): boolean => {
  if (glob === '') return key === '';
  const [head = '', rest] = [glob[0], glob.slice(1)];
  if (head === '*') return reference(rest, key) || (key !== '' && reference(glob, key.slice(1)));
  return key !== '' && (head === '?' || head === key[0]) && reference(rest, key.slice(1));
};

describe('a glob', () => {
  for (const [glob, key, expected] of [
    ['config.yaml', 'config.yaml', true],
    ['config.yaml', 'configXyaml', false],
    ['*.rego', 'policy.rego', true],
    ['*.rego', '.rego', true],
    ['*.rego', 'policy.rego.bak', false],
    ['*-period', 'cooldown-period', true],
    ['*', '', true],
    ['*', '.hidden.file', true],
    ['?', '.', true],
    ['?', '', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['**', 'anything', true],
    ['*a*b', 'xxaxxbxxb', true],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['a.b', 'aXb', false],
  ] as const) {
    it(`${glob} ${expected ? 'matches' : 'does not match'} "${key}"`, () => {
      assert.equal(matchesGlob(glob, key), expected);
    });
  }

  it('means what its naive reading means', () => {
    const short = (alphabet: string): fc.Arbitrary<string> =>
      fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), maxLength: 8 });
    fc.assert(
      fc.property(short('ab*?.'), short('ab.'), (glob, key) => {
        assert.equal(matchesGlob(glob, key), reference(glob, key));
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes no longer for a catastrophic pattern', () => {
    const key = 'a'.repeat(253);
    const glob = `${'*a'.repeat(60)}*b`;
    const times = Array.from({ length: 20 }, () => {
      const startedAt = performance.now();
      assert.equal(matchesGlob(glob, key), false);
      return performance.now() - startedAt;
    });
    // The fastest tells of the algorithm, the others of the machine.
    const took = Math.min(...times);
    assert.ok(took < 5, `took ${took} ms`);
  });
});
