/** Images of the samples in config/samples. */

import { join } from 'node:path';
import { buildImage, ensureNodeBase, type BuiltImage } from './images.ts';
import { ensureOpaImage } from './software.ts';
import { CHECKOUT } from './state.ts';

export const KUBERNAUT_IMAGE = 'localhost/kubernaut:dev';

/** Kubernaut's services, all in one image, with the Open Policy Agent. */
export async function ensureKubernautImage(log: (line: string) => void): Promise<BuiltImage> {
  const [base, opa] = [await ensureNodeBase(log), await ensureOpaImage(log)];
  return buildImage(
    {
      name: KUBERNAUT_IMAGE,
      context: CHECKOUT,
      inputs: ['package.json', 'src/watcher', 'config/samples/kubernaut/app'],
      dockerfile: join(CHECKOUT, 'config/samples/kubernaut/Dockerfile'),
      buildArgs: { BASE: base.name, OPA: opa.name },
      bases: [base, opa],
    },
    log,
  );
}
