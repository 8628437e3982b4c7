/** A look from outside, without reading: where to watch, and whether anything is another than before. */

import type { BigIntStats } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA, isOurs } from './kubelet.ts';
import { walk, placeOf, type Place } from './places.ts';
import { codeOf } from './words.ts';

export interface Survey {
  readonly places: ReadonlyMap<string, Place>;
  /** Another one than before: there may be a change. */
  readonly stamp: string;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Never rejects: what can't be looked at has a stamp, too. */
export async function survey(path: string, { directory }: { readonly directory: boolean }): Promise<Survey> {
  let places: ReadonlyMap<string, Place> = new Map();
  try {
    const found = await walk(path);
    places = found.places;
    if (found.end === undefined) return { places, stamp: 'missing' };
    const { path: real, stats } = found.end;
    if (stats.isDirectory())
      places = new Map([...places, [real, placeOf(real, stats, directory ? undefined : NOTHING)]]);
    return { places, stamp: stats.isDirectory() ? await stampOfFolder(real) : `${real} ${stampOf(stats)}` };
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
