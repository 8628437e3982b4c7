/** How other workloads stand, as far as an order or a limit must know. */

import type { WorkloadKind } from './selection.ts';

/** How far a workload is with what its sources hold now. Unknown: it has not been looked at since they last changed. */
export type Standing = 'Done' | 'Due' | 'InProgress' | 'Failed' | 'Unknown';

export interface Peer {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly standing: Standing;
  /** Which entry of the policy's `workloads` binds it, from 0; absent: there are none. */
  readonly binding?: number;
}

export interface Others {
  /** All workloads that a policy binds, this one among them, by the policy's name; only of policies whose gates ask. */
  readonly bound: ReadonlyMap<string, readonly Peer[]>;
  /** Workloads of all namespaces that are rolling out, but for this one; and how many there may be. Absent: no limit. */
  readonly cluster?: { readonly inProgress: number; readonly limit: number };
}
