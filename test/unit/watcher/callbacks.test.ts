/** Functions of the application can fail, hang, or turn on the watcher that calls them. */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { createGroup, watchFile, type Watcher, type WatchOptions } from '../../../src/watcher/index.ts';
import { eventually } from '../../support/wait.ts';
import { watched } from '../../support/watched.ts';

const SOON = { timeoutMs: 5_000, intervalMs: 5 };
const never = (): Promise<never> => new Promise(() => undefined);

const begin = async (t: TestContext, options: WatchOptions<string> = {}) => {
  const { path, common, lines } = watched(t);
  const put = (text: string): void => {
    writeFileSync(path('a'), text);
  };
  put('0');
  const watcher = watchFile(path('a'), { ...common, debounceMs: 0, ...options });
  await watcher.ready();
  return { watcher, put, lines, path, common };
};

const inForce = (watcher: Watcher<string>, text: string): Promise<true> =>
  eventually(() => watcher.current === text, { what: `${text} in force`, ...SOON });

describe('a callback', () => {
  it('that throws neither stops the others nor undoes the reload, and is reported', async (t: TestContext) => {
    const { watcher, put, lines, path } = await begin(t);
    const seen: string[] = [];
    watcher.onChange(() => {
      throw new Error('at once\nsecond line');
    });
    watcher.onChange(async () => {
      await Promise.reject(new Error('later'));
    });
    watcher.onChange((next) => {
      seen.push(next);
    });
    put('1');
    await eventually(() => watcher.status().counts.callbackFailures === 2, { what: 'two failures', ...SOON });
    assert.deepEqual(seen, ['1']);
    const { state, callbackError, counts } = watcher.status();
    assert.equal(state, 'Loaded');
    assert.equal(callbackError, 'later');
    assert.equal(counts.reloads, 2);
    assert.ok(lines.includes(`${path('a')}: a callback failed, the reload stands: at once`));
  });

  it('that hangs is given up after its time, and what came meanwhile is told once', async (t: TestContext) => {
    const { watcher, put } = await begin(t, { callbackTimeoutMs: 300 });
    const seen: string[] = [];
    let hangs = true;
    watcher.onChange(function slow() {
      return hangs ? never() : undefined;
    });
    watcher.onChange((next, previous) => {
      seen.push(`${String(previous)}→${next}`);
    });
    put('1');
    await eventually(() => seen.length === 1, { what: 'the other to be told', ...SOON });
    hangs = false;
    for (const text of ['2', '3', '4']) put(text);
    await inForce(watcher, '4');
    await eventually(() => seen.length === 2, { what: 'the change to be told', ...SOON });
    assert.deepEqual(seen, ['0→1', '1→4']);
    assert.equal(watcher.status().counts.callbackFailures, 1);
    assert.equal(watcher.status().callbackError, undefined, 'the later change was told without a failure');
  });

  it('names itself when it takes longer than its own time', async (t: TestContext) => {
    const { watcher, put } = await begin(t);
    watcher.onChange(
      function reconnect() {
        return never();
      },
      { timeoutMs: 10 },
    );
    put('1');
    await eventually(() => watcher.status().callbackError !== undefined, { what: 'the failure', ...SOON });
    assert.equal(watcher.status().callbackError, 'the callback reconnect took longer than 10 ms');
  });

  it('runs one change at a time', async (t: TestContext) => {
    const { watcher, put } = await begin(t);
    let running = 0;
    let most = 0;
    watcher.onChange(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 30));
      running -= 1;
    });
    for (const text of ['1', '2', '3']) {
      put(text);
      await inForce(watcher, text);
    }
    assert.equal(most, 1);
  });

  it('that comes late is told of what is in force if it asks to be', async (t: TestContext) => {
    const { watcher, put } = await begin(t);
    const calls: (readonly unknown[])[] = [];
    watcher.onChange((...call) => {
      calls.push(['without', ...call]);
    });
    watcher.onChange(
      (...call) => {
        calls.push(['with', ...call]);
      },
      { current: true },
    );
    await eventually(() => calls.length === 1, { what: 'the late one to be told', ...SOON });
    put('1');
    await eventually(() => calls.length === 3, { what: 'both to be told', ...SOON });
    assert.deepEqual(calls, [
      ['with', '0', undefined, ['a']],
      ['without', '1', '0', ['a']],
      ['with', '1', '0', ['a']],
    ]);
  });

  it('that was taken out is not called, not even by one that is called before it', async (t: TestContext) => {
    const { watcher, put } = await begin(t);
    const seen: string[] = [];
    watcher.onChange(() => {
      seen.push('first');
      remove();
    });
    const remove = watcher.onChange(() => {
      seen.push('second');
    });
    put('1');
    await inForce(watcher, '1');
    await watcher.force();
    assert.deepEqual(seen, ['first']);
  });

  for (const wait of [true, false])
    it(`may force the watcher${wait ? ' and wait for it' : ''}`, async (t: TestContext) => {
      const { watcher, put } = await begin(t);
      const seen: string[] = [];
      watcher.onChange(async (next) => {
        seen.push(next);
        if (next === '1') put('2');
        const forced = watcher.force();
        if (wait) await forced;
      });
      put('1');
      await inForce(watcher, '2');
      await watcher.force();
      assert.deepEqual(seen, ['1', '2']);
      assert.equal(watcher.status().counts.callbackFailures, 0);
    });

  for (const wait of [true, false])
    it(`may close the watcher${wait ? ' and wait for it' : ''}`, async (t: TestContext) => {
      const { watcher, put } = await begin(t);
      const seen: string[] = [];
      watcher.onChange(async () => {
        seen.push('first');
        const closed = watcher.close();
        if (wait) await closed;
        seen.push('closed');
      });
      watcher.onChange(() => {
        seen.push('second');
      });
      put('1');
      await eventually(() => seen.includes('closed'), { what: 'it to be closed', ...SOON });
      await watcher.close();
      assert.deepEqual(seen, ['first', 'closed']);
      assert.equal(watcher.status().state, 'Closed');
      assert.equal(watcher.current, '1');
    });

  it('of another watcher may be waited for that forces this one', async (t: TestContext) => {
    const { watcher, put, path, common } = await begin(t);
    writeFileSync(path('b'), '0');
    const other = watchFile(path('b'), { ...common, debounceMs: 0 });
    await other.ready();
    watcher.onChange(async (next) => {
      writeFileSync(path('b'), next);
      await other.force();
    });
    other.onChange(async () => {
      await watcher.force();
    });
    put('1');
    await inForce(other, '1');
    await common.group.force();
    assert.deepEqual([watcher.status().counts.callbackFailures, other.status().counts.callbackFailures], [0, 0]);
  });

  it('may leave something behind that forces the watcher and waits', async (t: TestContext) => {
    const { watcher, put } = await begin(t);
    let reload = (): Promise<unknown> => Promise.resolve();
    const { promise: later, resolve: go } = Promise.withResolvers<undefined>();
    watcher.onChange((next) => {
      // Runs with the callback's own context, long after it.
      if (next === '1') reload = () => later.then(() => watcher.force());
      if (next === '1') left.push(reload());
    });
    const left: Promise<unknown>[] = [];
    put('1');
    await inForce(watcher, '1');
    await watcher.force();
    put('2');
    go(undefined);
    await Promise.all(left);
    assert.equal(watcher.current, '2');
  });

  it('as validate and apply may force the watcher, too', async (t: TestContext) => {
    const watchers: Watcher<string>[] = [];
    const force = async (): Promise<void> => {
      await watchers[0]?.force();
    };
    const { watcher, put } = await begin(t, { validate: force, apply: force, callbackTimeoutMs: 2_000 });
    watchers.push(watcher);
    put('1');
    await inForce(watcher, '1');
    assert.equal(watcher.status().counts.refusals, 0);
  });
});

describe('force', () => {
  it('does not wait for the debounce, and resolves when callbacks have ended', async (t: TestContext) => {
    const { watcher, put } = await begin(t, { debounceMs: 60_000 });
    let ended = false;
    watcher.onChange(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended = true;
    });
    put('1');
    const status = await watcher.force();
    assert.equal(watcher.current, '1');
    assert.equal(status.counts.reloads, 2);
    assert.ok(ended);
  });

  it('many times at once is few runs', async (t: TestContext) => {
    let checks = 0;
    const { watcher, put } = await begin(t, {
      debounceMs: 60_000,
      validate: () => {
        checks += 1;
        if (checks > 1) throw new Error('no');
      },
    });
    put('1');
    await Promise.all(Array.from({ length: 100 }, () => watcher.force()));
    assert.ok(checks <= 3, `${checks} checks`);
  });

  it('of a closed watcher says so', async (t: TestContext) => {
    const { watcher } = await begin(t);
    await watcher.close();
    assert.equal((await watcher.force()).state, 'Closed');
    assert.equal((await watcher.ready()).state, 'Closed');
  });

  it('resolves when the watcher is closed meanwhile', async (t: TestContext) => {
    const { watcher, put } = await begin(t, { callbackTimeoutMs: 200 });
    watcher.onChange(never);
    put('1');
    const forced = watcher.force();
    await inForce(watcher, '1');
    await Promise.all([watcher.close(), forced]);
    assert.equal(watcher.status().state, 'Closed');
  });
});

describe('a group', () => {
  it('is forced, asked and closed as one', async (t: TestContext) => {
    const { path, common } = watched(t);
    const group = createGroup();
    for (const name of ['a', 'b']) {
      writeFileSync(path(name), '0');
      await watchFile(path(name), { ...common, group, debounceMs: 60_000 }).ready();
      writeFileSync(path(name), '1');
    }
    assert.deepEqual(
      (await group.force()).map(({ path, counts }) => [path, counts.reloads]),
      [
        [path('a'), 2],
        [path('b'), 2],
      ],
    );
    await group.close();
    assert.deepEqual(group.status(), []);
  });

  it('that is forced by a callback of one of its watchers does not wait for itself', async (t: TestContext) => {
    const { watcher, put, common } = await begin(t);
    watcher.onChange(async () => {
      await common.group.force();
    });
    put('1');
    await inForce(watcher, '1');
    await watcher.force();
    assert.equal(watcher.status().counts.callbackFailures, 0);
  });
});

it('callbacks run in the context in which the watcher was made, whoever forces it', async (t: TestContext) => {
  const context = new AsyncLocalStorage<string>();
  const { watcher, put } = await context.run('made here', () => begin(t));
  const seen: (string | undefined)[] = [];
  watcher.onChange(() => {
    seen.push(context.getStore());
  });
  put('1');
  await context.run('a request', () => watcher.force());
  put('2');
  await inForce(watcher, '2');
  await watcher.force();
  assert.deepEqual(seen, ['made here', 'made here']);
});

it('options that make no sense are said at once', (t: TestContext) => {
  const { path, common } = watched(t);
  for (const options of [{ debounceMs: -1 }, { debounceMs: Number.NaN }, { pollMs: 0 }, { callbackTimeoutMs: 0 }]) {
    const [name = ''] = Object.keys(options);
    assert.throws(() => watchFile(path('a'), { ...common, ...options }), {
      name: 'RangeError',
      message: new RegExp(`^${name} is `),
    });
  }
  assert.deepEqual(common.group.status(), []);
});

it('a log that throws holds nothing up', async (t: TestContext) => {
  const { watcher, put } = await begin(t, {
    log: () => {
      throw new Error('the disk is full');
    },
  });
  put('1');
  await inForce(watcher, '1');
});
