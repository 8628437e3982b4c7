/** The content of bound sources: when it is read, and what a failure or a late watch means. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SourceObject, SourceVersion, StoredPolicy } from '../../../src/controller/ports.ts';
import { createSources, type Sources } from '../../../src/controller/sources.ts';
import type { Source } from '../../../src/domain/observed.ts';
import type { Sink } from '../../../src/runtime/reflector.ts';
import { createWorkQueue } from '../../../src/runtime/workqueue.ts';
import { aPolicy, digestsOf, type Content } from '../../support/builders.ts';
import { createFakeClock, settled, type FakeClock } from '../../support/fake-clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const KEY = 'ConfigMap/shop/app';
const ID = 'ConfigMap/app';

/** The API server, the watch of metadata, and the sources between them. */
class Scene {
  readonly clock: FakeClock = createFakeClock();
  readonly sources: Sources;
  readonly watch: Sink<SourceVersion>;
  readonly changes: string[] = [];
  reads = 0;
  failure: Error | undefined;
  #object: SourceObject | undefined;
  #version = 0;
  readonly #ended = new AbortController();

  constructor() {
    const log = createRecordingLog();
    const queue = createWorkQueue({ name: 'sources', clock: this.clock, random: () => 0.5, log });
    this.sources = createSources({
      reader: {
        get: () => {
          this.reads += 1;
          return this.failure === undefined ? Promise.resolve(this.#object) : Promise.reject(this.failure);
        },
        find: () => Promise.resolve([]),
      },
      watcher: { watch: () => () => undefined },
      inspector: { inspect: () => Promise.resolve({ problems: new Map() }), close: () => Promise.resolve() },
      secretsNamespaces: [],
      queue,
      clock: this.clock,
      log,
      isUsed: () => false,
      onChange: (_namespace, id) => this.changes.push(id),
      onFound: () => undefined,
      onSelection: () => undefined,
    });
    this.watch = this.sources.part({ kind: 'ConfigMap' });
    void queue.run((key, signal) => this.sources.read(key, signal), { concurrency: 1 }, this.#ended.signal);
  }

  /** Stores an object without the watch telling of it. */
  store(content: Content | undefined, more: Partial<SourceObject> = {}): this {
    this.#version += 1;
    this.#object =
      content === undefined
        ? undefined
        : {
            uid: 'u',
            resourceVersion: String(this.#version),
            immutable: false,
            ignored: false,
            content: new Map(Object.entries(content)),
            schemasAllowed: false,
            ...more,
          };
    return this;
  }

  /** The watch tells of what is stored. */
  async show(): Promise<this> {
    const version = { key: KEY, resourceVersion: String(this.#version), uid: 'u' };
    if (this.#object === undefined) this.watch.remove(version);
    else this.watch.upsert(version);
    return this.look();
  }

  async look(): Promise<this> {
    await settled();
    await settled();
    return this;
  }

  bind(): Promise<this> {
    const policy: StoredPolicy = { ...aPolicy(), resourceVersion: '1', status: {} };
    this.sources.bind(undefined, policy);
    return this.look();
  }

  get(): Source {
    return this.sources.get('shop', ID);
  }

  end(): void {
    this.#ended.abort();
  }
}

const inScene = (run: (scene: Scene) => Promise<void>) => async (): Promise<void> => {
  const scene = new Scene();
  try {
    await run(scene);
  } finally {
    scene.end();
  }
};

const present = (source: Source): Extract<Source, { readonly state: 'Present' }> => {
  assert.equal(source.state, 'Present');
  return source;
};

describe('a source', () => {
  it(
    'is not read before a policy names it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).show();
      assert.deepEqual([scene.reads, scene.get()], [0, { state: 'Unknown' }]);
      await scene.bind();
      assert.equal(scene.reads, 1);
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'a' }));
      assert.deepEqual(scene.changes, [ID]);
    }),
  );

  it(
    'is found, not seen to change, at first sight; then its changes are dated by the watch',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }, { changedBefore: 5 }).bind();
      assert.deepEqual([present(scene.get()).changedAt, present(scene.get()).seenToChange], [5, false]);
      await scene.show();
      await scene.clock.advance(1_000);
      await scene.store({ flag: 'b' }).show();
      assert.deepEqual([present(scene.get()).changedAt, present(scene.get()).seenToChange], [scene.clock.now(), true]);
      assert.equal(scene.changes.length, 2);
    }),
  );

  it(
    'is no other when only its version moves',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      const before = scene.get();
      await scene.clock.advance(1_000);
      await scene.store({ flag: 'a' }).show();
      assert.equal(scene.reads, 2);
      assert.equal(present(scene.get()).keys, present(before).keys);
      assert.equal(present(scene.get()).changedAt, present(before).changedAt);
      assert.equal(scene.changes.length, 1);
    }),
  );

  it(
    'keeps what was known of it when a read fails, and says that it did',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      scene.failure = new Error('away');
      await scene.store({ flag: 'b' }).show();
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'a' }));
      assert.equal(present(scene.get()).unreadable, 'away');
      scene.failure = undefined;
      await scene.clock.advance(10_000);
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'b' }));
      assert.equal(present(scene.get()).unreadable, undefined);
    }),
  );

  it(
    'is unknown, not missing, when its first read fails',
    inScene(async (scene) => {
      scene.failure = new Error('forbidden');
      await scene.store({ flag: 'a' }).bind();
      assert.deepEqual(scene.get(), { state: 'Unknown', message: 'forbidden' });
      scene.failure = undefined;
      await scene.clock.advance(10_000);
      assert.equal(present(scene.get()).seenToChange, false);
    }),
  );

  it(
    'is missing when the server says so, and its coming back is a change',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      await scene.show();
      await scene.store(undefined).show();
      assert.deepEqual(scene.get(), { state: 'Missing' });
      await scene.store({ flag: 'a' }).show();
      assert.equal(present(scene.get()).seenToChange, true);
    }),
  );

  it(
    'is missing when it went though the watch had never shown it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      await scene.store(undefined).show();
      assert.deepEqual(scene.get(), { state: 'Missing' });
    }),
  );

  it(
    'is found missing by a new list',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      await scene.show();
      scene.store(undefined);
      scene.watch.listing();
      scene.watch.listed();
      await scene.look();
      assert.deepEqual(scene.get(), { state: 'Missing' });
    }),
  );

  it(
    'that is read ahead of its own watch waits for it: no kubelet is to be overtaken',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      await scene.show();
      // The watch tells of b, but the read already gives c.
      scene.store({ flag: 'b' });
      const shown = { key: KEY, resourceVersion: '2', uid: 'u' };
      scene.store({ flag: 'c' });
      scene.watch.upsert(shown);
      await scene.look();
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'a' }));
      const { reads } = scene;
      await scene.show();
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'c' }));
      assert.equal(scene.reads, reads, 'what was read is not read again');
    }),
  );

  it(
    'that is read ahead of a watch that never comes is taken after a second',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      await scene.show();
      scene.store({ flag: 'b' }).store({ flag: 'c' });
      scene.watch.upsert({ key: KEY, resourceVersion: '2', uid: 'u' });
      await scene.look();
      await scene.clock.advance(1_100);
      assert.deepEqual(present(scene.get()).keys, digestsOf({ flag: 'c' }));
    }),
  );

  it(
    'is forgotten when no policy names it any more',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      const policy: StoredPolicy = { ...aPolicy(), resourceVersion: '1', status: {} };
      scene.sources.bind(policy, undefined);
      assert.deepEqual(scene.get(), { state: 'Unknown' });
      const { reads } = scene;
      await scene.store({ flag: 'b' }).show();
      assert.equal(scene.reads, reads);
    }),
  );

  it(
    'is kept as long as another policy names it',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }).bind();
      const other: StoredPolicy = { ...aPolicy({ name: 'other' }), resourceVersion: '1', status: {} };
      scene.sources.bind(undefined, other);
      scene.sources.bind(other, undefined);
      assert.equal(scene.get().state, 'Present');
    }),
  );

  it(
    'that is opted out has no content, and is met anew afterwards',
    inScene(async (scene) => {
      await scene.store({ flag: 'a' }, { ignored: true }).bind();
      assert.deepEqual(scene.get(), { state: 'Ignored' });
      await scene.store({ flag: 'b' }).show();
      assert.equal(present(scene.get()).seenToChange, false);
    }),
  );
});
