/** Images of our own samples: Node, their sources and the watcher's, each built only where a test asks for it. */

import { join } from 'node:path';
import { buildImage, ensureNodeBase, type BuiltImage } from './images.ts';
import { ensureOpaImage } from './software.ts';
import { CHECKOUT } from './state.ts';

type Log = (line: string) => void;

export const KLOROS_IMAGE = 'localhost/kloros:dev';
export const KUBERNAUT_IMAGE = 'localhost/kubernaut:dev';

/** The observer and the loop of kloros. */
export const ensureKlorosImage = (log: Log): Promise<BuiltImage> => sampleImage('kloros', KLOROS_IMAGE, {}, log);

/** Kubernaut's services, all in one image, with the Open Policy Agent. */
export const ensureKubernautImage = async (log: Log): Promise<BuiltImage> =>
  sampleImage('kubernaut', KUBERNAUT_IMAGE, { OPA: await ensureOpaImage(log) }, log);

/** @param bases the images that its Dockerfile takes files from, by the name of the argument that names each */
const sampleImage = async (
  folder: string,
  name: string,
  bases: Readonly<Record<string, BuiltImage>>,
  log: Log,
): Promise<BuiltImage> => {
  const all = { BASE: await ensureNodeBase(log), ...bases };
  return buildImage(
    {
      name,
      context: CHECKOUT,
      inputs: ['package.json', 'src/watcher', `config/samples/${folder}/app`],
      dockerfile: join(CHECKOUT, `config/samples/${folder}/Dockerfile`),
      buildArgs: Object.fromEntries(Object.entries(all).map(([argument, base]) => [argument, base.name])),
      bases: Object.values(all),
    },
    log,
  );
};
