/** What this process knows of workloads beyond the API: lost with it, and nothing but a debounce is lost. */

import type { Verdict } from '../domain/effects.ts';
import type { Pending, Workload } from '../domain/observed.ts';
import { workloadKey } from './ports.ts';

export interface Memory {
  /** When the store first held the workload's present template; 0: ever since it was listed. */
  templateSeenAt(workload: Workload): number;
  /** Takes note of a workload that came, changed or went. */
  see(before: Workload | undefined, after: Workload | undefined, now: number): void;
  pending(workload: Workload): Pending | undefined;
  setPending(workload: Workload, pending: Pending | undefined): void;
  /** How the latest look at a workload ended; undefined: there was none. */
  verdict(workload: Workload): Verdict | undefined;
  setVerdict(workload: Workload, verdict: Verdict): void;
}

interface Remembered {
  readonly uid: string;
  templateSeenAt: number;
  pending: Pending | undefined;
  verdict: Verdict | undefined;
}

export const createMemory = (): Memory => {
  const remembered = new Map<string, Remembered>();
  /** A new uid is a new workload: nothing is remembered of its predecessor. */
  const of = (workload: Workload): Remembered => {
    const key = workloadKey(workload);
    const known = remembered.get(key);
    if (known?.uid === workload.uid) return known;
    const fresh = { uid: workload.uid, templateSeenAt: 0, pending: undefined, verdict: undefined };
    remembered.set(key, fresh);
    return fresh;
  };
  return {
    templateSeenAt: (workload) => of(workload).templateSeenAt,
    see: (before, after, now) => {
      if (after === undefined) {
        if (before !== undefined) remembered.delete(workloadKey(before));
      } else if (before?.uid === after.uid && before.templateHash !== after.templateHash) {
        of(after).templateSeenAt = now;
      }
    },
    pending: (workload) => of(workload).pending,
    setPending: (workload, pending) => {
      of(workload).pending = pending;
    },
    verdict: (workload) => of(workload).verdict,
    setVerdict: (workload, verdict) => {
      of(workload).verdict = verdict;
    },
  };
};
