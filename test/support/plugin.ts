/** The kubectl plugin as a process of its own beside a test. */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningPlugin {
  /** What it has written to standard output so far. */
  said(): string;
  interrupt(): void;
  readonly ended: Promise<Ended>;
}

/** @param cluster whose kubeconfig it finds in KUBECONFIG; undefined: none */
export const startPlugin = (
  args: readonly string[],
  { cluster, input = '' }: { readonly cluster?: Cluster; readonly input?: string } = {},
): RunningPlugin => {
  const child = spawn(process.execPath, [join(CHECKOUT, 'src/kubectl-reload.ts'), ...args], {
    stdio: 'pipe',
    // One that hangs must not keep the test from its end.
    timeout: 120_000,
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      ...(cluster !== undefined && { KUBECONFIG: cluster.kubeconfig }),
    },
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  // It may end without reading its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const ended = Promise.all([closed, text(child.stderr)]).then(([code, stderr]) => ({ code, stdout: said, stderr }));
  return {
    said: () => said,
    interrupt: () => child.kill('SIGINT'),
    ended,
  };
};

export const runPlugin = (...started: Parameters<typeof startPlugin>): Promise<Ended> => startPlugin(...started).ended;
