/** docs/applications.md: its ten lines run, its examples in TypeScript are typed, and what it shows of files stands in them. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import ts from 'typescript';
import { start, type Running } from '../../protocol/application.ts';
import { ask, sha256 } from '../../protocol/answer.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { eventually, untilPasses } from '../../support/wait.ts';
import { blocksOf, CHECKOUT, read } from './pages.ts';

const blocks = blocksOf(read('docs/applications.md'));

/** A folder in which `reload-operator/watcher` is installed. */
const folderWithPackage = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-applications-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(CHECKOUT, join(folder, 'node_modules/reload-operator'));
  symlinkSync(join(CHECKOUT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  return folder;
};

describe('docs/applications.md: the ten lines', () => {
  const folder = folderWithPackage();
  const config = join(folder, 'config');
  const writer = createAtomicWriter(config);
  const [text = ''] = blocks.filter(({ before: line }) => line.includes('`app.mjs`')).map((block) => block.text);
  const small = '{"model": "small"}\n';
  const large = '{"model": "large"}\n';
  let app: Running;

  const answers = async (): Promise<string> => (await ask('GET', new URL('/', app.url).href)).body;
  const told = async (method: string): Promise<readonly unknown[]> => {
    const { status, body } = await ask(method, app.url);
    const { files } = JSON.parse(body) as { readonly files: readonly { sha256: string; error?: string }[] };
    return [status, ...files.map((file) => file.sha256), ...files.map(({ error }) => error !== undefined)];
  };

  before(async () => {
    // Where it stands in the page is where a container has it.
    for (const place of ['/etc/app/llm.json', '8080']) assert.equal(text.split(place).length, 2, `${place} stands once`);
    const program = text.replace('/etc/app/llm.json', join(config, 'llm.json')).replace('8080', 'process.argv[2]');
    writeFileSync(join(folder, 'app.mjs'), program);
    mkdirSync(config);
    writer.write({ 'llm.json': small });
    app = await start(
      { command: [process.execPath, join(folder, 'app.mjs'), '{port}'], path: '/-/reload' },
      { file: join(config, 'llm.json') },
    );
    await untilPasses(async () => assert.equal(await answers(), 'small'), { what: 'the first configuration' });
  });
  after(async () => {
    await app.stop();
    rmSync(folder, { recursive: true });
  });

  it('are ten at most', () => {
    assert.ok(text.split('\n').filter((line) => line !== '').length <= 10);
  });

  it('follow the file', async () => {
    writer.write({ 'llm.json': large });
    await eventually(async () => (await answers()) === 'large', { what: 'the other model' });
    assert.deepEqual(await told('GET'), [200, sha256(large), false]);
  });

  it('stay on what they have where the file is no JSON', async () => {
    writer.write({ 'llm.json': large });
    assert.deepEqual(await told('POST'), [200, sha256(large), false]);
    writer.write({ 'llm.json': '{"model": ' });
    assert.deepEqual(await told('POST'), [422, sha256(large), true]);
    assert.equal(await answers(), 'large');
    writer.write({ 'llm.json': small });
    assert.deepEqual(await told('POST'), [200, sha256(small), false]);
    assert.equal(await answers(), 'small');
  });
});

describe('docs/applications.md: examples', () => {
  const shown = blocks.flatMap(({ text, before: line }) => {
    const [, path] = /`(config\/[\w./-]+)`:$/.exec(line) ?? [];
    return path === undefined ? [] : [{ path, text }];
  });

  it('has those of both languages', () => {
    const names = ['python/hot.py', 'python/signature.py', 'python/app.py', 'go/hot.go', 'go/signature.go', 'go/main.go'];
    assert.deepEqual(
      shown.map(({ path }) => path),
      names.map((name) => `config/samples/protocol/${name}`),
    );
  });

  for (const { path, text } of shown)
    it(`shows ${path} as it is`, () => {
      assert.ok(existsSync(join(CHECKOUT, path)));
      assert.equal(text, read(path));
    });

  it('of the suite name options that it has', () => {
    const [, command = ''] = /^\$ (node test\/protocol\/main\.ts .*)$/m.exec(read('docs/applications.md')) ?? [];
    const options = command.split(' -- ')[0]?.match(/--[\w-]+/g) ?? [];
    assert.ok(options.length > 0);
    for (const option of [...options, '--asked-only'])
      assert.match(read('test/protocol/main.ts'), new RegExp(`^  ${option} `, 'm'));
  });

  it('in TypeScript are typed', () => {
    const folder = folderWithPackage();
    try {
      const files = blocks
        .filter(({ language }) => language === 'ts')
        .map(({ text }, index) => {
          const file = join(folder, `example-${index}.mts`);
          writeFileSync(file, text);
          return file;
        });
      assert.ok(files.length >= 2);
      const program = ts.createProgram(files, {
        target: ts.ScriptTarget.ES2024,
        module: ts.ModuleKind.NodeNext,
        types: ['node'],
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
      });
      const said = ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
      assert.deepEqual(said, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
