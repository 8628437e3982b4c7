/**
 * Finds out how far hot changes have got in the pods of workloads, and helps them on: asks the agents on the nodes for the
 * files, nudges again where a nudge was lost, asks applications to reload. It knows what this process has found out, and
 * nothing else: after a start everything is asked again.
 */

import type { Workload } from '../domain/observed.ts';
import type { ProofOrder, ProofProgress } from '../domain/proof.ts';
import { incarnation } from './ports.ts';
import { createPursuit, type Pursuit, type PursuitOptions } from './prover/pursuit.ts';

export interface Prover {
  /** Begins, or goes on with, what the order names; another digest than before ends what was under way. */
  pursue(workload: Workload, order: ProofOrder): void;
  /** Nothing more is to be proven. Applications that accepted too early, maybe, are still asked once more. */
  release(workload: Workload): void;
  /** The workload is gone, or its pods are to be left alone: nothing more is done, at once. */
  forget(workload: Workload): void;
  /** Undefined: nothing is under way. */
  progress(workload: Workload): ProofProgress | undefined;
  close(): void;
}

export type ProverOptions = PursuitOptions;

export const createProver = (options: ProverOptions): Prover => {
  const pursuits = new Map<string, { readonly digest: string; readonly pursuit: Pursuit }>();

  const forget = (workload: Workload): void => {
    const key = incarnation(workload);
    pursuits.get(key)?.pursuit.end();
    pursuits.delete(key);
  };

  return {
    pursue: (workload, order) => {
      const key = incarnation(workload);
      const known = pursuits.get(key);
      if (known?.digest === order.digest) {
        known.pursuit.take(order);
        return;
      }
      known?.pursuit.end();
      const pursuit = createPursuit(options, workload, order, () => {
        if (pursuits.get(key)?.pursuit === pursuit) pursuits.delete(key);
      });
      pursuits.set(key, { digest: order.digest, pursuit });
    },
    release: (workload) => {
      pursuits.get(incarnation(workload))?.pursuit.finish();
    },
    forget,
    progress: (workload) => pursuits.get(incarnation(workload))?.pursuit.progress(),
    close: () => {
      for (const { pursuit } of pursuits.values()) pursuit.end();
      pursuits.clear();
    },
  };
};
