/** Section j: the library for applications, on this machine's file system, without a cluster. */

import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGroup, watchEnvFile, watchFile } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import type { Bench } from '../bench.ts';
import type { SectionResult } from '../results.ts';
import { median } from '../statistics.ts';
import type { Cost } from '../watching.ts';

const CHANGES = 100;
const VARIABLES = 1_000;
const IDLE_SECONDS = 60;
const PROGRAM = join(import.meta.dirname, '../watching.ts');

export async function watcher({
  samples = CHANGES,
  scratch,
}: Pick<Bench, 'samples' | 'scratch'>): Promise<SectionResult> {
  const detected = await detection(mkdtempSync(join(scratch, 'swaps-')), samples);
  const reloaded = await reloading(join(scratch, 'variables'), samples);
  const { heap, idleMs } = await cost(join(scratch, 'variables'));
  return {
    rows: [
      {
        section: 'j',
        what: "watcher: kubelet's swap to callback, p50",
        unit: 'ms',
        max: 50,
        measured: { operator: median(detected) },
        note: `${samples} swaps, debounce 0`,
      },
      {
        section: 'j',
        what: `watcher: reload of ${VARIABLES} variables, p50`,
        unit: 'ms',
        max: 100,
        measured: { operator: median(reloaded) },
        note: `${samples} reloads in which all of them change`,
      },
      {
        section: 'j',
        what: `watcher: heap, with ${VARIABLES} variables`,
        unit: 'MB',
        max: 1,
        measured: { operator: heap / 1e6 },
        note: 'beside what node:http has loaded',
      },
      {
        section: 'j',
        what: `watcher: CPU in ${IDLE_SECONDS} idle seconds`,
        unit: 'ms',
        max: 10,
        measured: { operator: idleMs },
        note: 'of the whole process; one look each 30 s, no event',
      },
    ],
    samples: { detectedMs: detected, reloadedMs: reloaded },
  };
}

/** From before the new folder is written until the callback. */
async function detection(folder: string, samples: number): Promise<readonly number[]> {
  const { write } = createAtomicWriter(folder);
  write({ key: 'first' });
  const group = createGroup();
  try {
    const file = watchFile(join(folder, 'key'), { group, debounceMs: 0, log: () => undefined });
    await file.ready();
    const took: number[] = [];
    for (let n = 0; n < samples; n++) {
      const told = new Promise<void>((resolve) => {
        const end = file.onChange(() => {
          end();
          resolve();
        });
      });
      const begun = performance.now();
      write({ key: String(n) });
      await told;
      took.push(performance.now() - begun);
    }
    return took;
  } finally {
    await group.close();
  }
}

async function reloading(path: string, samples: number): Promise<readonly number[]> {
  const group = createGroup();
  const write = (n: number): void => {
    const lines = Array.from({ length: VARIABLES }, (_, index) => `KLR_VARIABLE_${index}="value ${n} of ${index}"`);
    writeFileSync(path, `${lines.join('\n')}\n`);
  };
  write(0);
  try {
    const env: NodeJS.ProcessEnv = {};
    const file = watchEnvFile(path, { group, env, debounceMs: 60_000, log: () => undefined });
    await file.ready();
    const took: number[] = [];
    for (let n = 1; n <= samples; n++) {
      write(n);
      const begun = performance.now();
      await file.force();
      took.push(performance.now() - begun);
      if (env['KLR_VARIABLE_0'] !== `value ${n} of 0`) throw new Error(`reload ${n} was not in force`);
    }
    return took;
  } finally {
    await group.close();
  }
}

async function cost(file: string): Promise<Cost> {
  const args = ['--expose-gc', PROGRAM, file, String(IDLE_SECONDS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (IDLE_SECONDS + 60) * 1_000 });
  return JSON.parse(stdout) as Cost;
}
