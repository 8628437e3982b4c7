/** Waiting for what is urgent, within bounds. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createQuiet } from '../../../src/controller/quiet.ts';
import { createFakeClock, settled } from '../../support/fake-clock.ts';

/** A queue that is at work until it is told to rest. */
const aQueue = () => {
  let idle = Promise.withResolvers<undefined>();
  return {
    idle: () => idle.promise,
    rest: () => {
      idle.resolve(undefined);
    },
    work: () => {
      idle = Promise.withResolvers<undefined>();
    },
  };
};

/** Whether a promise has resolved by now. */
const isDone = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => (done = true));
  await settled();
  return done;
};

describe('the wait for quiet', () => {
  it('ends when all queues are idle', async () => {
    const [clock, one, other] = [createFakeClock(), aQueue(), aQueue()];
    const quiet = createQuiet([one, other], clock);
    const waiting = quiet();
    one.rest();
    assert.equal(await isDone(waiting), false);
    other.rest();
    assert.equal(await isDone(waiting), true);
    assert.equal(clock.pending, 0);
  });

  it('ends after three seconds, and lets all through from then on', async () => {
    const [clock, queue] = [createFakeClock(), aQueue()];
    const quiet = createQuiet([queue], clock);
    const waiting = quiet();
    await clock.advance(2_999);
    assert.equal(await isDone(waiting), false);
    await clock.advance(1);
    assert.equal(await isDone(waiting), true);
    assert.equal(await isDone(quiet()), true);
  });

  it('begins anew once the queues have been idle', async () => {
    const [clock, queue] = [createFakeClock(), aQueue()];
    const quiet = createQuiet([queue], clock);
    void quiet();
    await clock.advance(3_000);
    queue.rest();
    await settled();
    queue.work();
    assert.equal(await isDone(quiet()), false);
  });
});
