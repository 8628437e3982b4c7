import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ask, type AskOptions } from '../../../src/agent/ask.ts';
import type { Answer, Question } from '../../../src/agent/protocol.ts';
import { digestParts } from '../../../src/domain/digest.ts';
import { systemClock, type Clock } from '../../../src/runtime/clock.ts';
import type { AtomicWriter } from '../../support/atomic-writer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aQuestion, createVolumes, POD, type Volumes } from '../../support/volumes.ts';
import { eventually } from '../../support/wait.ts';

const WAIT = { waitMs: 20_000 };

/** The kernel's events, counted. */
const createWatch = (): {
  readonly watch: AskOptions['watch'];
  readonly open: () => number;
  readonly begun: () => number;
} => {
  let open = 0;
  let begun = 0;
  return {
    watch: (folder, onEvent) => {
      const watcher = watch(folder, onEvent);
      watcher.on('error', onEvent);
      open += 1;
      begun += 1;
      return () => {
        open -= 1;
        watcher.close();
      };
    },
    open: () => open,
    begun: () => begun,
  };
};

describe('an answer', () => {
  let volumes: Volumes;
  let writer: AtomicWriter;
  beforeEach(() => {
    volumes = createVolumes();
    ({ writer } = volumes.volume());
    writer.write({ a: 'one' });
  });
  afterEach(() => {
    volumes.remove();
  });

  const asked = (
    question: Question,
    { signal = new AbortController().signal, ...options }: Partial<AskOptions> & { readonly signal?: AbortSignal } = {},
  ): Promise<Answer> =>
    ask(question, signal, {
      podsFolder: volumes.podsFolder,
      clock: systemClock,
      watch: createWatch().watch,
      ...options,
    });

  it('is yes at once where it is so, and nothing is watched', async () => {
    const { watch, begun } = createWatch();
    assert.deepEqual(await asked(aQuestion({ a: 'one' }, WAIT), { watch }), { type: 'Mounted' });
    assert.equal(begun(), 0);
  });

  it('is yes as soon as it is so, by an event', async () => {
    const { watch, open } = createWatch();
    // Nothing but the events can bring it: this clock stands still.
    const answer = asked(aQuestion({ a: 'two', b: 'two' }, WAIT), { watch, clock: createFakeClock() });
    await eventually(() => open() === 1, { what: 'the watch' });
    writer.write({ a: 'two', b: 'two' });
    assert.deepEqual(await answer, { type: 'Mounted' });
    assert.equal(open(), 0);
  });

  it('is yes where a change falls between the first look and the watch', async () => {
    const early: AskOptions['watch'] = () => {
      writer.write({ a: 'two' });
      return () => undefined;
    };
    const answer = asked(aQuestion({ a: 'two' }, WAIT), { watch: early, clock: createFakeClock() });
    assert.deepEqual(await answer, { type: 'Mounted' });
  });

  for (const [what, watch] of [
    ['none come', () => () => undefined],
    [
      'none are to be had',
      () => {
        throw new Error('ENOSPC');
      },
    ],
  ] as const satisfies readonly (readonly [string, AskOptions['watch']])[]) {
    it(`is yes by looking again where of events ${what}`, async () => {
      const answer = asked(aQuestion({ a: 'two' }, WAIT), { watch });
      writer.write({ a: 'two' });
      const begun = performance.now();
      assert.deepEqual(await answer, { type: 'Mounted' });
      assert.ok(performance.now() - begun < 5_000);
    });
  }

  it('names what differs when the time is over, and looks more and more seldom until then', async () => {
    const clock = createFakeClock();
    let looks = 0;
    const counting: Clock = {
      ...clock,
      schedule: (ms, run) => {
        looks += 1;
        return clock.schedule(ms, run);
      },
    };
    const answer = asked(aQuestion({ a: 'two', b: null }, WAIT), { clock: counting, watch: () => () => undefined });
    let done: Answer | undefined;
    void answer.then((value) => (done = value));
    await eventually(
      async () => {
        if (clock.pending > 0) await clock.advance(100);
        return done !== undefined;
      },
      { what: 'the answer', intervalMs: 1 },
    );
    assert.deepEqual(done, { type: 'Differs', files: ['a'] });
    assert.ok(looks > 20 && looks < 30, `${String(looks)} looks`);
  });

  it('is no at once where nobody wants to wait', async () => {
    const { watch, begun } = createWatch();
    assert.deepEqual(await asked(aQuestion({ a: 'two' }), { watch }), { type: 'Differs', files: ['a'] });
    assert.equal(begun(), 0);
  });

  it('ends with its asker, and leaves nothing behind', async () => {
    const { watch, open } = createWatch();
    const clock = createFakeClock();
    const gone = new AbortController();
    const answer = asked(aQuestion({ a: 'two' }, WAIT), { watch, clock, signal: gone.signal });
    await eventually(() => open() === 1 && clock.pending === 1, { what: 'the wait' });
    gone.abort();
    await answer;
    assert.equal(open(), 0);
    assert.equal(clock.pending, 0);
  });

  it('says so when the volume goes meanwhile', async () => {
    const { watch, open } = createWatch();
    const answer = asked(aQuestion({ a: 'two' }, WAIT), { watch });
    await eventually(() => open() === 1, { what: 'the watch' });
    rmSync(join(volumes.podsFolder, POD), { recursive: true });
    assert.deepEqual(await answer, { type: 'Unavailable', why: 'no such volume on this node' });
  });

  it('goes by MACs where the question brings a key', async () => {
    const key = Buffer.alloc(32, 7);
    const mac = (text: string): string => digestParts({ format: 'q1', key, context: [] }, text);
    const withKey = (digest: string, bytes: Buffer): Question => ({
      ...aQuestion({}),
      files: [['a', digest]],
      key: bytes.toString('base64url'),
    });
    assert.deepEqual(await asked(withKey(mac('one'), key)), { type: 'Mounted' });
    assert.equal((await asked(withKey(mac('two'), key))).type, 'Differs');
    assert.equal((await asked(withKey(mac('one'), Buffer.alloc(32, 8)))).type, 'Differs');
  });
});
