/** What is held in memory of the cluster, and in which form. */

import {
  workloadKey,
  type StoredPolicy,
  type StoredRecord,
  type StoredRequest,
  type StoredWorkload,
} from '../controller/ports.ts';
import type { WorkloadKind } from '../domain/selection.ts';
import type { KubeObject } from '../kube/listwatch.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { parseRecord, type RawRecord } from '../kube/records.ts';
import { parseRequest, type RawRequest } from '../kube/requests.ts';
import { parseWorkload, type RawWorkload } from '../kube/workloads.ts';
import { createStore, type FedStore } from '../runtime/store.ts';
import type { RootLogger } from '../telemetry/log.ts';

/** A workload as it comes from the watch of its kind: lists leave the kind out. */
export interface KindedWorkload {
  readonly kind: WorkloadKind;
  readonly raw: RawWorkload;
}

export interface FedStores {
  readonly policies: FedStore<RawPolicy, StoredPolicy>;
  readonly workloads: FedStore<KindedWorkload, StoredWorkload>;
  readonly records: FedStore<RawRecord, StoredRecord>;
  readonly requests: FedStore<RawRequest, StoredRequest>;
}

export const namespacedKey = ({ metadata: { namespace = '', name } }: KubeObject): string => `${namespace}/${name}`;

export const createStores = (log: RootLogger): FedStores => ({
  policies: createStore<RawPolicy, StoredPolicy>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parsePolicy,
    indexes: { namespace: ({ namespace }) => [namespace] },
    log,
  }),
  workloads: createStore<KindedWorkload, StoredWorkload>({
    keyOf: ({ kind, raw }) => `${kind}/${namespacedKey(raw)}`,
    keyOfValue: workloadKey,
    resourceVersionOf: ({ raw }) => raw.metadata.resourceVersion,
    trim: ({ kind, raw }) => parseWorkload(kind, raw),
    indexes: {
      namespace: ({ namespace }) => [namespace],
      source: ({ namespace, uses }) => [
        ...new Set(uses.map(({ source }) => `${namespace}/${source.kind}/${source.name}`)),
      ],
    },
    log,
  }),
  records: createStore<RawRecord, StoredRecord>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parseRecord,
    log,
  }),
  requests: createStore<RawRequest, StoredRequest>({
    keyOf: namespacedKey,
    keyOfValue: ({ namespace, name }) => `${namespace}/${name}`,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: parseRequest,
    indexes: { workload: ({ namespace, workload }) => [workloadKey({ ...workload, namespace })] },
    log,
  }),
});
