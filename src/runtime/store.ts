import type { Logger } from './log.ts';
import type { Sink } from './list-watch.ts';
import { compareResourceVersions } from './resource-version.ts';

export { compareResourceVersions };

/** One change of a store: no `old` when the object is new, no `new` when it is gone. A new uid is another object under the same key. */
export interface StoreDelta<V> {
  readonly key: string;
  readonly old?: V;
  readonly new?: V;
}

/** What a store must know of the values it keeps. */
export interface Versioned {
  readonly resourceVersion: string;
  readonly uid?: string;
}

/** What readers see: the latest known value of each key, and what changes. Values are shared, not copied: don't change them. */
export interface Store<V> {
  get(key: string): V | undefined;
  keys(): Iterable<string>;
  values(): Iterable<V>;
  readonly size: number;
  /** The values that the named index files under `value`; throws a RangeError for an index that wasn't declared. */
  by(index: string, value: string): readonly V[];
  /** Calls `listener` after each change; returns what ends that. A listener that throws is logged and harms nobody. */
  onDelta(listener: (delta: StoreDelta<V>) => void): () => void;
  /**
   * Puts a fresher copy, such as the response to our own write, without waiting for the watch. False when the store
   * already knows as much or more: it holds the same or a newer version, or it has seen the object go. Watch events
   * older than an offered copy are ignored.
   */
  offer(value: V): boolean;
  /** True once the part that owns a key has been listed in full; false for a key that no part owns. */
  syncedFor(key: string): boolean;
}

export interface StoreOptions<Raw, V extends Versioned> {
  /** The key of an object as it comes from the source. */
  keyOf(raw: Raw): string;
  /** The same key, of a kept value. */
  keyOfValue(value: V): string;
  resourceVersionOf(raw: Raw): string;
  /** The part worth keeping; undefined: the object isn't kept at all. */
  trim(raw: Raw): V | undefined;
  /** By index name, the values under which an object is to be found. */
  readonly indexes?: Readonly<Record<string, (value: V) => readonly string[]>>;
  readonly log: Logger;
}

/** The writing side, for reflectors. */
export interface FedStore<Raw, V> extends Store<V>, Sink<Raw> {
  /**
   * A sink of its own for one part of the keys, fed by its own reflector: one per namespace, say. A list sweeps only
   * the part's keys. Parts must not overlap, and a store with parts must not be fed as a whole.
   */
  part(owns: (key: string) => boolean): Sink<Raw>;
}

export function createStore<Raw, V extends Versioned>(options: StoreOptions<Raw, V>): FedStore<Raw, V> {
  return new IndexedStore(options);
}

class IndexedStore<Raw, V extends Versioned> implements FedStore<Raw, V> {
  readonly #options: StoreOptions<Raw, V>;
  readonly #values = new Map<string, V>();
  readonly #indexes: ReadonlyMap<string, Index<V>>;
  readonly #listeners = new Set<(delta: StoreDelta<V>) => void>();
  readonly #parts: Part<Raw, V>[] = [];

  constructor(options: StoreOptions<Raw, V>) {
    this.#options = options;
    this.#indexes = new Map(
      Object.entries(options.indexes ?? {}).map(([name, valuesOf]) => [name, new Index(valuesOf)]),
    );
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  keys(): Iterable<string> {
    return this.#values.keys();
  }

  values(): Iterable<V> {
    return this.#values.values();
  }

  by(index: string, value: string): readonly V[] {
    const found = this.#indexes.get(index);
    if (found === undefined)
      throw new RangeError(`no index named ${index}: the store has ${[...this.#indexes.keys()].join(', ') || 'none'}`);
    return found.at(value);
  }

  onDelta(listener: (delta: StoreDelta<V>) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  offer(value: V): boolean {
    const key = this.#options.keyOfValue(value);
    const held = this.#values.get(key);
    const part = this.#parts.find((each) => each.owns(key));
    const known = held?.resourceVersion ?? part?.latest;
    if (known !== undefined && !isNewer(value.resourceVersion, known)) return false;
    part?.keep(key);
    this.#put(key, value);
    return true;
  }

  syncedFor(key: string): boolean {
    return this.#parts.find((part) => part.owns(key))?.listedOnce ?? false;
  }

  part(owns: (key: string) => boolean): Sink<Raw> {
    const part: Part<Raw, V> = new Part(owns, this.#options, {
      values: this.#values,
      put: (key, value) => {
        this.#put(key, value);
      },
      drop: (key) => {
        this.#drop(key);
      },
    });
    this.#parts.push(part);
    return part;
  }

  listing(): void {
    this.#whole().listing();
  }

  rewound(): void {
    this.#whole().rewound();
  }

  upsert(raw: Raw): void {
    this.#whole().upsert(raw);
  }

  remove(raw: Raw): void {
    this.#whole().remove(raw);
  }

  listed(): void {
    this.#whole().listed();
  }

  #whole(): Sink<Raw> {
    return this.#parts[0] ?? this.part(() => true);
  }

  #put(key: string, value: V): void {
    const old = this.#values.get(key);
    this.#values.set(key, value);
    for (const index of this.#indexes.values()) index.replace(key, old, value);
    this.#publish(old === undefined ? { key, new: value } : { key, old, new: value });
  }

  #drop(key: string): void {
    const old = this.#values.get(key);
    if (old === undefined) return;
    this.#values.delete(key);
    for (const index of this.#indexes.values()) index.replace(key, old, undefined);
    this.#publish({ key, old });
  }

  #publish(delta: StoreDelta<V>): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(delta);
      } catch (error) {
        this.#options.log.error({ key: delta.key, err: error }, 'a listener of the store failed');
      }
    }
  }
}

interface PartOwner<V> {
  readonly values: ReadonlyMap<string, V>;
  put(key: string, value: V): void;
  drop(key: string): void;
}

/** The part of a store that one reflector feeds: mark and sweep over its keys, and the newest version it has seen. */
class Part<Raw, V extends Versioned> implements Sink<Raw> {
  readonly owns: (key: string) => boolean;
  readonly #options: StoreOptions<Raw, V>;
  readonly #owner: PartOwner<V>;
  /** Keys held when the running list began and not met since; undefined between lists. */
  #unmet: Set<string> | undefined;
  /** The running list shows an earlier state than what is held. */
  #rewound = false;
  listedOnce = false;
  /** The newest resourceVersion seen: an object that the store doesn't hold was gone by then. */
  latest: string | undefined;

  constructor(owns: (key: string) => boolean, options: StoreOptions<Raw, V>, owner: PartOwner<V>) {
    this.owns = owns;
    this.#options = options;
    this.#owner = owner;
  }

  listing(): void {
    this.#unmet = new Set([...this.#owner.values.keys()].filter(this.owns));
  }

  rewound(): void {
    this.latest = undefined;
    this.#rewound = true;
  }

  listed(): void {
    this.#rewound = false;
    for (const key of this.#unmet ?? []) this.#owner.drop(key);
    this.#unmet = undefined;
    this.listedOnce = true;
  }

  keep(key: string): void {
    this.#unmet?.delete(key);
  }

  upsert(raw: Raw): void {
    const key = this.#options.keyOf(raw);
    const version = this.#options.resourceVersionOf(raw);
    this.#see(version);
    this.keep(key);
    const held = this.#owner.values.get(key);
    if (held !== undefined && !this.#rewound && !isNewer(version, held.resourceVersion)) return;
    const value = this.#options.trim(raw);
    if (value === undefined) this.#owner.drop(key);
    else this.#owner.put(key, value);
  }

  remove(raw: Raw): void {
    const version = this.#options.resourceVersionOf(raw);
    this.#see(version);
    const key = this.#options.keyOf(raw);
    const held = this.#owner.values.get(key);
    if (held !== undefined && isNewer(held.resourceVersion, version)) return;
    this.#owner.drop(key);
  }

  #see(version: string): void {
    if (this.latest === undefined || isNewer(version, this.latest)) this.latest = version;
  }
}

/** Where the two can't be compared, the one that came later counts as newer. */
function isNewer(version: string, than: string): boolean {
  const order = compareResourceVersions(version, than);
  return order === undefined || order > 0;
}

/** Values by what an index function says of them. */
class Index<V> {
  readonly #valuesOf: (value: V) => readonly string[];
  readonly #entries = new Map<string, Map<string, V>>();

  constructor(valuesOf: (value: V) => readonly string[]) {
    this.#valuesOf = valuesOf;
  }

  at(value: string): readonly V[] {
    return [...(this.#entries.get(value)?.values() ?? [])];
  }

  replace(key: string, old: V | undefined, next: V | undefined): void {
    if (old !== undefined) for (const value of this.#valuesOf(old)) this.#remove(value, key);
    if (next !== undefined) for (const value of this.#valuesOf(next)) this.#add(value, key, next);
  }

  #remove(value: string, key: string): void {
    const entry = this.#entries.get(value);
    entry?.delete(key);
    if (entry?.size === 0) this.#entries.delete(value);
  }

  #add(value: string, key: string, item: V): void {
    const entry = this.#entries.get(value) ?? new Map<string, V>();
    this.#entries.set(value, entry.set(key, item));
  }
}
