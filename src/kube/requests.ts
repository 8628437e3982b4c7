import { API_VERSION, FIELD_MANAGER, RELOAD_REQUEST } from '../api/v1alpha1/names.ts';
import type { ReloadRequest } from '../api/v1alpha1/types.ts';
import type { RequestWriter, StoredRequest } from '../controller/ports.ts';
import type { KubeClient } from './connect.ts';
import { isConflict, isNotFound } from './errors.ts';
import type { ListWatch } from '../runtime/list-watch.ts';
import { statusOf } from '../runtime/errors.ts';
import { requests } from './paths.ts';

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

/** How long a kind that is not served is left alone: until somebody has installed its definition. */
const UNSERVED_RETRY_MS = 60_000;

/** The definition came with a later version than those of policies and records: an upgrade may have left it out. */
class NotServedError extends Error {
  override readonly name = 'NotServedError';
  readonly status = 404;
  readonly retryAfterMs = UNSERVED_RETRY_MS;
}

/** A list and watch that says what is missing where the API server doesn't know the kind, and then waits for a minute. */
export const whereServed = <T>(source: ListWatch<T>): ListWatch<T> => ({
  ...source,
  list: async (options, signal) => {
    try {
      return await source.list(options, signal);
    } catch (cause) {
      if (statusOf(cause) !== 404) throw cause;
      const message = `the CustomResourceDefinition of ${RELOAD_REQUEST.kind} is not installed: approvals and other requests are not seen until it is (kubectl apply -k crds)`;
      throw new NotServedError(message, { cause });
    }
  },
});
