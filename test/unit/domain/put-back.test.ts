/** How often a live object is put back that somebody else keeps changing. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { putBackInMs, putBackOnce, unsettledMs, type PutBacks } from '../../../src/domain/put-back.ts';
import { HOUR, MINUTE, SECOND, T0 } from '../../support/builders.ts';

const EDITED = { change: 'Edited' } as const;

/** The times of all that is put back in a while of edits that come every so often. */
const putBacks = (everyMs: number, forMs: number): readonly number[] => {
  const times: number[] = [];
  let last: PutBacks | undefined;
  let theirs = false;
  for (let now = T0; now < T0 + forMs; now += 10) {
    if ((now - T0) % everyMs === 0) theirs = true;
    if (!theirs || putBackInMs(last, now) > 0) continue;
    last = putBackOnce(last, EDITED, now);
    times.push(now - T0);
    theirs = false;
  }
  return times;
};

describe('what others do to a live object', () => {
  it('is put back at once for three times, and then less and less often', () => {
    const at = putBacks(100, 20 * SECOND);
    assert.deepEqual(at.slice(0, 3), [0, 100, 200]);
    assert.deepEqual(at.slice(3), [1_200, 3_200, 7_200, 15_200]);
  });

  it('is put back every five minutes at the least, for as long as it goes on', () => {
    const at = putBacks(SECOND, 2 * HOUR);
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    assert.ok(Math.max(...pauses) <= 5 * MINUTE + SECOND, String(Math.max(...pauses)));
    assert.ok(at.length <= 3 + 9 + 24, String(at.length));
  });

  it('is put back at once, however often it comes, where it does not come in a row', () => {
    assert.equal(putBacks(10 * MINUTE, 2 * HOUR).length, 12);
    assert.ok(putBacks(10 * MINUTE, 2 * HOUR).every((time, index) => time === index * 10 * MINUTE));
  });

  it('keeps it fought over for ten seconds after it was put back, if there was a fight', () => {
    const [once, often] = [1, 5].map((times) => ({ ...EDITED, at: T0, times }));
    assert.equal(unsettledMs(undefined, T0), 0);
    assert.equal(unsettledMs(once, T0), 0);
    assert.equal(unsettledMs(often, T0 + 4 * SECOND), 6 * SECOND);
    assert.equal(unsettledMs(often, T0 + 10 * SECOND), 0);
  });

  it('waits no longer than its pause, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: -HOUR, max: HOUR }), (times, shift) => {
        const wait = putBackInMs({ ...EDITED, at: T0, times }, T0 + shift);
        assert.ok(wait >= 0 && wait <= 5 * MINUTE);
        assert.ok(times >= 3 || wait === 0);
      }),
    );
  });
});
