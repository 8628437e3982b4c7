/** The plugin as it is installed: one file, which is quick. */

import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bundle } from '../../../config/bundle/bundle.ts';
import { planFolder } from '../../support/plan-folder.ts';

const MANIFESTS = 500;
const ENV = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: '/nonexistent' };

describe('the bundled plugin', () => {
  const dir = mkdtempSync(join(tmpdir(), 'plugin-'));
  const outfile = join(dir, 'kubectl-reload.mjs');
  let outside: readonly string[] = [];

  before(async () => {
    const { outputs } = await bundle({ entry: 'src/kubectl-reload.ts', outfile });
    outside = Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  });
  after(() => {
    rmSync(dir, { recursive: true });
  });

  /** As kubectl runs it: by its first line. */
  const run = (...args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(outfile, args, {
      encoding: 'utf8',
      env: ENV,
      timeout: 60_000,
    });

  /**
   * Milliseconds of a processor that a run takes, the least of some. On an idle machine it is done in less, since not all
   * of it is done by one thread; on a busy one the time on the wall tells of the others.
   */
  const milliseconds = (attempts: number, ...args: readonly string[]): number =>
    Math.min(
      ...Array.from({ length: attempts }, () => {
        const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$0" "$@" >/dev/null 2>&1', outfile, ...args];
        const { stderr } = spawnSync('bash', timed, { encoding: 'utf8', env: ENV, timeout: 60_000 });
        const seconds = stderr.trim().split(' ').map(Number);
        assert.equal(seconds.length, 2, stderr);
        return seconds.reduce((sum, each) => sum + each * 1_000, 0);
      }),
    );

  it('is a program that needs nothing but Node', () => {
    assert.ok((statSync(outfile).mode & 0o111) !== 0);
    assert.deepEqual(
      outside.filter((path) => !isBuiltin(path)),
      [],
    );
    const { status, stdout, stderr } = run('version');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^kubectl-reload \d/);
  });

  it('comes with the licences of what is in it', () => {
    const licences = readFileSync(`${outfile}.LEGAL.txt`, 'utf8');
    for (const name of [
      '@cfworker/json-schema',
      '@kubernetes/client-node',
      'commander',
      'jsonc-parser',
      're2js',
      'yaml',
    ])
      assert.match(licences, new RegExp(`^${name}\n\n.*(MIT|Apache|Copyright|License)`, 'm'), name);
  });

  it('says what it can do within 150 ms', () => {
    const took = milliseconds(5, '--help');
    assert.ok(took > 0 && took < 150, `${took} ms`);
  });

  // `make bench` measures how long exactly, with nothing beside it: here many tests run at once.
  it(`plans a change against ${MANIFESTS} manifests in a moment`, () => {
    const { folder, change } = planFolder(dir, MANIFESTS);
    const ran = run('plan', '-f', change, '--against', folder);
    assert.equal(ran.status, 10, ran.stderr);
    assert.match(
      ran.stdout,
      /^Hot +default Deployment\/app0 .*\n +ConfigMap\/app0:config\.yaml#\/logging\/level +hot /,
    );
    assert.match(ran.stdout, /1 workload to reload hot, 124 workloads left alone\.\n$/);
    const took = milliseconds(3, 'plan', '-f', change, '--against', folder);
    assert.ok(took <= 3_000, `${took} ms`);
  });
});
