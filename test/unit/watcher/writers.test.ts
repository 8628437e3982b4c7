/** Every way in which files come to have other content, on a real file system with real events. */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchDirectory, watchFile, type Watcher } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { eventually } from '../../support/wait.ts';
import { watched } from '../../support/watched.ts';

/** Changes are to be seen by their events: nothing is looked for in less than 30 s. */
const SOON = { timeoutMs: 5_000, intervalMs: 5 };

const until = (watcher: Watcher<unknown>, expected: unknown): Promise<unknown> =>
  eventually(
    () => {
      assert.deepEqual(watcher.current, expected);
      return true;
    },
    { what: `${JSON.stringify(expected)} in force`, ...SOON },
  );

interface Writer {
  readonly name: string;
  /** @returns writes one content after another */
  readonly begin: (path: string) => (text: string) => void;
}

const plainly = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

const writers: readonly Writer[] = [
  {
    name: "the kubelet's swap",
    begin: (path) => {
      mkdirSync(dirname(path), { recursive: true });
      const writer = createAtomicWriter(dirname(path));
      return (text) => {
        writer.write({ 'app.conf': text, other: 'x' });
      };
    },
  },
  { name: 'truncate and write', begin: (path) => (text) => plainly(path, text) },
  {
    name: 'truncate, then write in pieces',
    begin: (path) => (text) => {
      if (!existsSync(path)) plainly(path, '');
      const file = openSync(path, 'r+');
      ftruncateSync(file, 0);
      for (const [index, character] of Array.from(text).entries()) writeSync(file, character, index);
      closeSync(file);
    },
  },
  {
    name: "an editor's rename over it",
    begin: (path) => (text) => {
      plainly(`${path}.swp`, text);
      renameSync(`${path}.swp`, path);
    },
  },
  {
    name: 'an editor that moves the old one away first',
    begin: (path) => (text) => {
      if (existsSync(path)) renameSync(path, `${path}~`);
      plainly(path, text);
    },
  },
  {
    name: 'delete and recreate',
    begin: (path) => (text) => {
      rmSync(path, { force: true });
      plainly(path, text);
    },
  },
  {
    name: 'the folder replaced',
    begin: (path) => (text) => {
      const folder = dirname(path);
      plainly(join(`${folder}.new`, 'app.conf'), text);
      if (existsSync(folder)) renameSync(folder, `${folder}.old`);
      renameSync(`${folder}.new`, folder);
      rmSync(`${folder}.old`, { recursive: true, force: true });
    },
  },
  {
    name: 'the folder deleted and made again',
    begin: (path) => (text) => {
      rmSync(dirname(path), { recursive: true, force: true });
      plainly(path, text);
    },
  },
  {
    name: 'a link that is moved, as releases are switched',
    begin: (path) => {
      let release = 0;
      return (text) => {
        const folder = dirname(path);
        release += 1;
        plainly(join(`${folder}-${release}`, 'app.conf'), text);
        rmSync(`${folder}-tmp`, { force: true });
        symlinkSync(`${folder}-${release}`, `${folder}-tmp`);
        renameSync(`${folder}-tmp`, folder);
      };
    },
  },
];

const contents = ['first', 'second', 'the third', 'first'];

describe('a file that changes by', () => {
  for (const { name, begin } of writers)
    for (const debounceMs of [0, 50])
      it(`${name}, debounce ${debounceMs}`, async (t: TestContext) => {
        const { path, common } = watched(t);
        const file = path('conf', 'app.conf');
        const write = begin(file);
        const seen: string[] = [];
        const watcher = watchFile(file, { ...common, debounceMs });
        watcher.onChange((next) => {
          seen.push(next);
        });
        assert.equal((await watcher.ready()).state, 'Missing');
        for (const text of contents) {
          write(text);
          await until(watcher, text);
        }
        assert.deepEqual(seen, contents);
        assert.equal(watcher.status().mode, 'Events');
      });

  it('appending', async (t: TestContext) => {
    const { path, common } = watched(t);
    writeFileSync(path('a'), 'one\n');
    const watcher = watchFile(path('a'), { ...common, debounceMs: 0 });
    await until(watcher, 'one\n');
    appendFileSync(path('a'), 'two\n');
    await until(watcher, 'one\ntwo\n');
  });

  it('a folder above replaced, from the next look on', async (t: TestContext) => {
    const { path, common } = watched(t);
    plainly(path('x', 'conf', 'a'), 'one');
    plainly(path('y', 'conf', 'a'), 'two');
    const watcher = watchFile(path('x', 'conf', 'a'), { ...common, debounceMs: 0 });
    await until(watcher, 'one');
    renameSync(path('x'), path('old'));
    renameSync(path('y'), path('x'));
    await watcher.force();
    await until(watcher, 'two');
    writeFileSync(path('x', 'conf', 'a'), 'three');
    await until(watcher, 'three');
  });

  it('coming in the place of a folder', async (t: TestContext) => {
    const { path, common } = watched(t);
    mkdirSync(path('a'));
    const watcher = watchFile(path('a'), { ...common, debounceMs: 0 });
    assert.equal((await watcher.ready()).state, 'Refused');
    rmSync(path('a'), { recursive: true });
    writeFileSync(path('a'), 'one');
    await until(watcher, 'one');
  });

  it("the kubelet's swap, in a folder of the volume", async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    const { write } = createAtomicWriter(folder);
    write({ 'sub/app.conf': 'first' });
    const watcher = watchFile(path('sub', 'app.conf'), { ...common, debounceMs: 0 });
    await until(watcher, 'first');
    write({ 'sub/app.conf': 'second' });
    await until(watcher, 'second');
    write({ 'sub/app.conf': 'third' });
    await until(watcher, 'third');
  });
});

describe('a folder', () => {
  const texts = (record: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
    new Map(Object.entries(record));

  it('of the kubelet is read as one state, with files added, changed and removed', async (t: TestContext) => {
    const { folder, common } = watched(t);
    const { write } = createAtomicWriter(folder);
    const changes: (readonly string[])[] = [];
    const watcher = watchDirectory(folder, { ...common, debounceMs: 0 });
    watcher.onChange((_next, _previous, keys) => {
      changes.push(keys);
    });
    await watcher.ready();
    for (const payload of [{ a: '1', b: '1' }, { a: '2', b: '1', c: '1' }, { c: '1' }]) {
      write(payload);
      await until(watcher, texts(payload));
    }
    assert.deepEqual(changes.slice(-3), [
      ['a', 'b'],
      ['a', 'c'],
      ['a', 'b'],
    ]);
  });

  it('of anyone is followed, and what is no file in it does not count', async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    mkdirSync(path('nested'));
    symlinkSync('nowhere', path('dangling'));
    writeFileSync(path('a'), '1');
    const watcher = watchDirectory(folder, { ...common, debounceMs: 0 });
    await until(watcher, texts({ a: '1' }));
    writeFileSync(path('.hidden'), 'h');
    await until(watcher, texts({ '.hidden': 'h', a: '1' }));
    rmSync(path('a'));
    await until(watcher, texts({ '.hidden': 'h' }));
    assert.deepEqual(
      watcher.status().files.map((file) => file.path),
      [path('.hidden')],
    );
  });

  it('that comes later, and is replaced, is followed', async (t: TestContext) => {
    const { path, common } = watched(t);
    const watcher = watchDirectory(path('x', 'conf'), { ...common, debounceMs: 0 });
    assert.equal((await watcher.ready()).state, 'Missing');
    mkdirSync(path('x', 'conf'), { recursive: true });
    writeFileSync(path('x', 'conf', 'a'), '1');
    await until(watcher, texts({ a: '1' }));
    mkdirSync(path('fresh'));
    writeFileSync(path('fresh', 'a'), '2');
    renameSync(path('x', 'conf'), path('old'));
    renameSync(path('fresh'), path('x', 'conf'));
    await until(watcher, texts({ a: '2' }));
    writeFileSync(path('x', 'conf', 'a'), '3');
    await until(watcher, texts({ a: '3' }));
  });

  it('that goes stays in force, and says that it is gone', async (t: TestContext) => {
    const { path, common, lines } = watched(t);
    mkdirSync(path('conf'));
    writeFileSync(path('conf', 'a'), '1');
    const watcher = watchDirectory(path('conf'), { ...common, debounceMs: 0 });
    await until(watcher, texts({ a: '1' }));
    rmSync(path('conf'), { recursive: true });
    await eventually(() => watcher.status().state === 'Missing', { what: 'it to be missing', ...SOON });
    assert.deepEqual(watcher.current, texts({ a: '1' }));
    assert.equal(watcher.status().error, `${path('conf')}: is not there`);
    mkdirSync(path('conf'));
    writeFileSync(path('conf', 'a'), '1');
    await eventually(() => watcher.status().state === 'Loaded', { what: 'it to be there again', ...SOON });
    assert.equal(watcher.status().counts.reloads, 1);
    assert.ok(lines.some((line) => line.endsWith('what is in force is there again')));
  });
});

describe('the debounce', () => {
  it('takes a burst once', async (t: TestContext) => {
    const { folder, path, common } = watched(t);
    const { write } = createAtomicWriter(folder);
    write({ a: '0' });
    const watcher = watchFile(path('a'), { ...common, debounceMs: 300 });
    await watcher.ready();
    for (let i = 1; i <= 20; i++) {
      write({ a: String(i) });
      await sleep(5);
    }
    await until(watcher, '20');
    assert.equal(watcher.status().counts.reloads, 2);
  });

  for (const [name, replace] of [
    ['swaps', (folder: string) => createAtomicWriter(folder).write],
    [
      'renames',
      (folder: string) => (payload: Readonly<Record<string, string>>) => {
        writeFileSync(join(folder, 'tmp'), payload['a'] ?? '');
        renameSync(join(folder, 'tmp'), join(folder, 'a'));
      },
    ],
  ] as const)
    it(`is not held up by endless ${name}`, async (t: TestContext) => {
      const { folder, path, common } = watched(t);
      const write = replace(folder);
      write({ a: '0' });
      const watcher = watchFile(path('a'), { ...common, debounceMs: 100 });
      await watcher.ready();
      let count = 0;
      const timer = setInterval(() => {
        count += 1;
        write({ a: String(count) });
      }, 10);
      t.after(() => {
        clearInterval(timer);
      });
      await eventually(() => watcher.status().counts.reloads >= 4, { what: 'three reloads in the burst', ...SOON });
      assert.ok(Number(watcher.current) > 0);
    });
});
