/** Node agents in a test cluster, and somebody in the node's network who asks them. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MountAnswer, PodMount } from '../../src/controller/ports.ts';
import { bundleOperator } from '../../config/bundle/bundle.ts';
import { findCluster, type Cluster } from '../cluster/cluster.ts';
import { ensureOperatorImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { serviceAccountConfig } from './account.ts';
import { kubectlFor } from './kubectl.ts';

export const AGENT_NAMESPACE = 'reload-operator-agent';

export interface Asked {
  readonly id: number;
  readonly pod: { readonly uid: string; readonly node: string };
  readonly question: {
    readonly volume: string;
    readonly plugin: PodMount['plugin'];
    readonly files: readonly (readonly [path: string, digest: string | null])[];
    /** base64url */
    readonly key?: string;
  };
  readonly waitMs: number;
}

export interface AskerAnswer {
  readonly id: number;
  readonly answer: MountAnswer;
  readonly ms: number;
}

/** The image, the DaemonSet and its rights, the operator's too, but for the operator itself. */
export const installAgents = async (cluster: Cluster): Promise<void> => {
  await bundleOperator();
  const { archive } = await ensureOperatorImage((line) => {
    console.error(line);
  });
  await cluster.importImage(archive);
  const kubectl = kubectlFor(cluster);
  for (const part of ['config/rbac', 'config/admission', 'config/agent'])
    await kubectl.run(['apply', '-k', join(CHECKOUT, part)]);
  for (const part of ['role.yaml', 'role-binding.yaml'])
    await kubectl.run(['apply', '-f', join(CHECKOUT, 'config/agent-client', part)]);
  await agentsReady(cluster);
};

export const agentsReady = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(
    ['-n', AGENT_NAMESPACE, 'rollout', 'status', 'daemonset/reload-operator-agent', '--timeout=120s'],
    { timeoutMs: 130_000 },
  );
};

export interface Asker {
  ask(pod: Asked['pod'], question: Asked['question'], waitMs?: number): Promise<AskerAnswer>;
  stop(): Promise<void>;
}

export interface AskerOptions {
  readonly account?: { readonly namespace: string; readonly name: string };
  readonly agentNamespace?: string;
}

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** The process id of what holds the node's namespaces; undefined where the node is not on this machine. */
export const nodeHolder = (cluster: Cluster): number | undefined => findCluster(cluster.name)?.node?.holder.pid;

/** @param options default: as the operator that config/default installs */
export const startAsker = async (cluster: Cluster, options: AskerOptions = {}): Promise<Asker> => {
  const { namespace, name } = options.account ?? { namespace: 'reload-operator-system', name: 'reload-operator' };
  const holder = nodeHolder(cluster);
  if (holder === undefined) throw new Error('the node is not on this machine: its pods can not be reached');
  const folder = await mkdtemp(join(tmpdir(), 'asker-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, (await serviceAccountConfig(cluster, namespace, name)).exportConfig(), { mode: 0o600 });
  const script = join(import.meta.dirname, 'agent-asker.ts');
  const child = spawn(
    'nsenter',
    [
      `--net=/proc/${String(holder)}/ns/net`,
      process.execPath,
      script,
      kubeconfig,
      options.agentNamespace ?? AGENT_NAMESPACE,
      namespace,
      name,
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  children.add(child);
  const waiting = new Map<number, (answer: AskerAnswer) => void>();
  child.once('exit', () => {
    children.delete(child);
  });
  await once(child, 'message');
  child.on('message', (message) => {
    const answer = message as AskerAnswer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  let asked = 0;
  return {
    ask: (pod, question, waitMs = 0) =>
      new Promise((resolve) => {
        const id = (asked += 1);
        waiting.set(id, resolve);
        child.send({ id, pod, question, waitMs } satisfies Asked);
      }),
    stop: async () => {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
};
