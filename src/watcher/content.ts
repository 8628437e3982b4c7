/** What was read, and how two readings differ. */

import { createHash } from 'node:crypto';

/** The bytes of each file, by name; of a single file there is one. */
export type Files = ReadonlyMap<string, Buffer>;

export interface Content {
  /** SHA-256 of each file's bytes in lower-case hexadecimal, by name, in the order of names. */
  readonly digests: ReadonlyMap<string, string>;
  /** Equal where names and bytes are. */
  readonly digest: string;
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

export function contentOf(files: Files): Content {
  const digests = new Map([...files].map(([name, bytes]) => [name, sha256(bytes)] as const).sort(byName));
  return { digests, digest: sha256(JSON.stringify([...digests])) };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** UTF-8 without its byte order mark; what is none becomes U+FFFD. */
export const textOf = (bytes: Buffer): string => new TextDecoder().decode(bytes);

/** Names of files that are new, gone or have other bytes. */
export function changedFiles(next: Content, previous: Content | undefined): readonly string[] {
  const before = previous?.digests ?? new Map<string, string>();
  const names = new Set([...next.digests.keys(), ...before.keys()]);
  return [...names].filter((name) => next.digests.get(name) !== before.get(name)).sort();
}
