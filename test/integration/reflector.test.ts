import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, it } from 'node:test';
import type { KubeClient } from '../../src/kube/connect.ts';
import { listWatch, type KubeObject } from '../../src/kube/listwatch.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../../src/runtime/reflector.ts';
import { createStore, type FedStore } from '../../src/runtime/store.ts';
import { throwawayCluster, type Cluster } from '../cluster/cluster.ts';
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { adminClient } from '../support/kube-client.ts';
import { createRecordingLog, type RecordingLog } from '../support/recording-log.ts';
import { eventually } from '../support/wait.ts';

const NAMESPACE = 'reflector-tests';
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

interface Kept {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly step: string | undefined;
}

interface Watched {
  readonly reflector: Reflector;
  readonly store: FedStore<KubeObject, Kept>;
  readonly log: RecordingLog;
  readonly lists: number[];
  readonly keys: () => readonly string[];
  readonly stop: () => Promise<void>;
}

/** Watches the test namespace with the real client, through the proxy, into a real store. */
function watchConfigMaps(client: KubeClient, options: Partial<ReflectorOptions<KubeObject>> = {}): Watched {
  const log = createRecordingLog();
  const lists: number[] = [];
  const store = createStore<KubeObject, Kept>({
    keyOf: ({ metadata }) => metadata.name,
    keyOfValue: ({ name }) => name,
    resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
    trim: ({ metadata: { name, uid, resourceVersion, labels } }) => ({
      name,
      uid,
      resourceVersion,
      step: labels?.['step'],
    }),
    log,
  });
  const reflector = createReflector<KubeObject>({
    name: 'configmaps',
    source: listWatch(client, { path: CONFIG_MAPS, metadataOnly: true }),
    sink: store,
    clock: systemClock,
    random: Math.random,
    log,
    backoff: { minMs: 20, maxMs: 200 },
    onList: (items) => lists.push(items),
    ...options,
  });
  const controller = new AbortController();
  const running = reflector.run(controller.signal);
  return {
    reflector,
    store,
    log,
    lists,
    keys: () => [...store.keys()].filter((key) => key !== 'kube-root-ca.crt').sort(),
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

/** They kill what they run on, so it can't be the user's own cluster, nor one that others share. */
const skip = process.env['CLUSTER'] === 'current';

describe('reflector on a real API server', { skip }, () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  /** Straight to the API server. */
  let direct: KubeClient;
  /** Through the proxy. */
  let client: KubeClient;
  let stops: (() => Promise<void>)[] = [];

  const watching = (options: Partial<ReflectorOptions<KubeObject>> = {}): Watched => {
    const watched = watchConfigMaps(client, options);
    stops.push(watched.stop);
    return watched;
  };
  const create = (name: string, labels: Record<string, string> = {}): Promise<unknown> =>
    direct.request({
      method: 'POST',
      path: CONFIG_MAPS,
      body: { metadata: { name, labels }, data: { key: 'x'.repeat(1000) } },
    });
  const remove = (name: string): Promise<unknown> =>
    direct.request({ method: 'DELETE', path: `${CONFIG_MAPS}/${name}` });
  const label = (name: string, step: string): Promise<KubeObject> =>
    direct.request<KubeObject>({
      method: 'PATCH',
      path: `${CONFIG_MAPS}/${name}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { step } } },
    });

  before(async () => {
    cluster = await throwawayCluster({ node: false });
  });
  after(() => cluster.stop());

  beforeEach(async () => {
    proxy = await createFaultProxy({ target: cluster.server });
    direct = adminClient(cluster);
    client = adminClient(cluster, { through: proxy.url });
    await direct
      .request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: NAMESPACE } } })
      .catch((error: unknown) => {
        if (!String(error).includes('already exists')) throw error;
      });
    await direct.request({ method: 'DELETE', path: CONFIG_MAPS });
  });
  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()));
    stops = [];
    await Promise.all([client.close(), direct.close()]);
    await proxy.stop();
  });

  it('lists in pages, keeps only metadata, and follows', async () => {
    for (let i = 0; i < 25; i++) await create(`cm-${String(i).padStart(2, '0')}`);
    const { store, keys, lists, reflector } = watching({ pageSize: 10 });
    await reflector.synced;
    assert.equal(keys().length, 25);
    assert.equal(lists.length, 1);
    await create('later');
    await remove('cm-00');
    await label('cm-01', 'two');
    await eventually(() => store.get('cm-01')?.step === 'two', { what: 'the changes' });
    assert.deepEqual([keys().includes('later'), keys().includes('cm-00')], [true, false]);
    assert.ok(proxy.accepted <= 3, `${proxy.accepted} connections`);
  });

  it('resumes by version when sockets are cut: nothing is lost, nothing listed again', async () => {
    const { store, keys, lists, reflector } = watching();
    await reflector.synced;
    await create('a');
    await eventually(() => keys().includes('a'), { what: 'the first object' });
    for (let round = 0; round < 5; round++) {
      proxy.refuse();
      proxy.cutAll();
      await label('a', `round-${round}`);
      await create(`b-${round}`);
      proxy.resume();
      await eventually(() => store.get('a')?.step === `round-${round}` && keys().includes(`b-${round}`), {
        what: `round ${round}`,
      });
    }
    await remove('a');
    await eventually(() => !keys().includes('a'), { what: 'the deletion' });
    assert.equal(lists.length, 1);
  });

  it('notices a connection that has gone silent, and resumes on another', async () => {
    const { store, keys, lists, reflector } = watching({ idleMs: 1500 });
    await reflector.synced;
    await create('a');
    await eventually(() => keys().includes('a'), { what: 'the first object' });
    proxy.freeze();
    await create('b');
    await remove('b');
    // The last: a watch tells of changes in their order.
    await label('a', 'unseen');
    proxy.resume();
    await eventually(() => store.get('a')?.step === 'unseen', {
      what: 'the change behind the silence',
      timeoutMs: 30_000,
    });
    assert.deepEqual([keys(), lists.length], [['a'], 1]);
  });

  it('lists again when its version has been compacted away, and sees what was deleted meanwhile', async () => {
    await create('stays');
    await create('goes');
    await create('replaced');
    const { keys, store, lists, reflector, log } = watching();
    await reflector.synced;
    const uid = store.get('replaced')?.uid;
    proxy.refuse();
    proxy.cutAll();
    await remove('goes');
    await remove('replaced');
    await create('replaced');
    await create('comes');
    await cluster.compact();
    proxy.resume();
    await eventually(() => keys().join() === 'comes,replaced,stays', { what: 'the world after the compaction' });
    assert.notEqual(store.get('replaced')?.uid, uid);
    assert.ok(lists.length >= 2);
    assert.ok(log.lines.some(({ message }) => message === 'version expired, will list again'));
  });

  it('begins a list anew when its continue token has been compacted away', async () => {
    for (let i = 0; i < 6; i++) await create(`cm-${i}`);
    const source = listWatch<KubeObject>(client, { path: CONFIG_MAPS, metadataOnly: true });
    let pages = 0;
    const { keys, reflector } = watching({
      pageSize: 2,
      source: {
        ...source,
        list: async (options, signal) => {
          pages += 1;
          if (pages === 2) {
            await remove('cm-0');
            await cluster.compact();
          }
          return source.list(options, signal);
        },
      },
    });
    await reflector.synced;
    assert.deepEqual(keys(), ['cm-1', 'cm-2', 'cm-3', 'cm-4', 'cm-5']);
  });

  it('outlives the API server', async () => {
    await create('a');
    const { keys, store, lists, reflector } = watching();
    await reflector.synced;
    await cluster.killApiServer();
    await eventually(() => reflector.status().error !== undefined, { what: 'the failure to be known' });
    assert.deepEqual(keys(), ['a']);
    await cluster.startApiServer();
    await label('a', 'after');
    await eventually(() => store.get('a')?.step === 'after', { what: 'the change after the return' });
    assert.equal(reflector.status().error, undefined);
    assert.ok(lists.length <= 2);
  });

  it('says what it cannot have, and goes on trying', async () => {
    const { reflector } = watching({ source: listWatch(client, { path: '/apis/nowhere.test/v1/things' }) });
    const refused = (): boolean =>
      reflector.status().error?.message.includes('is the CustomResourceDefinition installed') === true;
    await eventually(refused, { what: 'the refusal' });
    assert.equal(reflector.status().synced, false);
  });

  it('ends at once when it is aborted, watching or waiting', async () => {
    const { reflector, stop } = watching();
    await reflector.synced;
    await atOnce(stop);
    proxy.refuse();
    proxy.cutAll();
    const waiting = watching({ backoff: { minMs: 60_000, maxMs: 60_000 } });
    await eventually(() => waiting.reflector.status().error !== undefined, { what: 'the failure' });
    await atOnce(waiting.stop);
  });
});

/** Far sooner than a watch goes silent or a backoff ends. */
const atOnce = async (stop: () => Promise<void>): Promise<void> => {
  const startedAt = performance.now();
  await stop();
  const took = performance.now() - startedAt;
  assert.ok(took < 10_000, `took ${took} ms`);
};
