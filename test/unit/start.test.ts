import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
/** Nothing listens on the discard port: a start that gets there has found its cluster. */
const SERVER = 'https://127.0.0.1:9';

describe('the start', () => {
  const dir = mkdtempSync(join(tmpdir(), 'start-'));
  after(() => {
    rmSync(dir, { recursive: true });
  });

  const file = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const config = (more: object): string =>
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: SERVER } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      ...more,
    });
  const good = file('good', config({ 'current-context': 'x' }));
  const undecided = file('undecided', config({}));
  const broken = file('broken', 'a: [');

  /** Runs it until it has started or ended; what it wrote on either stream. */
  const start = async (
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<{ readonly stdout: string; readonly stderr: string }> => {
    const child = spawn(process.execPath, [MAIN, '--health-port=0', ...args], {
      env: { HOME: dir, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
        if (said.stdout.includes('"msg":"started"')) child.kill('SIGKILL');
      });
    }
    await new Promise((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    return said;
  };

  const started = /^\{[^\n]*"server":"https:\/\/127\.0\.0\.1:9"[^\n]*"msg":"started"\}$/m;

  it('goes by --kubeconfig, whatever KUBECONFIG names', async () => {
    for (const other of [broken, join(dir, 'gone')]) {
      const { stdout } = await start(['--kubeconfig', good], { KUBECONFIG: other });
      assert.match(stdout, started);
    }
  });

  it('goes by --context where the file has no current one', async () => {
    const { stdout } = await start(['--context', 'x'], { KUBECONFIG: undecided });
    assert.match(stdout, started);
  });

  it('ends with one sentence where nothing says which cluster', async () => {
    const { stderr } = await start([], { KUBECONFIG: undecided });
    assert.equal(
      stderr.replace(/^\(node:.*\n.*\n/gm, ''),
      `reload-operator: ${undecided} has no current context: choose one with --context (it has x)\n`,
    );
  });
});
