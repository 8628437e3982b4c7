/** What is known of live objects: read like sources, but digested as if they were the source that they are rendered from. */

import type { Scheme } from '../../domain/digest.ts';
import { liveId, type Live } from '../../domain/live.ts';
import { sourceId, sourceOf, type SourceId } from '../../domain/observed.ts';
import { toError } from '../../runtime/errors.ts';
import type { SourceObject, SourceReader, StoredPolicy } from '../ports.ts';
import { keyOf, partsOf } from './keys.ts';
import { digestsOf } from './state.ts';

export interface LiveStates {
  has(key: string): boolean;
  keys(): Iterable<string>;
  /** Takes note of the objects that a policy renders now; undefined: it is gone. */
  bind(policy: string, now: StoredPolicy | undefined): void;
  get(namespace: string, id: SourceId): Live;
  read(key: string, signal: AbortSignal): Promise<void>;
}

export interface LiveStatesOptions {
  readonly reader: Pick<SourceReader, 'get'>;
  /** How the content of a source is digested. @param source its key */
  readonly schemeOf: (source: string, object: SourceObject, signal: AbortSignal) => Promise<Scheme>;
  /** The first policy renders it. */
  readonly onFirst: (key: string) => void;
  /** No policy renders it any more. */
  readonly onLast: (key: string) => void;
  readonly onChange: (namespace: string, id: SourceId) => void;
}

interface Entry {
  /** By policy; it is rendered from that of the first. */
  readonly sources: Map<string, SourceId>;
  state: Live;
}

const sourceOfEntry = ({ sources }: Entry): SourceId | undefined =>
  [...sources].reduce<readonly [string, SourceId] | undefined>(
    (first, each) => (first === undefined || each[0] < first[0] ? each : first),
    undefined,
  )?.[1];

export const createLiveStates = (options: LiveStatesOptions): LiveStates => {
  const entries = new Map<string, Entry>();
  const named = new Map<string, readonly string[]>();

  const put = (key: string, entry: Entry, state: Live): void => {
    entry.state = state;
    const { namespace, id } = partsOf(key);
    options.onChange(namespace, id);
  };

  /** Of a Secret the digests go over the name of the source: with another one it is read anew. */
  const resource = (key: string, entry: Entry, name: string, change: () => void): void => {
    const before = sourceOfEntry(entry);
    change();
    const source = sourceOfEntry(entry);
    if (source === undefined || source === before) return;
    entry.state = { state: 'Unknown', name };
    options.onFirst(key);
  };

  return {
    has: (key) => entries.has(key),
    keys: () => entries.keys(),
    bind: (policy, now) => {
      const objects = now?.delivery.objects ?? [];
      const before = named.get(policy) ?? [];
      if (objects.length === 0 && before.length === 0) return;
      const namespace = policy.slice(0, policy.indexOf('/'));
      const after = objects.map((object) => keyOf(namespace, liveId(object)));
      if (after.length === 0) named.delete(policy);
      else named.set(policy, after);
      for (const object of objects) {
        const key = keyOf(namespace, liveId(object));
        const source = sourceId(object.source);
        const entry = entries.get(key);
        if (entry === undefined) {
          entries.set(key, { sources: new Map([[policy, source]]), state: { state: 'Unknown', name: object.name } });
          options.onFirst(key);
        } else {
          resource(key, entry, object.name, () => entry.sources.set(policy, source));
        }
      }
      for (const key of before) {
        if (after.includes(key)) continue;
        const entry = entries.get(key);
        if (entry === undefined) continue;
        resource(key, entry, partsOf(key).name, () => entry.sources.delete(policy));
        if (entry.sources.size > 0) continue;
        entries.delete(key);
        options.onLast(key);
      }
    },
    get: (namespace, id) => entries.get(keyOf(namespace, id))?.state ?? { state: 'Unknown', name: sourceOf(id).name },
    read: async (key, signal) => {
      const entry = entries.get(key);
      const source = entry === undefined ? undefined : sourceOfEntry(entry);
      if (entry === undefined || source === undefined) return;
      const { kind, namespace, name } = partsOf(key);
      try {
        const object = await options.reader.get(kind, namespace, name, signal);
        if (entries.get(key) !== entry) return;
        if (object === undefined) {
          put(key, entry, { state: 'Missing', name });
          return;
        }
        if (object.content === undefined)
          throw new Error(
            'managed delivery needs the values of its Secrets: start the operator without --secrets-blind',
          );
        const scheme = await options.schemeOf(keyOf(namespace, source), object, signal);
        const { snapshot } = object.rendered ?? {};
        put(key, entry, {
          state: 'Present',
          name,
          uid: object.uid,
          resourceVersion: object.resourceVersion,
          keys: digestsOf(object, scheme),
          ours: object.rendered?.role === 'live',
          ...(snapshot !== undefined && { snapshot }),
        });
      } catch (thrown) {
        const known = entry.state;
        // An error is not a deletion.
        if (!signal.aborted && known.state !== 'Present')
          put(key, entry, { state: 'Unknown', name, message: toError(thrown).message });
        throw thrown;
      }
    },
  };
};
