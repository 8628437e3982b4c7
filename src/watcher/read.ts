/** Reading one state: complete, and not a mixture of two. */

import { constants } from 'node:fs';
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { sleep, type Clock } from './clock.ts';
import type { Files } from './content.ts';
import { dataOf, isInKubeletsFolder, isOurs, readKubeletsState } from './kubelet.ts';
import { codeOf, isMissing, orMissing, reasonOf, WatchError } from './words.ts';

export type Reading =
  | { readonly kind: 'Read'; readonly files: Files }
  | { readonly kind: 'Missing' }
  /** It was being written all the time. */
  | { readonly kind: 'Unsettled'; readonly reason: string }
  | { readonly kind: 'Unreadable'; readonly reason: string };

export interface ReadOptions {
  /** A file that isn't the kubelet's is read when it wasn't written to for so long, in milliseconds. */
  readonly settleMs: number;
  readonly clock: Clock;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** Of all files together, in bytes: what a mistake may cost. A ConfigMap holds 1 MiB. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Time stamps of files move with the kernel's tick, which is 10 ms at most: what is older can't change unseen. */
export const SHORTEST_SETTLE_MS = 25;
/** How often a folder that changes under our hands is read anew. */
const MOST_ATTEMPTS = 20;

class Unsettled extends Error {}

/** One file, whatever links lead to it. */
export async function readOneFile(path: string, options: ReadOptions): Promise<Reading> {
  let reading: Reading = { kind: 'Missing' };
  // While the kernel follows the kubelet's link, the folder behind it may be taken away: then it leads to another one.
  for (let attempt = 0; attempt < 3 && reading.kind === 'Missing'; attempt++) {
    reading = await outcome(async () => {
      // What was opened stays what it is.
      const atomic = isInKubeletsFolder(await realpath(path));
      return new Map([[basename(path), await readBytes(path, { ...options, atomic })]]);
    });
  }
  return reading;
}

/** The files that stand in a folder itself: those of folders in it don't count. */
export async function readDirectory(path: string, options: ReadOptions): Promise<Reading> {
  return outcome(async () => {
    for (let attempt = 0; attempt < MOST_ATTEMPTS && !options.signal.aborted; attempt++) {
      const files = await readState(path, options);
      if (files !== undefined) return files;
    }
    throw new Unsettled('changes faster than it can be read');
  });
}

/** @returns undefined where the folder was another one at the end than at the beginning */
async function readState(path: string, options: ReadOptions): Promise<Files | undefined> {
  const data = dataOf(path);
  if (data !== undefined) {
    const files = readKubeletsState(path, data, MOST_BYTES);
    if (files === 'TooLarge') throw tooLarge();
    return files;
  }
  const before = await namesIn(path);
  const files = new Map<string, Buffer>();
  let room = MOST_BYTES;
  for (const name of before) {
    // Taken away meanwhile, or a link that leads nowhere: what stands there at the end tells which.
    const bytes = await readBytes(join(path, name), { ...options, atomic: false, room, inFolder: true }).catch(
      orMissing,
    );
    if (bytes === undefined) continue;
    room -= bytes.length;
    files.set(name, bytes);
  }
  return isDeepStrictEqual(before, await namesIn(path)) && dataOf(path) === undefined ? files : undefined;
}

const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).filter(isOurs).sort();

const tooLarge = (): WatchError => new WatchError(`holds more than ${MOST_BYTES / 1024 / 1024} MiB`);

interface FileOptions extends ReadOptions {
  readonly atomic: boolean;
  readonly room?: number;
  readonly inFolder?: boolean;
}

async function readBytes(path: string, options: FileOptions & { readonly inFolder: true }): Promise<Buffer | undefined>;
async function readBytes(path: string, options: FileOptions): Promise<Buffer>;
async function readBytes(path: string, options: FileOptions): Promise<Buffer | undefined> {
  // Opening a pipe would otherwise wait for somebody to write to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) {
      if (options.inFolder === true) return undefined;
      throw new WatchError(stats.isDirectory() ? 'is a folder, not a file' : 'is no regular file');
    }
    return await readSettled(handle, options);
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of an open file when nobody has written to it for a while. One that is replaced meanwhile stays complete, and
 * is read to its end: so an endless burst of replacements holds nothing up.
 */
async function readSettled(handle: FileHandle, { atomic, settleMs, clock, signal, room = MOST_BYTES }: FileOptions) {
  const until = clock.elapsed() + 4 * settleMs + 1_000;
  for (;;) {
    const before = await writtenOf(handle);
    if (before.size > room) throw tooLarge();
    // A file from the future is waited for as if it were of this moment.
    const age = clock.now() - before.at;
    if (!atomic && !(age >= settleMs)) await sleep(clock, Math.min(settleMs, Math.max(1, settleMs - age)), signal);
    const bytes = await readAll(handle, before.size);
    if (before.stamp === (await writtenOf(handle)).stamp) return bytes;
    if (signal.aborted || clock.elapsed() > until) throw new Unsettled('is written to all the time');
  }
}

/** From the beginning, wherever the file was read before. A file that has grown has another stamp. */
async function readAll(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

async function writtenOf(
  handle: FileHandle,
): Promise<{ readonly stamp: string; readonly at: number; readonly size: number }> {
  const { size, mtimeNs, mtimeMs } = await handle.stat({ bigint: true });
  return { stamp: `${size}:${mtimeNs}`, at: Number(mtimeMs), size: Number(size) };
}

async function outcome(read: () => Promise<Files>): Promise<Reading> {
  try {
    return { kind: 'Read', files: await read() };
  } catch (error) {
    if (isMissing(error)) return { kind: 'Missing' };
    if (error instanceof Unsettled) return { kind: 'Unsettled', reason: error.message };
    const code = codeOf(error);
    const reason =
      error instanceof WatchError ? error.message : `cannot be read: ${code ?? reasonOf(error, { sensitive: true })}`;
    return { kind: 'Unreadable', reason };
  }
}
