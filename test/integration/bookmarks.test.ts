import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeClient } from '../../src/kube/connect.ts';
import { listWatch, type KubeObject } from '../../src/kube/listwatch.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createReflector } from '../../src/runtime/reflector.ts';
import { createStore } from '../../src/runtime/store.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { adminClient } from '../support/kube-client.ts';
import { createRecordingLog } from '../support/recording-log.ts';
import { eventually } from '../support/wait.ts';

/** Quiet, so that only bookmarks can move the version of its watch. */
const QUIET = '/api/v1/namespaces/kube-public/configmaps';
const BUSY = '/api/v1/namespaces/default/configmaps';

describe('bookmarks of a real API server', () => {
  let cluster: Cluster;
  let client: KubeClient;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    client = adminClient(cluster);
  });
  after(async () => {
    await client.close();
    await cluster.stop();
  });

  // The API server sends one about every minute, and none before it has seen an event of the resource.
  it('move a watch on past changes that are not its own', { timeout: 200_000 }, async () => {
    const source = listWatch<KubeObject>(client, { path: QUIET, metadataOnly: true, idleMs: 300_000 });
    const bookmarks: string[] = [];
    const log = createRecordingLog();
    const reflector = createReflector<KubeObject>({
      name: 'quiet',
      source: {
        ...source,
        watch: async function* (options, signal) {
          for await (const event of source.watch(options, signal)) {
            if (event.type === 'BOOKMARK') bookmarks.push(event.resourceVersion);
            yield event;
          }
        },
      },
      sink: createStore<KubeObject, { name: string; resourceVersion: string }>({
        keyOf: ({ metadata }) => metadata.name,
        keyOfValue: ({ name }) => name,
        resourceVersionOf: ({ metadata }) => metadata.resourceVersion,
        trim: ({ metadata: { name, resourceVersion } }) => ({ name, resourceVersion }),
        log,
      }),
      clock: systemClock,
      random: Math.random,
      log,
      idleMs: 300_000,
    });
    const controller = new AbortController();
    const running = reflector.run(controller.signal);
    await reflector.synced;
    const { metadata } = await client.request<KubeObject>({
      method: 'POST',
      path: BUSY,
      body: { metadata: { generateName: 'elsewhere-' } },
    });
    const passed = (): boolean => bookmarks.some((version) => BigInt(version) >= BigInt(metadata.resourceVersion));
    await eventually(passed, { what: 'a bookmark past the change', timeoutMs: 180_000, intervalMs: 500 });
    controller.abort();
    await running;
    assert.ok((reflector.status().aliveAt ?? 0) > 0);
    await client.request({ method: 'DELETE', path: `${BUSY}/${metadata.name}` });
  });
});
