import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createDeadline } from '../../../src/kube/deadline.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('deadline', () => {
  it('aborts when the time is over', async () => {
    const clock = createFakeClock();
    const deadline = createDeadline(clock, 100);
    await clock.advance(99);
    assert.equal(deadline.signal.aborted, false);
    await clock.advance(1);
    assert.deepEqual([deadline.signal.aborted, deadline.passed], [true, true]);
  });

  it('follows the outer signal, with its reason', () => {
    const outer = new AbortController();
    const deadline = createDeadline(createFakeClock(), 100, outer.signal);
    const reason = new Error('stop');
    outer.abort(reason);
    assert.deepEqual([deadline.signal.reason, deadline.passed], [reason, false]);
    assert.equal(createDeadline(createFakeClock(), 100, outer.signal).signal.reason, reason);
  });

  it('still follows the outer signal once the time is stopped', async () => {
    const clock = createFakeClock();
    const outer = new AbortController();
    const deadline = createDeadline(clock, 100, outer.signal);
    deadline.disarm();
    await clock.advance(1000);
    assert.equal(deadline.signal.aborted, false);
    outer.abort();
    assert.equal(deadline.signal.aborted, true);
  });

  it('lets go of everything', () => {
    const clock = createFakeClock();
    const outer = new AbortController();
    const deadline = createDeadline(clock, 100, outer.signal);
    deadline.clear();
    outer.abort();
    assert.deepEqual([deadline.signal.aborted, clock.pending], [false, 0]);
  });
});
