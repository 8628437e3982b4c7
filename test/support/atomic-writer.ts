/**
 * A volume's folder, written by the steps of the kubelet's AtomicWriter (pkg/volume/util/atomic_writer.go), in its order.
 */

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface AtomicWriter {
  /** Names may have folders in them, as with `items`. Content that is there already is not written again. */
  readonly write: (payload: Readonly<Record<string, string>>) => void;
}

export function createAtomicWriter(folder: string): AtomicWriter {
  const data = join(folder, '..data');
  const write = (payload: Readonly<Record<string, string>>): void => {
    const old = linkAt(data);
    if (old !== undefined && isSame(join(folder, old), payload)) return;
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_');
    const fresh = mkdtempSync(join(folder, `..${stamp}.`));
    chmodSync(fresh, 0o755);
    for (const [name, text] of Object.entries(payload)) {
      const file = join(fresh, name);
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, text, { mode: 0o644 });
      chmodSync(file, 0o644);
    }
    symlinkSync(fresh.slice(folder.length + 1), join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), data);
    const visible = new Set(Object.keys(payload).map((name) => name.split('/', 1)[0] ?? name));
    for (const name of visible)
      if (linkAt(join(folder, name)) === undefined) symlinkSync(join('..data', name), join(folder, name));
    for (const name of readdirSync(folder))
      if (!name.startsWith('..') && !visible.has(name)) unlinkSync(join(folder, name));
    if (old !== undefined) rmSync(join(folder, old), { recursive: true });
  };
  return { write };
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isSame(folder: string, payload: Readonly<Record<string, string>>): boolean {
  const present = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = present.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  return (
    names.length === Object.keys(payload).length &&
    names.every((name) => payload[name] === readFileSync(join(folder, name), 'utf8'))
  );
}
