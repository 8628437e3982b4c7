/** An API server of sources in memory, watches that are fed by hand, and the sources between them. */

import type {
  DigestKeyStore,
  SourceObject,
  SourceReader,
  SourceScope,
  SourceVersion,
  StoredPolicy,
} from '../../src/controller/ports.ts';
import { createSources, type Sources } from '../../src/controller/sources.ts';
import { macKey } from '../../src/domain/digest.ts';
import type { KeyRequest, KeyInspection } from '../../src/domain/inspection.ts';
import type { Policy, Source } from '../../src/domain/observed.ts';
import { matchesSelector, type SourceKind } from '../../src/domain/selection.ts';
import type { Sink } from '../../src/runtime/reflector.ts';
import { createWorkQueue } from '../../src/runtime/workqueue.ts';
import { aPolicy, type Content } from './builders.ts';
import { createFakeClock, settled, type FakeClock } from './fake-clock.ts';
import { createRecordingLog } from './recording-log.ts';

export const NAMESPACE = 'shop';

interface Stored {
  readonly object: SourceObject;
  readonly labels: Readonly<Record<string, string>>;
}

/** An error as an adapter throws it. */
export const refusal = (message: string): Error => Object.assign(new Error(message), { status: 403 });

export class SourcesScene {
  readonly clock: FakeClock = createFakeClock();
  readonly sources: Sources;
  readonly configMaps: Sink<SourceVersion>;
  /** The watches that stand, by `Kind/namespace/name`. */
  readonly watches = new Map<
    string,
    { readonly sink: Sink<SourceVersion>; readonly refuse: (why: string | undefined) => void }
  >();
  /** What was told, in order: `change ConfigMap/app`, `found Secret/db`, `selection`. */
  readonly told: string[] = [];
  /** What was asked of the API server: `get Secret db`, `find ConfigMap`. */
  readonly asked: string[] = [];
  readonly inspected: KeyRequest[] = [];
  inspect: (request: KeyRequest) => Promise<KeyInspection> = () => Promise.resolve({ problems: new Map() });
  failure: Error | undefined;
  used = new Set<string>();
  /** The bytes of the stored key of MACs; undefined: there is none. */
  digestKey: number | undefined;
  keyFailure: Error | undefined;
  keysMade = 0;
  readonly #stored = new Map<string, Stored>();
  #version = 0;
  readonly #ended = new AbortController();

  constructor({
    secretsNamespaces = [],
    blind = false,
  }: { readonly secretsNamespaces?: readonly string[]; readonly blind?: boolean } = {}) {
    const log = createRecordingLog();
    const queue = createWorkQueue({ name: 'sources', clock: this.clock, random: () => 0.5, log });
    this.sources = createSources({
      reader: this.#reader(),
      watcher: {
        watch: (scope, sink, refuse) => {
          const key = keyOfScope(scope);
          this.watches.set(key, { sink, refuse });
          return () => this.watches.delete(key);
        },
      },
      inspector: {
        inspect: (request) => {
          this.inspected.push(request);
          return this.inspect(request);
        },
        close: () => Promise.resolve(),
      },
      ...(!blind && { digestKeys: this.#digestKeys() }),
      secretsNamespaces,
      queue,
      clock: this.clock,
      log,
      isUsed: (namespace, id) => this.used.has(`${namespace}/${id}`),
      onChange: (_namespace, id) => this.told.push(`change ${id}`),
      onLive: (_namespace, id) => this.told.push(`live ${id}`),
      onFound: (_namespace, _policy, id) => this.told.push(`found ${id}`),
      onSelection: () => this.told.push('selection'),
    });
    this.configMaps = this.sources.part({ kind: 'ConfigMap' });
    void queue.run((key, signal) => this.sources.read(key, signal), { concurrency: 4 }, this.#ended.signal);
  }

  #reader(): SourceReader {
    return {
      get: (kind, _namespace, name) => {
        this.asked.push(`get ${kind} ${name}`);
        if (this.failure !== undefined) return Promise.reject(this.failure);
        return Promise.resolve(this.#stored.get(`${kind}/${name}`)?.object);
      },
      find: (kind, namespace, selector) => {
        this.asked.push(`find ${kind}`);
        if (this.failure !== undefined) return Promise.reject(this.failure);
        const found = [...this.#stored].filter(
          ([id, { labels }]) => id.startsWith(`${kind}/`) && matchesSelector(selector, labels),
        );
        return Promise.resolve(
          found.map(([id, { object, labels }]) => ({ ...versionOf(namespace, id, object), labels })),
        );
      },
    };
  }

  #digestKeys(): DigestKeyStore {
    return {
      scope: { kind: 'Secret', namespace: 'system', name: 'digest-key' },
      getOrCreate: () => {
        if (this.keyFailure !== undefined) return Promise.reject(this.keyFailure);
        if (this.digestKey === undefined) {
          this.keysMade += 1;
          this.digestKey = 100 + this.keysMade;
        }
        return Promise.resolve({
          uid: `key-${this.digestKey}`,
          resourceVersion: String(this.digestKey),
          key: macKey(new Uint8Array(32).fill(this.digestKey)),
        });
      },
    };
  }

  /** Stores an object without a watch telling of it. */
  store(
    content: Content | undefined,
    {
      kind = 'ConfigMap',
      name = 'app',
      labels = {},
      ...more
    }: Partial<SourceObject> & {
      readonly kind?: SourceKind;
      readonly name?: string;
      readonly labels?: Readonly<Record<string, string>>;
    } = {},
  ): this {
    this.#version += 1;
    const id = `${kind}/${name}`;
    if (content === undefined) this.#stored.delete(id);
    else {
      const object = {
        uid: `uid-${name}`,
        resourceVersion: String(this.#version),
        immutable: false,
        ignored: false,
        content: new Map(Object.entries(content)),
        schemasAllowed: false,
        ...more,
      };
      this.#stored.set(id, { object, labels });
    }
    return this;
  }

  /** The watch that covers an object tells of it as it is stored now. */
  async show({ kind = 'ConfigMap', name = 'app' }: { readonly kind?: SourceKind; readonly name?: string } = {}) {
    const id = `${kind}/${name}`;
    const sink =
      kind === 'ConfigMap'
        ? this.configMaps
        : (this.watches.get(`${kind}/${NAMESPACE}/${name}`) ?? this.watches.get(`${kind}/${NAMESPACE}/`))?.sink;
    const stored = this.#stored.get(id);
    if (stored === undefined)
      sink?.remove({ key: keyIn(NAMESPACE, id), resourceVersion: String(this.#version), uid: `uid-${name}` });
    else sink?.upsert({ ...versionOf(NAMESPACE, id, stored.object), labels: stored.labels });
    await this.look();
  }

  async look(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await settled();
  }

  async bind(after: Partial<Policy> | undefined, before?: Partial<Policy>): Promise<void> {
    this.sources.bind(
      before === undefined ? undefined : aStoredPolicy(before),
      after === undefined ? undefined : aStoredPolicy(after),
    );
    await this.look();
  }

  get(id: string): Source {
    return this.sources.get(NAMESPACE, id);
  }

  end(): void {
    this.#ended.abort();
  }
}

export const aStoredPolicy = (more: Partial<Policy> = {}): StoredPolicy => ({
  ...aPolicy({ namespace: NAMESPACE, ...more }),
  resourceVersion: '1',
  status: {},
});

const keyIn = (namespace: string, id: string): string => id.replace('/', `/${namespace}/`);

const versionOf = (namespace: string, id: string, { uid, resourceVersion }: SourceObject): SourceVersion => ({
  key: keyIn(namespace, id),
  resourceVersion,
  uid,
});

const keyOfScope = ({ kind, namespace = '', name = '' }: SourceScope): string => `${kind}/${namespace}/${name}`;

/** Runs a test in a scene that ends with it. */
export const inSourcesScene =
  (run: (scene: SourcesScene) => Promise<void>, options?: ConstructorParameters<typeof SourcesScene>[0]) =>
  async (): Promise<void> => {
    const scene = new SourcesScene(options);
    try {
      await run(scene);
    } finally {
      scene.end();
    }
  };

export const presentIn = (source: Source): Extract<Source, { readonly state: 'Present' }> => {
  if (source.state !== 'Present') throw new Error(`it is ${JSON.stringify(source)}, not Present`);
  return source;
};
