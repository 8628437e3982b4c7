import { isUtf8 } from 'node:buffer';
import {
  ALLOW_SCHEMA_ANNOTATION,
  IGNORE_ANNOTATION,
  ROLE_LABEL,
  SNAPSHOT_ANNOTATION,
  SOURCE_ANNOTATION,
} from '../api/v1alpha1/names.ts';
import {
  sourceKey,
  type Rendered,
  type SourceObject,
  type SourceReader,
  type SourceScope,
  type SourceVersion,
} from '../controller/ports.ts';
import type { SourceKind } from '../domain/selection.ts';
import type { ListWatch } from '../runtime/reflector.ts';
import type { KubeClient } from './connect.ts';
import { isNotFound } from './errors.ts';
import { everyItem } from './every-item.ts';
import { listWatch, METADATA, QUICK_PAGE_MS, type KubeObject, type ObjectMeta } from './listwatch.ts';
import { certainDataChange, dataChangedBefore, type ManagedFieldsEntry } from './managed-fields.ts';
import { sources } from './paths.ts';
import { selectorQuery } from './selectors.ts';

/** A ConfigMap or a Secret; of a Secret all data is base64. */
interface RawSource {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** @param secretsBlind values of Secrets never leave the API server: only their metadata is asked for */
export const createSourceReader = (
  client: KubeClient,
  { secretsBlind = false }: { readonly secretsBlind?: boolean } = {},
): SourceReader => ({
  get: async (kind, namespace, name, signal) => {
    const blind = secretsBlind && kind === 'Secret';
    try {
      const raw = await client.request<RawSource>({
        method: 'GET',
        path: `${sources(kind)(namespace)}/${name}`,
        ...(blind && { accept: METADATA }),
        signal,
      });
      return blind ? parseBlind(raw) : parse(kind, raw);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  },
  find: async (kind, namespace, selector, signal) => {
    const query = { labelSelector: selectorQuery(selector) };
    const options = { path: sources(kind)(namespace), query, metadataOnly: true, pageMs: QUICK_PAGE_MS };
    const found = await everyItem<KubeObject>(client, options, signal);
    return found.map((object) => sourceVersion(kind, object));
  },
});

const parse = (
  kind: SourceKind,
  { metadata, immutable = false, data = {}, binaryData = {} }: RawSource,
): SourceObject => {
  const { managedFields = [] } = metadata;
  const createdAt = Date.parse(metadata.creationTimestamp ?? '') || 0;
  const changedBefore = dataChangedBefore(managedFields, createdAt);
  const certainChange = certainDataChange(managedFields, createdAt);
  const decoded = (base64: Readonly<Record<string, string>>): readonly (readonly [string, string | Uint8Array])[] =>
    Object.entries(base64).map(([key, value]) => [key, textWhereUtf8(Buffer.from(value, 'base64'))]);
  return {
    ...common(metadata),
    immutable,
    content: new Map([...(kind === 'Secret' ? decoded(data) : Object.entries(data)), ...decoded(binaryData)]),
    ...(changedBefore !== undefined && { changedBefore }),
    ...(certainChange !== undefined && { certainChange }),
  };
};

/** Whether it is immutable is not in the metadata. */
const parseBlind = ({ metadata }: RawSource): SourceObject => ({ ...common(metadata), immutable: false });

const common = ({
  uid,
  resourceVersion,
  labels = {},
  annotations = {},
}: ObjectMeta): Pick<SourceObject, 'uid' | 'resourceVersion' | 'ignored' | 'schemasAllowed' | 'rendered'> => ({
  uid,
  resourceVersion,
  ignored: annotations[IGNORE_ANNOTATION] === 'true',
  schemasAllowed: annotations[ALLOW_SCHEMA_ANNOTATION] === 'true',
  ...renderedOf({ labels, annotations }),
});

/** What our own label and annotations say of an object: nothing where it is not of our making. */
export const renderedOf = ({
  labels = {},
  annotations = {},
}: Pick<ObjectMeta, 'labels' | 'annotations'>): { readonly rendered?: Rendered } => {
  const role = labels[ROLE_LABEL];
  if (role !== 'live' && role !== 'snapshot') return {};
  const source = annotations[SOURCE_ANNOTATION];
  const snapshot = Number(annotations[SNAPSHOT_ANNOTATION]);
  return {
    rendered: {
      role,
      ...(source !== undefined && { source }),
      ...(Number.isSafeInteger(snapshot) && snapshot > 0 && { snapshot }),
    },
  };
};

const textWhereUtf8 = (bytes: Buffer): string | Uint8Array => (isUtf8(bytes) ? bytes.toString('utf8') : bytes);

/** What a metadata-only watch shows of an object. */
const sourceVersion = (
  kind: SourceKind,
  { metadata: { namespace = '', name, resourceVersion, uid, labels = {} } }: KubeObject,
): SourceVersion => ({ key: sourceKey(kind, namespace, name), resourceVersion, uid, labels });

/** A metadata-only watch of sources. One of a single object needs no right to any other. */
export const sourceVersions = (
  client: KubeClient,
  { kind, namespace, name }: SourceScope,
  idleMs: number,
): ListWatch<SourceVersion> =>
  versions(
    kind,
    listWatch<KubeObject>(client, {
      path: sources(kind)(namespace),
      ...(name !== undefined && { query: { fieldSelector: `metadata.name=${name}` } }),
      metadataOnly: true,
      idleMs,
    }),
  );

/** Only the identity of each object is handed on. */
const versions = (kind: SourceKind, source: ListWatch<KubeObject>): ListWatch<SourceVersion> => ({
  list: async (options, signal) => {
    const page = await source.list(options, signal);
    return { ...page, items: page.items.map((object) => sourceVersion(kind, object)) };
  },
  async *watch(options, signal) {
    for await (const event of source.watch(options, signal)) {
      yield event.type === 'BOOKMARK' || event.type === 'ERROR'
        ? event
        : { type: event.type, object: sourceVersion(kind, event.object) };
    }
  },
  resourceVersionOf: ({ resourceVersion }) => resourceVersion,
  ...(source.probe !== undefined && { probe: source.probe.bind(source) }),
});
