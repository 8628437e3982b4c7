/** What becomes of content: taken as a whole, or refused and the earlier kept. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchDirectory, watchEnvFile, watchFile, type Watcher } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { eventually } from '../../support/wait.ts';
import { watched } from '../../support/watched.ts';

const SOON = { timeoutMs: 5_000, intervalMs: 5 };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Model {
  readonly model: string;
  readonly tools: readonly string[];
}

const reaches = (watcher: Watcher<unknown>, state: string): Promise<true> =>
  eventually(() => watcher.status().state === state, { what: `the state ${state}`, ...SOON });

describe('content', () => {
  const open = (t: TestContext) => {
    const all = watched(t);
    const { write } = createAtomicWriter(all.folder);
    const put = (text: string): void => {
      write({ 'llm.json': text });
    };
    const calls: (readonly [next: Model, previous: Model | undefined, keys: readonly string[]])[] = [];
    const begin = (sensitive = false): Watcher<Model> => {
      const watcher = watchFile(all.path('llm.json'), {
        ...all.common,
        debounceMs: 0,
        sensitive,
        parse: (text) => JSON.parse(text) as Model,
        validate: ({ model }) => {
          if (model === 'unknown') throw new Error(`model "${model}" is unknown\nat a place`);
        },
      });
      watcher.onChange((...call) => {
        calls.push(call);
      });
      return watcher;
    };
    return { ...all, put, begin, calls };
  };
  const good = '{"model":"a","tools":["x"]}';
  const better = '{"model":"b","tools":["x"]}';
  const unknown = '{"model":"unknown","tools":["secret"]}';

  it('is parsed, checked and swapped, and callbacks are told what changed', async (t: TestContext) => {
    const { put, begin, calls } = open(t);
    put(good);
    const watcher = begin();
    await watcher.ready();
    put(better);
    await eventually(() => calls.length === 2, { what: 'both calls', ...SOON });
    assert.deepEqual(calls, [
      [{ model: 'a', tools: ['x'] }, undefined, ['model', 'tools']],
      [{ model: 'b', tools: ['x'] }, { model: 'a', tools: ['x'] }, ['model']],
    ]);
    const [file] = watcher.status().files;
    assert.equal(file?.sha256, sha256(better));
    assert.equal(watcher.status().since, file.loadedAt);
  });

  it('that is refused leaves the earlier in force, and says why, until valid content comes', async (t: TestContext) => {
    const { path, put, begin, calls, lines } = open(t);
    put(good);
    const watcher = begin();
    await watcher.ready();
    for (const [text, reason] of [
      [unknown, 'model "unknown" is unknown'],
      ['{"model":', 'Unexpected end of JSON input'],
      ['secret', "Unexpected token 's': not valid JSON"],
    ] as const) {
      put(text);
      await eventually(() => watcher.status().error === `${path('llm.json')}: ${reason}`, { what: reason, ...SOON });
      assert.equal(watcher.status().state, 'Refused');
      assert.equal(watcher.current?.model, 'a');
      assert.deepEqual(
        watcher.status().files.map(({ sha256, error }) => ({ sha256, error })),
        [{ sha256: sha256(good), error: reason }],
      );
      assert.ok(lines.includes(`${path('llm.json')}: ${reason}: the earlier stays in force`));
    }
    assert.equal(watcher.status().counts.refusals, 3);
    put(good);
    await reaches(watcher, 'Loaded');
    assert.equal(watcher.status().error, undefined);
    assert.equal(calls.length, 1, 'the same bytes have called back');
    put(better);
    await eventually(() => calls.length === 2, { what: 'the next content', ...SOON });
  });

  it('that is refused at first leaves nothing in force, until valid content comes', async (t: TestContext) => {
    const { put, begin, calls } = open(t);
    put(unknown);
    const watcher = begin();
    const status = await watcher.ready();
    assert.equal(status.state, 'Refused');
    assert.equal(watcher.current, undefined);
    assert.equal(status.files[0]?.sha256, undefined);
    put(good);
    await eventually(() => calls.length === 1, { what: 'the first content', ...SOON });
    assert.equal(calls[0]?.[1], undefined);
  });

  it('that is sensitive is told of by neither digest nor words', async (t: TestContext) => {
    const { path, put, begin, lines } = open(t);
    put(good);
    const watcher = begin(true);
    await watcher.ready();
    put(unknown);
    await reaches(watcher, 'Refused');
    put('secret');
    await eventually(() => watcher.status().counts.refusals === 2, { what: 'both refusals', ...SOON });
    const told = JSON.stringify([watcher.status(), lines]);
    assert.doesNotMatch(told, /sha256|secret|unknown|model/);
    assert.equal(watcher.status().error, `${path('llm.json')}: refused (SyntaxError)`);
  });

  it('that is the same never calls back, however it is written', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('a'), 'x');
    const watcher = watchFile(path('a'), { ...common, debounceMs: 0 });
    await watcher.ready();
    let calls = 0;
    watcher.onChange(() => {
      calls += 1;
    });
    writeFileSync(path('a'), 'x');
    chmodSync(path('a'), 0o600);
    utimesSync(path('a'), 1, 1);
    await watcher.force();
    writeFileSync(path('a'), 'y');
    await eventually(() => calls === 1, { what: 'the call for y', ...SOON });
    assert.equal(watcher.status().counts.reloads, 2);
  });

  it('that apply refuses is as if it had never been there', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('env'), 'A=1\n');
    const env: NodeJS.ProcessEnv = { A: 'own' };
    let allowed = true;
    const watcher = watchEnvFile(path('env'), {
      ...common,
      env,
      debounceMs: 0,
      apply: () => {
        if (!allowed) throw new Error('not now');
      },
    });
    await watcher.ready();
    assert.deepEqual(env, { A: '1' });
    allowed = false;
    writeFileSync(path('env'), 'A=2\nB=2\n');
    await reaches(watcher, 'Refused');
    assert.deepEqual(env, { A: '1' });
    assert.deepEqual(watcher.current, new Map([['A', '1']]));
    allowed = true;
    assert.equal((await watcher.force()).state, 'Loaded', 'what was refused is tried again when it is forced');
    assert.deepEqual(env, { A: '2', B: '2' });
  });

  it('is refused where a function takes too long', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('a'), 'x');
    const never = (): Promise<never> => new Promise(() => undefined);
    const limits = { ...common, callbackTimeoutMs: 20 };
    for (const [name, options] of [
      ['parse', { ...limits, parse: never }],
      ['validate', { ...limits, parse: String, validate: never }],
      ['apply', { ...limits, parse: String, apply: never }],
    ] as const) {
      const status = await watchFile(path('a'), options).ready();
      assert.equal(status.error, `${path('a')}: ${name} took longer than 20 ms`);
    }
  });

  it('that can be no configuration says what it is', async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    mkdirSync(path('folder'));
    writeFileSync(path('large'), Buffer.alloc(17 * 1024 * 1024));
    const errorOf = async (watcher: Watcher<unknown>): Promise<string | undefined> => (await watcher.ready()).error;
    assert.equal(await errorOf(watchFile(path('folder'), common)), `${path('folder')}: is a folder, not a file`);
    assert.equal(await errorOf(watchFile('/dev/null', common)), '/dev/null: is no regular file');
    assert.equal(await errorOf(watchFile(path('large'), common)), `${path('large')}: holds more than 16 MiB`);
    assert.equal(await errorOf(watchDirectory(folder, common)), `${folder}: holds more than 16 MiB`);
    assert.equal(await errorOf(watchDirectory(path('large'), common)), `${path('large')}: is not there`);
  });

  it('of a folder is refused for the files that changed', async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    const { write } = createAtomicWriter(folder);
    write({ a: '1', b: '1' });
    const watcher = watchDirectory(folder, {
      ...common,
      debounceMs: 0,
      validate: (texts) => {
        if (texts.has('c')) throw new Error('c is not wanted');
      },
    });
    await watcher.ready();
    write({ a: '1', b: '2', c: '1' });
    await reaches(watcher, 'Refused');
    assert.deepEqual(
      watcher.status().files.map(({ path, sha256, error }) => ({ path, sha256, error })),
      [
        { path: path('a'), sha256: sha256('1'), error: undefined },
        { path: path('b'), sha256: sha256('1'), error: 'c is not wanted' },
        { path: path('c'), sha256: undefined, error: 'c is not wanted' },
      ],
    );
  });
});

describe('an env file', () => {
  it('adds, changes and removes variables in one step, and gives back what was there before', async (t: TestContext) => {
    const { path, common } = watched(t);
    const env: NodeJS.ProcessEnv = { OWN: 'own', BOTH: 'mine', PATH: '/bin' };
    const told: (readonly [keys: readonly string[], env: NodeJS.ProcessEnv])[] = [];
    const watcher = watchEnvFile(path('env'), { ...common, env, debounceMs: 0 });
    watcher.onChange((_next, _previous, keys) => {
      told.push([keys, { ...env }]);
    });
    await watcher.ready();
    for (const text of ['BOTH=file\nA=1\nB=1\n', 'BOTH=file2\nA=1\nC=1\n', 'C=1\n', 'A = \n']) {
      const before = told.length;
      writeFileSync(path('env'), text);
      await eventually(() => told.length > before, { what: JSON.stringify(text), ...SOON });
    }
    const own = { OWN: 'own', PATH: '/bin' };
    assert.deepEqual(told, [
      [['A', 'B', 'BOTH'], { ...own, BOTH: 'file', A: '1', B: '1' }],
      [['B', 'BOTH', 'C'], { ...own, BOTH: 'file2', A: '1', C: '1' }],
      [['A', 'BOTH'], { ...own, BOTH: 'mine', C: '1' }],
      [['A', 'C'], { ...own, BOTH: 'mine', A: '' }],
    ]);
  });

  it('leaves alone what the process has set since', async (t: TestContext) => {
    const { path, common } = watched(t);
    const env: NodeJS.ProcessEnv = {};
    writeFileSync(path('env'), 'A=1\nB=1\n');
    const watcher = watchEnvFile(path('env'), { ...common, env, debounceMs: 0 });
    await watcher.ready();
    env['A'] = 'set by the process';
    writeFileSync(path('env'), 'B=2\n');
    await eventually(() => env['B'] === '2', { what: 'B=2', ...SOON });
    assert.deepEqual(env, { A: 'set by the process', B: '2' });
  });

  it('with an invalid line is refused as a whole, by the number of the line', async (t: TestContext) => {
    const { path, common, lines } = watched(t);
    const env: NodeJS.ProcessEnv = {};
    writeFileSync(path('env'), 'A=1\n');
    const watcher = watchEnvFile(path('env'), { ...common, env, debounceMs: 0 });
    await watcher.ready();
    writeFileSync(path('env'), 'A=2\nnonsense with a secret\n');
    await reaches(watcher, 'Refused');
    assert.deepEqual(env, { A: '1' });
    assert.equal(watcher.status().error, `${path('env')}: line 2 is no assignment: NAME=value`);
    assert.doesNotMatch(JSON.stringify([watcher.status(), lines]), /secret/);
  });

  it('uses the environment of the process where none is given', async (t: TestContext) => {
    const { path, common } = watched(t);
    t.after(() => {
      delete process.env['WATCHER_TEST'];
    });
    writeFileSync(path('env'), 'WATCHER_TEST=1\n');
    await watchEnvFile(path('env'), common).ready();
    assert.equal(process.env['WATCHER_TEST'], '1');
  });
});

describe('a file written in place', () => {
  it('is not taken while it is written to, however valid each part is', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('a'), 'start');
    const seen: string[] = [];
    const watcher = watchFile(path('a'), { ...common, debounceMs: 400 });
    watcher.onChange((next) => {
      seen.push(next);
    });
    await watcher.ready();
    let text = '';
    // Far longer than the debounce is stretched for a burst.
    for (let i = 0; i < 60; i++) {
      text += `${i} `;
      writeFileSync(path('a'), text);
      await sleep(40);
    }
    await eventually(() => watcher.current === text, { what: 'the whole', ...SOON });
    assert.deepEqual(seen, ['start', text]);
  });

  it('for ever is said to be, and the earlier stays in force', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('a'), 'start');
    const watcher = watchFile(path('a'), { ...common, debounceMs: 20 });
    await watcher.ready();
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      writeFileSync(path('a'), String(count));
    }, 3);
    t.after(() => {
      clearInterval(timer);
    });
    await reaches(watcher, 'Refused');
    assert.equal(watcher.status().error, `${path('a')}: is written to all the time`);
    assert.equal(watcher.current, 'start');
    clearInterval(timer);
    await reaches(watcher, 'Loaded');
    assert.equal(watcher.current, String(count));
  });
});
