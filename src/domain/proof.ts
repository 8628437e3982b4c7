/**
 * Proof of hot changes, as data: what is demanded, how far each pod has got, what is still to be found out. Digests of
 * what was sent move when kubelets have been told; that pods run on it is a matter of its own, kept here, since the
 * kubelet delivers the files in any case.
 */

import type { Digest } from './digest.ts';
import type { Changes, SourceId } from './observed.ts';

export type Proof = 'Nudged' | 'Mounted' | 'Loaded';

/** Where applications are asked to reload: what one policy says. */
export interface NotifyTarget {
  /** Name of a container's port. */
  readonly port: string;
  readonly path: string;
  /** The Secret, in the workload's namespace, and the key in it that requests are signed with. */
  readonly signature?: { readonly name: string; readonly key: string };
}

/** What a policy demands of hot changes. */
export interface HotPolicy {
  readonly proof: Proof;
  readonly timeoutMs: number;
  readonly onTimeout: 'Restart' | 'Report';
  readonly notify?: NotifyTarget;
}

/** A hot change that is to be proven, or was not: part of what is recorded of a workload. */
export interface Delivery {
  /** Names the content, as the nudge does. */
  readonly digest: string;
  readonly proof: Proof;
  /** When pods were told: its time runs from here. */
  readonly startedAt: number;
  readonly phase: 'InProgress' | 'Succeeded' | 'TimedOut';
  readonly message?: string;
  readonly finishedAt?: number;
  /** Succeeded by an application that can't tell what it has loaded, and whose files nobody saw: it is asked again then. */
  readonly askAgainAt?: number;
  /** It was not proven in time and a restart is due for it, which waits: what for, and for which content. */
  readonly awaits?: { readonly reason: string; readonly digest: string };
  /** For people: keys, and places in them. */
  readonly places: readonly string[];
  readonly changes: Changes;
}

/** Find out, and go on finding out, how far the pods of a workload have got. */
export interface ProofOrder {
  /** Names the delivery: another one ends what was under way for the earlier. */
  readonly digest: string;
  readonly proof: Proof;
  /** Each is asked, of every container that mounts one of the sources and has the port. */
  readonly targets: readonly NotifyTarget[];
  /**
   * The whole keys that have changed, and the digests of their present bytes; the empty string: the key is gone. It may
   * move while the delivery stays the same, by a change elsewhere in the same document.
   */
  readonly expected: ReadonlyMap<SourceId, ReadonlyMap<string, Digest | ''>>;
  /** When the delivery began, which containers may have started before. */
  readonly startedAt: number;
  /** Pursue: nudge, ask and repeat. Watch: its time is over, only look now and then. AskAgain: once more, at askAgainAt. */
  readonly effort: 'Pursue' | 'Watch' | 'AskAgain';
}

/** How far one pod has got. */
export interface PodProof {
  readonly name: string;
  /** The highest step that is certain. */
  readonly reached: 'Nothing' | Proof;
  /** Asked to reload, and accepted: by every container that is to be asked. Absent: none is to be asked. */
  readonly notified?: boolean;
  /** Nothing more is demanded of it. */
  readonly done: boolean;
  /** Why not: `container main: 422, llm.yaml: unknown provider`. No content of Secrets. */
  readonly why?: string;
}

/** How far a delivery has got, as long as this process knows of it. */
export interface ProofProgress {
  /** The delivery's. */
  readonly digest: string;
  /** Whether the pods have been listed: before that nothing is known. */
  readonly listed: boolean;
  readonly pods: readonly PodProof[];
  /** Some application accepted without telling what it has loaded, and nobody saw its files: it must be asked again. */
  readonly blind: boolean;
  /** What an order of effort AskAgain asked for has been done. */
  readonly askedAgain: boolean;
}
