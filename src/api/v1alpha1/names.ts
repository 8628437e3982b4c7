/** The names this API and its operator are known by. Other tools match on them: changing one is a breaking change. */

export const GROUP = 'reload-operator.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;

export interface KindNames {
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
}

/** What users write: which sources matter to which workloads, and what a change of each key needs. */
export const RELOAD_POLICY = {
  kind: 'ReloadPolicy',
  listKind: 'ReloadPolicyList',
  plural: 'reloadpolicies',
  singular: 'reloadpolicy',
  shortName: 'rlp',
} as const satisfies KindNames;

/** What the operator remembers: the content that is known to be applied to one workload. */
export const RELOAD_RECORD = {
  kind: 'ReloadRecord',
  listKind: 'ReloadRecordList',
  plural: 'reloadrecords',
  singular: 'reloadrecord',
  shortName: 'rlr',
} as const satisfies KindNames;

/** A person's one-shot wish: an approval, a rollback. */
export const RELOAD_REQUEST = {
  kind: 'ReloadRequest',
  listKind: 'ReloadRequestList',
  plural: 'reloadrequests',
  singular: 'reloadrequest',
  shortName: 'rlq',
} as const satisfies KindNames;

/** `kubectl get reload` lists every kind of this category. */
export const CATEGORY = 'reload';

/** The one field manager of every write: server-side apply tells by it what is ours. */
export const FIELD_MANAGER = 'reload-operator';

/** On a pod, through `pods/status`: its kubelet refreshes the pod's volumes whenever the value moves. */
export const NUDGE_ANNOTATION = `${GROUP}/nudge`;

/** On a pod template: `v1.<n>.<digest>`. Once written it is never taken away, since that would restart the workload. */
export const RESTART_ANNOTATION = `${GROUP}/restart-digest`;

/** `"true"` on a source or a workload: the operator leaves it alone. */
export const IGNORE_ANNOTATION = `${GROUP}/ignore`;

/** `"true"` on a Secret: JSON Schemas of policies may be applied to its values, which answers questions about them. */
export const ALLOW_SCHEMA_ANNOTATION = `${GROUP}/allow-schema-validation`;

/** On what the operator renders: `live`, or `snapshot`. An object without it is never written. */
export const ROLE_LABEL = `${GROUP}/role`;

/** On what the operator renders: the source, as `ConfigMap/web`. */
export const SOURCE_ANNOTATION = `${GROUP}/source`;

/** On a live object: the number of the snapshot that its keys are of, but for those that need no restart. On a snapshot: its own. */
export const SNAPSHOT_ANNOTATION = `${GROUP}/snapshot`;

/** The Secret in the operator's own namespace with the key of the digests of Secrets. */
export const DIGEST_KEY_SECRET = 'reload-operator-digest-key';

/** Where the shipped manifests install the operator. */
export const DEFAULT_NAMESPACE = 'reload-operator-system';

export const SERVICE_ACCOUNT = 'reload-operator';
