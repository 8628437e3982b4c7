/** Argo Rollouts, its CRDs and its controller, as its makers wrote them: the controller runs beside the cluster. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ensureSoftware, softwareFolder } from '../cluster/binaries.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { kubectlFor } from './kubectl.ts';
import { freePort } from './ports.ts';
import { untilPasses } from './wait.ts';

const MODULE = 'github.com/argoproj/argo-rollouts';
const log = (line: string): void => {
  console.error(line);
};

const crds = async (): Promise<string> => join(await softwareFolder('argo-rollouts', MODULE), 'manifests/crds');

export const installArgoCrds = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(['apply', '--server-side', '--force-conflicts', '-k', await crds()]);
  await untilPasses(
    async () => {
      await kubectlFor(cluster).run(['get', 'rollouts.argoproj.io', '--all-namespaces']);
    },
    { what: 'Rollouts to be served', timeoutMs: 60_000 },
  );
};

/** Takes all Rollouts with them. None there is no error. */
export const removeArgoCrds = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(['delete', '--ignore-not-found', '--timeout=60s', '-k', await crds()]);
};

/** Ended with this process at the latest. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Begins the controller; what is returned ends it. */
export const startArgoRollouts = async (cluster: Cluster): Promise<() => Promise<void>> => {
  const [binary, healthz, metrics] = await Promise.all([ensureSoftware('argo-rollouts', log), freePort(), freePort()]);
  const child = spawn(
    binary,
    [
      `--kubeconfig=${cluster.kubeconfig}`,
      '--namespace=default',
      '--leader-elect=false',
      `--healthzPort=${healthz}`,
      `--metricsPort=${metrics}`,
      '--loglevel=error',
    ],
    { stdio: 'ignore' },
  );
  children.add(child);
  const ended = once(child, 'exit').then(() => children.delete(child));
  await once(child, 'spawn');
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
};
