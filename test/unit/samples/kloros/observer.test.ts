/** The observer as a process of its own, with the real watcher and a file that this test writes. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Performance } from '../../../../config/samples/kloros/app/observation.ts';
import { untilPasses } from '../../../support/wait.ts';

const PROGRAM = join(import.meta.dirname, '../../../../config/samples/kloros/app/observer.ts');
const BASE = {
  KLR_EXPERIMENT_ID: '1',
  KLR_DETECTOR_THRESHOLD: '3.00',
  KLR_DETECTOR_BATCH_SIZE: '16',
  KLR_DETECTOR_SMOOTHING: '0.0200',
  KLR_DETECTOR_HOLD_SAMPLES: '0',
  KLR_LLM_MODEL: 'a-model',
};

const written = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

describe('an observer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kloros-'));
  const file = join(folder, '.kloros_env');
  let child: ChildProcess;
  let port = 0;

  /** As a whole: what the kubelet writes is never seen half. */
  const write = (content: string): void => {
    writeFileSync(`${file}.next`, content);
    renameSync(`${file}.next`, file);
  };
  const get = async <T>(path: string): Promise<T> =>
    (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
  const performanceNow = (): Promise<Performance> => get('/performance');
  const start = (): ChildProcess =>
    spawn(process.execPath, [PROGRAM], {
      env: { PATH: process.env['PATH'], KLOROS_ENV_FILE: file, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
    });

  before(async () => {
    port = await freePort();
    write(written(BASE));
    child = start();
    await untilPasses(async () => assert.equal(await get('/healthz'), 'ok'), { what: 'it to serve' });
  });
  after(() => {
    child.kill();
    rmSync(folder, { recursive: true });
  });

  it('computes at import what it runs on, from settings that stand in the file', async () => {
    const { parameters, experiment } = await performanceNow();
    assert.deepEqual(parameters, { threshold: 3, batchSize: 16, smoothing: 0.02, holdSamples: 0 });
    assert.equal(experiment, 1);
    await untilPasses(async () => assert.ok((await performanceNow()).figures.samples > 0), { what: 'it to observe' });
  });

  it('computes it anew when the settings change, and begins to count from there', async () => {
    const { since } = await performanceNow();
    write(written({ ...BASE, KLR_EXPERIMENT_ID: '2', KLR_DETECTOR_THRESHOLD: '4.50' }));
    await untilPasses(
      async () => {
        const { parameters, experiment } = await performanceNow();
        assert.deepEqual({ experiment, threshold: parameters.threshold }, { experiment: 2, threshold: 4.5 });
      },
      { what: 'the new parameters' },
    );
    assert.notEqual((await performanceNow()).since, since);
  });

  it('goes on counting when other settings change, and loses what the file no longer has', async () => {
    const { since } = await performanceNow();
    const { KLR_LLM_MODEL: _, ...fewer } = { ...BASE, KLR_EXPERIMENT_ID: '2', KLR_DETECTOR_THRESHOLD: '4.50' };
    write(written({ ...fewer, KLR_LOG_LEVEL: 'debug' }));
    await untilPasses(async () => assert.deepEqual(await get('/settings'), { ...fewer, KLR_LOG_LEVEL: 'debug' }), {
      what: 'the settings',
    });
    assert.equal((await performanceNow()).since, since);
  });

  it('refuses what does not fit, says why, and runs on as before', async () => {
    const settings = await get('/settings');
    write(written({ ...BASE, KLR_DETECTOR_THRESHOLD: 'banana', KLR_LLM_MODEL: 'another' }));
    await untilPasses(
      async () => {
        const { files } = await get<{ readonly files: readonly { readonly error?: string }[] }>('/-/reload');
        assert.match(files[0]?.error ?? '', /^KLR_DETECTOR_THRESHOLD is "banana"/);
      },
      { what: 'the refusal' },
    );
    assert.deepEqual(await get('/settings'), settings);
    assert.equal((await performanceNow()).parameters.threshold, 4.5);
  });

  it('does not start on a file that is refused, or is not there, and says which', async () => {
    for (const [content, said] of [
      [written({ ...BASE, KLR_DETECTOR_THRESHOLD: 'banana' }), /^kloros: .*KLR_DETECTOR_THRESHOLD is "banana"/m],
      [undefined, /^kloros: .*\.kloros_env/m],
    ] as const) {
      if (content === undefined) rmSync(file);
      else write(content);
      const failing = start();
      assert.ok(failing.stderr);
      const [stderr] = await Promise.all([text(failing.stderr), once(failing, 'close')]);
      assert.match(stderr, said);
      assert.equal(failing.exitCode, 2);
    }
  });
});
