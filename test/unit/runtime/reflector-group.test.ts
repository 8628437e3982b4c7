import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReflectorGroup } from '../../../src/runtime/reflector-group.ts';
import type { Reflector } from '../../../src/runtime/reflector.ts';
import { createFakeClock, settled } from '../../support/fake-clock.ts';

/** One that runs until it is told to end, and says so. */
const aReflector = (name: string, running: Set<string>): Reflector => ({
  run: async (signal) => {
    running.add(name);
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve);
    });
    running.delete(name);
  },
  synced: Promise.resolve(),
  status: () => ({ name, synced: false, aliveAt: undefined }),
  probe: () => Promise.resolve(),
});

describe('a group of reflectors', () => {
  it('runs what was begun before it and after, ends each by itself, and all with itself', async () => {
    const running = new Set<string>();
    const ended = new AbortController();
    const clock = createFakeClock();
    const group = createReflectorGroup(clock);
    const endFirst = group.begin(aReflector('first', running));
    assert.deepEqual([...running], []);
    const run = group.run(ended.signal);
    group.begin(aReflector('second', running));
    assert.deepEqual([...running], ['first', 'second']);
    endFirst();
    await settled();
    assert.deepEqual([...running], ['second']);
    assert.deepEqual(
      group.members().map((member) => member.status().name),
      ['second'],
    );
    ended.abort();
    await run;
    assert.deepEqual([...running], []);
    group.begin(aReflector('late', running));
    assert.deepEqual([...running], []);
  });

  it('counts one without a sign of life as alive since it began', () => {
    const clock = createFakeClock();
    const group = createReflectorGroup(clock);
    group.begin(aReflector('first', new Set()));
    assert.equal(group.members()[0]?.status().aliveAt, clock.now());
  });
});
