/**
 * A volume's folder, written by the steps of the kubelet's AtomicWriter (pkg/volume/util/atomic_writer.go), in its order;
 * all at once, or one after the other for who wants to look in between.
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

export type Payload = Readonly<Record<string, string | Uint8Array>>;

/** The state's own folder; the link to it; links for names that are new; those that are gone; the old folder. */
const STEPS = ['write', 'swap', 'link', 'unlink', 'clean'] as const;
export type Step = (typeof STEPS)[number];

export interface AtomicWriter {
  /**
   * Names may have folders in them, as with `items`. Content that is there already is not written again.
   * @param upTo the last step to take; `finish` takes those that are left
   */
  readonly write: (payload: Payload, upTo?: Step) => void;
  readonly finish: () => void;
  /** The folder of the present state. */
  readonly state: () => string;
}

export function createAtomicWriter(folder: string): AtomicWriter {
  const data = join(folder, '..data');
  let left: readonly (() => void)[] = [];

  const stepsOf = (payload: Payload): Readonly<Record<Step, () => void>> => {
    const old = linkAt(data);
    const visible = new Set(Object.keys(payload).map((name) => name.split('/', 1)[0] ?? name));
    let fresh = '';
    return {
      write: () => {
        fresh = writeState(folder, payload);
      },
      swap: () => {
        symlinkSync(fresh.slice(folder.length + 1), join(folder, '..data_tmp'));
        renameSync(join(folder, '..data_tmp'), data);
      },
      link: () => {
        for (const name of visible)
          if (linkAt(join(folder, name)) === undefined) symlinkSync(join('..data', name), join(folder, name));
      },
      unlink: () => {
        for (const name of readdirSync(folder))
          if (!name.startsWith('..') && !visible.has(name)) unlinkSync(join(folder, name));
      },
      clean: () => {
        if (old !== undefined) rmSync(join(folder, old), { recursive: true });
      },
    };
  };

  const finish = (): void => {
    for (const step of left) step();
    left = [];
  };

  return {
    write: (payload, upTo = 'clean') => {
      const old = linkAt(data);
      if (old !== undefined && isSame(join(folder, old), payload)) return;
      const steps = stepsOf(payload);
      const taken = STEPS.indexOf(upTo) + 1;
      for (const step of STEPS.slice(0, taken)) steps[step]();
      left = STEPS.slice(taken).map((step) => steps[step]);
    },
    finish,
    state: () => join(folder, linkAt(data) ?? ''),
  };
}

function writeState(folder: string, payload: Payload): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_');
  const fresh = mkdtempSync(join(folder, `..${stamp}.`));
  chmodSync(fresh, 0o755);
  for (const [name, content] of Object.entries(payload)) {
    const file = join(fresh, name);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content, { mode: 0o644 });
    chmodSync(file, 0o644);
  }
  return fresh;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isSame(folder: string, payload: Payload): boolean {
  const present = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = present.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  return (
    names.length === Object.keys(payload).length &&
    names.every((name) => {
      const content = payload[name];
      return content !== undefined && readFileSync(join(folder, name)).equals(Buffer.from(content));
    })
  );
}
