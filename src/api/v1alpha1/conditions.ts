/**
 * The conditions of a ReloadPolicy and the reasons they are given, for people and for tools that match on them.
 *
 * They follow kstatus: `Reconciling` and `Stalled` exist only while True, and `Ready` sums up. A change that is held or
 * blocked leaves `Ready` True, since nothing moves until somebody acts and a pipeline need not wait for that;
 * `RolledOut` is False then. The comments here are the reference: `docs/api.md` is generated from them.
 */

/** Types of the conditions of a ReloadPolicy. */
export const ConditionType = {
  /** The summary: every bound workload runs on what its sources hold, or waits for a known reason. */
  Ready: 'Ready',
  /** Present only while True: the operator is at work, and the state will change without anybody's doing. */
  Reconciling: 'Reconciling',
  /** Present only while True: nothing will change until somebody acts. */
  Stalled: 'Stalled',
  /** Every source of the policy can be read, and has what the bound workloads need to start. */
  SourcesValid: 'SourcesValid',
  /** Every changed key of class Hot has been sent to the running pods of the workloads that read it from files. */
  HotReloaded: 'HotReloaded',
  /** Every change that needs a restart has been carried by a complete rollout. */
  RolledOut: 'RolledOut',
} as const;
export type ConditionType = (typeof ConditionType)[keyof typeof ConditionType];

export const ReadyReason = {
  /** True. Every bound workload runs on what its sources hold, or was adopted as it was found. */
  UpToDate: 'UpToDate',
  /** True. The policy binds no workload: none of the namespace consumes a source, or none matches `workloads`. */
  NoWorkloads: 'NoWorkloads',
  /** True. `suspend` is set: nothing is done for this policy. */
  Suspended: 'Suspended',
  /** True. A change waits for something that the policy itself asked for; `RolledOut` says what. */
  Held: 'Held',
  /** True. A change waits until somebody puts something right; `RolledOut` says what. */
  Blocked: 'Blocked',
  /** False. A change is being delivered: it is debounced, sent to running pods, or rolled out. */
  Progressing: 'Progressing',
  /** False. A source of the policy does not exist. */
  SourceMissing: 'SourceMissing',
  /** False. The content of a source is not what `spec.validation` demands: nothing is done for it until it is. */
  SourceInvalid: 'SourceInvalid',
  /** False. Reading a source failed; what was known of it is kept until it can be read. */
  SourceUnreadable: 'SourceUnreadable',
  /** False. A workload that the policy names does not exist. */
  WorkloadMissing: 'WorkloadMissing',
  /** True. `mode` is Observe: what would be done is said, and nothing is touched. */
  Observing: 'Observing',
  /** False. A rollout failed: new containers keep ending, or the workload's own progress deadline passed. The change does not count as applied. */
  RolloutFailed: 'RolloutFailed',
  /** False. A rollout took longer than `restart.progressTimeout`. The change does not count as applied. */
  RolloutTimedOut: 'RolloutTimedOut',
  /** False. A hot change was not proven within `hot.timeout`; `HotReloaded` says which pods, and why. */
  ProofTimeout: 'ProofTimeout',
  /** False. A workload has had as many restarts as `restart.budget` allows: the breaker is open. It closes by itself, or by `kubectl reload reset`. */
  BudgetExhausted: 'BudgetExhausted',
  /** False. The API server refuses a request that the operator needs to make; the message names the missing right. */
  Forbidden: 'Forbidden',
  /**
   * False. The stored spec does not pass the present schema, as after an upgrade; the message names the field. Or a live
   * object of it is rendered by another policy; the message names that.
   */
  InvalidSpec: 'InvalidSpec',
  /** False. Something unforeseen went wrong and is tried again, less and less often. */
  Error: 'Error',
} as const;
export type ReadyReason = (typeof ReadyReason)[keyof typeof ReadyReason];

export const ReconcilingReason = {
  /** Content moved less than `restart.debounce` ago. */
  Debouncing: 'Debouncing',
  /** Pods are being told to refresh their files. */
  Nudging: 'Nudging',
  /** It is being found out whether pods have got as far as `hot.proof` demands. */
  Proving: 'Proving',
  /** A rollout is under way. */
  Progressing: 'Progressing',
  /** An attempt failed and is repeated. */
  Retrying: 'Retrying',
} as const;
export type ReconcilingReason = (typeof ReconcilingReason)[keyof typeof ReconcilingReason];

export const StalledReason = {
  /** A rollout failed, as for Ready. */
  RolloutFailed: 'RolloutFailed',
  /** A rollout timed out, as for Ready. */
  RolloutTimedOut: 'RolloutTimedOut',
  /** A hot change was not proven in time, as for Ready. */
  ProofTimeout: 'ProofTimeout',
  /** The breaker is open, as for Ready. */
  BudgetExhausted: 'BudgetExhausted',
  /** Content is invalid, as for Ready. */
  SourceInvalid: 'SourceInvalid',
  /** A right is missing, as for Ready. */
  Forbidden: 'Forbidden',
  /** The stored spec can't be used, as for Ready. */
  InvalidSpec: 'InvalidSpec',
} as const;
export type StalledReason = (typeof StalledReason)[keyof typeof StalledReason];

export const SourcesValidReason = {
  /** True. Every source is present and has every key that a bound workload requires. */
  Valid: 'Valid',
  /** False. A source does not exist. Workloads that require it are not restarted. */
  SourceMissing: 'SourceMissing',
  /** False. The content of a source is not what `spec.validation` demands. Workloads that consume it are left alone. */
  SourceInvalid: 'SourceInvalid',
  /** False. A document that rules look into does not parse: until it does, it counts as a whole, by the strictest class that any part of it can have. */
  DocumentUnreadable: 'DocumentUnreadable',
  /** False. A source carries the annotation `reload-operator.dev/ignore`: its changes are left alone. */
  SourceIgnored: 'SourceIgnored',
  /** False. Reading a source failed. Workloads that require it are not restarted. */
  SourceUnreadable: 'SourceUnreadable',
  /** False. A source lacks a key without which pods of a bound workload can't start. The workload is not restarted. */
  RequiredKeyMissing: 'RequiredKeyMissing',
  /** False. An immutable source was deleted and made again with other content: kubelets go on serving the old one. */
  ImmutableRecreated: 'ImmutableRecreated',
} as const;
export type SourcesValidReason = (typeof SourcesValidReason)[keyof typeof SourcesValidReason];

export const HotReloadedReason = {
  /** True. Every running pod has been told to refresh its files. That a container has read them is not proven. */
  Nudged: 'Nudged',
  /** True. A hot key changed, but no pod was running. */
  NoPods: 'NoPods',
  /** True. A hot key of a CronJob changed: its next run starts on it. Runs under way are left alone. */
  NextRun: 'NextRun',
  /** True. No hot key has changed since the workloads were adopted. */
  NoChange: 'NoChange',
  /** True. Every application has accepted to reload. That its files had the content by then is not proven. */
  Notified: 'Notified',
  /** True. Every pod has the content in its files: the node agents have seen it. */
  Mounted: 'Mounted',
  /** True. Every application says that it runs on the content, or has accepted to reload it. */
  Loaded: 'Loaded',
  /** True. It was not proven, or not yet, when a restart took its place: new pods read the content when they start. */
  Restarted: 'Restarted',
  /** False. Pods are being told to refresh their files. */
  Nudging: 'Nudging',
  /** False. Pods have been told; that they have got as far as `hot.proof` demands is being found out. */
  Proving: 'Proving',
  /** False. Not every pod got as far as `hot.proof` demands within `hot.timeout`. TimedOut. */
  ProofTimeout: 'ProofTimeout',
  /**
   * False. A changed key is declared Hot, but a workload reads it in a way that can't be hot; `hot.onImpossible`
   * decides between a restart and this report alone.
   */
  Impossible: 'Impossible',
  /** False. A hot key has changed; in mode Observe that is only said. */
  Observed: 'Observed',
  /** False. A hot key has changed, but the source's content is not what `spec.validation` demands. Blocked. */
  SourceInvalid: 'SourceInvalid',
  /** False. A hot change is to be proven, but its source does not exist any more. Blocked. */
  SourceMissing: 'SourceMissing',
  /** False. A hot change is to be proven, but its source can't be read. Blocked. */
  SourceUnreadable: 'SourceUnreadable',
  /** False. A hot key has changed, but `suspend` is set. Held. */
  Suspended: 'Suspended',
  /** False. A hot key has changed, but in an immutable source that was made again: kubelets don't take it up. Blocked. */
  ImmutableRecreated: 'ImmutableRecreated',
} as const;
export type HotReloadedReason = (typeof HotReloadedReason)[keyof typeof HotReloadedReason];

/** Also the reasons of a restart in a ReloadRecord, of a workload in a policy's status, and of history entries. */
export const RolledOutReason = {
  /** True. The rollout is complete, by the rules of `kubectl rollout status`. */
  Complete: 'Complete',
  /** True. The workload has zero replicas: the change takes effect when it is scaled up. */
  NoReplicas: 'NoReplicas',
  /** True. A CronJob: its next run starts on the change. Runs under way are left alone. */
  NextRun: 'NextRun',
  /** True. A rollout that somebody else began carries the change: every pod was started after it. */
  AlreadyCarried: 'AlreadyCarried',
  /** True. No key that needs a restart has changed since the workloads were adopted. */
  NoChange: 'NoChange',
  /** False. Content moved less than `restart.debounce` ago. */
  Debouncing: 'Debouncing',
  /** False. A rollout is under way. */
  Progressing: 'Progressing',
  /** False. A change would have been carried by a restart; in mode Observe that is only said. */
  Observed: 'Observed',
  /** False. `suspend` is set on a policy that names a changed source. Held. */
  Suspended: 'Suspended',
  /** False. `mode` is Observe, and what pods mount is rendered: it stays as it is until `mode` is Enforce. Held. */
  Observing: 'Observing',
  /** False. `restart.approval` is Manual, and nobody has approved this content yet: `kubectl reload approve`. Held. */
  ApprovalPending: 'ApprovalPending',
  /** False. No window of `restart.windows` is open. Held. */
  OutsideWindow: 'OutsideWindow',
  /** False. The latest restart is less than `restart.cooldown` ago. Held. */
  Cooldown: 'Cooldown',
  /** False. `restart.budget` is used up. Held; Ready is False, and Stalled True. */
  BudgetExhausted: 'BudgetExhausted',
  /** False. As many workloads of the policy as `restart.maxConcurrent` allows are rolling out, or of the cluster as the operator's own limit does. Held. */
  ConcurrencyLimit: 'ConcurrencyLimit',
  /** False. A workload that comes earlier in the policy's order is not done yet. Held. */
  WaitingForEarlier: 'WaitingForEarlier',
  /** False. A workload that comes earlier in the policy's order has failed. Held until that is put right. */
  EarlierFailed: 'EarlierFailed',
  /** False. The Deployment or Rollout is paused, or a Rollout waits in one of its steps. Blocked until it goes on. */
  Paused: 'Paused',
  /** False. The update strategy is OnDelete. Blocked until somebody deletes the pods or changes the strategy. */
  OnDelete: 'OnDelete',
  /** False. Nothing replaces the pods of a ReplicaSet or a bare Pod. Blocked until somebody deletes them. */
  NoRollout: 'NoRollout',
  /** False. A source that the workload requires does not exist. Blocked. */
  SourceMissing: 'SourceMissing',
  /** False. A source that the workload requires can't be read. Blocked. */
  SourceUnreadable: 'SourceUnreadable',
  /** False. A source that the workload consumes has content that `spec.validation` refuses. Blocked. */
  SourceInvalid: 'SourceInvalid',
  /** False. A source lacks a key that the workload requires. Blocked. */
  RequiredKeyMissing: 'RequiredKeyMissing',
  /** False. An immutable source was made again with other content. Blocked: give the new content a new name. */
  ImmutableRecreated: 'ImmutableRecreated',
  /** False. A container of the new pods has ended twice at least, and is not ready; the message has its last words. Failed. */
  CrashLoopBackOff: 'CrashLoopBackOff',
  /** False. The Deployment's own progress deadline passed. Failed. */
  ProgressDeadlineExceeded: 'ProgressDeadlineExceeded',
  /** False. An Argo Rollout is degraded: it has failed, or was aborted. Failed. */
  Degraded: 'Degraded',
  /** False. The rollout took longer than `restart.progressTimeout`. TimedOut. */
  ProgressTimeout: 'ProgressTimeout',
  /** False. The rollout that somebody else began turned out not to carry the change: some pod was started before it. */
  NotCarried: 'NotCarried',
  /** False. Somebody took the operator's restart back, by `kubectl rollout undo` or another controller. Failed. */
  Reverted: 'Reverted',
  /** False. The rollout failed, and the template's annotation was put back. The source still holds the content that failed. */
  Undone: 'Undone',
  /** False. The rollout failed, or somebody asked for it: the earlier content is delivered again. The source still holds the other. */
  RolledBack: 'RolledBack',
  /** False. Somebody asked for an earlier content, which is delivered; the source still holds the other, which is left alone until it changes: `kubectl reload retry`. Held. */
  RollbackRequested: 'RollbackRequested',
  /** True. A content that had failed is gone from the source: what was applied before is there again. */
  Recovered: 'Recovered',
  /** False. A newer change took the place of the rollout before it was complete. */
  Superseded: 'Superseded',
} as const;
export type RolledOutReason = (typeof RolledOutReason)[keyof typeof RolledOutReason];

/** Reasons of a workload in a policy's status, beside those of HotReloaded and RolledOut. */
export const WorkloadReason = {
  /** It was taken as it was found: what it started with before can't be known. */
  Adopted: 'Adopted',
  /** It runs on what its sources hold. */
  UpToDate: 'UpToDate',
  /** It carries the annotation `reload-operator.dev/ignore`. */
  Ignored: 'Ignored',
  /**
   * An object of the name of its live object exists that the operator has not made, or another policy renders it otherwise.
   * Blocked until it is deleted, or the live object gets another name.
   */
  NotOurs: 'NotOurs',
  /**
   * Somebody else keeps changing its live object, which is put back less and less often. Blocked until that one stops: no
   * pod is to be started on what others have written.
   */
  Contested: 'Contested',
  /** Its live object would be larger than the API server allows, with content that waits for a restart beside what has come in: it stays as it is until the restart begins. */
  TooLarge: 'TooLarge',
  /** Its live object is about to be made. */
  LiveMissing: 'LiveMissing',
  /** The policy names it, but it does not exist. */
  WorkloadMissing: 'WorkloadMissing',
  /** It belongs to another workload, or takes its pods from one: that one is to be bound. */
  NotItsOwn: 'NotItsOwn',
  /** The policy binds it, but it consumes none of the sources. */
  NotConsuming: 'NotConsuming',
  /** The API server refuses a request that the operator needs to make for it. */
  Forbidden: 'Forbidden',
} as const;
export type WorkloadReason = (typeof WorkloadReason)[keyof typeof WorkloadReason];
