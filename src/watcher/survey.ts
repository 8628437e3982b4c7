/** A look from outside, without reading: where to watch, and whether anything is another than before. */

import type { BigIntStats } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { walk, wholeFolder, type Place } from './places.ts';
import { codeOf } from './words.ts';

export interface Survey {
  readonly places: ReadonlyMap<string, Place>;
  /** Another one than before: there may be a change. */
  readonly stamp: string;
}

/** The link that the kubelet swaps: all files of a volume stand in the one folder that it leads to. */
export const DATA = '..data';

/** Names in a watched folder that are files of it: the kubelet's own begin with two dots. */
export const isOurs = (name: string): boolean => !name.startsWith('..');

/** @throws nothing: what can't be looked at is a stamp, too */
export async function survey(path: string, { directory }: { readonly directory: boolean }): Promise<Survey> {
  let places: ReadonlyMap<string, Place> = new Map();
  try {
    const found = await walk(path);
    places = found.places;
    if (found.end === undefined) return { places, stamp: 'missing' };
    const { path: real, stats } = found.end;
    if (!directory || !stats.isDirectory()) return { places, stamp: `${real} ${stampOf(stats)}` };
    places = new Map([...places, [real, wholeFolder(real, stats)]]);
    return { places, stamp: await stampOfFolder(real) };
  } catch (error) {
    return { places, stamp: `error ${codeOf(error) ?? String(error)}` };
  }
}

/** Moves with every write, rename and change of rights. */
export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':');

async function stampOfFolder(folder: string): Promise<string> {
  const data = await readlink(join(folder, DATA)).catch(() => undefined);
  if (data !== undefined) return `${folder} ${data}`;
  const stamps: string[] = [];
  for (const name of (await readdir(folder)).filter(isOurs).sort()) {
    const stats = await stat(join(folder, name), { bigint: true }).catch((error: unknown) => codeOf(error));
    stamps.push(`${name} ${typeof stats === 'object' ? stampOf(stats) : String(stats)}`);
  }
  return `${folder}\n${stamps.join('\n')}`;
}
