import { createHash } from 'node:crypto';
import { apiVersionOf, groupOf } from '../api/v1alpha1/kinds.ts';
import { API_VERSION, FIELD_MANAGER, RELOAD_RECORD } from '../api/v1alpha1/names.ts';
import type { ReloadRecord, ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import type { RecordWriter, StoredRecord } from '../controller/ports.ts';
import type { Workload } from '../domain/observed.ts';
import type { KubeClient } from './connect.ts';
import { TerminalError, toError } from '../runtime/errors.ts';
import { isNotFound, isTooLarge } from './errors.ts';
import { records } from './paths.ts';

export type RawRecord = Pick<ReloadRecord, 'metadata' | 'spec' | 'status'>;

export const parseRecord = ({ metadata, spec, status }: RawRecord): StoredRecord => ({
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  workloadUid: spec.workload.uid,
  workload: { kind: spec.workload.kind, namespace: metadata.namespace, name: spec.workload.name },
  ...(status !== undefined && { status }),
});

const LONGEST_NAME = 253;

/** `deployment-web`; a name too long for that is cut and told apart by a hash. */
export const recordName = ({ kind, name }: Pick<Workload, 'kind' | 'name'>): string => {
  const full = `${kind.toLowerCase()}-${name}`;
  if (full.length <= LONGEST_NAME) return full;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 10);
  // A cut may not end on a dot or a dash.
  return `${full.slice(0, LONGEST_NAME - hash.length - 1).replace(/[-.]+$/, '')}-${hash}`;
};

export const createRecordWriter = (client: KubeClient): RecordWriter => {
  const body = (workload: Workload, status: ReloadRecordStatus, resourceVersion?: string): object => ({
    apiVersion: API_VERSION,
    kind: RELOAD_RECORD.kind,
    metadata: {
      name: recordName(workload),
      namespace: workload.namespace,
      ...(resourceVersion !== undefined && { resourceVersion }),
      // It goes with its workload.
      ownerReferences: [
        { apiVersion: apiVersionOf(workload.kind), kind: workload.kind, name: workload.name, uid: workload.uid },
      ],
    },
    spec: { workload: { group: groupOf(workload.kind), kind: workload.kind, name: workload.name, uid: workload.uid } },
    status,
  });
  const write = async (
    method: 'POST' | 'PUT',
    path: string,
    record: object,
    signal: AbortSignal,
  ): Promise<StoredRecord> => {
    try {
      const query = { fieldManager: FIELD_MANAGER };
      return parseRecord(await client.request<RawRecord>({ method, path, query, body: record, signal }));
    } catch (thrown) {
      if (!isTooLarge(thrown)) throw thrown;
      // The same bytes would be refused again: only other content makes another record.
      const message = `${toError(thrown).message}; the workload's sources have too many keys for one record: let a policy name fewer of them, or give them fewer keys`;
      throw new TerminalError('TooLarge', message, { cause: thrown });
    }
  };
  return {
    create: (workload, status, signal) => write('POST', records(workload.namespace), body(workload, status), signal),
    replace: ({ name, namespace, resourceVersion }, workload, status, signal) =>
      write('PUT', `${records(namespace)}/${name}`, body(workload, status, resourceVersion), signal),
    remove: async ({ name, namespace, uid }, signal) => {
      try {
        await client.request({
          method: 'DELETE',
          path: `${records(namespace)}/${name}`,
          body: { preconditions: { uid } },
          signal,
        });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    get: async (namespace, name, signal) => {
      try {
        return parseRecord(
          await client.request<RawRecord>({ method: 'GET', path: `${records(namespace)}/${name}`, signal }),
        );
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  };
};
