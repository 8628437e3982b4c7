/** Where things lie in the API. */

import { GROUP, RELOAD_POLICY, RELOAD_RECORD, RELOAD_REQUEST, VERSION } from '../api/v1alpha1/names.ts';
import { infoOf } from '../api/v1alpha1/kinds.ts';
import type { SourceKind, WorkloadKind } from '../domain/selection.ts';

/** A collection: of one namespace, or of all. */
const collection =
  (root: string, plural: string) =>
  (namespace?: string): string =>
    namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;

const SOURCES: Readonly<Record<SourceKind, string>> = { ConfigMap: 'configmaps', Secret: 'secrets' };

export const sources = (kind: SourceKind): ((namespace?: string) => string) => collection('/api/v1', SOURCES[kind]);
export const configMaps = sources('ConfigMap');
export const pods = collection('/api/v1', 'pods');
export const serviceAccounts = collection('/api/v1', 'serviceaccounts');
export const TOKEN_REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
export const policies = collection(`/apis/${GROUP}/${VERSION}`, RELOAD_POLICY.plural);
export const records = collection(`/apis/${GROUP}/${VERSION}`, RELOAD_RECORD.plural);
export const requests = collection(`/apis/${GROUP}/${VERSION}`, RELOAD_REQUEST.plural);
export const events = collection('/apis/events.k8s.io/v1', 'events');
export const workloads = (kind: WorkloadKind): ((namespace?: string) => string) => {
  const { group, version, plural } = infoOf(kind);
  return collection(group === '' ? `/api/${version}` : `/apis/${group}/${version}`, plural);
};
export const replicaSets = workloads('ReplicaSet');
