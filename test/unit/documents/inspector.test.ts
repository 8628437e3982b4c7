import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspectKey } from '../../../src/documents/inspect.ts';
import { createInspector, WORKER_URL, type InspectorOptions } from '../../../src/documents/inspector.ts';
import type { Inspector, KeyInspection } from '../../../src/domain/inspection.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { CHECKOUT } from '../../cluster/state.ts';
import { createRecordingLog } from '../../support/recording-log.ts';
import { eventually } from '../../support/wait.ts';
import { policy, request } from './requests.ts';

const NEVER = new AbortController().signal;
const MIB = 2 ** 20;

const opened: Inspector[] = [];
after(() => Promise.all(opened.map((each) => each.close())));

const inspector = (options: Partial<InspectorOptions> = {}): Inspector => {
  const made = createInspector({ url: WORKER_URL, clock: systemClock, log: createRecordingLog(), ...options });
  opened.push(made);
  return made;
};

/** Takes some seconds to check, without an end in sight before. */
const slow = (n = 0) =>
  request(JSON.stringify(Array.from({ length: 90_000 }, () => n)), {
    key: 'app.json',
    policies: [
      policy({
        validation: [
          {
            keys: ['*'],
            schema: JSON.stringify({ items: { enum: Array.from({ length: 8_000 }, (_, i) => `e${i}`) } }),
          },
        ],
      }),
    ],
  });

/** A little less than 1 MiB, or as much as asked for. */
const filled = (text: string, size = MIB - 64): string => text.repeat(Math.floor(size / text.length));
let started = 0;
let running = 0;
process.on('worker', (worker) => {
  started++;
  running++;
  worker.once('exit', () => running--);
});

describe('the inspector', () => {
  it('answers as if it had been asked here', async () => {
    const asked = request('hot: {a: 1}\nport: 80\n');
    assert.deepEqual(await inspector().inspect(asked, NEVER), inspectKey(asked));
    const wrong = request(Buffer.from('a: ['));
    assert.deepEqual(await inspector().inspect(wrong, NEVER), inspectKey(wrong));
  });

  it('takes requests in order, with one worker for all, which ends when there is nothing to do', async () => {
    const before = started;
    const others = running;
    const inspects = inspector({ idleMs: 50 });
    assert.equal(started, before);
    const answered: number[] = [];
    const jobs = Array.from({ length: 10 }, async (_, n) => {
      await inspects.inspect(request(`a: ${n}`), NEVER);
      answered.push(n);
    });

    await Promise.all(jobs);
    assert.deepEqual(answered, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(started, before + 1);
    await eventually(() => running === others, { what: 'the worker to end' });
    // In the midst of ending, too, there is an answer.
    for (let n = 0; n < 20; n++) {
      await inspects.inspect(request('a: 1'), NEVER);
      await new Promise((resolve) => setTimeout(resolve, 45 + n));
    }
  });

  it('refuses what takes too long, and goes on', async () => {
    const log = createRecordingLog();
    const inspects = inspector({ deadlineMs: 300, log });
    const refused = inspects.inspect(slow(), NEVER);
    const next = inspects.inspect(request('a: 1'), NEVER);
    const reason = 'takes longer than 0.3 s to look into, and is taken for invalid';
    assert.deepEqual((await refused).problems, new Map([['web', [{ key: 'app.json', rule: 1, message: reason }]]]));
    assert.equal((await refused).document?.error, reason);
    assert.deepEqual(await next, inspectKey(request('a: 1')));
    assert.deepEqual(
      log.lines.map(({ level, fields }) => [level, fields]),
      [['warn', { source: { kind: 'ConfigMap', name: 'app' }, key: 'app.json', reason }]],
    );
    // The very same is not tried again.
    const start = performance.now();
    assert.deepEqual(await inspects.inspect(slow(), NEVER), await refused);
    assert.ok(performance.now() - start < 250);
    assert.equal(log.lines.length, 1);
  });

  it('refuses what takes too much memory, and goes on', async () => {
    const inspects = inspector({ memoryMb: 48 });
    const large = request(filled('- - - - - - - - - -\n'));
    const reason = 'needs too much memory to look into, and is taken for invalid';
    const { document, problems } = await inspects.inspect(large, NEVER);
    assert.equal(document?.error, reason);
    assert.equal(problems.get('web')?.[0]?.message, reason);
    assert.deepEqual(await inspects.inspect(request('a: 1'), NEVER), inspectKey(request('a: 1')));
  });

  it('lets go of what is not wanted any more', async () => {
    const inspects = inspector();
    const [current, waiting] = [new AbortController(), new AbortController()];
    const [first, second] = [inspects.inspect(slow(1), current.signal), inspects.inspect(slow(2), waiting.signal)];
    const third = inspects.inspect(request('a: 1'), NEVER);
    waiting.abort(new Error('second'));
    current.abort(new Error('first'));
    await assert.rejects(first, /^Error: first$/);
    await assert.rejects(second, /^Error: second$/);
    assert.deepEqual(await third, inspectKey(request('a: 1')));
    await assert.rejects(inspects.inspect(request('a'), AbortSignal.abort(new Error('before'))), /before/);
  });

  it('ends at once when it is closed', async () => {
    const inspects = inspector();
    const jobs = [slow(3), request('a: 1')].map((each) => inspects.inspect(each, NEVER));
    const settled = Promise.allSettled(jobs);
    await inspects.close();
    for (const each of await settled) {
      assert.equal(each.status, 'rejected');
      assert.match(String(each.reason), /the operator is stopping/);
    }
    await assert.rejects(inspects.inspect(request('a'), NEVER), /the operator is stopping/);
    await inspects.close();
  });

  it('rejects where there is no worker to be had: that is no fault of the content', async () => {
    const inspects = inspector({ url: new URL('./gone.ts', import.meta.url) });
    for (let n = 0; n < 2; n++) {
      await assert.rejects(
        inspects.inspect(request('a'), NEVER),
        /the worker that looks into content can't be started: .*gone\.ts/,
      );
    }
  });

  const program = (onMessage: string): URL =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads';
        parentPort.on('message', ({ request: { content }, refused: error }) => {
          if (error === undefined) { ${onMessage}; }
          else parentPort.postMessage({ type: 'Inspected', inspection: { document: { error }, problems: new Map() } });
        });
        parentPort.postMessage({ type: 'Ready' });`)}`,
    );

  it('takes content for invalid that brings about an error of our own, and tells nothing of it', async () => {
    for (const [url, expected] of [
      [program('throw new Error(content)'), /^can not be looked into, and is taken/],
      [program('console.error(content); process.exit(3)'), /^can not be looked into, and is taken/],
      [program("parentPort.postMessage({ type: 'Failed', at: 'TypeError' })"), /an error of the operator itself/],
    ] as const) {
      const log = createRecordingLog();
      const inspects = inspector({ url, log });
      const { document } = await inspects.inspect(request('swordfish'), NEVER);
      assert.match(document?.error ?? '', expected);
      assert.ok(log.lines.length > 0);
      assert.doesNotMatch(JSON.stringify(log.lines), /swordfish/);
    }
  });
});

/** How long the main thread has been ready to run, and was not let: the machine was busy with other things. */
const waited = (): number => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;

const LONGEST_TURN_MS = 20;

/** The longest turn of the main thread's loop while something is done, as long as it had a processor, in milliseconds. */
const longestTurn = async (work: () => Promise<unknown>): Promise<number> => {
  let longest = 0;
  let before = { at: performance.now(), waited: waited() };
  const timer = setInterval(() => {
    const now = { at: performance.now(), waited: waited() };
    // The timer itself waits for 5 ms.
    longest = Math.max(longest, now.at - before.at - (now.waited - before.waited) - 5);
    before = now;
  }, 5);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return longest;
  } finally {
    clearInterval(timer);
  }
};

/** A lock may be held by a thread that is not let run, either: then it is tried again. */
const shortestOf = async (attempts: number, work: (attempt: number) => Promise<unknown>): Promise<number> => {
  let shortest = Infinity;
  for (let attempt = 0; attempt < attempts && shortest > LONGEST_TURN_MS; attempt++) {
    shortest = Math.min(shortest, await longestTurn(() => work(attempt)));
  }
  return shortest;
};

describe('1 MiB of hostile content', () => {
  const nested = Array.from(
    { length: 30 },
    (_, n) => `a${n + 1}: &a${n + 1} [${Array.from({ length: 10 }, () => `*a${n}`).join(',')}]\n`,
  ).join('');
  const HOSTILE: readonly (readonly [name: string, content: string, says: RegExp, key?: string])[] = [
    ['aliases of aliases', `a0: &a0 [x]\n${nested}`, /has more than \d+/],
    ['many aliases', `- &a b\n${filled('- *a\n')}`, /has more than \d+|too much memory/],
    ['a long value many times', `- &a ${'x'.repeat(500_000)}\n${filled('- *a\n', 500_000)}`, /too long together/],
    ['anchors', filled('- &a a\n'), /has more than \d+|too much memory/],
    ['depth', filled('['), /nested more than 100 levels/],
    ['depth of blocks', filled('- - - - - - - - - -\n'), /has more than \d+|too much memory/],
    ['depth of keys', filled('? '), /nested more than 100 levels/],
    ['duplicate keys', filled('a: 1\n'), /line \d+|too much memory|has more than \d+/],
    ['documents', filled('---\n'), /has more than \d+|too much memory/],
    ['duplicate keys in TOML', filled('a=1\n'), /line \d+|too much memory|has more than \d+/, 'app.toml'],
    ['depth in JSON', filled('['), /nested more than 100 levels/, 'app.json'],
  ];

  it('is refused with a clear message, in bounded memory, and never blocks the main thread', async (test) => {
    const inspects = inspector();
    await inspects.inspect(request('a: 1'), NEVER);
    const before = process.memoryUsage.rss();
    let most = 0;
    const sampler = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 10).unref();
    for (const [name, content, says, key = 'app.yaml'] of HOSTILE) {
      let took = 0;
      const longest = await shortestOf(3, async (attempt) => {
        const start = performance.now();
        // What was refused is not tried again: another content each time.
        const { document } = await inspects.inspect(request(content + ' '.repeat(attempt), { key }), NEVER);
        took = performance.now() - start;
        assert.match(document?.error ?? '', says, name);
        assert.ok((document?.error ?? '').length < 200);
      });
      test.diagnostic(`${name}: ${took.toFixed(0)} ms, turns of the main thread up to ${longest.toFixed(1)} ms`);
      assert.ok(longest <= LONGEST_TURN_MS, `${name}: ${longest} ms`);
    }
    clearInterval(sampler);
    test.diagnostic(`memory grew by at most ${(most / MIB).toFixed(0)} MiB`);
    assert.ok(most < 220 * MIB, `memory grew by ${(most / MIB).toFixed(0)} MiB`);
  });
});

describe('ten documents of 100 KB, of which one value changes', () => {
  const document = (n: number, last: number): string => {
    const services = Array.from(
      { length: 1_700 },
      (_, i) => `service-${n}-${i}:\n  host: host-${i}.example.com\n  port: ${1_000 + i} # its port\n`,
    ).join('');
    return `${services.slice(0, services.lastIndexOf('\nservice', 102_000) + 1)}hot:\n  last: ${last}\n`;
  };

  it('takes at most 400 ms when warm, and never blocks the main thread', async (test) => {
    const inspects = inspector();
    const validation = [{ keys: ['*.yaml'], schema: JSON.stringify({ additionalProperties: { type: 'object' } }) }];
    const asked = (n: number, last: number) =>
      request(document(n, last), { key: `${n}.yaml`, policies: [policy({ validation })] });
    const first: KeyInspection[] = [];
    for (let n = 0; n < 10; n++) {
      assert.ok(Math.abs(asked(n, 0).content.length - 100_000) < 3_000);
      first.push(await inspects.inspect(asked(n, 0), NEVER));
    }
    const times: number[] = [];
    let last = 0;
    const longest = await shortestOf(3, async () => {
      times.length = 0;
      while (times.length < 5 || (Math.min(...times) > 400 && times.length < 20)) {
        const start = performance.now();
        const changed = await inspects.inspect(asked(3, ++last), NEVER);
        times.push(performance.now() - start);
        const parts = changed.document?.parts;
        assert.equal(parts?.get('R'), first[3]?.document?.parts.get('R'));
        assert.notEqual(parts?.get('H'), first[3]?.document?.parts.get('H'));
        assert.deepEqual(changed.problems, new Map());
      }
    });
    assert.ok(longest <= LONGEST_TURN_MS, `${longest} ms`);
    test.diagnostic(`turns of the main thread up to ${longest.toFixed(1)} ms`);
    test.diagnostic(`fastest ${Math.min(...times).toFixed(0)} ms of ${times.length}`);
    assert.ok(Math.min(...times) <= 400, times.join(', '));
  });
});

describe('without code from strings', () => {
  it('everything is checked, in the worker too', () => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', join(CHECKOUT, 'test/unit/documents/strict/main.ts')],
      { encoding: 'utf8', timeout: 60_000 },
    );
    assert.equal(stderr, '');
    assert.equal(status, 0);
    const [took, found] = JSON.parse(stdout) as [number, unknown];
    assert.ok(took < 10_000);
    // Properties, dotenv and INI take it as it is.
    assert.deepEqual(found, [
      [1, '/a'],
      [3, ''],
      [4, ''],
      [8, ''],
      [9, ''],
      [10, ''],
      [11, ''],
      [12, ''],
      [13, ''],
    ]);
  });
});
