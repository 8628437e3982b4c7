/**
 * Runs everything, or the stages that are named, and ends with one line: `N passed, N failed`.
 *
 *   node test/run.ts [STAGE...] [-- FILE...]
 */

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { clusterForTests, type Cluster } from './cluster/cluster.ts';

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

type Stage = (files: readonly string[]) => Promise<Tally>;

const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };
const MINUTE = 60_000;

const sum = (a: Tally, b: Tally): Tally => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/** A command that passes or fails as a whole. */
const command =
  (name: string, args: readonly string[]): Stage =>
  async () => {
    const child = spawn(name, args, { stdio: 'inherit' });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    return code === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
  };

/** Test files, each in a process of its own. */
const tests =
  (pattern: string, { concurrency, timeout }: { readonly concurrency: number; readonly timeout: number }): Stage =>
  async (files) => {
    const chosen = files.length > 0 ? files.filter((file) => globSync(pattern).includes(file)) : globSync(pattern);
    if (chosen.length === 0) return NOTHING;
    const tally = { passed: 0, failed: 0, skipped: 0 };
    const stream = run({ files: [...chosen].sort(), concurrency, timeout });
    // A suite is no test of its own, but what fails in its hooks is a failure that no test tells of.
    stream.on('test:pass', ({ details, skip }) => {
      if (details.type === 'suite') return;
      if (isSet(skip)) tally.skipped++;
      else tally.passed++;
    });
    stream.on('test:fail', ({ details }) => {
      const { error } = details;
      if ('failureType' in error && error.failureType === 'subtestsFailed') return;
      tally.failed++;
    });
    for await (const line of stream.compose(spec)) process.stdout.write(String(line));
    return tally;
  };

/** A skipped test has `true` or a reason. */
const isSet = (mark: unknown): boolean => mark !== undefined && mark !== false;

/** All files of a stage share a cluster, which ends with the stage or with this process. */
const onCluster =
  (node: boolean, stage: Stage): Stage =>
  async (files) => {
    const cluster = await clusterForTests({ node });
    const before = process.env.RELOAD_CLUSTER;
    try {
      shareWithChildren(cluster);
      return await stage(files);
    } finally {
      if (before === undefined) delete process.env.RELOAD_CLUSTER;
      else process.env.RELOAD_CLUSTER = before;
      await cluster.stop();
    }
  };

const shareWithChildren = (cluster: Cluster): void => {
  if (process.env.CLUSTER !== 'current') process.env.RELOAD_CLUSTER = cluster.name;
};

const STAGES: ReadonlyMap<string, Stage> = new Map([
  ['verify', command('node', ['src/codegen/generate.ts', '--check'])],
  ['format', command('prettier', ['--log-level', 'warn', '--check', '.'])],
  ['lint', command('eslint', ['.'])],
  ['unused', command('knip', [])],
  ['imports', command('depcruise', ['--config', '.dependency-cruiser.mjs', 'src'])],
  ['types', command('tsc', ['-p', '.'])],
  ['unit', tests('test/unit/**/*.test.ts', { concurrency: 2, timeout: 2 * MINUTE })],
  ['mutation', tests('test/mutation/**/*.test.ts', { concurrency: 1, timeout: 10 * MINUTE })],
  ['architecture', tests('test/architecture/**/*.test.ts', { concurrency: 1, timeout: 3 * MINUTE })],
  ['integration', onCluster(false, tests('test/integration/**/*.test.ts', { concurrency: 2, timeout: 10 * MINUTE }))],
  // One file at a time: one of them takes the operator away.
  ['e2e', onCluster(true, tests('test/e2e/**/*.test.ts', { concurrency: 1, timeout: 15 * MINUTE }))],
]);

const separator = process.argv.indexOf('--');
const names = process.argv.slice(2, separator < 0 ? undefined : separator);
const files = separator < 0 ? [] : process.argv.slice(separator + 1);
const unknown = names.filter((name) => !STAGES.has(name));
if (unknown.length > 0) {
  console.error(`no stage ${unknown.join(', ')}: there are ${[...STAGES.keys()].join(', ')}`);
  process.exit(2);
}

let total = NOTHING;
const lines: string[] = [];
for (const [name, stage] of STAGES) {
  if (names.length > 0 && !names.includes(name)) continue;
  const begun = performance.now();
  console.log(`\n== ${name}`);
  let tally: Tally;
  try {
    tally = await stage(files);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    tally = { ...NOTHING, failed: 1 };
  }
  total = sum(total, tally);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  lines.push(
    `${name.padEnd(14)}${String(tally.passed).padStart(6)} passed ${String(tally.failed).padStart(4)} failed ${seconds.padStart(6)} s`,
  );
}
console.log(`\n${lines.join('\n')}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
