/** The two images that the demo runs. */

import { basename } from 'node:path';
import { bundleOperator } from '../../config/bundle/bundle.ts';
import { ensureOperatorImage, type BuiltImage } from '../cluster/images.ts';
import { ensureKubernautImage } from '../cluster/samples.ts';
import { DemoError, type Stage } from './stage.ts';

/** An image that the nodes can run. */
export interface Image {
  readonly name: string;
  /** Moves when the content does, though the name stays. */
  readonly content: string;
}

interface Images {
  readonly operator: Image;
  readonly sample: Image;
}

/**
 * Builds both and puts them on the node; on a cluster of the user's, takes those that they name.
 *
 * @param env OPERATOR_IMAGE and SAMPLE_IMAGE name images that the user's nodes can pull
 * @throws DemoError
 */
export const provideImages = async (
  { cluster, borrowed, progress }: Pick<Stage, 'cluster' | 'borrowed' | 'progress'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Images> => {
  if (borrowed) return namedImages(env);
  progress('bundling the operator');
  await bundleOperator();
  const operator = await ensureOperatorImage(progress);
  const sample = await ensureKubernautImage(progress);
  for (const { archive } of [operator, sample]) await cluster.importImage(archive);
  return { operator: asImage(operator), sample: asImage(sample) };
};

/** An archive's file name changes with its content. */
const asImage = ({ name, archive }: BuiltImage): Image => ({ name, content: basename(archive, '.tar') });

const namedImages = (env: Readonly<Record<string, string | undefined>>): Images => {
  const { OPERATOR_IMAGE: operator = '', SAMPLE_IMAGE: sample = '' } = env;
  if (operator === '' || sample === '') {
    throw new DemoError('CLUSTER=current: the nodes of your cluster must be able to pull the two images', [
      'make build',
      'docker build -t $REGISTRY/reload-operator:dev .',
      'docker build -t $REGISTRY/kubernaut:dev -f config/samples/kubernaut/Dockerfile .',
      'docker push $REGISTRY/reload-operator:dev; docker push $REGISTRY/kubernaut:dev',
      'make demo CLUSTER=current OPERATOR_IMAGE=$REGISTRY/reload-operator:dev SAMPLE_IMAGE=$REGISTRY/kubernaut:dev',
    ]);
  }
  return { operator: { name: operator, content: operator }, sample: { name: sample, content: sample } };
};
