/**
 * Files of Debian packages that are not to be installed: installing a web server would start it on this machine. A
 * package is fetched and unpacked into the cache, once for each version.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir } from './binaries.ts';
import { runCommand } from './commands.ts';
import { withLock } from './lock.ts';
import { pathOf, updatePackageLists, WAY_OUT } from './preflight.ts';

/**
 * The newest version of a package that this machine's package lists have.
 *
 * @returns the folder that its files are unpacked to
 * @throws with one sentence where it can't be had
 */
export async function ensureUnpacked(debianPackage: string, log: (line: string) => void): Promise<string> {
  if (pathOf('apt-get') === undefined || pathOf('dpkg-deb') === undefined) {
    throw new Error(`${debianPackage} is taken from Debian's package, and this machine has no apt-get, ${WAY_OUT}`);
  }
  const folder = join(cacheDir(), 'debian');
  const name = await newestOf(debianPackage).catch(async () => {
    await updatePackageLists(log);
    return newestOf(debianPackage);
  });
  const target = join(folder, name);
  return withLock(join(folder, 'lock'), async () => {
    if (!existsSync(target)) await unpack(debianPackage, target, log);
    return target;
  });
}

/** The file's name has the version and the architecture in it. Source: apt-get(8), `'URI' FILE SIZE DIGEST`. */
async function newestOf(debianPackage: string): Promise<string> {
  const listing = await runCommand('apt-get', ['download', '--print-uris', debianPackage]);
  const name = /^'\S+' (\S+)\.deb /m.exec(listing)?.[1];
  if (name === undefined) throw new Error(`apt-get knows no package ${debianPackage}`);
  return name;
}

async function unpack(debianPackage: string, target: string, log: (line: string) => void): Promise<void> {
  log(`fetching the Debian package ${debianPackage}`);
  // Whatever is there of it now is an earlier version, or was left by a run that was killed.
  for (const entry of readdirSync(dirname(target)).filter((each) => each.startsWith(`${debianPackage}_`)))
    rmSync(join(dirname(target), entry), { recursive: true, force: true });
  const work = mkdtempSync(`${target}.unfinished-`);
  const fetch = (): Promise<string> => runCommand('apt-get', ['download', '-qq', debianPackage], { cwd: work });
  try {
    await fetch().catch(async () => {
      // The lists may name a version that the mirror no longer has.
      await updatePackageLists(log);
      return fetch();
    });
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get fetched no package ${debianPackage}`);
    mkdirSync(join(work, 'files'));
    await runCommand('dpkg-deb', ['--extract', join(work, archive), join(work, 'files')]);
    renameSync(join(work, 'files'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
