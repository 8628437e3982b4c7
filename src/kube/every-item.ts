/** Lists that come in pages, as a whole. */

import type { KubeClient } from '../kube/connect.ts';
import { listWatch, type KubeObject } from '../kube/listwatch.ts';

export const everyItem = async <T extends KubeObject>(
  client: KubeClient,
  path: string,
  signal: AbortSignal,
): Promise<readonly T[]> => {
  const source = listWatch<T>(client, { path });
  const found: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await source.list({ limit: 500, ...(continueToken !== undefined && { continueToken }) }, signal);
    found.push(...page.items);
    ({ continueToken } = page);
  } while (continueToken !== undefined);
  return found;
};
