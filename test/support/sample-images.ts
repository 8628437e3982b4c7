/** Images of samples: their sources, and the package that they import, on the Node base. */

import { join } from 'node:path';
import { layOutPackage } from '../../config/bundle/package.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { buildImage, ensureNodeBase } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';

const COMMON = 'config/samples/common';

/**
 * Builds `localhost/SAMPLE:dev` from config/samples/SAMPLE/app and puts it on the node. On a cluster of the user's, it is
 * one that they name.
 *
 * @returns the image's name
 * @throws with the way out where the user's cluster is to be used and the environment names none
 */
export const provideSampleImage = async (
  cluster: Cluster,
  sample: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> => {
  const name = `localhost/${sample}:dev`;
  if (cluster.name === 'current') return namedImage(sample, env);
  const log = (line: string): void => {
    console.error(line);
  };
  await layOutPackage();
  const base = await ensureNodeBase(log);
  const { archive } = await buildImage(
    {
      name,
      context: CHECKOUT,
      inputs: [`${COMMON}/package.json`, 'dist/package', `config/samples/${sample}/app`],
      dockerfile: join(CHECKOUT, COMMON, 'Dockerfile'),
      buildArgs: { BASE: base.name, SAMPLE: sample },
      bases: [base],
    },
    log,
  );
  await cluster.importImage(archive);
  return name;
};

const namedImage = (sample: string, env: Readonly<Record<string, string | undefined>>): string => {
  const variable = `${sample.toUpperCase().replaceAll('-', '_')}_IMAGE`;
  const named = env[variable] ?? '';
  if (named !== '') return named;
  throw new Error(
    `CLUSTER=current: the nodes of your cluster must be able to pull the sample: make build, docker build -f ` +
      `${COMMON}/Dockerfile --build-arg SAMPLE=${sample} and push it, and name it with ${variable}`,
  );
};
