/** What a plan wants done, as data. */

import type { Changes, Intent, Ledger, Pending, SourceId } from './observed.ts';
import type { Delivery, Proof, ProofOrder } from './proof.ts';

/** Make the kubelets of all the workload's pods refresh their files now. */
export interface Nudge {
  /** Names the content, for the annotation's value. */
  readonly digest: string;
  readonly changes: Changes;
  /** What has changed, for people: keys, and places in them. */
  readonly keys: readonly string[];
  /** What is to be proven once it has been sent; absent: nothing. */
  readonly delivery?: Pick<Delivery, 'digest' | 'proof' | 'places' | 'changes'>;
  /** There are no pods to be told anything: those of the next run read the content when they start. */
  readonly nextRun?: true;
}

/** Change the restart annotation of the workload's template. */
export interface RestartOrder {
  readonly n: number;
  /** The annotation's value. */
  readonly value: string;
  readonly digest: string;
  readonly changes: Changes;
  /** What has changed, for people: keys, and places in them. */
  readonly keys: readonly string[];
  /** Why, for the event and the history. */
  readonly cause: string;
  /** The annotation's value that it takes the place of; absent: there is none. */
  readonly replaces?: string;
  /** RFC 3339. An Argo Rollout is to replace all pods that are older, and its template is left alone. */
  readonly restartAt?: string;
  /** Managed delivery: the sources whose live objects go forward with it. */
  readonly live?: readonly SourceId[];
  /** It completes one that had begun: what is delivered has been recorded. */
  readonly begun?: Intent;
  /** It replaces pods of which a hot change was not proven in time: which, and why. */
  readonly unproven?: string;
}

/** Put the template's annotation back to what it was before a restart that failed. */
export interface UndoOrder {
  /** The restart that is undone: where the annotation is another one by now, nothing is. */
  readonly n: number;
  /** The earlier value; absent: there was no annotation. */
  readonly value?: string;
  /** Managed delivery: the sources whose live objects go back, too, and first. */
  readonly live?: readonly SourceId[];
}

export interface Notice {
  readonly severity: 'Normal' | 'Warning';
  /** CamelCase, for machines. */
  readonly reason: string;
  /** What was done, CamelCase. */
  readonly action: 'HotReload' | 'Restart' | 'Adopt' | 'Render';
  readonly note: string;
}

export type WorkloadState =
  | 'Adopted'
  | 'UpToDate'
  | 'Pending'
  | 'Reloading'
  | 'Restarting'
  | 'Held'
  | 'Blocked'
  | 'Failed'
  | 'TimedOut'
  | 'Ignored'
  | 'Error';

/** How a hot change stands that is to be proven. */
export interface DeliveryVerdict {
  readonly digest: string;
  readonly proof: Proof;
  readonly phase: 'InProgress' | 'TimedOut';
  /** Keys and places, for people. */
  readonly what: string;
  /** While it is under way, counts of many pods move in tenths. Absent: nothing is known of the pods yet. */
  readonly counts?: {
    readonly pods: number;
    /** Of which nothing more is demanded. */
    readonly done: number;
    readonly mounted?: number;
    readonly notified?: number;
    readonly loaded?: number;
  };
  /** Pods that are not there yet, and why: as many as a status lists. */
  readonly missing: readonly string[];
}

/** How a workload stands, for its policies' status. */
export interface Verdict {
  readonly state: WorkloadState;
  readonly reason: string;
  readonly message: string;
  /** Held: when it goes on by itself. */
  readonly until?: number;
  /** The state is about a hot change alone: no restart is due. */
  readonly about?: 'Hot';
  /** What holds back hot keys, whatever becomes of a restart. */
  readonly hotHold?: { readonly reason: string; readonly message: string };
  /** A hot change that is to be proven, or was not in time. */
  readonly delivery?: DeliveryVerdict;
  readonly counts: { readonly hot: number; readonly restart: number };
  /** Keys declared Hot that can't be, with the reason: as many as a status lists. */
  readonly impossible: readonly string[];
  /** How many there are. */
  readonly impossibleCount: number;
  /** Keys for which policies declare different classes: as many as a status lists. */
  readonly conflicts?: readonly string[];
}

export type Plan =
  /** The answer depends on the workload's pods: list them and decide again. */
  | { readonly type: 'LookAtPods' }
  /** Nothing binds the workload: it has no record. */
  | { readonly type: 'Forget'; readonly verdict: Verdict }
  | {
      readonly type: 'Act';
      /** The record before the effects below; what they bring about is added when they have succeeded. */
      readonly ledger: Ledger;
      readonly pending?: Pending;
      readonly nudge?: Nudge;
      readonly restart?: RestartOrder;
      readonly undo?: UndoOrder;
      /** The record must be in the API before any effect: what it says is what a crash in between is judged by. */
      readonly recordFirst?: boolean;
      /** Absent: nothing is to be proven, and what was under way ends. */
      readonly prove?: ProofOrder;
      /** Content that a validation refuses must not reach pods any sooner: whatever nudges are still to come are not given. */
      readonly leavePods: boolean;
      /** A rollout is under way whose new pods are to be nudged once. */
      readonly followPods: boolean;
      readonly hotDigest: string;
      readonly notices: readonly Notice[];
      /** When to look again though nothing happens. */
      readonly requeueAfterMs?: number;
      readonly verdict: Verdict;
    };
