/** Live objects and their snapshots: ConfigMaps and Secrets of the operator's own making. */

import { FIELD_MANAGER, ROLE_LABEL, SNAPSHOT_ANNOTATION, SOURCE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type {
  LiveStore,
  NewObject,
  Owner,
  RawContent,
  RawObject,
  Rendered,
  SnapshotEntry,
} from '../controller/ports.ts';
import { snapshotName } from '../domain/live.ts';
import type { SourceKind } from '../domain/selection.ts';
import type { KubeClient } from './connect.ts';
import { isNotFound } from './errors.ts';
import { listWatch, QUICK_PAGE_MS, type KubeObject, type ObjectMeta } from './listwatch.ts';
import { latestOther, type ManagedFieldsEntry } from './managed-fields.ts';
import { sources } from './paths.ts';
import { renderedOf } from './sources.ts';

interface RawSource {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** More than this many snapshots of all live objects of a namespace are not looked for: each has 20 at the most. */
const MOST_SNAPSHOTS = 10_000;

export const createLiveStore = (client: KubeClient): LiveStore => ({
  get: async (kind, namespace, name, signal) => {
    try {
      const path = `${sources(kind)(namespace)}/${name}`;
      return parse(kind, await client.request<RawSource>({ method: 'GET', path, signal }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  },
  snapshots: async (kind, namespace, live, signal) => {
    const source = listWatch<KubeObject>(client, {
      path: sources(kind)(namespace),
      query: { labelSelector: `${ROLE_LABEL}=snapshot` },
      metadataOnly: true,
      pageMs: QUICK_PAGE_MS,
    });
    const { items } = await source.list({ limit: MOST_SNAPSHOTS }, signal);
    return items.flatMap(({ metadata }) => entry(live, metadata)).sort((a, b) => b.number - a.number);
  },
  create: async (object, owners, signal) =>
    parse(
      object.kind,
      await client.request<RawSource>({
        method: 'POST',
        path: sources(object.kind)(object.namespace),
        query: { fieldManager: FIELD_MANAGER },
        body: bodyOf(object, owners),
        signal,
      }),
    ),
  replace: async ({ kind, namespace, name, uid, resourceVersion, kept }, content, rendered, signal) => {
    const metadata = kept as Kept | undefined;
    return parse(
      kind,
      await client.request<RawSource>({
        method: 'PUT',
        path: `${sources(kind)(namespace)}/${name}`,
        query: { fieldManager: FIELD_MANAGER },
        body: {
          ...head(kind),
          // What others have written beside the content is theirs, and stays.
          metadata: {
            ...metadata,
            namespace,
            name,
            uid,
            resourceVersion,
            labels: { ...metadata?.labels, ...labelsOf(rendered) },
            annotations: { ...metadata?.annotations, ...annotationsOf(rendered) },
          },
          ...fieldsOf(content),
        },
        signal,
      }),
    );
  },
  remove: async (kind, namespace, { name, uid }, signal) => {
    try {
      await client.request({
        method: 'DELETE',
        path: `${sources(kind)(namespace)}/${name}`,
        body: { preconditions: { uid } },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  },
});

/** What an object was read with, so that a replacement leaves it as it is. */
type Kept = Pick<ObjectMeta, 'labels' | 'annotations' | 'ownerReferences'> & {
  readonly finalizers?: readonly string[];
};

const parse = (kind: SourceKind, { metadata, data = {}, binaryData = {} }: RawSource): RawObject => {
  const { labels, annotations, ownerReferences, finalizers } = metadata as ObjectMeta & Kept;
  const changedBy = latestOther(metadata.managedFields ?? [], FIELD_MANAGER);
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    ...renderedOf(metadata),
    content: new Map([...entries('data', data), ...entries('binaryData', binaryData)]),
    ...(changedBy !== undefined && { changedBy }),
    kept: {
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(ownerReferences !== undefined && { ownerReferences }),
      ...(finalizers !== undefined && { finalizers }),
    },
  };
};

const entries = (
  field: 'data' | 'binaryData',
  values: Readonly<Record<string, string>>,
): readonly (readonly [string, { readonly field: typeof field; readonly value: string }])[] =>
  Object.entries(values).map(([key, value]) => [key, { field, value }]);

const entry = (live: string, metadata: ObjectMeta): readonly SnapshotEntry[] => {
  const { rendered } = renderedOf(metadata);
  const { name, uid, resourceVersion } = metadata;
  if (rendered?.snapshot === undefined || name !== snapshotName(live, rendered.snapshot)) return [];
  const { snapshot: number, source } = rendered;
  return [{ name, uid, resourceVersion, number, ...(source !== undefined && { source }) }];
};

const bodyOf = ({ kind, namespace, name, content, rendered }: NewObject, owners: readonly Owner[]): object => ({
  ...head(kind),
  metadata: {
    namespace,
    name,
    labels: labelsOf(rendered),
    annotations: annotationsOf(rendered),
    ...(owners.length > 0 && { ownerReferences: owners }),
  },
  ...(rendered.role === 'snapshot' && { immutable: true }),
  ...fieldsOf(content),
});

/** Of no type but the plain one: some types of Secrets have the API server do things. */
const head = (kind: SourceKind): object => ({
  apiVersion: 'v1',
  kind,
  ...(kind === 'Secret' && { type: 'Opaque' }),
});

const labelsOf = ({ role }: Rendered): Readonly<Record<string, string>> => ({ [ROLE_LABEL]: role });

const annotationsOf = ({ source, snapshot }: Rendered): Readonly<Record<string, string>> => ({
  ...(source !== undefined && { [SOURCE_ANNOTATION]: source }),
  ...(snapshot !== undefined && { [SNAPSHOT_ANNOTATION]: String(snapshot) }),
});

const fieldsOf = (content: RawContent): object => {
  const of = (wanted: 'data' | 'binaryData'): Readonly<Record<string, string>> =>
    Object.fromEntries([...content].flatMap(([key, { field, value }]) => (field === wanted ? [[key, value]] : [])));
  const binary = of('binaryData');
  return { data: of('data'), ...(Object.keys(binary).length > 0 && { binaryData: binary }) };
};
