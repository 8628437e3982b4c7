/**
 * How the kubelet lays out the folder of a volume. All files stand in a folder such as `..2026_10_02_12_00_00.123`, to
 * which the link `..data` leads; what one opens are links through that. For a change it makes another folder, swaps the
 * link, and takes the old one away. So what stands in such a folder was complete before it could be seen, and is never
 * written to again.
 */

import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Files } from './content.ts';
import { orMissing } from './words.ts';

/** The link that is swapped. */
export const DATA = '..data';

/** Names in a watched folder that are files of it: the kubelet's own begin with two dots. */
export const isOurs = (name: string): boolean => !name.startsWith('..');

/** @param real without links */
export const isInKubeletsFolder = (real: string): boolean => real.split(sep).some((name) => name.startsWith('..'));

/** Where the link leads now; undefined where there is none, or nothing behind it. */
export const dataOf = (folder: string): string | undefined => without(() => realpathSync(join(folder, DATA)));

/**
 * All files of one state, read in one go: another may come within milliseconds, and this one be taken away.
 *
 * @param data where the link leads
 * @param room for all files together, in bytes
 * @returns undefined where there was another state at the end; `TooLarge` where there isn't room enough
 */
export function readKubeletsState(folder: string, data: string, room: number): Files | 'TooLarge' | undefined {
  const files = without(() => {
    const names = readdirSync(data, { withFileTypes: true })
      .filter((entry) => entry.isFile() && isOurs(entry.name))
      .map(({ name }) => name)
      .sort();
    const size = names.reduce((sum, name) => sum + statSync(join(data, name)).size, 0);
    if (size > room) return 'TooLarge';
    return new Map(names.map((name) => [name, readFileSync(join(data, name))]));
  });
  // The old folder goes after the swap: what is still in force was whole.
  return dataOf(folder) === data ? files : undefined;
}

function without<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    orMissing(error);
    return undefined;
  }
}
