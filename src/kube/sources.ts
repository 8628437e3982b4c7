import { IGNORE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { SourceObject, SourceReader, SourceVersion } from '../controller/ports.ts';
import type { KubeClient } from './connect.ts';
import { isNotFound } from './errors.ts';
import type { KubeObject, ObjectMeta } from './listwatch.ts';
import { certainDataChange, dataChangedBefore, type ManagedFieldsEntry } from './managed-fields.ts';
import { configMaps } from './paths.ts';

interface ConfigMap {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

export const createSourceReader = (client: KubeClient): SourceReader => ({
  get: async (namespace, name, signal) => {
    try {
      return parse(
        await client.request<ConfigMap>({ method: 'GET', path: `${configMaps(namespace)}/${name}`, signal }),
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  },
});

const parse = ({ metadata, immutable = false, data = {}, binaryData = {} }: ConfigMap): SourceObject => {
  const { uid, resourceVersion, annotations = {}, managedFields = [] } = metadata;
  const createdAt = Date.parse(metadata.creationTimestamp ?? '') || 0;
  const changedBefore = dataChangedBefore(managedFields, createdAt);
  const certainChange = certainDataChange(managedFields, createdAt);
  return {
    uid,
    resourceVersion,
    immutable,
    ignored: annotations[IGNORE_ANNOTATION] === 'true',
    data,
    binaryData,
    ...(changedBefore !== undefined && { changedBefore }),
    ...(certainChange !== undefined && { certainChange }),
  };
};

/** What the metadata-only watch keeps of an object. */
export const sourceVersion = ({
  metadata: { namespace = '', name, resourceVersion, uid },
}: KubeObject): SourceVersion => ({
  key: `${namespace}/${name}`,
  resourceVersion,
  uid,
});
