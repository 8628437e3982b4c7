/** The image of the sample's container that tells nginx to reload. */

import { join } from 'node:path';
import { bundle } from '../../config/bundle/bundle.ts';
import { buildImage, ensureNodeBase } from '../cluster/images.ts';
import type { BuiltImage } from '../cluster/images.ts';
import { CHECKOUT } from '../cluster/state.ts';

const BUNDLE = 'dist/nginx-reloader.mjs';

export const ensureReloaderImage = async (log: (line: string) => void): Promise<BuiltImage> => {
  await bundle({ entry: 'config/samples/nginx/app/main.ts', outfile: BUNDLE });
  const base = await ensureNodeBase(log);
  return buildImage(
    {
      name: 'localhost/nginx-reloader:dev',
      context: CHECKOUT,
      inputs: [BUNDLE],
      dockerfile: join(CHECKOUT, 'config/samples/nginx/Dockerfile'),
      buildArgs: { BASE: base.name },
      bases: [base],
    },
    log,
  );
};
