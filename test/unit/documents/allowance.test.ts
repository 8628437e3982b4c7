import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allow } from '../../../src/documents/allowance.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** @param share of a processor that is had @returns after how many milliseconds it is used up */
const usedUpAfter = async (share: number | undefined): Promise<number | undefined> => {
  const clock = createFakeClock();
  const start = clock.now();
  let at: number | undefined;
  const stop = allow({
    clock,
    ms: 5_000,
    used: () => Promise.resolve(share === undefined ? undefined : (clock.now() - start) * share),
    usedUp: () => (at = clock.now() - start),
  });
  await clock.advance(60_000);
  stop();
  assert.equal(clock.pending, 0);
  return at;
};

describe('an allowance', () => {
  it('is used up by the time of a processor', async () => {
    assert.equal(await usedUpAfter(1), 5_000);
    const half = (await usedUpAfter(0.5)) ?? 0;
    assert.ok(half >= 10_000 && half < 10_200, String(half));
  });

  it('is used up by the clock in the end', async () => {
    assert.equal(await usedUpAfter(0.001), 30_000);
    assert.equal(await usedUpAfter(undefined), 30_000);
  });

  it('is not used up any more when it has been ended', async () => {
    const clock = createFakeClock();
    let answer = (_: number): void => undefined;
    const stop = allow({
      clock,
      ms: 1_000,
      used: () => new Promise((resolve) => (answer = resolve)),
      usedUp: () => assert.fail('it has been ended'),
    });
    await clock.advance(1_000);
    stop();
    answer(9_999);
    await clock.advance(60_000);
    assert.equal(clock.pending, 0);
  });
});
