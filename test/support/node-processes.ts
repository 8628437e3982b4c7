/** Processes of a node on this machine, found by what they are; to be stopped and ended by tests. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
};

const networkOf = (pid: number | string): string | undefined => {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/net`);
  } catch {
    return undefined;
  }
};

const processes = (): readonly string[] => readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry));

const only = (found: readonly string[], what: string): number => {
  const [pid] = found;
  if (pid === undefined || found.length > 1) throw new Error(`there are ${String(found.length)} of ${what}`);
  return Number(pid);
};

/** @param holder the process that holds the node's namespaces */
export const kubeletOf = (holder: number): number =>
  only(
    processes().filter((pid) => read(`/proc/${pid}/comm`).trim() === 'kubelet' && networkOf(pid) === networkOf(holder)),
    'the kubelet',
  );

/** The process whose environment says that it is of this pod. */
export const processOfPod = (uid: string): number =>
  only(
    processes().filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(`POD_UID=${uid}`)),
    `the process of pod ${uid}`,
  );
