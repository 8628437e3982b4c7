import { API_VERSION, FIELD_MANAGER, RELOAD_REQUEST } from '../api/v1alpha1/names.ts';
import type { ReloadRequest } from '../api/v1alpha1/types.ts';
import type { RequestWriter, StoredRequest } from '../controller/ports.ts';
import type { KubeClient } from './connect.ts';
import { isConflict, isNotFound } from './errors.ts';
import type { ListWatch } from '../runtime/list-watch.ts';
import { requests } from './paths.ts';
import { saidWhereNotServed } from './when-served.ts';

export type RawRequest = Pick<ReloadRequest, 'metadata' | 'spec' | 'status'>;

export const parseRequest = ({ metadata, spec, status }: RawRequest): StoredRequest => ({
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  createdAt: Date.parse(metadata.creationTimestamp) || 0,
  workload: { kind: spec.workload.kind, name: spec.workload.name },
  type: spec.type,
  ...(spec.digest !== undefined && { digest: spec.digest }),
  ...(spec.snapshot !== undefined && { snapshot: spec.snapshot }),
  ...(spec.object !== undefined && { object: spec.object }),
  ...(status !== undefined && { status }),
});

export const createRequestWriter = (client: KubeClient): RequestWriter => ({
  applyStatus: async ({ namespace, name, uid }, status, signal) => {
    try {
      const written = await client.request<RawRequest>({
        method: 'PATCH',
        path: `${requests(namespace)}/${name}/status`,
        query: { fieldManager: FIELD_MANAGER, force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: API_VERSION, kind: RELOAD_REQUEST.kind, metadata: { name, namespace, uid }, status },
        signal,
      });
      return parseRequest(written);
    } catch (error) {
      // 409: another one has its name by now.
      if (isNotFound(error) || isConflict(error)) return undefined;
      throw error;
    }
  },
  remove: async ({ namespace, name, uid }, signal) => {
    try {
      await client.request({
        method: 'DELETE',
        path: `${requests(namespace)}/${name}`,
        body: { preconditions: { uid } },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  },
});

/** The definition came with a later version than those of policies and records: an upgrade may have left it out. */
export const requestsServed = <T>(source: ListWatch<T>): ListWatch<T> =>
  saidWhereNotServed(
    source,
    `the CustomResourceDefinition of ${RELOAD_REQUEST.kind} is not installed: approvals and other requests are not seen until it is (kubectl apply -k crds)`,
  );
