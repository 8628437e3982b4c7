import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLifecycle, type Lifecycle, type Part } from '../../../src/runtime/lifecycle.ts';
import { createFakeClock, settled, type FakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog, type RecordingLog } from '../../support/recording-log.ts';

interface Bench {
  readonly lifecycle: Lifecycle;
  readonly fatal: string[];
  readonly clock: FakeClock;
  readonly log: RecordingLog;
}

function bench(parts: readonly Part[]): Bench {
  const clock = createFakeClock();
  const log = createRecordingLog();
  const fatal: string[] = [];
  const lifecycle = createLifecycle({
    parts,
    clock,
    log,
    onFatal: ({ message }) => fatal.push(message),
    stopTimeoutMs: 1000,
  });
  return { lifecycle, fatal, clock, log };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

function recorded(events: string[], name: string, failing?: 'start' | 'stop'): Part {
  const step = (what: 'start' | 'stop'): Promise<void> => {
    events.push(`${what} ${name}`);
    return failing === what ? Promise.reject(new Error(`${what} of ${name} is broken`)) : Promise.resolve();
  };
  return { name, start: () => step('start'), stop: () => step('stop') };
}

describe('lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const events: string[] = [];
    const { lifecycle } = bench([recorded(events, 'a'), recorded(events, 'b')]);
    await lifecycle.start();
    await lifecycle.stop('done');
    await lifecycle.stop('again');
    assert.deepEqual(events, ['start a', 'start b', 'stop b', 'stop a']);
    assert.equal(lifecycle.signal.aborted, true);
  });

  it('undoes a start that fails, and names the part', async () => {
    const events: string[] = [];
    const { lifecycle } = bench([recorded(events, 'a'), recorded(events, 'b', 'start'), recorded(events, 'c')]);
    await assert.rejects(lifecycle.start(), /^Error: b could not start: start of b is broken$/);
    assert.deepEqual(events, ['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops the others when one cannot stop', async () => {
    const events: string[] = [];
    const { lifecycle, log } = bench([recorded(events, 'a'), recorded(events, 'b', 'stop')]);
    await lifecycle.start();
    await lifecycle.stop('done');
    assert.deepEqual(events.slice(2), ['stop b', 'stop a']);
    assert.ok(log.lines.some(({ level }) => level === 'error'));
  });

  it('aborts and awaits background tasks before it stops the parts', async () => {
    const events: string[] = [];
    const { lifecycle, fatal } = bench([recorded(events, 'a')]);
    await lifecycle.start();
    lifecycle.background('loop', async (signal) => {
      await untilAborted(signal);
      await settled();
      events.push('loop ended');
    });
    await lifecycle.stop('done');
    assert.deepEqual(events, ['start a', 'loop ended', 'stop a']);
    assert.deepEqual(fatal, []);
  });

  it('reports once what ends although it should not', async () => {
    const { lifecycle, fatal } = bench([]);
    lifecycle.background('quitter', () => Promise.resolve());
    lifecycle.background('loser', () => Promise.reject(new Error('lost')));
    await settled();
    assert.deepEqual(fatal, ['quitter ended although nothing asked it to']);
  });

  it('does not wait for ever', async () => {
    const { lifecycle, clock, log } = bench([]);
    lifecycle.background('deaf', () => new Promise(() => undefined));
    let stopped = false;
    void lifecycle.stop('done').then(() => (stopped = true));
    await clock.advance(999);
    assert.equal(stopped, false);
    await clock.advance(1);
    assert.equal(stopped, true);
    assert.ok(log.lines.some(({ message }) => message.includes('too long')));
  });
});
