/** A folder for watchers of a test, and what they say: all of it ends with the test. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createGroup } from '../../src/watcher/index.ts';
import type { WatchGroup } from '../../src/watcher/index.ts';

export interface Watched {
  readonly folder: string;
  readonly path: (...names: readonly string[]) => string;
  /** For the options of every watcher. */
  readonly common: { readonly group: WatchGroup; readonly log: (line: string) => void };
  /** What was said. */
  readonly lines: readonly string[];
}

export function watched(t: TestContext): Watched {
  const folder = mkdtempSync(join(tmpdir(), 'watched-'));
  const group = createGroup();
  const lines: string[] = [];
  t.after(async () => {
    await group.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    path: (...names) => join(folder, ...names),
    common: { group, log: (line) => lines.push(line) },
    lines,
  };
}
