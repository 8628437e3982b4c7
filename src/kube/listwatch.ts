import type { ListWatch, Page, WatchEvent } from '../runtime/reflector.ts';
import type { KubeClient } from './connect.ts';
import { ConnectionError } from './errors.ts';

/** What every object of the API has. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface KubeObject {
  readonly metadata: ObjectMeta;
}

export interface ListWatchOptions {
  /** Collection, such as `/apis/apps/v1/deployments` or `/api/v1/namespaces/x/configmaps`. */
  readonly path: string;
  readonly query?: { readonly labelSelector?: string; readonly fieldSelector?: string };
  /** Only `metadata` of each object comes over the wire (PartialObjectMetadata). The right needed is the same. */
  readonly metadataOnly?: boolean;
  /** How long a page may take, in ms. Default: 60 000, which large collections need. */
  readonly pageMs?: number;
  /** A watch without a byte for so long fails, in ms. Default: 120 000, longer than a reflector waits before it watches anew. */
  readonly idleMs?: number;
}

const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
export const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
/** A page of 500 large objects takes longer than a single one. */
const PAGE_MS = 60_000;
/** For a list that a decision waits for: a silent network may hold it up no longer than any other request. */
export const QUICK_PAGE_MS = 15_000;

/** Lists and watches one collection. The caller names the type of its objects; they are not checked. */
export function listWatch<T extends KubeObject>(client: KubeClient, options: ListWatchOptions): ListWatch<T> {
  const { path, query, metadataOnly = false, pageMs = PAGE_MS, idleMs = 120_000 } = options;

  async function list(
    { limit, continueToken }: { readonly limit: number; readonly continueToken?: string },
    signal: AbortSignal,
  ): Promise<Page<T>> {
    const answer = await client.request<RawList<T>>({
      method: 'GET',
      path,
      query: { ...query, limit: String(limit), continue: continueToken },
      ...(metadataOnly && { accept: METADATA_LIST }),
      timeoutMs: pageMs,
      signal,
    });
    const next = answer.metadata.continue;
    return {
      items: answer.items ?? [],
      resourceVersion: answer.metadata.resourceVersion,
      ...(next !== undefined && next !== '' && { continueToken: next }),
    };
  }

  async function* watch(
    request: { readonly resourceVersion: string; readonly timeoutSeconds: number; readonly onOpen?: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const objects = client.stream({
      path,
      query: {
        ...query,
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: request.resourceVersion,
        timeoutSeconds: String(request.timeoutSeconds),
      },
      ...(metadataOnly && { accept: METADATA }),
      signal,
      idleMs,
      ...(request.onOpen !== undefined && { onOpen: request.onOpen }),
    });
    for await (const object of objects) yield parseEvent<T>(object as RawEvent<T>);
  }

  return {
    list,
    watch,
    resourceVersionOf: (object) => object.metadata.resourceVersion,
    probe: async (signal) => {
      await list({ limit: 1 }, signal);
    },
  };
}

interface RawList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  /** The API server writes null for an empty list of some kinds. */
  readonly items: readonly T[] | null;
}

/** The shape of metav1.WatchEvent. */
type RawEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: { readonly metadata: { readonly resourceVersion: string } } }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number; readonly message?: string } };

function parseEvent<T>(event: RawEvent<T>): WatchEvent<T> {
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return event;
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion };
    case 'ERROR':
      return { type: 'ERROR', code: event.object.code ?? 500, message: event.object.message ?? 'no message' };
    default:
      throw new ConnectionError('KUBE_BROKEN_ANSWER', 'the watch sent something that is no watch event');
  }
}
