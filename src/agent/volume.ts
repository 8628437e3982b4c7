/**
 * One look at one volume, as the kubelet lays it out (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go):
 *
 *   ..2026_11_24_21_00_00.123/   a state, written whole before anybody is led to it
 *   ..data -> that folder        moved by one rename: this is the change
 *   key -> ..data/key            made after it for keys that are new, taken away after it for those that are gone
 *
 * The link is read once for a look, so that two states are never mixed, and once more after it: where it has moved, what
 * was seen may have been half taken away, and the look is taken anew.
 */

import { constants } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS, type Question } from './protocol.ts';

export type Look =
  /** The paths that are not as they are hoped to be. */
  | { readonly type: 'Seen'; readonly differing: readonly string[] }
  | { readonly type: 'NoVolume' }
  /** What is there can't be read; one sentence. */
  | { readonly type: 'Unreadable'; readonly why: string };

type Volume = Pick<Question, 'pod' | 'volume' | 'plugin'>;

/** @param podsFolder the kubelet's, with one folder for each pod's uid */
export const volumeFolder = (podsFolder: string, { pod, volume, plugin }: Volume): string =>
  join(podsFolder, pod, 'volumes', plugin, volume);

/** Where content moves on under every one of so many looks, the next event brings another. */
const ATTEMPTS = 5;
const STATE_LINK = '..data';

/**
 * Nothing outside the volume's own folder is read: no link is followed on the way to it, or from it to a file, but the
 * kubelet's own.
 * @param digest of a file's bytes
 */
export const look = async (
  podsFolder: string,
  question: Volume & Pick<Question, 'files'>,
  digest: (content: Uint8Array) => string,
): Promise<Look> => {
  const paths = question.files.map(([path]) => path);
  try {
    const folder = volumeFolder(podsFolder, question);
    const real = await attempt(() => realpath(folder));
    if (real === undefined || real !== volumeFolder(await realpath(podsFolder), question)) return { type: 'NoVolume' };
    for (let index = 0; index < ATTEMPTS; index += 1) {
      const state = await stateOf(real);
      // The kubelet has made the folder, and has not written it yet.
      if (state === undefined) return { type: 'Seen', differing: paths };
      const differing = await compare(real, state, question.files, digest);
      if ((await stateOf(real)) === state) return { type: 'Seen', differing };
    }
    return { type: 'Seen', differing: paths };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an unknown error';
    return { type: 'Unreadable', why: `the volume's folder can't be read: ${code}` };
  }
};

/** The name of the state's folder; undefined: there is none. */
const stateOf = async (folder: string): Promise<string | undefined> => {
  const target = await attempt(() => readlink(join(folder, STATE_LINK)));
  return target !== undefined && /^\.\.[^/]+$/.test(target) && target !== STATE_LINK ? target : undefined;
};

const compare = async (
  folder: string,
  state: string,
  files: Question['files'],
  digest: (content: Uint8Array) => string,
): Promise<readonly string[]> => {
  const differing: string[] = [];
  for (const [path, hoped] of files) {
    const found = await contentOf(join(folder, state), path);
    const same = found === undefined ? hoped === null : found !== OTHER && digest(found) === hoped;
    if (!same || !(await ledTo(folder, path, found !== undefined))) differing.push(path);
  }
  return differing;
};

/** Whether the link that readers come by is there, or gone, as it is to be. */
const ledTo = async (folder: string, path: string, present: boolean): Promise<boolean> => {
  const [first = ''] = path.split('/');
  const target = await attempt(() => readlink(join(folder, first)));
  const leads = target === join(STATE_LINK, first);
  // A folder stays when one file of several in it goes.
  return present ? leads : target === undefined || (leads && first !== path);
};

/** Something that is no file, or no file that the API could have brought. */
const OTHER = Symbol('other');

/** The bytes of a file of a state; undefined: there is none. */
const contentOf = async (stateFolder: string, path: string): Promise<Uint8Array | typeof OTHER | undefined> => {
  const file = join(stateFolder, path);
  let handle: FileHandle;
  try {
    // A pipe must not keep us waiting.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (hasCode(error, 'ELOOP')) return OTHER;
    throw error;
  }
  try {
    // Links further up in the path would have led elsewhere.
    if ((await readlink(`/proc/self/fd/${handle.fd}`)) !== file) return OTHER;
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= LIMITS.file ? await readAll(handle, stats.size) : OTHER;
  } finally {
    await handle.close();
  }
};

const readAll = async (handle: FileHandle, size: number): Promise<Uint8Array | typeof OTHER> => {
  const buffer = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(buffer, at, size - at, at);
    // It became shorter meanwhile.
    if (bytesRead === 0) return OTHER;
    at += bytesRead;
  }
  return buffer;
};

/** Undefined: there is no such thing. */
const attempt = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await look();
  } catch (error) {
    // EINVAL: it is no link.
    if (isAbsent(error) || hasCode(error, 'EINVAL')) return undefined;
    throw error;
  }
};

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
const isAbsent = (error: unknown): boolean => hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR');
