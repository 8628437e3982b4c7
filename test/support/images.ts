/**
 * The images that end-to-end tests run: built here, or, with `CLUSTER=current`, those that the nodes of the user's own
 * cluster can pull.
 */

import { BUSYBOX_IMAGE, OPERATOR_IMAGE } from '../cluster/images.ts';

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

/** The sample kloros. @throws with the way out where the user's cluster is to be used and KLOROS_IMAGE names none. */
export const klorosImage = (): string => {
  if (!isCurrent) return 'localhost/kloros:dev';
  const named = env['KLOROS_IMAGE'] ?? '';
  if (named !== '') return named;
  throw new Error(
    'CLUSTER=current: the nodes of your cluster must be able to pull the sample: docker build -f ' +
      'config/samples/kloros/Dockerfile ., push it, and name it with KLOROS_IMAGE',
  );
};
