/** Mounted files as the kubelet writes them, seen on this machine. */

import { readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Beside the kernel's events, for one that is lost. */
const LOOK_EVERY_MS = 50;

/** Where the kubelet puts one key of a mounted ConfigMap. */
export const mountedKey = (kubeletRoot: string, podUid: string, volume: string, key: string): string =>
  join(kubeletRoot, 'pods', podUid, 'volumes/kubernetes.io~configmap', volume, key);

/**
 * Waits until every file has this content.
 *
 * @param signal ends the wait; files without the content by then are left out
 * @returns for each file that got it, when, by performance.now()
 */
export async function untilContent(
  files: readonly string[],
  content: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const look = (file: string): void => {
    if (seen.has(file) || read(file) !== content) return;
    seen.set(file, performance.now());
    if (seen.size === files.length) resolve(undefined);
  };
  // The kubelet swaps a symbolic link in the folder: the folder is what moves.
  const watchers = files.map((file) =>
    watch(dirname(file), () => {
      look(file);
    }),
  );
  const timer = setInterval(() => {
    files.forEach(look);
  }, LOOK_EVERY_MS);
  const end = (): void => {
    resolve(undefined);
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    files.forEach(look);
    if (signal.aborted) end();
    await promise;
    return seen;
  } finally {
    signal.removeEventListener('abort', end);
    clearInterval(timer);
    for (const watcher of watchers) watcher.close();
  }
}

/** Undefined in the moment between two links. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
