/**
 * The content of bound sources, as digests. The watch shows only metadata; when a bound source's resourceVersion
 * moves, that one object is read, digested and dropped. Nothing is kept of sources that no policy names.
 */

import { digestKeys, type Digest } from '../domain/digest.ts';
import { sourceId, type Source, type SourceId } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import { toError, WaitingError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { Sink } from '../runtime/reflector.ts';
import { compareResourceVersions, createStore, type FedStore } from '../runtime/store.ts';
import type { WorkQueue } from '../runtime/workqueue.ts';
import type { SourceObject, SourceReader, SourceVersion, StoredPolicy } from './ports.ts';

export interface Sources {
  /** What a watch of metadata feeds: one for each part of the keys. */
  part(owns: (key: string) => boolean): Sink<SourceVersion>;
  get(namespace: string, id: SourceId): Source;
  /** Takes note of a policy that came, changed or went. */
  bind(before: StoredPolicy | undefined, after: StoredPolicy | undefined): void;
  /** Reads one source; the queue's worker. */
  read(key: string, signal: AbortSignal): Promise<void>;
}

export interface SourcesOptions {
  readonly reader: SourceReader;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Logger;
  /** The content, or what is known of it, is another than before. */
  readonly onChange: (namespace: string, id: SourceId) => void;
}

/** A read that is ahead of our own watch waits this long for it at the most. */
const AHEAD_MS = 1_000;

export const createSources = (options: SourcesOptions): Sources => new BoundSources(options);

class BoundSources implements Sources {
  readonly #shown: FedStore<SourceVersion, SourceVersion>;
  readonly #options: SourcesOptions;
  /** How many policies name a source. */
  readonly #bound = new Map<string, number>();
  readonly #states = new Map<string, Source>();
  /** When the watch showed the present version. */
  readonly #shownAt = new Map<string, number>();
  /** Reads that are ahead of the watch, since when. */
  readonly #ahead = new Map<string, { readonly object: SourceObject; readonly since: number }>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.#shown = createStore<SourceVersion, SourceVersion>({
      keyOf: ({ key }) => key,
      keyOfValue: ({ key }) => key,
      resourceVersionOf: ({ resourceVersion }) => resourceVersion,
      trim: (version) => (this.#bound.has(version.key) ? version : undefined),
      log: options.log,
    });
    this.#shown.onDelta(({ key, new: version }) => {
      if (!this.#bound.has(key)) return;
      const known = this.#states.get(key);
      // Our own read, offered to the store, is no news.
      if (known?.state === 'Present' && known.resourceVersion === version?.resourceVersion) return;
      this.#shownAt.set(key, options.clock.now());
      options.queue.add(key);
    });
  }

  part(owns: (key: string) => boolean): Sink<SourceVersion> {
    const part = this.#shown.part(owns);
    const isBound = ({ key }: SourceVersion): boolean => this.#bound.has(key);
    return {
      listing: () => {
        part.listing();
      },
      rewound: () => {
        part.rewound();
      },
      upsert: (version) => {
        part.upsert(version);
      },
      // A source that was there before it was bound may not be held: that it goes, or is in no list, counts all the same.
      remove: (version) => {
        part.remove(version);
        if (isBound(version)) this.#options.queue.add(version.key);
      },
      listed: () => {
        part.listed();
        for (const key of this.#bound.keys()) {
          if (owns(key) && this.#shown.get(key) === undefined) this.#options.queue.add(key);
        }
      },
    };
  }

  get(namespace: string, id: SourceId): Source {
    return this.#states.get(keyOf(namespace, id)) ?? { state: 'Unknown' };
  }

  bind(before: StoredPolicy | undefined, after: StoredPolicy | undefined): void {
    const was = new Set(before?.sources.map((source) => keyOf(before.namespace, sourceId(source))));
    const is = new Set(after?.sources.map((source) => keyOf(after.namespace, sourceId(source))));
    for (const key of is) {
      if (was.has(key)) continue;
      this.#bound.set(key, (this.#bound.get(key) ?? 0) + 1);
      if (!this.#states.has(key)) this.#options.queue.add(key);
    }
    for (const key of was) {
      if (is.has(key)) continue;
      const left = (this.#bound.get(key) ?? 1) - 1;
      if (left > 0) this.#bound.set(key, left);
      else this.#forget(key);
    }
  }

  async read(key: string, signal: AbortSignal): Promise<void> {
    if (!this.#bound.has(key)) return;
    const { namespace, id, name } = parts(key);
    const shown = this.#shown.get(key);
    const object = await this.#fetch(key, namespace, name, shown, signal);
    if (!this.#bound.has(key)) return;
    if (object === undefined) {
      this.#update(key, namespace, id, { state: 'Missing' });
      return;
    }
    const known = this.#states.get(key);
    const first = known === undefined || known.state === 'Unknown';
    // At first sight nothing is acted on in haste; from then on the kubelets' watches must not be overtaken.
    if (!first) this.#waitForWatch(key, object);
    this.#update(key, namespace, id, this.#stateOf(key, object, known));
    this.#shown.offer({ key, resourceVersion: object.resourceVersion, uid: object.uid });
  }

  async #fetch(
    key: string,
    namespace: string,
    name: string,
    shown: SourceVersion | undefined,
    signal: AbortSignal,
  ): Promise<SourceObject | undefined> {
    const ahead = this.#ahead.get(key);
    if (ahead !== undefined && ahead.object.resourceVersion === shown?.resourceVersion) {
      this.#ahead.delete(key);
      return ahead.object;
    }
    try {
      return await this.#options.reader.get(namespace, name, signal);
    } catch (thrown) {
      // An error is not a deletion: what was known stays known (design law 13).
      if (!signal.aborted) {
        const known = this.#states.get(key);
        const message = toError(thrown).message;
        const next: Source =
          known?.state === 'Present' ? { ...known, unreadable: message } : { state: 'Unknown', message };
        this.#update(key, namespace, `ConfigMap/${name}`, next);
      }
      throw thrown;
    }
  }

  #waitForWatch(key: string, object: SourceObject): void {
    const shown = this.#shown.get(key);
    const now = this.#options.clock.now();
    const behind =
      shown === undefined || (compareResourceVersions(shown.resourceVersion, object.resourceVersion) ?? 0) < 0;
    const since = this.#ahead.get(key)?.since ?? now;
    this.#ahead.delete(key);
    if (!behind || now - since >= AHEAD_MS) return;
    this.#ahead.set(key, { object, since });
    throw new WaitingError(
      AHEAD_MS,
      'WatchBehind',
      `the watch has not shown ${key} at resourceVersion ${object.resourceVersion} yet`,
    );
  }

  #stateOf(key: string, object: SourceObject, known: Source | undefined): Source {
    if (object.ignored) return { state: 'Ignored' };
    const keys = digestKeys(object.data, object.binaryData);
    const { uid, resourceVersion, immutable, certainChange } = object;
    const common = { state: 'Present', uid, resourceVersion, immutable, keys } as const;
    if (known?.state === 'Present' && sameDigests(known.keys, keys)) {
      const { unreadable: _unreadable, ...rest } = known;
      return { ...rest, ...common, keys: known.keys };
    }
    const now = this.#options.clock.now();
    if (known === undefined || known.state === 'Unknown' || known.state === 'Ignored') {
      return {
        ...common,
        changedAt: object.changedBefore ?? now,
        seenToChange: false,
        ...(certainChange !== undefined && { certainChange }),
      };
    }
    // A read that is ahead of the watch tells no time but its own: later is the safe side.
    const shown = this.#shown.get(key)?.resourceVersion === resourceVersion ? this.#shownAt.get(key) : undefined;
    return { ...common, changedAt: shown ?? now, seenToChange: true };
  }

  #update(key: string, namespace: string, id: SourceId, next: Source): void {
    const before = this.#states.get(key);
    this.#states.set(key, next);
    if (!isSame(before, next)) this.#options.onChange(namespace, id);
  }

  #forget(key: string): void {
    this.#bound.delete(key);
    this.#states.delete(key);
    this.#shownAt.delete(key);
    this.#ahead.delete(key);
  }
}

const keyOf = (namespace: string, id: SourceId): string => `${namespace}/${id.slice(id.indexOf('/') + 1)}`;

const parts = (key: string): { readonly namespace: string; readonly name: string; readonly id: SourceId } => {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  return { namespace: key.slice(0, slash), name, id: `ConfigMap/${name}` };
};

const sameDigests = (a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);

/** Whether decisions can't tell the two apart: a resourceVersion alone says nothing. */
const isSame = (a: Source | undefined, b: Source): boolean => {
  if (a?.state === 'Present' && b.state === 'Present')
    return a.keys === b.keys && a.uid === b.uid && a.immutable === b.immutable && a.unreadable === b.unreadable;
  if (a?.state === 'Unknown' && b.state === 'Unknown') return a.message === b.message;
  return a?.state === b.state;
};
