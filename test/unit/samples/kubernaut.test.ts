/** Parts of the samples that are worth a test of their own; the whole runs in test/e2e. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DURATION, milliseconds, NAMESPACE, readFlags } from '../../../config/samples/kubernaut/app/flags.ts';
import { enabledOf, parseJson, wholeNumber } from '../../../config/samples/kubernaut/app/json.ts';
import { createLimiter } from '../../../config/samples/kubernaut/app/limiter.ts';

describe('flags', () => {
  const read = (...argv: readonly string[]): unknown => readFlags(argv, { period: DURATION, namespace: NAMESPACE });

  it('are read', () => {
    assert.deepEqual(read('--period=1h30m', '--namespace=jobs'), { period: '1h30m', namespace: 'jobs' });
  });

  const bad: readonly (readonly [argv: readonly string[], sentence: RegExp])[] = [
    [['--namespace=jobs'], /^--period is missing: it takes a duration such as/],
    [['--period=-1', '--namespace=jobs'], /^--period is "-1", but it takes a duration such as/],
    [['--period=', '--namespace=jobs'], /^--period is "", but it takes a duration/],
    [['--period=5m', '--namespace=Jobs'], /^--namespace is "Jobs", but it takes the name of a namespace$/],
    [['--perod=5m'], /^Unknown option '--perod'/],
  ];
  for (const [argv, sentence] of bad)
    it(`${argv.join(' ')} is refused`, () => assert.throws(() => read(...argv), { message: sentence }));

  it('count durations in milliseconds', () => {
    assert.deepEqual(['0s', '250ms', '1h30m', '1m1s'].map(milliseconds), [0, 250, 5_400_000, 61_000]);
  });
});

describe('settings in JSON', () => {
  it('are refused with the place, and without what is written there', () => {
    assert.throws(() => parseJson('{"password": hunter2'), { message: 'is not JSON' });
    assert.throws(() => parseJson('[]'), { message: 'the whole is no object with fields' });
    assert.throws(() => wholeNumber('7', 'rate', [1, 9]), { message: 'rate takes a whole number from 1 to 9' });
    assert.throws(() => enabledOf({ a: { enabled: 1 } }, 'sets'), { message: 'sets.a.enabled takes true or false' });
  });
});

describe('a limiter', () => {
  const slow = { requestsPerSecond: 10, burst: 5 };

  it('lets a burst through, and then as many as its rate', () => {
    const limiter = createLimiter(slow, 0);
    const passed = (at: number, asked: number): number =>
      Array.from({ length: asked }, () => limiter.allows(at)).filter(Boolean).length;
    assert.deepEqual([passed(0, 10), passed(100, 10), passed(100, 1), passed(10_000, 10)], [5, 1, 0, 5]);
  });

  it('goes by new limits at once', () => {
    const limiter = createLimiter(slow, 0);
    for (let i = 0; i < 5; i++) limiter.allows(0);
    limiter.move({ requestsPerSecond: 1_000, burst: 100 }, 0);
    assert.equal(limiter.allows(0), true);
    limiter.move({ requestsPerSecond: 1, burst: 1 }, 0);
    assert.deepEqual([limiter.allows(0), limiter.allows(0), limiter.allows(1_000)], [true, false, true]);
  });

  it('never refuses because of a change what both the former and the new limits allow', () => {
    const limits = fc.record({
      requestsPerSecond: fc.integer({ min: 100, max: 1_000 }),
      burst: fc.integer({ min: 10, max: 500 }),
    });
    fc.assert(
      fc.property(limits, fc.array(limits, { maxLength: 20 }), (first, moves) => {
        const limiter = createLimiter(first, 0);
        // 100 requests a second, one each 10 ms, as every one of these limits allows, moved before any of them.
        for (let i = 0; i < 200; i++) {
          const next = moves[i % 10 === 0 ? i / 10 : moves.length];
          if (next !== undefined) limiter.move(next, i * 10);
          assert.equal(limiter.allows(i * 10), true);
        }
      }),
    );
  });
});
