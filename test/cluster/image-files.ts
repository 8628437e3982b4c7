/** Files of this machine, for images that are put together from them. */

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand } from './commands.ts';

export const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Copies one file, with the folders that lead to it. */
export function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Paths of the shared libraries and the loader. Source: ldd(1), `name => path (address)` or `path (address)`. */
export async function librariesOf(binary: string): Promise<string[]> {
  const listing = await runCommand('ldd', [binary]);
  const missing = /^\s*(\S+) => not found/m.exec(listing)?.[1];
  if (missing !== undefined) throw new Error(`${binary} needs ${missing}, which this machine lacks: install it`);
  return [...listing.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}

/** root and an unprivileged user, and a /tmp for both. */
export function addUsers(root: string): void {
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
}
