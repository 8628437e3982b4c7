/** Lists that come in pages, as a whole. */

import type { KubeClient } from './connect.ts';
import { listWatch, type KubeObject, type ListWatchOptions } from './listwatch.ts';

/** @throws what the client does; nothing is repeated */
export const everyItem = async <T extends KubeObject>(
  client: KubeClient,
  options: ListWatchOptions,
  signal: AbortSignal,
): Promise<readonly T[]> => {
  const source = listWatch<T>(client, options);
  const found: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await source.list({ limit: 500, ...(continueToken !== undefined && { continueToken }) }, signal);
    found.push(...page.items);
    ({ continueToken } = page);
  } while (continueToken !== undefined);
  return found;
};
