import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSlots } from '../../../src/kube/slots.ts';
import { settled } from '../../support/fake-clock.ts';

const { signal: never } = new AbortController();

describe('slots', () => {
  it('let callers in in their order, no more than allowed', async () => {
    const slots = createSlots(2);
    const entered: number[] = [];
    const releases: (() => void)[] = [];
    for (const caller of [0, 1, 2, 3]) {
      void slots.take(never).then((release) => {
        entered.push(caller);
        releases[caller] = release;
      });
    }
    await settled();
    assert.deepEqual(entered, [0, 1]);
    releases[1]?.();
    await settled();
    assert.deepEqual(entered, [0, 1, 2]);
  });

  it('forget a caller that gives up, and keep his slot for the next', async () => {
    const slots = createSlots(1);
    const release = await slots.take(never);
    const controller = new AbortController();
    const reason = new Error('no longer');
    const given = slots.take(controller.signal);
    const next = slots.take(never);
    controller.abort(reason);
    await assert.rejects(given, reason);
    await assert.rejects(slots.take(controller.signal), reason);
    release();
    await next;
  });

  it('are never lost nor multiplied', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 30 }),
        async (count, aborts) => {
          const slots = createSlots(count);
          let inside = 0;
          await Promise.all(
            aborts.map(async (abort) => {
              const controller = new AbortController();
              const taking = slots.take(controller.signal);
              if (abort) controller.abort(new Error('given up'));
              try {
                const release = await taking;
                inside += 1;
                assert.ok(inside <= count);
                await settled();
                inside -= 1;
                release();
              } catch (error) {
                assert.equal((error as Error).message, 'given up');
              }
            }),
          );
          await Promise.all(Array.from({ length: count }, () => slots.take(never)));
        },
      ),
      { numRuns: 50 },
    );
  });
});
