import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../src/runtime/clock.ts';
import { TerminalError, WaitingError } from '../../../src/runtime/errors.ts';
import { createWorkQueue, type Worker, type WorkOutcome, type WorkQueue } from '../../../src/runtime/workqueue.ts';
import { createFakeClock, settled, type FakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog, type RecordingLog } from '../../support/recording-log.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly queue: WorkQueue;
  readonly log: RecordingLog;
  readonly results: [string, WorkOutcome][];
  readonly retries: [string, number][];
  readonly controller: AbortController;
  readonly running: Promise<void>;
}

function start(worker: Worker, { concurrency = 1 } = {}): Bench {
  const clock = createFakeClock();
  const log = createRecordingLog();
  const results: [string, WorkOutcome][] = [];
  const retries: [string, number][] = [];
  const queue = createWorkQueue({
    name: 'test',
    clock,
    log,
    random: () => 0,
    backoff: { minMs: 100, maxMs: 1000 },
    onResult: (key, outcome) => results.push([key, outcome]),
    onRetry: (key, delayMs) => retries.push([key, delayMs]),
  });
  const controller = new AbortController();
  return {
    clock,
    queue,
    log,
    results,
    retries,
    controller,
    running: queue.run(worker, { concurrency }, controller.signal),
  };
}

const failing = (fields: object): { readonly worker: Worker; readonly runs: string[] } => {
  const runs: string[] = [];
  return {
    runs,
    worker: (key) => {
      runs.push(key);
      return Promise.reject(Object.assign(new Error('no'), fields));
    },
  };
};

interface ManualWorker {
  readonly worker: Worker;
  readonly runs: string[];
  readonly end: (key: string) => Promise<void>;
}

/** A worker whose runs end when told to. */
function manual(): ManualWorker {
  const runs: string[] = [];
  const open = new Map<string, () => void>();
  return {
    runs,
    worker: (key) => {
      runs.push(key);
      return new Promise((resolve) =>
        open.set(key, () => {
          resolve();
        }),
      );
    },
    end: async (key) => {
      open.get(key)?.();
      open.delete(key);
      await settled();
    },
  };
}

/** Throws what the script says, run by run, then succeeds. */
function scripted(...script: readonly (Error | undefined)[]): { readonly worker: Worker; readonly runs: string[] } {
  const runs: string[] = [];
  return {
    runs,
    worker: (key) => {
      const error = script[runs.length];
      runs.push(key);
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  };
}

describe('work queue', () => {
  it('collapses adds of one stretch into one run', async () => {
    const { worker, runs } = scripted();
    const { queue } = start(worker);
    for (let i = 0; i < 150; i++) queue.add('a');
    await settled();
    assert.deepEqual(runs, ['a']);
  });

  it('starts a free worker without any timer', async () => {
    const { worker, runs } = scripted();
    const { queue } = start(worker);
    queue.add('a');
    await Promise.resolve();
    assert.deepEqual(runs, ['a']);
  });

  it('keeps what was added before the start', async () => {
    const clock = createFakeClock();
    const queue = createWorkQueue({ name: 'test', clock, log: createRecordingLog(), random: () => 0 });
    const { worker, runs } = scripted();
    queue.add('a');
    assert.equal(queue.depth(), 1);
    void queue.run(worker, { concurrency: 1 }, new AbortController().signal);
    await settled();
    assert.deepEqual(runs, ['a']);
  });

  it('runs keys in the order of their adds, as many at a time as allowed', async () => {
    const { worker, runs, end } = manual();
    const { queue } = start(worker, { concurrency: 2 });
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await settled();
    assert.deepEqual(runs, ['a', 'b']);
    assert.equal(queue.depth(), 2);
    await end('b');
    assert.deepEqual(runs, ['a', 'b', 'c']);
  });

  it('runs a key added while it runs exactly once more', async () => {
    const { worker, runs, end } = manual();
    const { queue } = start(worker, { concurrency: 4 });
    queue.add('a');
    await settled();
    queue.add('a');
    queue.add('a');
    await settled();
    assert.deepEqual(runs, ['a']);
    await end('a');
    assert.deepEqual(runs, ['a', 'a']);
    await end('a');
    assert.deepEqual(runs, ['a', 'a']);
  });

  it('lets the earliest of several delays win', async () => {
    const { worker, runs } = scripted();
    const { queue, clock } = start(worker);
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 300);
    await clock.advance(99);
    assert.deepEqual(runs, []);
    await clock.advance(1);
    assert.deepEqual(runs, ['a']);
    await clock.advance(1000);
    assert.deepEqual(runs, ['a']);
  });

  it('forgets a delay when the key is added', async () => {
    const { worker, runs } = scripted();
    const { queue, clock } = start(worker);
    queue.addAfter('a', 500);
    queue.add('a');
    await clock.advance(1000);
    assert.deepEqual(runs, ['a']);
    assert.equal(clock.pending, 0);
  });

  it('backs off a failing key, and starts over after a success', async () => {
    const boom = new Error('boom');
    const { worker, runs } = scripted(boom, boom, undefined, boom);
    const { queue, clock, retries, results } = start(worker);
    queue.add('a');
    await clock.advance(0);
    await clock.advance(100);
    await clock.advance(200);
    queue.add('a');
    await clock.advance(100);
    assert.deepEqual(retries, [
      ['a', 100],
      ['a', 200],
      ['a', 100],
    ]);
    assert.deepEqual(
      results.map(([, outcome]) => outcome),
      ['error', 'error', 'success', 'error', 'success'],
    );
    assert.equal(runs.length, 5);
  });

  it('leaves a key alone as long as the other side asks for, whoever adds it meanwhile', async () => {
    const runs: number[] = [];
    const bench = start(() => {
      runs.push(bench.clock.now());
      if (runs.length === 1) throw Object.assign(new Error('too many requests'), { status: 429, retryAfterMs: 5_000 });
      return Promise.resolve();
    });
    const begun = bench.clock.now();
    bench.queue.add('a');
    await settled();
    bench.queue.add('a');
    await bench.clock.advance(1_000);
    bench.queue.add('a');
    await bench.clock.advance(3_999);
    assert.deepEqual(runs, [begun]);
    await bench.clock.advance(1);
    assert.deepEqual(runs, [begun, begun + 5_000]);
    bench.queue.add('a');
    await settled();
    assert.equal(runs.length, 3);
    bench.controller.abort();
    await bench.running;
  });

  it('keeps a key that its timer brings back a moment before the pause is over', async () => {
    const { worker, runs } = failing({ retryAfterMs: 5_000 });
    const clock = createFakeClock();
    const early = { ...clock, schedule: (ms: number, run: () => void) => clock.schedule(Math.max(1, ms - 2), run) };
    const controller = new AbortController();
    const queue = createWorkQueue({ name: 'test', clock: early, log: createRecordingLog(), random: () => 0 });
    const running = queue.run(worker, { concurrency: 1 }, controller.signal);
    queue.add('a');
    await settled();
    await clock.advance(5_001);
    assert.equal(runs.length, 2);
    controller.abort();
    await running;
  });

  it('asks again after a minute whoever asks for a longer pause', async () => {
    const { worker, runs } = failing({ retryAfterMs: 3_600_000 });
    const bench = start(worker);
    bench.queue.add('a');
    await settled();
    await bench.clock.advance(60_000);
    assert.equal(runs.length, 2);
    bench.controller.abort();
    await bench.running;
  });

  it('does not retry a terminal error until the key is added again', async () => {
    const { worker, runs } = scripted(new TerminalError('Invalid', 'no'));
    const { queue, clock, results } = start(worker);
    queue.add('a');
    await clock.advance(1_000_000);
    assert.deepEqual(results, [['a', 'terminal']]);
    queue.add('a');
    await settled();
    assert.equal(runs.length, 2);
  });

  it('waits as long as a waiting error says, and forgets failures before', async () => {
    const wait = new WaitingError(5000, 'RollingOut', 'not yet');
    const { worker, runs } = scripted(new Error('boom'), wait, wait, new Error('boom'));
    const { queue, clock, results, retries } = start(worker);
    queue.add('a');
    await clock.advance(100);
    assert.equal(runs.length, 2);
    await clock.advance(4999);
    assert.equal(runs.length, 2);
    await clock.advance(1);
    await clock.advance(5000);
    assert.deepEqual(
      results.map(([, outcome]) => outcome),
      ['error', 'waiting', 'waiting', 'error'],
    );
    assert.deepEqual(retries, [
      ['a', 100],
      ['a', 100],
    ]);
  });

  it('runs a key again when its result says so', async () => {
    let runs = 0;
    const { queue, clock, results } = start(() => Promise.resolve(++runs === 1 ? { requeueAfterMs: 700 } : {}));
    queue.add('a');
    await clock.advance(699);
    assert.equal(runs, 1);
    await clock.advance(1);
    assert.equal(runs, 2);
    assert.deepEqual(results, [
      ['a', 'requeued'],
      ['a', 'success'],
    ]);
  });

  it('survives a worker that throws at once, and callbacks that throw', async () => {
    const clock = createFakeClock();
    const log = createRecordingLog();
    const fail = (): never => {
      throw new Error('bad callback');
    };
    const queue = createWorkQueue({
      name: 'test',
      clock,
      log,
      random: () => 0,
      onAdd: fail,
      onStart: fail,
      onResult: fail,
      onRetry: fail,
    });
    let runs = 0;
    void queue.run(
      () => {
        runs += 1;
        throw new Error('at once');
      },
      { concurrency: 1 },
      new AbortController().signal,
    );
    queue.add('a');
    await clock.advance(50);
    assert.equal(runs, 2);
    assert.ok(log.lines.some(({ message }) => message === 'a callback of the queue failed'));
  });

  it('on abort starts nothing new, waits for what runs and leaves no timer', async () => {
    const { worker, runs, end } = manual();
    const { queue, clock, controller, running } = start(worker);
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 100);
    await settled();
    let ended = false;
    void running.then(() => (ended = true));
    controller.abort();
    await settled();
    assert.equal(ended, false);
    await end('a');
    assert.equal(ended, true);
    assert.deepEqual(runs, ['a']);
    assert.equal(clock.pending, 0);
    queue.addAfter('d', 1);
    assert.equal(clock.pending, 0);
    await queue.idle();
  });

  it('is idle when nothing is in line and nothing runs', async () => {
    const { worker, end } = manual();
    const { queue } = start(worker);
    await queue.idle();
    queue.add('a');
    let idle = false;
    void queue.idle().then(() => (idle = true));
    await settled();
    assert.equal(idle, false);
    await end('a');
    assert.equal(idle, true);
  });

  it('refuses a second start and no concurrency', async () => {
    const { worker } = scripted();
    const { queue } = start(worker);
    await assert.rejects(queue.run(worker, { concurrency: 1 }, new AbortController().signal), /started before/);
    const other = createWorkQueue({ name: 'o', clock: createFakeClock(), log: createRecordingLog(), random: () => 0 });
    await assert.rejects(other.run(worker, { concurrency: 0 }, new AbortController().signal), /concurrency is 0/);
  });
});

describe('work queue, whatever happens', () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key }),
    fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: -5, max: 50 }) }),
    fc.record({ do: fc.constant('end' as const), key, failing: fc.boolean() }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 60 }) }),
  );

  it('never runs a key twice at once, never exceeds the concurrency, and runs everything after its last add', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const open = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
          /** For each key, whether something was added since its last run began. */
          const owed = new Set<string>();
          let draining = false;
          const worker: Worker = (running) => {
            assert.ok(!open.has(running), `${running} runs twice at once`);
            assert.ok(open.size < concurrency);
            owed.delete(running);
            if (draining) return Promise.resolve();
            return new Promise((resolve, reject) =>
              open.set(running, {
                resolve: () => {
                  resolve();
                },
                reject,
              }),
            );
          };
          const { queue, clock, controller, running } = start(worker, { concurrency });
          const end = (name: string, failing: boolean): void => {
            const run = open.get(name);
            open.delete(name);
            if (failing) owed.add(name);
            if (failing) run?.reject(new Error('scripted'));
            else run?.resolve();
          };
          for (const each of steps) {
            if (each.do === 'wait') await clock.advance(each.ms);
            else if (each.do === 'end') {
              if (open.has(each.key)) end(each.key, each.failing);
            } else {
              owed.add(each.key);
              if (each.do === 'add') queue.add(each.key);
              else queue.addAfter(each.key, each.ms);
            }
            await settled();
          }
          draining = true;
          for (const name of [...open.keys()]) end(name, false);
          await clock.advance(10_000);
          await queue.idle();
          assert.deepEqual([...owed], [], 'added and not run');
          controller.abort();
          await running;
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('starts a delayed key at the earliest of its times', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 10 }), async (delays) => {
        const startedAt: number[] = [];
        const bench = start(() => {
          startedAt.push(bench.clock.now());
          return Promise.resolve();
        });
        const from = bench.clock.now();
        for (const delay of delays) bench.queue.addAfter('a', delay);
        await bench.clock.advance(2000);
        assert.deepEqual(startedAt, [from + Math.min(...delays)]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a key that is to run again at once', () => {
  it('lets everything else have its turn first', async () => {
    let runs = 0;
    const controller = new AbortController();
    const queue = createWorkQueue({ name: 'test', clock: systemClock, random: () => 0, log: createRecordingLog() });
    const running = queue.run(
      () => {
        runs += 1;
        // Without a turn in between nothing would ever end this.
        if (runs > 100_000) controller.abort();
        return Promise.resolve({ requeueAfterMs: 0 });
      },
      { concurrency: 1 },
      controller.signal,
    );
    queue.add('a');
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    await running;
    assert.ok(runs > 1 && runs < 1_000, `${runs} runs`);
  });
});
