import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MOUNT = '/sys/fs/cgroup';

/** Controllers that the kubelet insists on, and hugetlb, which it uses where present. */
const CONTROLLERS = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];

/** Name of a cluster's own cgroup; the kubelet puts all its pods below it. */
export function cgroupOf(id: string): string {
  return `reload-${id}`;
}

function isUnified(): boolean {
  return existsSync(join(MOUNT, 'cgroup.controllers'));
}

/** The cgroup's folders: one in cgroup v2, one for each hierarchy in v1. */
function foldersOf(cgroup: string): string[] {
  if (isUnified()) return [join(MOUNT, cgroup)];
  return readdirSync(MOUNT)
    .map((hierarchy) => join(MOUNT, hierarchy))
    .filter((path) => statSync(path).isDirectory())
    .map((path) => join(path, cgroup));
}

/** Makes the cgroup that everything of a node runs below. @throws when cgroups are not writable. */
export function createCgroup(cgroup: string): void {
  if (isUnified()) enableControllers(MOUNT);
  for (const folder of foldersOf(cgroup)) {
    mkdirSync(folder, { recursive: true });
    // A v1 cpuset is born empty, and an empty one takes no process.
    for (const file of ['cpuset.mems', 'cpuset.cpus']) {
      const parent = join(folder, '..', file);
      if (!isUnified() && existsSync(parent)) writeFileSync(join(folder, file), readFileSync(parent));
    }
  }
  if (isUnified()) enableControllers(join(MOUNT, cgroup));
}

function enableControllers(folder: string): void {
  const available = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
  for (const controller of CONTROLLERS.filter((name) => available.includes(name))) {
    writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
  }
}

/**
 * Ends every process in the cgroup and removes it.
 *
 * @throws when processes survive SIGKILL for `timeoutMs`.
 */
export async function removeCgroup(cgroup: string, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = foldersOf(cgroup).filter((folder) => existsSync(folder));
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`can't remove ${left.join(', ')}: processes in it don't end`);
    for (const folder of left) removeTree(folder);
    await sleep(50);
  }
}

/** One attempt, children first; whatever is still busy stays for the next one. */
function removeTree(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    }
    for (const pid of pidsIn(folder)) killQuietly(pid);
    rmdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EBUSY' && code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}

function pidsIn(folder: string): number[] {
  // Processes of a foreign process namespace show as 0.
  return readFileSync(join(folder, 'cgroup.procs'), 'utf8')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
