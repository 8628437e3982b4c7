/** What this process knows of workloads beyond the API: lost with it, and nothing but a debounce is lost. */

import type { Verdict } from '../domain/effects.ts';
import type { Pending, Workload } from '../domain/observed.ts';
import { workloadKey } from './ports.ts';

export interface Memory {
  /** When the store first held the workload's present template; 0: ever since it was listed. */
  templateSeenAt(workload: Workload): number;
  /** When the store saw the restart annotation take its present value; undefined: it was listed so. */
  annotationSeenAt(workload: Workload): number | undefined;
  /** Takes note of a workload that came, changed or went. */
  see(before: Workload | undefined, after: Workload | undefined, now: number): void;
  pending(workload: Workload): Pending | undefined;
  setPending(workload: Workload, pending: Pending | undefined): void;
  /** When the workload's pods were last looked at; undefined: never. */
  podsSeenAt(workload: Workload): number | undefined;
  setPodsSeenAt(workload: Workload, now: number): void;
  /** How the latest look at a workload ended; undefined: there was none. */
  verdict(workload: Workload): Verdict | undefined;
  setVerdict(workload: Workload, verdict: Verdict): void;
}

interface Remembered {
  readonly uid: string;
  templateSeenAt: number;
  annotationSeenAt: number | undefined;
  pending: Pending | undefined;
  podsSeenAt: number | undefined;
  verdict: Verdict | undefined;
}

export const createMemory = (): Memory => {
  const remembered = new Map<string, Remembered>();
  /** A look may still be under way when its workload is gone: what it finds out then is not kept. */
  const of = (workload: Workload): Remembered | undefined => {
    const known = remembered.get(workloadKey(workload));
    return known?.uid === workload.uid ? known : undefined;
  };
  return {
    templateSeenAt: (workload) => of(workload)?.templateSeenAt ?? 0,
    annotationSeenAt: (workload) => of(workload)?.annotationSeenAt,
    see: (before, after, now) => {
      if (after === undefined) {
        if (before !== undefined) remembered.delete(workloadKey(before));
        return;
      }
      const known = of(after);
      if (known === undefined) {
        // A new uid is a new workload: nothing is remembered of its predecessor.
        remembered.set(workloadKey(after), {
          uid: after.uid,
          templateSeenAt: 0,
          annotationSeenAt: undefined,
          pending: undefined,
          podsSeenAt: undefined,
          verdict: undefined,
        });
      } else if (before !== undefined) {
        if (before.templateHash !== after.templateHash) known.templateSeenAt = now;
        if (before.annotationValue !== after.annotationValue) known.annotationSeenAt = now;
      }
    },
    pending: (workload) => of(workload)?.pending,
    setPending: (workload, pending) => {
      const known = of(workload);
      if (known !== undefined) known.pending = pending;
    },
    podsSeenAt: (workload) => of(workload)?.podsSeenAt,
    setPodsSeenAt: (workload, now) => {
      const known = of(workload);
      if (known !== undefined) known.podsSeenAt = now;
    },
    verdict: (workload) => of(workload)?.verdict,
    setVerdict: (workload, verdict) => {
      const known = of(workload);
      if (known !== undefined) known.verdict = verdict;
    },
  };
};
