/** nginx's processes, as /proc shows them to the containers of a pod that share their processes. */

import { readdir, readFile } from 'node:fs/promises';

export interface Nginx {
  readonly master: number;
  /** Those that serve with the latest configuration. Old ones that end their requests have another title. */
  readonly workers: readonly number[];
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly title: string;
}

const MASTER = 'nginx: master process';
const WORKER = 'nginx: worker process';

/** Undefined while nginx does not run. */
export const findNginx = async (): Promise<Nginx | undefined> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = (await Promise.all(pids.map(read))).filter((each) => each !== undefined);
  const master = found.find(({ title }) => title.startsWith(MASTER))?.pid;
  if (master === undefined) return undefined;
  const workers = found.filter(({ parent, title }) => parent === master && title === WORKER).map(({ pid }) => pid);
  return { master, workers };
};

/** Undefined for a process that has ended meanwhile. */
const read = async (pid: string): Promise<Process | undefined> => {
  try {
    const [title, stat] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // Source: proc(5). The second field is the name in brackets, which may hold anything; the fourth is the parent.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid: Number(pid), parent, title: title.replaceAll('\0', ' ').trim() };
  } catch {
    return undefined;
  }
};
