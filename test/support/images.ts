/**
 * The images that end-to-end tests run: built here, or, with `CLUSTER=current`, those that the nodes of the user's own
 * cluster can pull.
 */

import type { Cluster } from '../cluster/cluster.ts';
import { BUSYBOX_IMAGE, OPERATOR_IMAGE } from '../cluster/images.ts';
import { ensureKubernautImage, KUBERNAUT_IMAGE } from '../cluster/samples.ts';

const { env } = process;
const isCurrent = env['CLUSTER'] === 'current';

/** A shell and the usual commands. BUSYBOX_IMAGE names another one for the user's cluster. */
export const BUSYBOX = isCurrent ? (env['BUSYBOX_IMAGE'] ?? 'docker.io/library/busybox:1.36') : BUSYBOX_IMAGE;

/** @throws with the way out where the user's cluster is to be used and OPERATOR_IMAGE names none. */
export const operatorImage = (): string => {
  if (!isCurrent) return OPERATOR_IMAGE;
  const named = env['OPERATOR_IMAGE'] ?? '';
  if (named !== '') return named;
  throw new Error(
    'CLUSTER=current: the nodes of your cluster must be able to pull the operator: make build, docker build and push ' +
      'its image, and name it with OPERATOR_IMAGE (and one of busybox with BUSYBOX_IMAGE, if docker.io is out of reach)',
  );
};

/** @throws with the way out where the user's cluster is to be used and KUBERNAUT_IMAGE names none. */
export const kubernautImage = (): string => {
  if (!isCurrent) return KUBERNAUT_IMAGE;
  const named = env['KUBERNAUT_IMAGE'] ?? '';
  if (named !== '') return named;
  throw new Error(
    'CLUSTER=current: the nodes of your cluster must be able to pull the samples: docker build and push ' +
      'config/samples/kubernaut/Dockerfile, and name the image with KUBERNAUT_IMAGE',
  );
};

/** Builds the image of Kubernaut's services and puts it on the node; the user's own cluster has to have it. */
export const provideKubernautImage = async (cluster: Cluster): Promise<void> => {
  if (isCurrent) return;
  const { archive } = await ensureKubernautImage((line) => {
    console.error(line);
  });
  await cluster.importImage(archive);
};
