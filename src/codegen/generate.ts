/**
 * Writes everything that comes from the API's schema. With `--check` it writes nothing, names the files that are
 * stale, and ends with code 1 if there are any.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GROUP } from '../api/v1alpha1/names.ts';
import { KINDS } from '../api/v1alpha1/schema.ts';
import { toCustomResourceDefinition, toYaml } from './crd.ts';
import { toTypes } from './types.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Every generated file by its path from the project's root. */
export const generate = async (): Promise<ReadonlyMap<string, string>> => {
  const crds = KINDS.map((kind) => ({ kind, crd: toCustomResourceDefinition(kind) }));
  return new Map([
    ...crds.map(({ kind, crd }) => [`crds/${GROUP}_${kind.names.plural}.yaml`, toYaml(crd)] as const),
    ['src/api/v1alpha1/types.gen.ts', await toTypes(crds.map(({ crd }) => crd))],
  ]);
};

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const stale: string[] = [];
  for (const [path, content] of await generate()) {
    const target = join(ROOT, path);
    if ((await readIfThere(target)) === content) continue;
    stale.push(path);
    if (check) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  for (const path of stale) console.log(check ? `stale: ${path}` : `wrote ${path}`);
  if (check && stale.length > 0) {
    console.error('generated files are stale: run make generate and commit the result');
    process.exitCode = 1;
  }
}
