/** Section h: the plugin, as it is installed, before anything is done. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bundlePlugin } from '../../../config/bundle/bundle.ts';
import { EXIT } from '../../../src/cli/exit.ts';
import { CHECKOUT } from '../../cluster/state.ts';
import { planFolder } from '../../support/plan-folder.ts';
import type { Bench } from '../bench.ts';
import type { SectionResult } from '../results.ts';
import { median } from '../statistics.ts';

const MANIFESTS = 500;
const ROUNDS = 10;
const LONGEST_MS = 60_000;

export async function plan({ samples = ROUNDS, scratch }: Bench): Promise<SectionResult> {
  await bundlePlugin();
  const { folder, change } = planFolder(scratch, MANIFESTS);
  const args = [join(CHECKOUT, 'dist/kubectl-reload.mjs'), 'plan', '-f', change, '--against', folder];
  const took = Array.from({ length: samples }, () => {
    const begun = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
      timeout: LONGEST_MS,
    });
    if (status !== EXIT.hot) throw new Error(`kubectl reload plan ended with ${String(status)}: ${stderr}`);
    return performance.now() - begun;
  });
  return {
    rows: [
      {
        section: 'h',
        what: `plan --against ${MANIFESTS} manifests, p50`,
        unit: 'ms',
        max: 1_000,
        measured: { operator: median(took) },
        note: `${samples} runs of the bundled plugin, each from its start to its end`,
      },
    ],
    samples: { ms: took },
  };
}
