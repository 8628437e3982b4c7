/** The operator inside a test cluster: its image, its own service account, its rights and its fence. */

import { join } from 'node:path';
import { bundle } from '../../config/bundle/bundle.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ensureOperatorImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { kubectlFor } from './kubectl.ts';

const NAMESPACE = 'reload-operator-system';
const log = (line: string): void => {
  console.error(line);
};

/** Builds and imports the image, applies config/default, and waits until the operator is ready. */
export const installOperator = async (cluster: Cluster): Promise<void> => {
  await bundle();
  await cluster.importImage((await ensureOperatorImage(log)).archive);
  const kubectl = kubectlFor(cluster);
  // The fence is in force before the first pod of the operator runs.
  await kubectl.run(['apply', '-k', join(CHECKOUT, 'config/default')]);
  await operatorReady(cluster);
};

export const operatorReady = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(
    ['-n', NAMESPACE, 'rollout', 'status', 'deployment/reload-operator', '--timeout=120s'],
    { timeoutMs: 130_000 },
  );
};

/** Takes the operator's pod away, as a node that fails would, and waits until none is left. */
export const stopOperator = async (cluster: Cluster): Promise<void> => {
  const kubectl = kubectlFor(cluster);
  await kubectl.run(['-n', NAMESPACE, 'scale', 'deployment/reload-operator', '--replicas=0']);
  await kubectl.run(
    ['-n', NAMESPACE, 'wait', 'pod', '-l', 'app.kubernetes.io/name=reload-operator', '--for=delete', '--timeout=120s'],
    {
      timeoutMs: 130_000,
    },
  );
};

export const startOperator = async (cluster: Cluster): Promise<void> => {
  await kubectlFor(cluster).run(['-n', NAMESPACE, 'scale', 'deployment/reload-operator', '--replicas=1']);
  await operatorReady(cluster);
};
