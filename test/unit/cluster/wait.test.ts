import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../support/wait.ts';

const soon = { what: 'the moon', timeoutMs: 40, intervalMs: 1 };
/** More than any machine needs: what holds is given back at once. */
const patient = { ...soon, timeoutMs: 20_000 };

describe('eventually', () => {
  it('gives the first value that is neither false, null nor undefined', async () => {
    const attempts = [undefined, null, false, 0];
    assert.equal(await eventually(() => attempts.shift(), patient), 0);
  });

  it('tries again after a failure', async () => {
    let tries = 0;
    await eventually(() => {
      tries += 1;
      assert.ok(tries >= 3);
      return true;
    }, patient);
    assert.equal(tries, 3);
  });

  it('names what it waited for and keeps the latest failure', async () => {
    const cause = new Error('still dark');
    await assert.rejects(
      eventually(() => Promise.reject(cause), soon),
      { message: 'timed out after 40 ms waiting for the moon: still dark', cause },
    );
  });
});
