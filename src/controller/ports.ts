/** What the controller needs of the outside, in its own words. The adapters are in src/kube. */

import type { ReloadPolicyStatus, ReloadRecordStatus, ReloadRequestStatus } from '../api/v1alpha1/types.ts';
import type { MacKey } from '../domain/digest.ts';
import type { Notice, RestartOrder } from '../domain/effects.ts';
import type { Pod, Policy, SourceId, Workload } from '../domain/observed.ts';
import type { Request } from '../domain/requests.ts';
import type { ClusterWarning, PodReport } from '../domain/rollout-cause.ts';
import type { LabelSelector, SourceKind, WorkloadKind } from '../domain/selection.ts';
import type { ListWatch, Sink } from '../runtime/reflector.ts';
import type { Store } from '../runtime/store.ts';

export type { Inspector } from '../domain/inspection.ts';

/** The identity of a source as its metadata-only watch shows it. */
export interface SourceVersion {
  /** `Kind/namespace/name` */
  readonly key: string;
  readonly resourceVersion: string;
  readonly uid: string;
  /** As the watch brings them; they are looked at, and not kept. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A source, read whole. Its content lives only as long as it is being digested and inspected. */
export interface SourceObject {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly immutable: boolean;
  readonly ignored: boolean;
  /** By key, text where the bytes are UTF-8. Absent: no value is to be read, only that there is another version. */
  readonly content?: ReadonlyMap<string, string | Uint8Array>;
  /** It is of our making: a live object, or a snapshot of one. */
  readonly rendered?: Rendered;
  /** Its owner lets schemas answer questions about its content. */
  readonly schemasAllowed: boolean;
  /** An upper bound of when the content last changed, by the server's clock; undefined where it can't be told. */
  readonly changedBefore?: number;
  /** When a manager that owns nothing but these keys last changed one of them. */
  readonly certainChange?: { readonly at: number; readonly keys: readonly string[] };
}

/** What our own label and annotations say of an object. */
export interface Rendered {
  readonly role: 'live' | 'snapshot';
  /** The source, as `ConfigMap/web`. */
  readonly source?: SourceId;
  readonly snapshot?: number;
}

/** The content of a ConfigMap or a Secret, as the API carries it: what is in `binaryData`, and all of a Secret, is base64. */
export type RawContent = ReadonlyMap<string, { readonly field: 'data' | 'binaryData'; readonly value: string }>;

/** An object that is rendered, or rendered from, whole. */
export interface RawObject {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly rendered?: Rendered;
  readonly content: RawContent;
  /** The latest other than us to change its content, by the name of a field manager; absent: nobody has. */
  readonly changedBy?: string;
  /** For the adapter: what a replacement leaves as it is. */
  readonly kept?: unknown;
}

/** An object that is to be. */
export interface NewObject extends Pick<RawObject, 'kind' | 'namespace' | 'name' | 'content'> {
  readonly rendered: Rendered;
}

/** Whose end takes an object along, once all of them have ended. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** A snapshot without its content. */
export interface SnapshotEntry {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly number: number;
  readonly source?: SourceId;
}

/** Live objects and their snapshots. */
export interface LiveStore {
  /** As it is now; undefined when there is none. */
  get(kind: SourceKind, namespace: string, name: string, signal: AbortSignal): Promise<RawObject | undefined>;
  /** The snapshots of a live object, the newest first. */
  snapshots(kind: SourceKind, namespace: string, live: string, signal: AbortSignal): Promise<readonly SnapshotEntry[]>;
  /** Rejects with 409 where there is one of that name. @param owners of a snapshot, which is immutable */
  create(object: NewObject, owners: readonly Owner[], signal: AbortSignal): Promise<RawObject>;
  /** Puts content and annotations in the place of exactly the version given: 409 where there is another by now. */
  replace(object: RawObject, content: RawContent, rendered: Rendered, signal: AbortSignal): Promise<RawObject>;
  /** Deletes exactly the object given; one that is gone is no error. */
  remove(
    kind: SourceKind,
    namespace: string,
    object: Pick<SnapshotEntry, 'name' | 'uid'>,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface SourceReader {
  /** The object as it is now; undefined when there is none. Other failures are thrown. */
  get(kind: SourceKind, namespace: string, name: string, signal: AbortSignal): Promise<SourceObject | undefined>;
  /** All that carry these labels now. */
  find(
    kind: SourceKind,
    namespace: string,
    selector: LabelSelector,
    signal: AbortSignal,
  ): Promise<readonly SourceVersion[]>;
}

/** What one watch of sources covers: all of a kind, those of one namespace, or one object. */
export interface SourceScope {
  readonly kind: SourceKind;
  readonly namespace?: string;
  readonly name?: string;
}

/** Watches that come and go with what policies name. */
export interface SourceWatcher {
  /**
   * Begins to feed the sink with what a metadata-only watch shows; what is returned ends it.
   * @param onRefused the right to watch is missing (the server's own words), or is no longer (undefined)
   */
  watch(scope: SourceScope, sink: Sink<SourceVersion>, onRefused: (why: string | undefined) => void): () => void;
}

/** What one watch of workloads covers: one object, or those of a namespace that carry labels. */
export interface WorkloadScope {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name?: string;
  readonly selector?: LabelSelector;
}

/** Watches that come and go with what policies name. */
export interface WorkloadWatcher<T> {
  /** Begins to feed the sink with what a watch shows; what is returned ends it. */
  watch(scope: WorkloadScope, sink: Sink<T>): () => void;
}

/** The key of all MACs, in the Secret that holds it. */
export interface StoredDigestKey {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly key: MacKey;
}

/** Where the key of all MACs is kept. */
export interface DigestKeyStore {
  readonly scope: SourceScope;
  /** The key as it is stored; where there is none, a new one is stored first, and of several at once only one. */
  getOrCreate(signal: AbortSignal): Promise<StoredDigestKey>;
}

/** A policy as it is held in the store: what is decided on, and the status that was last written. */
export interface StoredPolicy extends Policy {
  readonly resourceVersion: string;
  readonly status: ReloadPolicyStatus;
  /** Why the object can't be used, where the schema in the cluster let more through than this version knows. */
  readonly invalid?: string;
}

export interface PolicyWriter {
  /** Replaces what we own of the status. A policy that is gone is no error. */
  applyStatus(policy: StoredPolicy, status: ReloadPolicyStatus, signal: AbortSignal): Promise<void>;
}

/** A record as it is held in the store. */
export interface StoredRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly workloadUid: string;
  readonly workload: Pick<Workload, 'kind' | 'namespace' | 'name'>;
  /** Undefined where somebody has removed it. */
  readonly status?: ReloadRecordStatus;
}

export interface RecordWriter {
  create(workload: Workload, status: ReloadRecordStatus, signal: AbortSignal): Promise<StoredRecord>;
  /** Replaces exactly the version given. */
  replace(
    record: StoredRecord,
    workload: Workload,
    status: ReloadRecordStatus,
    signal: AbortSignal,
  ): Promise<StoredRecord>;
  /** Deletes exactly the object given; one that is gone is no error. */
  remove(record: StoredRecord, signal: AbortSignal): Promise<void>;
  /** As it is now; undefined when there is none. */
  get(namespace: string, name: string, signal: AbortSignal): Promise<StoredRecord | undefined>;
}

/** A request as it is held in the store. */
export interface StoredRequest extends Request {
  readonly namespace: string;
  readonly resourceVersion: string;
  readonly workload: Pick<Workload, 'kind' | 'name'>;
  /** Absent: nobody has looked at it. */
  readonly status?: ReloadRequestStatus;
}

export interface RequestWriter {
  /** Replaces the status of exactly the object given; undefined: it is gone. */
  applyStatus(
    request: StoredRequest,
    status: ReloadRequestStatus,
    signal: AbortSignal,
  ): Promise<StoredRequest | undefined>;
  /** Deletes exactly the object given; one that is gone is no error. */
  remove(request: StoredRequest, signal: AbortSignal): Promise<void>;
}

export interface WorkloadWriter {
  /**
   * Writes the restart annotation into the template of exactly this workload (by uid), or, with `restartAt`, into an Argo
   * Rollout's own metadata together with that time; and returns what came of it.
   * Rejects with a WaitingError where the workload is gone or another one has its name: the watch is about to say so.
   */
  restart(workload: Workload, order: Pick<RestartOrder, 'value' | 'restartAt'>, signal: AbortSignal): Promise<Workload>;
  /**
   * Puts the annotation back to an earlier value (undefined: it is taken away), in exactly the version of the workload that
   * was decided on: what has come since is not put back. Rejects with a WaitingError where it is another one by now.
   */
  undo(workload: Workload, value: string | undefined, signal: AbortSignal): Promise<Workload>;
}

/** A container that runs beside others, as far as proof needs to know it. */
export interface PodContainer {
  readonly name: string;
  /** Crashed: it has run, and waits to run again, or has ended. */
  readonly state: 'Waiting' | 'Running' | 'Crashed';
  readonly ready: boolean;
  /** Of the run under way. */
  readonly startedAt?: number;
  /** Why it does not run, in the kubelet's one word. */
  readonly reason?: string;
  /** The numbers of its TCP ports that have a name. */
  readonly ports: ReadonlyMap<string, number>;
}

/** A pod that is followed. */
export interface FollowedPod extends Pod {
  readonly namespace: string;
  readonly resourceVersion: string;
  /** Bound to a node, not ended, not being deleted: its kubelet can be told something. */
  readonly reachable: boolean;
  readonly running: boolean;
  readonly node?: string;
  readonly address?: string;
  /** It shares the network of its node, whoever says so: its spec, or an address that is the node's. */
  readonly hostNetwork: boolean;
  readonly controller: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly mounts: readonly PodMount[];
  /** Sidecars among them; not those that end before the others start. */
  readonly sideBySide: readonly PodContainer[];
}

export interface Warnings {
  /** The pods, with what concerns them. */
  readonly reports: readonly PodReport[];
  /** About the workload itself. */
  readonly warnings: readonly ClusterWarning[];
}

export interface Pods {
  /** The pods that belong to the workload and neither have ended nor are being deleted, and how all of them are. */
  look(
    workload: Workload,
    signal: AbortSignal,
  ): Promise<{ readonly pods: readonly Pod[]; readonly reports: readonly PodReport[] }>;
  /**
   * What the cluster has warned of, about the workload itself and about some of its pods that are not ready: few requests.
   * Rejects for nothing but the abort: where it can't be found out, nothing is known.
   */
  warnings(workload: Workload, reports: readonly PodReport[], signal: AbortSignal): Promise<Warnings>;
  /** The same as `look`, to follow. */
  watch(workload: Workload): ListWatch<FollowedPod>;
  /**
   * Whether the pod's controller, and that one's, lead to this workload by their uids. Names and labels, by which `watch`
   * finds pods, can be copied. Rejects where that can't be found out.
   */
  belongs(pod: FollowedPod, workload: Workload, signal: AbortSignal): Promise<boolean>;
  /** Writes the nudge annotation through `pods/status`. False: the pod is gone. */
  nudge(pod: FollowedPod, value: string, signal: AbortSignal): Promise<boolean>;
}

/** A volume of a pod that shows keys of a source, as the kubelet lays it out on the node. */
export interface PodMount {
  readonly volume: string;
  readonly plugin: 'kubernetes.io~configmap' | 'kubernetes.io~secret' | 'kubernetes.io~projected';
  readonly source: SourceId;
  /** The file of each key, as a path within the volume; absent: every key, under its own name. */
  readonly files?: ReadonlyMap<string, string>;
  /** Where containers have the whole volume, without subPath. */
  readonly containers: readonly { readonly name: string; readonly path: string }[];
}

/** What the files of one volume of one pod are hoped to be. */
export interface MountQuestion {
  readonly volume: string;
  readonly plugin: PodMount['plugin'];
  /** Digests by the path within the volume; undefined: there is to be no such file. */
  readonly files: ReadonlyMap<string, string | undefined>;
  /**
   * Absent: plain digests of the bytes, as `digestContent` makes them. Of Secrets they are MACs by this random key, made
   * for one question: `digestParts` of the bytes with the scheme `{ format: 'q1', key, context: [] }`.
   */
  readonly key?: Uint8Array;
}

export type MountAnswer =
  | { readonly type: 'Mounted' }
  /** Not so far: the paths that differ. */
  | { readonly type: 'Differs'; readonly files: readonly string[] }
  /** There is no agent on the node, or it can't be asked, or it knows of no such volume. */
  | { readonly type: 'Unavailable'; readonly why: string };

/** The agents on the nodes, which see what the kubelets have written. */
export interface Agents {
  /**
   * Asks the agent of a node whether a pod's volume has these files, and waits until it has, for `waitMs` at the most.
   * Never rejects but for the abort: what goes wrong is an answer.
   */
  mounted(
    pod: { readonly uid: string; readonly node: string },
    question: MountQuestion,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<MountAnswer>;
}

/** One container that is to be asked to reload. */
export interface NotifyRequest {
  /** POST: reload now. GET: only tell. */
  readonly method: 'POST' | 'GET';
  /** Of the pod: nobody's slow applications keep those of other namespaces waiting. */
  readonly namespace: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly signingKey?: Uint8Array;
}

export type NotifyAnswer =
  /** 2xx, of an application that doesn't tell what it has loaded. */
  | { readonly type: 'Accepted' }
  /** The protocol of docs/applications.md: digests by the path in the container, and why content was refused. */
  | {
      readonly type: 'Told';
      readonly files: ReadonlyMap<string, { readonly sha256?: string; readonly error?: string }>;
    }
  | { readonly type: 'Failed'; readonly why: string };

/** Asks applications to reload. Never rejects but for the abort: what goes wrong is an answer. */
export interface Notifier {
  ask(request: NotifyRequest, signal: AbortSignal): Promise<NotifyAnswer>;
}

export interface EventPublisher {
  /** Tells of a workload. Never throws: an event that can't be written is logged. */
  publish(workload: Workload, policies: readonly Policy[], notice: Notice): void;
}

export interface Stores {
  /** Keyed `namespace/name`; index `namespace`. */
  readonly policies: Store<StoredPolicy>;
  /** Keyed `Kind/namespace/name`; indexes `namespace`, `source` (`namespace/Kind/name`). */
  readonly workloads: Store<StoredWorkload>;
  /** Keyed `namespace/name`. */
  readonly records: Store<StoredRecord>;
  /** Keyed `namespace/name`; index `workload` (`Kind/namespace/name`). */
  readonly requests: Store<StoredRequest>;
}

export type StoredWorkload = Workload;

/** The key of a source among the sources and in its queue. */
export const sourceKey = (kind: SourceKind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

/** The key of a workload in its store and its queue. */
export const workloadKey = ({ kind, namespace, name }: Pick<Workload, 'kind' | 'namespace' | 'name'>): string =>
  `${kind}/${namespace}/${name}`;

/** Another workload of the same name is another one, with other pods. */
export const incarnation = (workload: Pick<Workload, 'kind' | 'namespace' | 'name' | 'uid'>): string =>
  `${workloadKey(workload)}/${workload.uid}`;
