/** What is known when a workload is decided on. Times are milliseconds since the epoch. */

import type { ResolvedDelivery, ResolvedGates } from '../api/v1alpha1/defaults.ts';
import type { RestartAnnotation } from './annotation.ts';
import type { Classifier } from './classify.ts';
import type { Digest } from './digest.ts';
import type { DocumentParts, LeafTable } from './documents.ts';
import type { Delivery, HotPolicy, ProofProgress } from './proof.ts';
import type { Live } from './live.ts';
import type { Others } from './others.ts';
import type { Use } from './references.ts';
import type { Answer, Request } from './requests.ts';
import type { RolloutState } from './rollout.ts';
import type { ClusterWarning, PodReport } from './rollout-cause.ts';
import type { LabelSelector, SourceKind, WorkloadBinding, WorkloadKind } from './selection.ts';
import type { Problem, Validation } from './validation.ts';

/** When restarts may begin, in which order, and what follows a failure: what one policy says. */
export type GatePolicy = ResolvedGates;
/** What workloads mount: what one policy says. */
export type DeliveryPolicy = ResolvedDelivery;

/** `ConfigMap/name`: a source within the namespace at hand. */
export type SourceId = string;

export const sourceId = (source: { readonly kind: string; readonly name: string }): SourceId =>
  `${source.kind}/${source.name}`;

export const sourceOf = (id: SourceId): { readonly kind: SourceKind; readonly name: string } => ({
  kind: id.startsWith('Secret/') ? 'Secret' : 'ConfigMap',
  name: id.slice(id.indexOf('/') + 1),
});

export type Source =
  | {
      readonly state: 'Present';
      readonly uid: string;
      readonly resourceVersion: string;
      readonly immutable: boolean;
      readonly keys: ReadonlyMap<string, Digest>;
      /** Of the keys that some policy's rules look into. */
      readonly documents?: ReadonlyMap<string, DocumentParts>;
      /** What policies' validations refuse, by the policy's name; a policy that is content is not in it. */
      readonly problems?: ReadonlyMap<string, readonly Problem[]>;
      /** A Secret whose owner does not allow schemas to be applied: what they demand is not checked. */
      readonly schemasBarred?: true;
      /** Documents of earlier versions, by the digest of the whole key: to name the places that have changed. */
      readonly earlier?: ReadonlyMap<Digest, LeafTable>;
      /** When our watch showed the last change of content; at first sight an upper bound of it, by the server's clock. */
      readonly changedAt: number;
      /** Whether the content was seen to change by this process, not just found. */
      readonly seenToChange: boolean;
      /** Why it can't be read any more, where the latest attempt failed; the rest is what was known before. */
      readonly unreadable?: string;
      /** The last change of content that is certain, from the object's managed fields: these keys' manager, then. */
      readonly certainChange?: { readonly at: number; readonly keys: readonly string[] };
    }
  /** Opted out by annotation. */
  | { readonly state: 'Ignored' }
  /** A watch or a 404 said so. */
  | { readonly state: 'Missing' }
  /** Nothing is known: not read yet, or reading failed. Not a deletion. */
  | { readonly state: 'Unknown'; readonly message?: string };

/** Why the latest attempt to read a source failed; undefined where it did not. */
export const whyUnreadable = (source: Source): string | undefined => {
  if (source.state === 'Present') return source.unreadable;
  return source.state === 'Unknown' ? source.message : undefined;
};

export interface Workload {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Opted out by annotation. */
  readonly ignored: boolean;
  readonly uses: readonly Use[];
  /** Managed delivery: the live objects that it reads, and the source that its uses tell of in the place of each. */
  readonly live?: ReadonlyMap<SourceId, SourceId>;
  /** What it gets delivered that no watch of ours sees change, in sentences. */
  readonly unfollowed?: readonly string[];
  /** The names of the TCP ports that its containers declare, by container; absent: there are none. */
  readonly ports?: ReadonlyMap<string, readonly string[]>;
  /** The selector of its pods, as a label selector query. */
  readonly podSelector: string;
  /** Of the pod template without our restart annotation. */
  readonly templateHash: string;
  readonly annotation?: RestartAnnotation;
  /** The annotation's value as it stands, also one of another form; absent: there is none. */
  readonly annotationValue?: string;
  /** Why it can't be bound, and what is to be bound in its place: it belongs to another workload, or has no pods of its own. */
  readonly notItsOwn?: string;
  readonly rollout: RolloutState;
}

export interface Policy extends Classifier {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: number;
  readonly suspended: boolean;
  /** Those named, and those that its selectors find now. */
  readonly sources: readonly { readonly kind: SourceKind; readonly name: string }[];
  readonly sourceSelectors?: readonly { readonly kind: SourceKind; readonly selector: LabelSelector }[];
  /** Only says what it would do. */
  readonly observes?: boolean;
  readonly validation?: readonly Validation[];
  readonly workloads?: readonly WorkloadBinding[];
  readonly hot: HotPolicy;
  readonly debounceMs: number;
  readonly progressTimeoutMs: number;
  /** How Argo Rollouts are restarted. */
  readonly rollouts: 'Template' | 'RestartAt';
  readonly gates: GatePolicy;
  readonly delivery: DeliveryPolicy;
}

export type { LabelSelector };

/** A pod of the workload that isn't being deleted and has not ended. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  /** When its containers that now run, or last ran, were started; whole seconds by the node's clock. */
  readonly containers: readonly { readonly name: string; readonly startedAt?: number }[];
}

/** Keys and the digests they have moved to; the empty string: the key is gone. */
export type Changes = ReadonlyMap<SourceId, ReadonlyMap<string, Digest | ''>>;

export type RestartPhase = 'InProgress' | 'Succeeded' | 'Failed' | 'TimedOut';

/** The latest restart of a workload, ours (`Issued`) or somebody's that carries our change (`Foreign`). */
export interface Restart {
  readonly n: number;
  readonly digest: string;
  readonly origin: 'Issued' | 'Foreign';
  /** When it was issued, or a rollout of others was found to carry our change: its time runs from here. */
  readonly issuedAt: number;
  /** What containers must have started after to carry the change, where that isn't `issuedAt`. */
  readonly carriesSince?: number;
  readonly templateHash: string;
  readonly phase: RestartPhase;
  readonly reason?: string;
  readonly message?: string;
  readonly finishedAt?: number;
  readonly pods?: number;
  /** The annotation's value that it took the place of; absent: there was none. */
  readonly replaces?: string;
  /** What it carries beyond what is recorded as applied. */
  readonly changes: Changes;
}

/** A change that waits, and since when content differs from what is applied. */
export interface Held {
  readonly since: number;
  /** The content changed unwatched: at some time after this one. Absent: at `since`. */
  readonly changedAfter?: number;
  readonly reason: string;
  readonly message?: string;
  /** Names the content that the restart would carry: what an approval is given for. */
  readonly digest?: string;
  /** When it goes on by itself; absent: when somebody or something acts. */
  readonly until?: number;
  readonly changes: Changes;
}

/** The snapshots of one live object. */
export interface KnownSnapshots {
  readonly object: string;
  /** The newest first. */
  readonly numbers: readonly number[];
  /** What those hold that are asked for. */
  readonly keys: ReadonlyMap<number, ReadonlyMap<string, Digest>>;
}

/** One snapshot of the live object that is rendered from a source. */
export interface SnapshotReference {
  readonly source: SourceId;
  /** Name of the live object. */
  readonly object: string;
  readonly number: number;
}

/** A restart with managed delivery that has begun: it is completed even if a gate closes. */
export interface Intent {
  readonly n: number;
  readonly digest: string;
  readonly at: number;
  readonly snapshots: readonly SnapshotReference[];
  readonly keys: readonly string[];
  readonly changes: Changes;
}

/** Content that failed and was undone, or that somebody went back from: until it changes, or is asked for, it is left alone. */
export interface Failed {
  readonly n: number;
  readonly digest: string;
  readonly at: number;
  readonly reason: string;
  readonly message?: string;
  readonly undo?: Undo;
  readonly changes: Changes;
}

export interface Undo {
  readonly mode: 'Undo' | 'Rollback';
  /** Intended: recorded, and not known to be done. */
  readonly phase: 'Intended' | 'InProgress' | 'Succeeded' | 'TimedOut';
  readonly at: number;
  /** For Rollback: what is gone back to. */
  readonly snapshots?: readonly SnapshotReference[];
  readonly message?: string;
}

/** Somebody's word for exactly one content. */
export interface Consent {
  readonly digest: string;
  readonly at: number;
}

export interface HistoryEntry {
  readonly time: number;
  readonly action: 'Hot' | 'Restart';
  readonly outcome: 'InProgress' | 'Succeeded' | 'Failed' | 'TimedOut' | 'Blocked' | 'Held' | 'Observed';
  readonly reason?: string;
  readonly message?: string;
  readonly keys: readonly string[];
  readonly pods: number;
}

/** What is known to be applied to one workload: the content of its ReloadRecord. */
export interface Ledger {
  readonly adoptedAt: number;
  readonly applied: ReadonlyMap<SourceId, ReadonlyMap<string, Digest>>;
  /** The uids of sources that were immutable when first seen: kubelets never look at such an object again. */
  readonly immutable: ReadonlyMap<SourceId, string>;
  readonly restart?: Restart;
  readonly held?: Held;
  /** The latest hot change, as long as there is something to be proven, or that was not proven in time. */
  readonly delivery?: Delivery;
  readonly intent?: Intent;
  readonly failed?: Failed;
  /** The content that somebody has approved. */
  readonly approved?: Consent;
  /** The content for which somebody has opened every gate once. */
  readonly opened?: Consent;
  /** When the latest restarts were issued, newest first. */
  readonly restartTimes?: readonly number[];
  /** Restarts before this do not count for a budget: somebody has reset it. */
  readonly budgetFrom?: number;
  /** Requests that have had their effect, newest first. */
  readonly answers?: readonly Answer[];
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
}

/** What this process remembers of a change it has not acted on; nothing is lost with it but a debounce. */
export interface Pending {
  /** The differences that are waited for. */
  readonly changes: Changes;
  /** When the content was first found to differ from what is applied. */
  readonly firstAt: number;
  /** It changed unwatched: at some time after this one. Absent: at `firstAt`. */
  readonly changedAfter?: number;
  /** When the burst began that the debounce waits out: nothing was held any more. */
  readonly burstAt: number;
  /** When it last moved, or was let go. */
  readonly lastAt: number;
}

export interface Observed {
  readonly workload: Workload;
  /** When our store first held the workload's present template hash; 0: ever since it was listed. */
  readonly templateSeenAt: number;
  /** When this process saw the restart annotation take its present value; absent: it was found like that. */
  readonly annotationSeenAt?: number;
  /** The policies that bind this workload. */
  readonly policies: readonly Policy[];
  /** False while a policy of the namespace can't be understood: what it may bind is not forgotten. */
  readonly complete: boolean;
  /** Every source that one of the policies names. */
  readonly sources: ReadonlyMap<SourceId, Source>;
  readonly ledger?: Ledger;
  readonly pending?: Pending;
  /** The workload's pods, where a first look asked for them. */
  readonly pods?: readonly Pod[];
  /** What the same look found of all of them, those that have ended or wait for a node among them. */
  readonly reports?: readonly PodReport[];
  /** What the cluster has warned of about the workload itself, where that was asked for. */
  readonly warnings?: readonly ClusterWarning[];
  /** When this process last looked at the workload's pods. */
  readonly podsSeenAt?: number;
  /** How far the delivery that is recorded has got, as this process knows. */
  readonly proof?: ProofProgress;
  /** Managed delivery: the live object that the workload reads in place of a source. Absent: it reads none. */
  readonly live?: ReadonlyMap<SourceId, Live>;
  /** Those that read the same live objects and so get their content together, each as it is observed by itself. */
  readonly sharers?: readonly Observed[];
  /** What there is of snapshots of its live objects, by source. Absent: nobody asks for one. */
  readonly snapshots?: ReadonlyMap<SourceId, KnownSnapshots>;
  /** What people ask for of this workload, the oldest first. Absent: nothing. */
  readonly requests?: readonly Request[];
  /** How others stand, as far as a gate must know. Absent: none must. */
  readonly others?: Others;
}
