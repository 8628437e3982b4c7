/** What applications install: the archive, in an empty folder, on each Node that is at hand. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pack } from '../../../config/bundle/package.ts';
import { CHECKOUT } from '../../cluster/state.ts';

/** Every Node from version 20 on. */
const nodes = (): ReadonlyMap<string, string> => {
  const paths = [
    process.execPath,
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node')),
  ];
  const found = new Map<string, string>();
  for (const path of new Set(paths.filter((each) => existsSync(each)).map((each) => realpathSync(each)))) {
    const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim();
    if (Number(/^v([0-9]+)/.exec(version)?.[1] ?? 0) >= 20) found.set(version, path);
  }
  return found;
};

const APP = `import { createServer } from 'node:http';
import { handler, watchFile } from 'reload-operator/watcher';

const config = watchFile(process.argv[2], { parse: JSON.parse, debounceMs: 0, log: () => {} });
await config.ready();
const server = createServer(handler()).listen(0, async () => {
  const answer = await fetch(\`http://127.0.0.1:\${server.address().port}/-/reload\`, { method: 'POST' });
  console.log(config.current.model, answer.status, (await answer.json()).files[0].sha256.length);
  server.close();
  config.close();
});
`;

const TYPED = `import { watchDirectory, watchEnvFile, watchFile, type WatchStatus } from 'reload-operator/watcher';

interface Config { readonly model: string }
const config = watchFile('a', {
  parse: async (text): Promise<Config> => JSON.parse(text) as Config,
  validate: (next) => { if (next.model === '') throw new Error('no model'); },
});
config.onChange((next, previous, keys) => { console.log(next.model, previous?.model, keys.length); });
const model: string | undefined = config.current?.model;
const text: string | undefined = watchFile('b').current;
const texts: ReadonlyMap<string, string> | undefined = watchDirectory('c').current;
const status: WatchStatus = await watchEnvFile('d', { env: {} }).force();
// @ts-expect-error: without a parser there is nothing that would make a Config of it
watchFile<Config>('e');
console.log(model, text, texts, status.files[0]?.sha256);
`;

describe('the package', () => {
  const dir = mkdtempSync(join(tmpdir(), 'package-'));
  const installed = join(dir, 'app/node_modules/reload-operator');
  const npm = (...args: readonly string[]) => {
    const { status, stderr } = spawnSync('npm', [...args], { cwd: join(dir, 'app'), encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };

  before(async () => {
    const archive = await pack(dir);
    const app = join(dir, 'app');
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), '{"private":true,"type":"module"}');
    npm('install', '--offline', '--no-audit', '--no-fund', archive);
    writeFileSync(join(app, 'app.js'), APP);
    writeFileSync(join(app, 'app.ts'), TYPED);
    writeFileSync(join(dir, 'config.json'), '{"model":"a"}');
  });
  after(() => {
    rmSync(dir, { recursive: true });
  });

  it('brings nothing with it', () => {
    const packages = readdirSync(join(dir, 'app/node_modules')).filter((name) => !name.startsWith('.'));
    assert.deepEqual(packages, ['reload-operator']);
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    assert.deepEqual([dependencies, peerDependencies], [undefined, undefined]);
    assert.deepEqual(readdirSync(installed).sort(), ['LICENSE', 'README.md', 'package.json', 'watcher']);
  });

  it('loads nothing but itself and what is part of Node', () => {
    const code = readFileSync(join(installed, 'watcher/index.js'), 'utf8');
    const imports = [...code.matchAll(/\bfrom "([^"]+)"|\bimport\(|\brequire\(/g)].map(([all, name]) => name ?? all);
    assert.ok(imports.length > 5);
    assert.deepEqual(
      imports.filter((name) => !isBuiltin(name)),
      [],
    );
  });

  for (const [version, path] of nodes())
    it(`runs on Node ${version}`, () => {
      const { status, stdout, stderr } = spawnSync(path, ['app.js', join(dir, 'config.json')], {
        cwd: join(dir, 'app'),
        encoding: 'utf8',
        timeout: 20_000,
      });
      assert.equal(stderr, '');
      assert.equal(stdout, 'a 200 64\n');
      assert.equal(status, 0);
      const cost = spawnSync(
        path,
        [
          '--input-type=module',
          '-e',
          `const before = new Set(process.moduleLoadList);
           await import('reload-operator/watcher');
           console.log(process.moduleLoadList.filter((name) => !before.has(name)).join('\\n'));`,
        ],
        { cwd: join(dir, 'app'), encoding: 'utf8' },
      );
      assert.equal(cost.status, 0, cost.stderr);
      assert.doesNotMatch(cost.stdout, /NativeModule (http|https|http2|tls|zlib|child_process)$/m);
    });

  it('has the types that its users need', () => {
    symlinkSync(join(CHECKOUT, 'node_modules/@types'), join(dir, 'app/node_modules/@types'));
    symlinkSync(join(CHECKOUT, 'node_modules/undici-types'), join(dir, 'app/node_modules/undici-types'));
    writeFileSync(
      join(dir, 'app/tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true },
          ...{ target: 'es2022', module: 'nodenext', types: ['node'] },
        },
        files: ['app.ts'],
      }),
    );
    const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', '.'], {
      cwd: join(dir, 'app'),
      encoding: 'utf8',
    });
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });

  it('is what this checkout means by the same name', async () => {
    const own = await import('reload-operator/watcher');
    assert.deepEqual(Object.keys(own).sort(), [
      'createGroup',
      'defaultGroup',
      'handler',
      'parseEnvFile',
      'watchDirectory',
      'watchEnvFile',
      'watchFile',
    ]);
  });
});
