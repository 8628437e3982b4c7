import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import {
  createReflector,
  type ListWatch,
  type Page,
  type Reflector,
  type ReflectorOptions,
  type WatchEvent,
} from '../../../src/runtime/reflector.ts';
import { createFakeClock, settled, type FakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog, type RecordingLog } from '../../support/recording-log.ts';

interface Item {
  readonly name: string;
  readonly version: string;
}

const item = (name: string, version: number): Item => ({ name, version: String(version) });
const page = (version: number, items: readonly Item[], continueToken?: string): Page<Item> => ({
  items,
  resourceVersion: String(version),
  ...(continueToken !== undefined && { continueToken }),
});

class HttpError extends Error {
  readonly status: number;
  readonly retryAfterMs?: number;
  constructor(status: number, retryAfterMs?: number) {
    super(`answer ${status}`);
    this.status = status;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** What a watch does, in order; at the end of the script it stays open and silent until the abort. */
type WatchStep = WatchEvent<Item> | Error | 'open' | 'end' | { readonly after: number };

interface Script {
  /** One answer for each list call; the last one goes on for ever. */
  readonly lists: readonly (Page<Item> | Error)[];
  /** One script for each watch; after the last, watches open and stay silent. */
  readonly watches?: readonly (readonly WatchStep[])[];
}

/** The source's side of the port, by a script: the calls it got are to be read off `calls`. */
function scriptedSource(
  { lists, watches = [] }: Script,
  clock: FakeClock,
): {
  readonly source: ListWatch<Item>;
  readonly calls: string[];
} {
  const calls: string[] = [];
  let listed = 0;
  let watched = 0;

  async function* watch(
    { resourceVersion, onOpen }: { readonly resourceVersion: string; readonly onOpen?: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Item>, void, undefined> {
    calls.push(`watch ${resourceVersion}`);
    for (const step of watches[watched++] ?? ['open' as const]) {
      await Promise.resolve();
      if (step === 'open') onOpen?.();
      else if (step === 'end') return;
      else if (step instanceof Error) throw step;
      else if ('after' in step) await clock.sleep(step.after, signal);
      else yield step;
    }
    await new Promise((_, reject) => {
      const abort = (): void => {
        reject(new Error('cut by the abort'));
      };
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort);
    });
  }

  return {
    calls,
    source: {
      list: ({ limit, continueToken }) => {
        calls.push(`list ${limit}${continueToken === undefined ? '' : ` ${continueToken}`}`);
        const answer = lists[Math.min(listed++, lists.length - 1)];
        return answer instanceof Error || answer === undefined
          ? Promise.reject(answer ?? new Error('no script'))
          : Promise.resolve(answer);
      },
      watch,
      resourceVersionOf: ({ version }) => version,
    },
  };
}

interface Bench {
  readonly clock: FakeClock;
  readonly log: RecordingLog;
  readonly calls: string[];
  /** What the sink was told. */
  readonly told: string[];
  readonly reflector: Reflector;
  readonly controller: AbortController;
  readonly running: Promise<void>;
}

async function start(script: Script, options: Partial<ReflectorOptions<Item>> = {}): Promise<Bench> {
  const clock = createFakeClock();
  const log = createRecordingLog();
  const { source, calls } = scriptedSource(script, clock);
  const told: string[] = [];
  const reflector = createReflector<Item>({
    name: 'items',
    source,
    sink: {
      listing: () => told.push('listing'),
      rewound: () => told.push('rewound'),
      upsert: ({ name, version }) => told.push(`${name}@${version}`),
      remove: ({ name }) => told.push(`-${name}`),
      listed: () => told.push('listed'),
    },
    clock,
    random: () => 0,
    log,
    pageSize: 2,
    idleMs: 90_000,
    ...options,
  });
  const controller = new AbortController();
  const running = reflector.run(controller.signal);
  await settled();
  return { clock, log, calls, told, reflector, controller, running };
}

const empty = page(10, []);

describe('reflector', () => {
  it('hands a list on page by page, then watches from its version', async () => {
    const { calls, told, reflector } = await start({
      lists: [page(10, [item('a', 1), item('b', 2)], 'next'), page(10, [item('c', 3)])],
    });
    assert.deepEqual(calls, ['list 2', 'list 2 next', 'watch 10']);
    assert.deepEqual(told, ['listing', 'a@1', 'b@2', 'c@3', 'listed']);
    await reflector.synced;
    assert.equal(reflector.status().synced, true);
  });

  it('passes events on', async () => {
    const { told } = await start({
      lists: [empty],
      watches: [
        [
          'open',
          { type: 'ADDED', object: item('a', 11) },
          { type: 'MODIFIED', object: item('a', 12) },
          { type: 'DELETED', object: item('a', 13) },
        ],
      ],
    });
    assert.deepEqual(told, ['listing', 'listed', 'a@11', 'a@12', '-a']);
  });

  const resumes: readonly [string, readonly WatchStep[], string][] = [
    ['a clean end', ['open', { type: 'ADDED', object: item('a', 11) }, 'end'], 'watch 11'],
    ['a clean end after a bookmark', ['open', { type: 'BOOKMARK', resourceVersion: '42' }, 'end'], 'watch 42'],
    ['a cut socket', ['open', { type: 'ADDED', object: item('a', 11) }, new Error('reset')], 'watch 11'],
    ['a cut before anything came', [new Error('refused')], 'watch 10'],
    [
      'an error event that is not about the version',
      ['open', { type: 'ERROR', code: 500, message: 'oops' }],
      'watch 10',
    ],
    ['an answer of 503', [new HttpError(503)], 'watch 10'],
  ];
  for (const [what, steps, resumed] of resumes) {
    it(`resumes where it stopped after ${what}`, async () => {
      const { calls, clock } = await start({ lists: [empty], watches: [steps] });
      await clock.advance(1000);
      assert.deepEqual(calls, ['list 2', 'watch 10', resumed]);
    });
  }

  const relists: readonly [string, readonly (readonly WatchStep[])[]][] = [
    ['410 as the answer to a watch', [[new HttpError(410)]]],
    ['410 as an event', [['open', { type: 'ERROR', code: 410, message: 'too old resource version' }]]],
    [
      'a watch that is refused three times in a row',
      [[new HttpError(500)], [new HttpError(500)], [new HttpError(500)]],
    ],
  ];
  for (const [what, watches] of relists) {
    it(`lists again after ${what}`, async () => {
      const { calls, told, clock } = await start({
        lists: [page(10, [item('a', 1)]), page(20, [item('b', 2)])],
        watches,
      });
      await clock.advance(5000);
      assert.deepEqual(calls.slice(-2), ['list 2', 'watch 20']);
      assert.deepEqual(told, ['listing', 'a@1', 'listed', 'listing', 'b@2', 'listed']);
    });
  }

  it('does not list again because the API is away for long', async () => {
    const away = Array.from({ length: 30 }, () => [new Error('refused')]);
    const { calls, clock } = await start({ lists: [empty], watches: away });
    await clock.advance(600_000);
    assert.equal(calls.filter((call) => call.startsWith('list')).length, 1);
    assert.equal(calls.at(-1), 'watch 10');
  });

  it('begins a list anew when its continue token has expired', async () => {
    const { calls, told, clock } = await start({
      lists: [page(10, [item('a', 1)], 'next'), new HttpError(410), page(20, [item('b', 2)])],
    });
    await clock.advance(1000);
    assert.deepEqual(calls, ['list 2', 'list 2 next', 'list 2', 'watch 20']);
    assert.deepEqual(told, ['listing', 'a@1', 'listing', 'b@2', 'listed']);
  });

  it('never takes a failed list for an empty one', async () => {
    const { told, reflector, clock } = await start({ lists: [new HttpError(403)] });
    await clock.advance(60_000);
    assert.ok(!told.includes('listed'));
    assert.equal(reflector.status().synced, false);
    assert.match(String(reflector.status().error?.message), /answer 403/);
  });

  it('watches anew after a silence, from where it stopped', async () => {
    const { calls, clock, reflector } = await start({
      lists: [empty],
      watches: [['open', { after: 60_000 }, { type: 'BOOKMARK', resourceVersion: '15' }]],
    });
    await clock.advance(149_999);
    assert.deepEqual(calls, ['list 2', 'watch 10']);
    await clock.advance(101);
    assert.deepEqual(calls.slice(2), ['watch 15']);
    assert.equal(reflector.status().error, undefined);
  });

  it('does not back off from one silence to the next, however soon a watch counts as silent', async () => {
    const { calls, clock } = await start(
      { lists: [empty], watches: Array.from({ length: 20 }, () => ['open', { after: 60_000 }]) },
      { idleMs: 5_000 },
    );
    await clock.advance(10 * 5_100);
    assert.equal(calls.length, 2 + 10);
  });

  it('gives up an opening that gets no answer', async () => {
    const { calls, clock } = await start({ lists: [empty], watches: [[{ after: 1_000_000 }]] });
    await clock.advance(90_100);
    assert.deepEqual(calls, ['list 2', 'watch 10', 'watch 10']);
  });

  it('leaves nothing behind on its signal, however many watches there were', async () => {
    const { controller, clock, calls } = await start({
      lists: [empty],
      watches: Array.from({ length: 20 }, (): readonly WatchStep[] => ['open', { after: 20_000 }, 'end']),
    });
    await clock.advance(300_000);
    assert.ok(calls.length > 10);
    assert.ok(getEventListeners(controller.signal, 'abort').length <= 2);
  });

  it('pauses longer and longer while watches end at once, and begins anew after progress', async () => {
    const atOnce = Array.from({ length: 4 }, (): readonly WatchStep[] => ['open', 'end']);
    const { calls, clock } = await start({
      lists: [empty],
      watches: [...atOnce, ['open', { type: 'BOOKMARK', resourceVersion: '11' }, 'end'], ['end']],
    });
    const count = (): number => calls.length - 1;
    const counts: number[] = [];
    for (const ms of [99, 1, 199, 1, 400, 800, 99, 1]) {
      await clock.advance(ms);
      counts.push(count());
    }
    assert.deepEqual(counts, [1, 2, 2, 3, 4, 5, 5, 6]);
  });

  it('honours Retry-After, but not for ever', async () => {
    const { calls, clock } = await start({ lists: [new HttpError(429, 7000), new HttpError(429, 3_600_000), empty] });
    await clock.advance(6999);
    assert.equal(calls.length, 1);
    await clock.advance(1);
    assert.equal(calls.length, 2);
    await clock.advance(60_000);
    assert.equal(calls.length, 4);
  });

  it('says that a list is of an earlier state than what it passed on before', async () => {
    const gone = { type: 'ERROR', code: 410, message: 'too old' } as const;
    const { told, clock, log } = await start({
      lists: [page(10, []), page(9, [item('a', 5)]), page(12, [])],
      watches: [
        ['open', { type: 'ADDED', object: item('a', 11) }, gone],
        ['open', gone],
      ],
    });
    await clock.advance(60_000);
    assert.deepEqual(told, ['listing', 'listed', 'a@11', 'listing', 'rewound', 'a@5', 'listed', 'listing', 'listed']);
    assert.ok(log.lines.some(({ message }) => message === 'the server is at an earlier version than it was'));
  });

  it('goes on when the sink throws, and says so', async () => {
    let upserts = 0;
    const { log, reflector } = await start(
      { lists: [page(10, [item('a', 1), item('b', 2)])] },
      {
        sink: {
          listing: () => undefined,
          rewound: () => undefined,
          upsert: () => {
            upserts += 1;
            throw new Error('bad sink');
          },
          remove: () => undefined,
          listed: () => undefined,
        },
      },
    );
    assert.equal(upserts, 2);
    assert.equal(reflector.status().synced, true);
    assert.ok(log.lines.some(({ message }) => message === 'the sink of a reflector failed'));
  });

  it('ends in the middle of anything when it is aborted, and leaves no timer', async () => {
    for (const script of [{ lists: [empty] }, { lists: [new Error('away')] }]) {
      const { controller, running, clock, log } = await start(script);
      const before = log.lines.length;
      controller.abort();
      await running;
      assert.equal(clock.pending, 0);
      assert.equal(log.lines.length, before);
    }
  });

  it('proves alive by opening, events and bookmarks, not by failures', async () => {
    const { reflector, clock } = await start({
      lists: [empty],
      watches: [['open'], [new Error('away')], [new Error('away')]],
    });
    const openedAt = clock.now();
    await clock.advance(95_000);
    assert.equal(reflector.status().aliveAt, openedAt + 90_000 + 100 + 200 + 400);
  });
});
