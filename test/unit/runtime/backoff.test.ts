import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backoffDelay, createBackoff } from '../../../src/runtime/backoff.ts';

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoff', () => {
  it('doubles from the shortest delay to the longest', () => {
    const backoff = createBackoff({ minMs: 100, maxMs: 1000, random: () => 0 });
    assert.deepEqual(
      Array.from({ length: 6 }, () => backoff.next()),
      [100, 200, 400, 500, 500, 500],
    );
  });

  it('starts over after a success', () => {
    const backoff = createBackoff({ minMs: 100, maxMs: 1000, random: () => 0 });
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 100);
  });

  it('stays within its bounds, however often it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.nat(2000),
        unit,
        (minMs, more, attempt, draw) => {
          const delay = backoffDelay(attempt, { minMs, maxMs: minMs + more, random: () => draw });
          assert.ok(delay >= minMs && delay <= minMs + more, String(delay));
        },
      ),
    );
  });

  it('spreads callers that fail together over at least half of the delay', () => {
    const bounds = { minMs: 100, maxMs: 10_000 };
    for (const attempt of [0, 1, 5, 50]) {
      const shortest = backoffDelay(attempt, { ...bounds, random: () => 0 });
      const longest = backoffDelay(attempt, { ...bounds, random: () => 0.999_999 });
      assert.ok(longest >= 1.99 * shortest, `${shortest} to ${longest}`);
    }
  });
});
