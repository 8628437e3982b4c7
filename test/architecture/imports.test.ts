/** The import table of docs/architecture.md is kept, and the tool that keeps it sees what it should. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile, cp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const CHECKOUT = join(import.meta.dirname, '../..');
const CRUISER = join(CHECKOUT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
  };
}

/** Runs dependency-cruiser over src in a folder; its exit code counts the violations. */
const cruise = async (folder: string): Promise<Cruise> => {
  const args = [CRUISER, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string')
      return { stdout: error.stdout };
    throw error;
  });
  return JSON.parse(stdout) as Cruise;
};

const files = globSync('src/**/*.ts', { cwd: CHECKOUT }).sort();

describe('who may import whom', () => {
  it('is kept, in every file', async () => {
    const { modules, summary } = await cruise(CHECKOUT);
    assert.deepEqual(summary.violations, []);
    const seen = modules.map(({ source }) => source).filter((source) => source.startsWith('src/'));
    assert.deepEqual(seen.sort(), files);
    assert.ok(files.length > 50);
  });

  const planted: readonly (readonly [file: string, code: string, rule: string])[] = [
    ['src/domain/planted.ts', "import '../kube/paths.ts';", 'domain-rooms'],
    ['src/planted.ts', "import './operator/stores.ts';", 'parts-of-the-root'],
    ['src/domain/planted.ts', "import 'node:fs';", 'domain-builtins'],
    ['src/domain/planted.ts', "import 'node:crypto';", 'digest-only-crypto'],
    ['src/runtime/planted.ts', "import '../domain/globs.ts';", 'runtime-rooms'],
    ['src/controller/planted.ts', "import '../kube/paths.ts';", 'controller-rooms'],
    ['src/controller/planted.ts', "import 'undici';", 'controller-packages'],
    ['src/kube/planted.ts', "import '../controller/act.ts';", 'kube-rooms'],
    [
      'src/telemetry/planted.ts',
      "import { KubeConfig } from '@kubernetes/client-node'; new KubeConfig();",
      'client-at-the-edge',
    ],
    ['src/api/planted.ts', "import 'zod';", 'schema-only-zod'],
    ['src/cli/planted.ts', "import '../controller/act.ts';", 'cli-rooms'],
    ['src/controller/planted.ts', "import '../cli/exit.ts';", 'controller-rooms'],
    ['src/settings/planted.ts', "import '../main.ts';", 'nobody-imports-main'],
    ['src/settings/planted.ts', "import '../kubectl-reload.ts';", 'nobody-imports-main'],
    ['src/watcher/planted.ts', "import '../runtime/clock.ts';", 'watcher-rooms'],
    ['src/watcher/planted.ts', "import 'yaml';", 'watcher-packages'],
    ['src/runtime/planted.ts', "import 'eslint';", 'not-to-dev'],
  ];
  it('is seen to be broken where it is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reload-imports-'));
    try {
      for (const name of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json', 'src']) {
        await cp(join(CHECKOUT, name), join(folder, name), { recursive: true });
      }
      // The packages themselves need not be copied to be found.
      await promisify(execFile)('ln', ['-s', join(CHECKOUT, 'node_modules'), join(folder, 'node_modules')]);
      for (const [index, [file, code]] of planted.entries()) {
        const path = join(folder, file.replace('planted', `planted${index}`));
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, `${code}\n`);
      }
      const { violations } = (await cruise(folder)).summary;
      for (const [index, [file, code, rule]] of planted.entries()) {
        const from = file.replace('planted', `planted${index}`);
        const broken = violations.filter((each) => each.from === from).map((each) => each.rule.name);
        assert.ok(broken.includes(rule), `${file} with ${code} breaks ${broken.join(', ') || 'nothing'}, not ${rule}`);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
