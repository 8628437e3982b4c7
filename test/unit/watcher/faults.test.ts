/** What the machine does to a watcher. */

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { watchDirectory, watchFile } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { stateOf } from '../../support/swapping.ts';
import { eventually } from '../../support/wait.ts';
import { watched } from '../../support/watched.ts';
import type { Said, WatchingOptions } from '../../support/watching.ts';

const SOON = { timeoutMs: 10_000, intervalMs: 5 };
const PROGRAM = join(import.meta.dirname, '../../support/watching.ts');
const SWAPPING = join(import.meta.dirname, '../../support/swapping.ts');

interface Watching {
  readonly said: readonly Said[];
  readonly tell: (command: string) => void;
  readonly ended: Promise<number | null>;
}

/** Ends with the test. */
const watching = (t: TestContext, path: string, options: WatchingOptions): Watching => {
  const command = [process.execPath, PROGRAM, path, JSON.stringify(options)];
  const all = options.limit === undefined ? command : ['unshare', '--user', '--map-root-user', ...command];
  const [program = '', ...args] = all;
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said: Said[] = [];
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as Said));
  return { said, ended, tell: (line) => child.stdin?.write(`${line}\n`) };
};

const says = ({ said }: Watching, what: string, test: (said: Said) => boolean): Promise<Said> =>
  eventually(() => said.find(test), { what: `${what}; said so far: ${JSON.stringify(said)}`, ...SOON });

const isRoot = process.getuid?.() === 0;
const mayUnshare = spawnSync('unshare', ['--user', '--map-root-user', 'true']).status === 0;

describe('without inotify', { skip: mayUnshare ? false : 'no user namespaces here' }, () => {
  for (const [name, code] of [
    ['max_inotify_watches', 'ENOSPC'],
    ['max_inotify_instances', 'EMFILE'],
  ] as const)
    it(`for ${name}: says so once, looks instead, and goes back to events`, async (t: TestContext) => {
      const { path } = watched(t);
      writeFileSync(path('a'), '0');
      const child = watching(t, path('a'), { limit: { name, value: 0 }, pollMs: 20 });
      await says(child, 'the first content', ({ value, mode }) => value === '0' && mode === 'Polling');
      for (const text of ['1', '2']) {
        writeFileSync(path('a'), text);
        await says(child, text, ({ value }) => value === text);
      }
      const ofEvents = (): readonly Said[] => child.said.filter(({ line }) => line?.includes('events') === true);
      assert.equal(ofEvents().length, 1);
      assert.match(ofEvents()[0]?.line ?? '', new RegExp(`no events \\(${code}.*looking every 0.02 s instead`));
      child.tell('1000');
      await says(child, 'events again', ({ line, mode }) => line?.endsWith('again') === true && mode === 'Events');
      writeFileSync(path('a'), '3');
      await says(child, '3', ({ value, mode }) => value === '3' && mode === 'Events');
    });

  it('that is lost while it watches, it goes on', async (t: TestContext) => {
    const { path } = watched(t);
    mkdirSync(path('conf'));
    writeFileSync(path('conf', 'a'), '0');
    const limit = { name: 'max_inotify_watches', value: 1_000 } as const;
    const child = watching(t, path('conf', 'a'), { limit, pollMs: 20 });
    await says(child, 'the first content', ({ value, mode }) => value === '0' && mode === 'Events');
    child.tell('0');
    mkdirSync(path('fresh'));
    writeFileSync(path('fresh', 'a'), '1');
    // The limit is set by another process: until it is, the new folder might still be watched.
    await eventually(
      () => {
        renameSync(path('conf'), path('old'));
        renameSync(path('fresh'), path('conf'));
        renameSync(path('old'), path('fresh'));
        return child.said.some(({ mode }) => mode === 'Polling');
      },
      { what: 'events to be lost', ...SOON, intervalMs: 100 },
    );
    writeFileSync(path('conf', 'a'), '2');
    await says(child, '2', ({ value }) => value === '2');
    child.tell('1000');
    await says(child, 'events again', ({ line }) => line?.endsWith('again') === true);
  });
});

describe('permission lost and back', { skip: isRoot ? false : 'only root can become somebody else' }, () => {
  const NOBODY = 65_534;

  it('of the file', async (t: TestContext) => {
    const { folder, path } = watched(t);
    chmodSync(folder, 0o755);
    writeFileSync(path('a'), '0', { mode: 0o644 });
    const child = watching(t, path('a'), { uid: NOBODY });
    await says(child, 'the first content', ({ value }) => value === '0');
    chmodSync(path('a'), 0);
    const { line, state } = await says(child, 'it to be lost', (each) => each.line?.includes('EACCES') === true);
    assert.equal(line, `${path('a')}: cannot be read: EACCES: the earlier stays in force`);
    assert.equal(state, 'Refused');
    chmodSync(path('a'), 0o644);
    await says(child, 'it to be back', (each) => each.state === 'Loaded' && each.line?.endsWith('again') === true);
    writeFileSync(path('a'), '1');
    await says(child, '1', ({ value }) => value === '1');
  });

  it('of the folder', async (t: TestContext) => {
    const { folder, path } = watched(t);
    chmodSync(folder, 0o755);
    mkdirSync(path('conf'));
    writeFileSync(path('conf', 'a'), '0');
    const child = watching(t, path('conf'), { uid: NOBODY, pollMs: 20 });
    await says(child, 'the first content', ({ value }) => value === '[["a","0"]]');
    chmodSync(path('conf'), 0);
    await says(child, 'it to be lost', ({ line }) => line?.includes('cannot be read: EACCES') === true);
    writeFileSync(path('conf', 'a'), '1');
    chmodSync(path('conf'), 0o755);
    await says(child, '1', ({ value, state }) => value === '[["a","1"]]' && state === 'Loaded');
    await says(child, 'events', ({ mode }) => mode === 'Events');
    writeFileSync(path('conf', 'a'), '2');
    await says(child, '2', ({ value }) => value === '[["a","2"]]');
  });
});

describe('1,000 swaps in 10 s', () => {
  it('never show two states mixed, and end with the last', async (t: TestContext) => {
    const { folder, path, common, lines } = watched(t);
    createAtomicWriter(folder).write(stateOf(0));
    const seen: number[] = [];
    const watcher = watchDirectory(folder, {
      ...common,
      debounceMs: 0,
      parse: (texts) => {
        const n = Number(texts.get('a'));
        assert.deepEqual(Object.fromEntries(texts), stateOf(n));
        return n;
      },
    });
    const file = watchFile(path('a'), { ...common, debounceMs: 0 });
    watcher.onChange((next) => {
      seen.push(next);
    });
    await Promise.all([watcher.ready(), file.ready()]);
    const writer = spawn(process.execPath, [SWAPPING, folder, '1000', '10'], { stdio: 'inherit' });
    const ended = new Promise<number | null>((resolve) => writer.once('exit', resolve));
    t.after(async () => {
      writer.kill('SIGKILL');
      await ended;
    });
    // Reads at any moment of a swap, too, not only after it.
    const forcing = new AbortController();
    const forced = (async () => {
      while (!forcing.signal.aborted) await watcher.force();
    })();
    assert.equal(await ended, 0);
    forcing.abort();
    await forced;
    await eventually(() => watcher.current === 1_000 && file.current === '1000', { what: 'the last', ...SOON });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.ok(seen.length > 100, `only ${seen.length} were seen`);
    assert.deepEqual([watcher.status().counts.refusals, watcher.status().mode], [0, 'Events']);
    assert.deepEqual(
      lines.filter((line) => !line.includes(': loaded, ')),
      [],
    );
    const watches = process.getActiveResourcesInfo().filter((name) => name.startsWith('FSEvent'));
    assert.ok(watches.length === 2, String(watches.length));
  });
});

describe('a process', () => {
  const run = (code: string, folder: string) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import * as watcher from ${JSON.stringify(join(import.meta.dirname, '../../../src/watcher/index.ts'))};
         const folder = ${JSON.stringify(folder)};
         const common = { log: () => {} };
         ${code}`,
      ],
      { encoding: 'utf8', timeout: 5_000, killSignal: 'SIGKILL' },
    );
  const open = `
    const all = [watcher.watchFile(folder + '/a', common), watcher.watchDirectory(folder, common),
      watcher.watchEnvFile(folder + '/missing/env', { ...common, env: {}, pollMs: 100 })];
    await Promise.all(all.map((each) => each.ready()));`;

  for (const [name, code, ends] of [
    ['ends when its watchers are closed', `${open} await watcher.defaultGroup.close(); console.log('closed');`, true],
    ['ends when they are closed before they were ready', `watcher.watchFile(folder, common).close();`, true],
    ['ends when none is to keep it', open.replaceAll('common', 'apart'), true],
    ['lives as long as one is open', open, false],
  ] as const)
    it(name, (t: TestContext) => {
      const { folder, path } = watched(t);
      writeFileSync(path('a'), '0');
      const { status, signal, stderr } = run(`const apart = { ...common, persistent: false };\n${code}`, folder);
      assert.equal(stderr, '');
      assert.deepEqual([status, signal], ends ? [0, null] : [null, 'SIGKILL']);
    });

  it('is not taken down by a folder that goes while it is watched', async (t: TestContext) => {
    const { path } = watched(t);
    mkdirSync(path('conf'));
    writeFileSync(path('conf', 'a'), '0');
    const child = watching(t, path('conf', 'a'), {});
    await says(child, 'the first content', ({ value }) => value === '0');
    rmSync(path('conf'), { recursive: true });
    await says(child, 'that it is gone', ({ state }) => state === 'Missing');
    child.tell('close');
    assert.equal(await child.ended, 0);
  });
});
