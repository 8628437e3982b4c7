/** The operator inside a test cluster: its image, its own service account, its rights and its fence. */

import { join } from 'node:path';
import { bundleOperator } from '../../config/bundle/bundle.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ensureOperatorImage, OPERATOR_IMAGE } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { operatorImage } from './images.ts';
import { kubectlFor, type Kubectl } from './kubectl.ts';
import { TEST_LABEL } from './stage.ts';

const NAMESPACE = 'reload-operator-system';
const log = (line: string): void => {
  console.error(line);
};

/**
 * Builds and imports the image, applies config/default or another folder, and waits until the operator is ready. On the user's own
 * cluster, the image is one that they name.
 *
 * @throws where that cluster has policies of others: the tests take the operator away, and its policies with it
 */
export const installOperator = async (
  cluster: Cluster,
  folder: 'config/default' | 'config/with-agent' = 'config/default',
): Promise<void> => {
  const kubectl = kubectlFor(cluster);
  const image = operatorImage();
  if (cluster.name === 'current') await refuseToTakeAway(kubectl);
  else {
    await bundleOperator();
    await cluster.importImage((await ensureOperatorImage(log)).archive);
  }
  const manifests = await kubectl.run(['kustomize', join(CHECKOUT, folder)]);
  const images = manifests.match(/(?<=^ *image: ).*$/gm);
  if (images?.every((each) => each === OPERATOR_IMAGE) !== true)
    throw new Error(`${folder} runs ${String(images)}, not ${OPERATOR_IMAGE}`);
  // In the order of the folder, so that the fence is in force before the first pod of the operator runs.
  await kubectl.run(['apply', '-f', '-'], { input: manifests.replaceAll(OPERATOR_IMAGE, image) });
  await operatorReady(cluster);
};

interface ObjectList {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly namespace?: string } }[];
}

const refuseToTakeAway = async (kubectl: Kubectl): Promise<void> => {
  const crds = await kubectl.run(['get', 'crd', '-o', 'name']);
  if (!crds.includes('reloadpolicies.reload-operator.dev')) return;
  const ours = (await kubectl.json(['get', 'namespaces', '-l', TEST_LABEL])) as ObjectList;
  const policies = (await kubectl.json(['get', 'reloadpolicies', '-A'])) as ObjectList;
  const others = policies.items.filter(
    ({ metadata }) => !ours.items.some((namespace) => namespace.metadata.name === metadata.namespace),
  );
  if (others.length === 0) return;
  const [first] = others.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
  throw new Error(
    `your cluster has ReloadPolicies (${first ?? ''}): these tests remove the operator with all policies, use a cluster without any`,
  );
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
