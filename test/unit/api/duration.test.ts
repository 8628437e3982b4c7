import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../src/api/v1alpha1/duration.ts';

describe('parseDuration', () => {
  const table: readonly (readonly [text: string, ms: number])[] = [
    ['0s', 0],
    ['500ms', 500],
    ['1s', 1_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['1m1s1ms', 61_001],
    ['1s1m', 61_000],
    ['1s1s', 2_000],
    ['007s', 7_000],
  ];
  for (const [text, ms] of table) {
    it(`reads ${text} as ${ms} ms`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }

  for (const text of ['', '5', 's', '5 s', '-1s', '1.5s', '1d', '1S', '5s ', '\n5s', '5s\n', '1us', 'm5']) {
    it(`refuses ${JSON.stringify(text)} and says what to write`, () => {
      assert.throws(() => parseDuration(text), { name: 'RangeError', message: /is no duration: write whole numbers/ });
    });
  }

  it('refuses what can not be counted exactly', () => {
    assert.throws(() => parseDuration('9999999999999999h'), { name: 'RangeError', message: /too long/ });
  });

  it('adds up the units of any sequence', () => {
    const part = fc.tuple(fc.nat(10_000), fc.constantFrom(['ms', 1], ['s', 1_000], ['m', 60_000], ['h', 3_600_000]));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const text = parts.map(([amount, [unit]]) => `${amount}${unit}`).join('');
        const expected = parts.reduce((sum, [amount, [, ms]]) => sum + amount * ms, 0);
        assert.equal(parseDuration(text), expected);
      }),
    );
  });
});

describe('formatDuration', () => {
  const table: readonly (readonly [ms: number, text: string])[] = [
    [0, '0s'],
    [500, '500ms'],
    [600_000, '10m'],
    [5_400_000, '1h30m'],
    [90_061_001, '25h1m1s1ms'],
  ];
  for (const [ms, text] of table) {
    it(`writes ${ms} ms as ${text}`, () => {
      assert.equal(formatDuration(ms), text);
    });
  }

  it('writes what parseDuration reads', () => {
    fc.assert(
      fc.property(fc.nat(7 * 86_400_000), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms);
      }),
    );
  });
});
