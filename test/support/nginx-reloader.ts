/** The image of the sample's container that tells nginx to reload. */

import { join } from 'node:path';
import { buildImage, ensureNodeBase } from '../cluster/images.ts';
import type { BuiltImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';

const SAMPLE = 'config/samples/nginx';

export const ensureReloaderImage = async (log: (line: string) => void): Promise<BuiltImage> => {
  const base = await ensureNodeBase(log);
  return buildImage(
    {
      name: 'localhost/nginx-reloader:dev',
      context: CHECKOUT,
      inputs: ['package.json', 'src/watcher', `${SAMPLE}/app`],
      dockerfile: join(CHECKOUT, SAMPLE, 'Dockerfile'),
      buildArgs: { BASE: base.name },
      bases: [base],
    },
    log,
  );
};
