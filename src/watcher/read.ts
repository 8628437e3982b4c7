/** Reading one state: complete, and not a mixture of two. */

import { constants } from 'node:fs';
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { sleep, type Clock } from './clock.ts';
import type { Files } from './content.ts';
import { DATA, isOurs } from './survey.ts';
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
      const atomic = await isFromKubelet(path);
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
  const before = await stateOf(path);
  if (before === undefined) return undefined;
  const files = new Map<string, Buffer>();
  let room = MOST_BYTES;
  for (const name of before.names) {
    const file = { ...options, atomic: before.atomic, room, inFolder: true } as const;
    // Taken away meanwhile, or a link that leads nowhere: what stands there at the end tells which.
    const bytes = await readBytes(join(before.folder, name), file).catch(orMissing);
    if (bytes === undefined) continue;
    room -= bytes.length;
    files.set(name, bytes);
  }
  return same(before, await stateOf(path)) ? files : undefined;
}

interface State {
  /** Without links: the kubelet removes it once another is in force. */
  readonly folder: string;
  readonly atomic: boolean;
  readonly names: readonly string[];
}

/** @returns undefined where the kubelet took the folder away while we looked. @throws where there is none */
async function stateOf(path: string): Promise<State | undefined> {
  const data = await realpath(join(path, DATA)).catch(orMissing);
  const folder = data ?? (await realpath(path));
  const present = data === undefined ? await readdir(folder) : await readdir(folder).catch(orMissing);
  return present && { folder, atomic: data !== undefined, names: present.filter(isOurs).sort() };
}

const same = (a: State, b: State | undefined): boolean =>
  a.folder === b?.folder &&
  a.names.length === b.names.length &&
  a.names.every((name, index) => name === b.names[index]);

/**
 * Whether a path leads into one of the kubelet's folders, such as `..2026_10_02_12_00_00.123`: what is in them was
 * complete before it could be seen, and is never written to again.
 */
async function isFromKubelet(path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => '');
  return real.split(sep).some((name) => name.startsWith('..'));
}

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
    if (!atomic && !(clock.now() - before.at >= settleMs))
      await sleep(clock, waitFor(before.at, settleMs, clock.now()), signal);
    if (before.size > room) throw new WatchError(`holds more than ${MOST_BYTES / 1024 / 1024} MiB`);
    const unchanged = atomic || before.stamp === (await writtenOf(handle)).stamp;
    const bytes = unchanged ? await readAll(handle, before.size) : undefined;
    if (bytes !== undefined && before.stamp === (await writtenOf(handle)).stamp) return bytes;
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

/** A file from the future is watched for as long as one of this moment. */
const waitFor = (at: number, settleMs: number, now: number): number =>
  Math.min(settleMs, Math.max(1, at + settleMs - now));

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
