/** Where something has to happen for a path to lead elsewhere, or to something else. */

import type { BigIntStats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, sep } from 'node:path';
import { isInKubeletsFolder } from './kubelet.ts';
import { orMissing } from './words.ts';

/** A folder, and the names in it that count. */
export interface Place {
  readonly folder: string;
  /** One that was replaced by another is another place. */
  readonly identity: string;
  /** Undefined: whatever stands in it. */
  readonly names: ReadonlySet<string> | undefined;
}

export interface Walk {
  /** What the path leads to, without any link; undefined where nothing is there. */
  readonly end: { readonly path: string; readonly stats: BigIntStats } | undefined;
  /** Folders to watch, by path. */
  readonly places: ReadonlyMap<string, Place>;
}

/** As many links as Linux follows. */
const MOST_LINKS = 40;

/**
 * Goes along a path as the kernel does. A folder counts where the file at the end stands in it, where a name in it is a
 * link, such as the kubelet's `..data`, or where the next name is missing. A folder at the end tells itself when it goes.
 *
 * @param path absolute
 * @throws what `lstat` and `readlink` throw, but for what is missing
 */
export async function walk(path: string): Promise<Walk> {
  const places = new Map<string, Place>();
  const { root } = parse(path);
  let folder = root;
  let identity = identityOf(await lstat(root, { bigint: true }));
  let stats: BigIntStats | undefined;
  let rest = namesOf(path);
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      // What stands before it is no link any more.
      folder = dirname(folder);
      stats = await lstat(folder, { bigint: true });
      identity = identityOf(stats);
      continue;
    }
    const full = join(folder, name);
    stats = await lstat(full, { bigint: true }).catch(orMissing);
    if (stats === undefined || stats.isSymbolicLink() || (rest.length === 0 && !stats.isDirectory()))
      note(places, folder, identity, name);
    if (stats === undefined) return { end: undefined, places };
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
      const target = await readlink(full).catch(orMissing);
      if (target === undefined) return { end: undefined, places };
      rest = [...namesOf(target), ...rest];
      if (isAbsolute(target)) {
        folder = root;
        identity = identityOf(await lstat(root, { bigint: true }));
      }
      if (rest.length === 0) stats = await lstat(folder, { bigint: true });
    } else if (rest.length > 0) {
      if (!stats.isDirectory()) {
        note(places, folder, identity, name);
        return { end: undefined, places };
      }
      folder = full;
      identity = identityOf(stats);
    } else {
      return { end: { path: full, stats }, places };
    }
  }
  return { end: stats === undefined ? undefined : { path: folder, stats }, places };
}

/** The folder itself, and with `names` undefined whatever happens in it. */
export const placeOf = (folder: string, stats: BigIntStats, names: Place['names']): Place => ({
  folder,
  identity: identityOf(stats),
  names,
});

const namesOf = (path: string): string[] => path.split(sep).filter((name) => name !== '' && name !== '.');

/** A number of an inode comes back soon. */
const identityOf = ({ dev, ino, birthtimeNs }: BigIntStats): string => `${dev}:${ino}:${birthtimeNs}`;

function note(places: Map<string, Place>, folder: string, identity: string, name: string): void {
  // Nothing happens in there.
  if (isInKubeletsFolder(folder)) return;
  const names = new Set([...(places.get(folder)?.names ?? []), name]);
  places.set(folder, { folder, identity, names });
}
