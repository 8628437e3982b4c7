/**
 * The operator as a process of its own beside a test, acting as its service account: rights and admission policies are
 * what they are in production.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  DEFAULT_NAMESPACE,
  GROUP,
  RELOAD_POLICY,
  RELOAD_RECORD,
  RELOAD_REQUEST,
  SERVICE_ACCOUNT,
} from '../../src/api/v1alpha1/names.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { serviceAccountConfig } from './account.ts';
import { kubectlFor } from './kubectl.ts';
import { freePort } from './ports.ts';
import { eventually, untilPasses } from './wait.ts';

export interface OperatorOptions {
  readonly cluster: Cluster;
  /** Where it works; tests of several files share a cluster, so each has its own. */
  readonly namespaces: readonly string[];
  /** Reach the API server here instead: a fault proxy, say. */
  readonly through?: string;
  readonly args?: readonly string[];
  /** Flags of Node; none by default. */
  readonly nodeFlags?: readonly string[];
  /** Whom it acts as. Default: the account that config/default installs. The name has to be reload-operator. */
  readonly accountNamespace?: string;
}

const STOP_MS = 30_000;

/** A line of its log: pino's fields. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface RunningOperator {
  readonly pid: number;
  readonly log: readonly LogLine[];
  /** The latest of what it wrote, for a failing test. */
  said(): string;
  /** False: not well, or no answer. */
  livez(): Promise<boolean>;
  readyz(): Promise<boolean>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
  running(): boolean;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
}

/** What config/default installs, but for the operator's own Deployment. */
export const installRights = async (cluster: Cluster): Promise<void> => {
  const kubectl = kubectlFor(cluster);
  const parts = ['crds', 'config/admission', 'config/rbac'];
  for (const part of parts) {
    // Another test file may be at it too.
    await untilPasses(
      async () => {
        await kubectl.run(['apply', '--server-side', '--force-conflicts', '-k', join(CHECKOUT, part)]);
      },
      { what: `${part} to be installed` },
    );
  }
  const crds = [RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST].map(({ plural }) => `crd/${plural}.${GROUP}`);
  await kubectl.run(['wait', '--for=condition=Established', '--timeout=120s', ...crds], { timeoutMs: 130_000 });
};

/** Ended with this process at the latest, whatever becomes of the test. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts it and waits until it is ready; `ready: false`: only until it serves. */
export const startOperator = async (options: OperatorOptions, { ready = true } = {}): Promise<RunningOperator> => {
  const folder = await mkdtemp(join(tmpdir(), 'reload-operator-'));
  const port = await freePort();
  const operator = new Child(
    await spawnOperator(
      [
        `--kubeconfig=${await writeKubeconfig(folder, options)}`,
        `--namespaces=${options.namespaces.join(',')}`,
        `--health-port=${port}`,
        '--health-host=127.0.0.1',
        ...(options.args ?? []),
      ],
      options.nodeFlags,
    ),
    folder,
    port,
  );
  await eventually(
    async () => {
      if (!operator.running()) throw new Error(`the operator ended: ${operator.said()}`);
      return (ready ? operator.readyz() : operator.livez()).then((well) => well || undefined);
    },
    { what: 'the operator to be ready', timeoutMs: 120_000 },
  ).catch(async (error: unknown) => {
    await operator.kill();
    throw error;
  });
  return operator;
};

/** Runs it with arguments of any kind, to its end. */
export const runOperator = async (
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> => {
  const child = await spawnOperator(args);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: stdout(), stderr: stderr() };
};

const spawnOperator = async (args: readonly string[], nodeFlags: readonly string[] = []): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [...nodeFlags, join(CHECKOUT, 'src/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await once(child, 'spawn');
  return child;
};

const writeKubeconfig = async (
  folder: string,
  { cluster, through, accountNamespace = DEFAULT_NAMESPACE }: OperatorOptions,
): Promise<string> => {
  const config = await serviceAccountConfig(cluster, accountNamespace, SERVICE_ACCOUNT);
  const current = config.getCurrentCluster();
  if (through !== undefined && current !== null) {
    // The name that every API server's certificate has; the client library takes plain HTTP only where nothing is verified.
    const tls = through.startsWith('http:') ? { skipTLSVerify: true } : { tlsServerName: 'kubernetes.default.svc' };
    Object.assign(current, { server: through, ...tls });
  }
  const file = join(folder, 'kubeconfig');
  await writeFile(file, config.exportConfig(), { mode: 0o600 });
  return file;
};

const collect = (stream: NodeJS.ReadableStream | null): (() => string) => {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
};

class Child implements RunningOperator {
  readonly pid: number;
  readonly log: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #port: number;
  readonly #stderr: () => string;
  readonly #exited: Promise<number | null>;

  constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.#port = port;
    this.pid = child.pid ?? 0;
    this.#stderr = collect(child.stderr);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => this.log.push(parseLine(line)));
    }
    this.#exited = once(child, 'exit').then(([code]) => code as number | null);
  }

  running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  said(): string {
    return [...this.log.slice(-5).map((line) => JSON.stringify(line)), this.#stderr()].join('\n');
  }

  livez(): Promise<boolean> {
    return this.#asks('livez');
  }

  readyz(): Promise<boolean> {
    return this.#asks('readyz');
  }

  async metrics(): Promise<string> {
    return (await fetch(this.#url('metrics'))).text();
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    // One that doesn't end must not keep the test from it; it shows in the code.
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const code = await this.#gone();
    clearTimeout(impatience);
    return code;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone();
  }

  async #asks(what: string): Promise<boolean> {
    try {
      return (await fetch(this.#url(what), { signal: AbortSignal.timeout(5_000) })).ok;
    } catch {
      return false;
    }
  }

  #url(what: string): string {
    return `http://127.0.0.1:${this.#port}/${what}`;
  }

  async #gone(): Promise<number | null> {
    const code = await this.#exited;
    await rm(this.#folder, { recursive: true, force: true });
    return code;
  }
}

const parseLine = (line: string): LogLine => {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
};
