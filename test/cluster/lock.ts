import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, refTo } from './processes.ts';
import type { ProcessRef } from './processes.ts';

const POLL_MS = 200;

/**
 * Runs `work` while holding a lock file, across processes. A lock whose owner has died is taken over.
 *
 * @param onWait called once with the owner's process id when the lock is taken.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, onWait?: (pid: number) => void): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  let waited = false;
  while (!take(file)) {
    const owner = ownerOf(file);
    if (owner && !isAlive(owner)) {
      discard(file, owner);
      continue;
    }
    if (owner && !waited) onWait?.(owner.pid);
    waited = true;
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Removes a lock whose owner has died, as nobody may come to wait for it. */
export function dropAbandonedLock(file: string): void {
  const owner = ownerOf(file);
  if (owner && !isAlive(owner)) discard(file, owner);
}

function take(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(refTo(process.pid)), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined while the owner has the file but has not written itself into it yet, and when the lock is free. */
function ownerOf(file: string): ProcessRef | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRef;
  } catch {
    return undefined;
  }
}

/** Removes a dead owner's lock. Renaming first lets only one of several waiters win. */
function discard(file: string, owner: ProcessRef): void {
  const aside = `${file}.${owner.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  rmSync(aside, { force: true });
}
