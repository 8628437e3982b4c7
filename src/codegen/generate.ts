/**
 * Writes everything that comes from the API's schema. With `--check` it writes nothing, names the files that are
 * stale, and ends with code 1 if there are any.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GROUP } from '../api/v1alpha1/names.ts';
import { KINDS } from '../api/v1alpha1/schema.ts';
import { documentedConstants } from './comments.ts';
import { toCustomResourceDefinition, toYaml } from './crd.ts';
import { toReference } from './reference.ts';
import { toTypes } from './types.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CONDITIONS = 'src/api/v1alpha1/conditions.ts';

/** Every generated file by its path from the project's root. */
export const generate = async (): Promise<ReadonlyMap<string, string>> => {
  const crds = KINDS.map(toCustomResourceDefinition);
  const conditions = documentedConstants(await readFile(join(ROOT, CONDITIONS), 'utf8'), CONDITIONS);
  return new Map([
    ...crds.map((crd) => [`crds/${GROUP}_${crd.spec.names.plural}.yaml`, toYaml(crd)] as const),
    ['src/api/v1alpha1/types.gen.ts', await toTypes(crds)],
    ['docs/api.md', toReference(crds, conditions)],
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

/** Those generated files below `root` that are not what they should be, with the content they should have. */
export const staleFiles = async (root: string): Promise<ReadonlyMap<string, string>> => {
  const stale = new Map<string, string>();
  for (const [path, content] of await generate()) {
    if ((await readIfThere(join(root, path))) !== content) stale.set(path, content);
  }
  return stale;
};

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const stale = await staleFiles(ROOT);
  for (const [path, content] of stale) {
    if (!check) {
      await mkdir(dirname(join(ROOT, path)), { recursive: true });
      await writeFile(join(ROOT, path), content);
    }
    console.log(`${check ? 'stale:' : 'wrote'} ${path}`);
  }
  if (check && stale.size > 0) {
    console.error('generated files are stale: run make generate and commit the result');
    process.exitCode = 1;
  }
}
