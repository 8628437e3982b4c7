/** kubectl reload rbac */

import { Failure } from './exit.ts';
import { readManifests } from './manifests.ts';
import type { Terminal } from './terminal.ts';

export interface RbacFlags {
  readonly filename: readonly string[];
  readonly namespace?: string;
}

export const rbac = async ({ filename, namespace }: RbacFlags, { stdin }: Terminal): Promise<number> => {
  const manifests = await readManifests(filename, {
    defaultNamespace: namespace ?? 'default',
    onlyNamespace: namespace,
    stdin,
  });
  throw new Failure(`not yet: ${manifests.length}`);
};
