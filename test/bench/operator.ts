/** The operator as it is measured: in the cluster by its own manifests, or as a process of this machine. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from '../../src/api/v1alpha1/names.ts';
import * as paths from '../../src/kube/paths.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ensureOperatorImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { eventually } from '../support/wait.ts';
import { serviceAccountKubeconfig, type Api } from './api.ts';
import { memoryOf, startChild, type Child, type Memory } from './child.ts';

export interface Operator {
  /** For the reader of the table. */
  readonly where: string;
  /** Ends the running one and starts another; resolves when that is ready. */
  restart(): Promise<void>;
  memory(): Promise<Memory>;
  /** Its own metrics, in the Prometheus text format. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

export interface OperatorOptions {
  readonly cluster: Cluster;
  readonly api: Api;
  /** A folder for secrets and logs that goes with the run. */
  readonly scratch: string;
  readonly log: (line: string) => void;
}

/** CRDs, rights and admission policies are installed either way. The bundle must have been built. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  return options.cluster.hasNode && options.cluster.name !== 'current' ? inCluster(options) : onHost(options);
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status: {
      readonly containerStatuses?: readonly { readonly containerID?: string; readonly ready: boolean }[];
    };
  }[];
}

async function inCluster({ cluster, api, log }: OperatorOptions): Promise<Operator> {
  const kubectl = kubectlFor(cluster);
  const deployment = 'deployment/reload-operator';
  const rolledOut = (): Promise<string> =>
    kubectl.run(['rollout', 'status', deployment, '-n', DEFAULT_NAMESPACE, '--timeout=60s'], { timeoutMs: 70_000 });
  const pod = async (): Promise<{ readonly name: string; readonly containerId: string }> => {
    const { items } = await api.get<PodList>(paths.pods(DEFAULT_NAMESPACE));
    const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const [first] = running;
    const id = first?.status.containerStatuses?.[0]?.containerID?.replace(/^[a-z]+:\/\//, '');
    if (first === undefined || running.length > 1 || id === undefined)
      throw new Error(`there are ${running.length} operators where one was expected`);
    return { name: first.metadata.name, containerId: id };
  };

  await cluster.importImage((await ensureOperatorImage(log)).archive);
  await kubectl.run(['apply', '-k', join(CHECKOUT, 'config/default')]);
  const restart = async (): Promise<void> => {
    await kubectl.run(['rollout', 'restart', deployment, '-n', DEFAULT_NAMESPACE]);
    await rolledOut();
  };
  // One that ran before has an image of the same name, but not this one.
  await restart();
  return {
    where: 'in the cluster: its image, service account, limits and admission policies',
    restart,
    memory: async () => memoryOf([pidOfContainer((await pod()).containerId)]),
    metrics: async () => {
      const { name } = await pod();
      const proxy = `/api/v1/namespaces/${DEFAULT_NAMESPACE}/pods/${name}:8081/proxy/metrics`;
      return kubectl.run(['get', '--raw', proxy]);
    },
    stop: async () => {
      await kubectl.run(['delete', deployment, '-n', DEFAULT_NAMESPACE, '--ignore-not-found']);
    },
  };
}

/** The first process of a container, found by its cgroup. */
function pidOfContainer(id: string): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      if (readFileSync(`/proc/${entry}/cgroup`, 'utf8').includes(id)) return Number(entry);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no process of container ${id} is on this machine`);
}

async function onHost({ cluster, api, scratch }: OperatorOptions): Promise<Operator> {
  const kubectl = kubectlFor(cluster);
  for (const folder of ['crds', 'config/admission', 'config/rbac'])
    await kubectl.run(['apply', '-k', join(CHECKOUT, folder)]);
  const kubeconfig = join(scratch, 'operator.json');
  const token = await serviceAccountKubeconfig(api, DEFAULT_NAMESPACE, SERVICE_ACCOUNT);
  writeFileSync(kubeconfig, token, { mode: 0o600 });
  const port = await freePort();
  const health = `http://127.0.0.1:${port}`;
  const args = [...nodeFlags(), join(CHECKOUT, 'dist/reload-operator.mjs')];
  const settings = ['--kubeconfig', kubeconfig, '--health-port', String(port), '--health-host', '127.0.0.1'];

  const start = async (): Promise<Child> => {
    const child = await startChild({ command: process.execPath, args: [...args, ...settings] });
    try {
      await eventually(async () => (await fetch(`${health}/readyz`)).ok, { what: 'the operator to be ready' });
      return child;
    } catch (error) {
      await child.stop();
      throw error;
    }
  };

  let running = await start();
  return {
    where: 'a process of this machine, with the flags of its image and the token of its service account',
    restart: async () => {
      await running.stop();
      running = await start();
    },
    memory: () => Promise.resolve(memoryOf([running.pid])),
    metrics: async () => (await fetch(`${health}/metrics`)).text(),
    stop: () => running.stop(),
  };
}

/** What the image gives Node, so that both forms run alike. */
function nodeFlags(): string[] {
  const dockerfile = readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8');
  const entrypoint = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  return entrypoint.filter((argument) => argument.startsWith('--'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
