import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/runtime/clock.ts';

describe('system clock', () => {
  it('rejects a sleep with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
    await assert.rejects(systemClock.sleep(1, controller.signal), reason);
  });

  it('sleeps and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const removed: string[] = [];
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (type: string, ...rest: unknown[]) => {
      removed.push(type);
      Reflect.apply(remove, signal, [type, ...rest]);
    };
    await systemClock.sleep(1, signal);
    assert.deepEqual(removed, ['abort']);
  });

  it('does not fire a delay that exceeds what the machine can count', async () => {
    let fired = false;
    const cancel = systemClock.schedule(2 ** 31 + 1000, () => (fired = true));
    await systemClock.sleep(20, new AbortController().signal);
    cancel();
    assert.equal(fired, false);
  });

  it('does not fire a cancelled timer', async () => {
    let fired = false;
    systemClock.schedule(1, () => (fired = true))();
    await systemClock.sleep(10, new AbortController().signal);
    assert.equal(fired, false);
  });
});
