/** Images of the samples in config/samples. */

import { join } from 'node:path';
import { buildImage, ensureNodeBase, type BuiltImage } from './images.ts';
import { CHECKOUT } from './state.ts';

/** The observer and the loop of kloros. */
export async function ensureKlorosImage(log: (line: string) => void): Promise<BuiltImage> {
  const base = await ensureNodeBase(log);
  return buildImage(
    {
      name: 'localhost/kloros:dev',
      context: CHECKOUT,
      inputs: ['package.json', 'src/watcher', 'config/samples/kloros/app'],
      dockerfile: join(CHECKOUT, 'config/samples/kloros/Dockerfile'),
      buildArgs: { BASE: base.name },
      bases: [base],
    },
    log,
  );
}
