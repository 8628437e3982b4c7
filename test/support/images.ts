/**
 * The images that end-to-end tests run: built here, or, with `CLUSTER=current`, those that the nodes of the user's own
 * cluster can pull.
 */

import type { Cluster } from '../cluster/cluster.ts';
import { BUSYBOX_IMAGE, OPERATOR_IMAGE } from '../cluster/images.ts';
import { ensureKubernautImage, KLOROS_IMAGE, KUBERNAUT_IMAGE } from '../cluster/samples.ts';

const { env } = process;
const isCurrent = env['CLUSTER'] === 'current';

/** A shell and the usual commands. BUSYBOX_IMAGE names another one for the user's cluster. */
export const BUSYBOX = isCurrent ? (env['BUSYBOX_IMAGE'] ?? 'docker.io/library/busybox:1.36') : BUSYBOX_IMAGE;

/**
 * The image that is built here, or the one that a variable names for the user's cluster.
 *
 * @throws with the way out where the user's cluster is to be used and the variable names none.
 */
const ownOrNamed = (built: string, variable: string, wayOut: string): string => {
  if (!isCurrent) return built;
  const named = env[variable] ?? '';
  if (named !== '') return named;
  throw new Error(`CLUSTER=current: the nodes of your cluster must be able to pull ${wayOut} with ${variable}`);
};

export const operatorImage = (): string =>
  ownOrNamed(
    OPERATOR_IMAGE,
    'OPERATOR_IMAGE',
    'the operator: make build, docker build and push its image (and one of busybox, named with BUSYBOX_IMAGE, if ' +
      'docker.io is out of reach), and name it',
  );

export const klorosImage = (): string =>
  ownOrNamed(
    KLOROS_IMAGE,
    'KLOROS_IMAGE',
    'the sample: docker build -f config/samples/kloros/Dockerfile ., push it, and name it',
  );

export const kubernautImage = (): string =>
  ownOrNamed(
    KUBERNAUT_IMAGE,
    'KUBERNAUT_IMAGE',
    'the samples: docker build -f config/samples/kubernaut/Dockerfile ., push it, and name it',
  );

/** Builds the image of Kubernaut's services and puts it on the node; the user's own cluster has to have it. */
export const provideKubernautImage = async (cluster: Cluster): Promise<void> => {
  if (isCurrent) return;
  const { archive } = await ensureKubernautImage((line) => {
    console.error(line);
  });
  await cluster.importImage(archive);
};
