import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { connect, type KubeClient, type RequestInfo } from '../../src/kube/connect.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { adminClient } from '../support/kube-client.ts';
import { eventually } from '../support/wait.ts';

const CONFIG_MAPS = '/api/v1/namespaces/kube-system/configmaps';

describe('client on a real API server', () => {
  const dir = mkdtempSync(join(tmpdir(), 'connect-'));
  let cluster: Cluster;
  let proxy: FaultProxy;
  let client: KubeClient;
  let reports: RequestInfo[] = [];

  before(async () => {
    cluster = await clusterForTests({ node: false });
  });
  after(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true });
  });
  beforeEach(async () => {
    reports = [];
    proxy = await createFaultProxy({ target: cluster.server });
    client = adminClient(cluster, { through: proxy.url, onRequest: (report) => reports.push(report), maxInFlight: 4 });
  });
  afterEach(async () => {
    await client.close();
    await proxy.stop();
  });

  const version = (options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<unknown> =>
    client.request({ method: 'GET', path: '/version', ...options });

  it('sends and gets JSON', async () => {
    const path = `${CONFIG_MAPS}/connect-test`;
    await client.request({
      method: 'POST',
      path: CONFIG_MAPS,
      body: { metadata: { name: 'connect-test' }, data: { key: 'ünïcode ✓' } },
    });
    const patched = await client.request<{ data: unknown }>({
      method: 'PATCH',
      path,
      query: { fieldManager: 'test', force: undefined },
      contentType: 'application/merge-patch+json',
      body: { data: { more: '1' } },
    });
    assert.deepEqual(patched.data, { key: 'ünïcode ✓', more: '1' });
    await client.request({ method: 'DELETE', path });
    await assert.rejects(client.request({ method: 'GET', path }), {
      name: 'KubeError',
      code: 'KUBE_NOT_FOUND',
      status: 404,
    });
    assert.deepEqual(
      reports.map(({ method, resource, status }) => [method, resource, status]),
      [
        ['POST', 'configmaps', 201],
        ['PATCH', 'configmaps', 200],
        ['DELETE', 'configmaps', 200],
        ['GET', 'configmaps', 404],
      ],
    );
  });

  it('says which fields were refused', async () => {
    const body = { metadata: { name: 'Not A Name' } };
    await assert.rejects(
      client.request({ method: 'POST', path: CONFIG_MAPS, body }),
      (error: Error & { causes?: unknown[] }) => {
        assert.match(error.message, /^post \/api\/v1\/namespaces\/kube-system\/configmaps: .*metadata\.name/);
        assert.ok((error.causes?.length ?? 0) > 0);
        return true;
      },
    );
  });

  it('keeps its connections', async () => {
    for (let i = 0; i < 50; i++) await version();
    assert.ok(proxy.accepted <= 3, `${proxy.accepted} connections`);
  });

  it('has no more requests under way than allowed, watches not counted', async () => {
    proxy.delay(50);
    const controller = new AbortController();
    const opened: string[] = [];
    const watch = (name: string): void => {
      const stream = client.stream({
        path: CONFIG_MAPS,
        query: { watch: 'true' },
        signal: controller.signal,
        idleMs: 60_000,
        onOpen: () => opened.push(name),
      });
      void (async () => {
        for await (const _event of stream);
      })().catch(() => undefined);
    };
    for (let i = 0; i < 6; i++) watch(`watch ${i}`);
    await eventually(() => opened.length === 6, { what: 'six watches' });
    const others = proxy.connections;
    await Promise.all(Array.from({ length: 20 }, () => version()));
    assert.ok(proxy.connections - others <= 4 * 2, `${proxy.connections - others} connections`);
    controller.abort();
  });

  it('gives up a request on a connection that has gone silent, and asks on another', async () => {
    // Several connections are open by then; none of the silent ones may be used again.
    for (let i = 0; i < 10; i++) await client.request({ method: 'GET', path: CONFIG_MAPS });
    proxy.freeze();
    proxy.resume();
    await assert.rejects(client.request({ method: 'GET', path: CONFIG_MAPS, timeoutMs: 300 }), {
      code: 'KUBE_TIMEOUT',
    });
    for (let i = 0; i < 10; i++) await client.request({ method: 'GET', path: CONFIG_MAPS });
  });

  it('says that nothing answers', async () => {
    proxy.refuse();
    await assert.rejects(version(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'KUBE_UNREACHABLE');
      assert.match(error.message, /^get \/version: cannot reach https:\/\/127\.0\.0\.1:\d+: ./);
      return true;
    });
    proxy.resume();
    await version();
    assert.deepEqual(
      reports.map(({ status }) => status),
      [undefined, 200],
    );
  });

  it('rejects with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    proxy.delay(1000);
    const asking = version({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(asking, reason);
    await assert.rejects(version({ signal: controller.signal }), reason);
  });

  it('ends a stream that is cut with an error, and one that is left without any', async () => {
    const watch = (onOpen: () => void): AsyncIterable<unknown> =>
      client.stream({
        path: CONFIG_MAPS,
        query: { watch: 'true' },
        signal: new AbortController().signal,
        idleMs: 60_000,
        onOpen,
      });
    await assert.rejects(
      (async () => {
        for await (const _event of watch(() => setTimeout(proxy.cutAll, 50)));
      })(),
      { name: 'ConnectionError', code: 'KUBE_UNREACHABLE' },
    );
    for await (const _event of watch(() => undefined)) break;
    await eventually(() => proxy.connections === 0, { what: 'the connection of the stream that was left to close' });
  });

  it('reads a token file again when the token is refused', async () => {
    const tokenFile = join(dir, 'token');
    writeFileSync(tokenFile, 'not a token');
    const pod = tokenClient(tokenFile);
    const whoAmI = (): Promise<unknown> =>
      pod.request({ method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', body: {} });
    try {
      await assert.rejects(whoAmI(), { code: 'KUBE_UNAUTHORIZED' });
      writeFileSync(tokenFile, `${await eventually(serviceAccountToken, { what: 'a token' })}\n`);
      await whoAmI();
    } finally {
      await pod.close();
    }
  });

  it('names the user whose credentials cannot be read', async () => {
    const pod = tokenClient(join(dir, 'gone'));
    await assert.rejects(pod.request({ method: 'GET', path: '/version' }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'KUBE_CREDENTIALS');
      assert.match(error.message, /^get \/version: the credentials of user pod cannot be used: ENOENT.*gone/);
      return true;
    });
    await pod.close();
  });

  async function serviceAccountToken(): Promise<string> {
    const { status } = await client.request<{ status: { token: string } }>({
      method: 'POST',
      path: '/api/v1/namespaces/default/serviceaccounts/default/token',
      body: { spec: {} },
    });
    return status.token;
  }

  function tokenClient(tokenFile: string): KubeClient {
    const kubeConfig = loadKubeConfig({ kubeconfig: cluster.kubeconfig });
    const user = { name: 'pod', authProvider: { name: 'tokenFile', config: { tokenFile } } };
    const clusterOf = kubeConfig.getCurrentCluster();
    assert.ok(clusterOf);
    kubeConfig.loadFromClusterAndUser(clusterOf, user);
    return connect({ kubeConfig, userAgent: 'test', clock: createFakeClock() });
  }
});
