import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Metafile } from 'esbuild';
import { pathToFileURL } from 'node:url';
import { bundle } from '../../config/bundle/bundle.ts';
import { createInspector } from '../../src/documents/inspector.ts';
import { PLAIN } from '../../src/domain/digest.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { createRecordingLog } from '../support/recording-log.ts';

describe('the bundle', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bundle-'));
  const outfile = join(dir, 'reload-operator.mjs');
  let metafile: Metafile;

  before(async () => {
    metafile = await bundle({ outfile });
  });
  after(() => {
    rmSync(dir, { recursive: true });
  });

  /** As the image runs it. */
  const dockerfile = readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8');
  const flags = (JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]).filter((each) =>
    each.startsWith('--'),
  );

  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [...flags, outfile, ...args], {
      encoding: 'utf8',
      env,
      timeout: 20_000,
    });

  const inputs = (): readonly string[] => Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));

  it('has the operator and the class it extends', () => {
    for (const needed of ['src/operator.ts', '@dot-i/k8s-operator/dist/operator.js', 'client-node/dist/config.js']) {
      assert.ok(
        inputs().some((input) => input.endsWith(needed)),
        needed,
      );
    }
  });

  it('has none of the generated API classes and models, nor anything that brings deprecated modules', () => {
    const unwanted = inputs().filter((input) =>
      /client-node\/dist\/gen\/(models|apis|types|http)|node_modules\/(gaxios|whatwg-url|punycode|ws)\//.test(input),
    );
    assert.deepEqual(unwanted, []);
  });

  it('has nothing that reads documents: that is done in the worker', () => {
    const readers = inputs().filter((input) =>
      /node_modules\/(yaml|jsonc-parser|toml-eslint-parser|re2js)\//.test(input),
    );
    assert.deepEqual(readers, []);
  });

  it('imports nothing that is not part of Node', () => {
    const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    assert.deepEqual(
      outside.filter((path) => !isBuiltin(path)),
      [],
    );
  });

  it('imports no built-in module by an import statement, which would load all of it', () => {
    const statements = Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ kind }) => kind === 'import-statement'),
    );
    assert.deepEqual(statements, []);
  });

  it('comes with the licence of everything that is in it', () => {
    const licences = readFileSync(`${outfile}.LEGAL.txt`, 'utf8');
    for (const name of ['@dot-i/k8s-operator', '@kubernetes/client-node', 'pino', 'undici', 'zod'])
      assert.match(licences, new RegExp(`^${name}\n\n.*(MIT License|Apache License|Copyright)`, 'm'), name);
    assert.match(licences, /Permission is hereby granted/);
  });

  it('is copied into the image with its licences, which the build may see', () => {
    const [, sources = ''] = /^COPY (.*) \S+$/m.exec(readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8')) ?? [];
    const seen = [...readFileSync(join(CHECKOUT, '.dockerignore'), 'utf8').matchAll(/^!(.*)$/gm)];
    const files = [
      ...['', '-worker', '-agent']
        .map((part) => `dist/reload-operator${part}.mjs`)
        .flatMap((file) => [file, `${file}.LEGAL.txt`]),
      'LICENSE',
    ];
    assert.deepEqual(sources.split(' '), files);
    assert.deepEqual(
      seen.map(([, file]) => file),
      files,
    );
  });

  it('has beside it the worker that looks into content', async () => {
    const worker = join(dir, 'reload-operator-worker.mjs');
    await bundle({ entry: 'src/documents/worker.ts', outfile: worker });
    const inspector = createInspector({
      url: pathToFileURL(worker),
      clock: systemClock,
      log: createRecordingLog(),
    });
    try {
      const rules = [{ keys: ['*'], paths: ['/a'], class: 'Hot' }] as const;
      const { document } = await inspector.inspect(
        {
          source: { kind: 'ConfigMap', name: 'app' },
          scheme: PLAIN,
          key: 'app.yaml',
          content: 'a: 1',
          policies: [{ name: 'policy', rules, defaultClass: 'Restart' }],
          schemas: true,
        },
        AbortSignal.timeout(30_000),
      );
      assert.equal(document?.error, undefined);
      assert.deepEqual([...(document?.parts.keys() ?? [])], ['H']);
    } finally {
      await inspector.close();
    }
  });

  it('starts without a warning', () => {
    const { status, stdout, stderr } = run(['--version']);
    assert.equal(stderr, '');
    assert.match(stdout, /^reload-operator \d+\.\d+\.\d+/);
    assert.equal(status, 0);
  });

  it('runs without making code of strings', () => {
    assert.ok(flags.includes('--disallow-code-generation-from-strings'));
  });

  it('ends at once with one sentence when a flag is wrong', () => {
    const { status, stderr } = run(['--workers', 'many']);
    assert.equal(stderr, 'reload-operator: --workers is "many", but it takes a whole number from 1 to 256\n');
    assert.equal(status, 1);
  });

  it('builds the operator, and says what it cannot reach', () => {
    // Nothing listens on the discard port; the lists fail, and the operator stays until it is told to end.
    const config = {
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
      users: [{ name: 'u', user: {} }],
    };
    const kubeconfig = join(dir, 'kubeconfig');
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        ...config,
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [...flags, outfile, '--health-port=0', '--kubeconfig', kubeconfig],
      {
        encoding: 'utf8',
        // What the constructor of the base class would load.
        env: { KUBECONFIG: join(dir, 'gone') },
        timeout: 3_000,
      },
    );
    assert.equal(stderr, '');
    assert.match(stdout, /"msg":"started"/);
    assert.match(stdout, /cannot reach https:\/\/127\.0\.0\.1:9/);
  });
});
