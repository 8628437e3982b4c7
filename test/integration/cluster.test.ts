import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findCluster, openCluster, startCluster, stopCluster, throwawayCluster } from '../cluster/cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { childrenOf, isAlive, refTo } from '../cluster/processes.ts';
import { kubectlFor } from '../support/kubectl.ts';
import type { Kubectl } from '../support/kubectl.ts';
import { startOwnedCluster, untilNothingIsLeft } from '../support/owned-cluster.ts';
import { eventually } from '../support/wait.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

/** They kill what they run on, so it can't be the user's own cluster. */
const skip = process.env['CLUSTER'] === 'current';

describe('a control plane', { skip }, () => {
  let cluster: Cluster;
  let kubectl: Kubectl;

  before(async () => {
    cluster = await throwawayCluster({ node: false });
    kubectl = kubectlFor(cluster);
  });
  after(() => cluster.stop());

  it('runs the controllers', async () => {
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'none' }] } };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template };
    await kubectl.apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec });
    await kubectl.run(['rollout', 'status', 'deployment/web', '--timeout=30s']);
    assert.match(await kubectl.run(['get', 'replicasets', '-o', 'name']), /^replicaset\.apps\/web-/);
  });

  it('answers with 410 for what was before a compaction', async () => {
    const list = JSON.parse(await kubectl.run(['get', '--raw', CONFIG_MAPS])) as {
      metadata: { resourceVersion: string };
    };
    const before = list.metadata.resourceVersion;
    await kubectl.run(['create', 'configmap', 'newer']);
    await cluster.compact();
    const watch = `${CONFIG_MAPS}?watch=1&resourceVersion=${before}&timeoutSeconds=5`;
    const event = JSON.parse(await kubectl.run(['get', '--raw', watch])) as { type: string; object: { code: number } };
    assert.deepEqual([event.type, event.object.code], ['ERROR', 410]);
    await assert.rejects(
      kubectl.run(['get', '--raw', `${CONFIG_MAPS}?resourceVersion=${before}&resourceVersionMatch=Exact`]),
      /too old|compacted|expired/i,
    );
  });

  it('loses the API server and gets it back at the same address', async () => {
    await cluster.killApiServer();
    await assert.rejects(kubectl.run(['get', 'namespaces', '--request-timeout=2s']), /refused/);
    await cluster.startApiServer();
    assert.equal(await kubectl.run(['get', '--raw', '/readyz']), 'ok');
    await assert.rejects(cluster.startApiServer(), /already running/);
  });

  it('serves another process that only knows its name', async () => {
    const again = await openCluster(cluster.name);
    assert.equal(again.server, cluster.server);
    await assert.rejects(startCluster({ name: cluster.name, node: false }), /already up/);
  });

  it('says in one sentence that there is no cluster of a name', async () => {
    await assert.rejects(openCluster('no-such-cluster'), /there is no running cluster no-such-cluster: start it with/);
  });
});

describe('the end of a control plane', { skip }, () => {
  it('is complete after stop', async () => {
    const { owner, places, state, processes } = await startOwnedCluster({ node: false });
    assert.equal(await stopCluster(places.name), true);
    await untilNothingIsLeft(places, state);
    assert.deepEqual(processes.filter(isAlive), []);
    assert.equal(await stopCluster(places.name), false);
    owner.kill('SIGKILL');
  });

  it('is complete after its owner was killed', async () => {
    const { owner, places, state, processes } = await startOwnedCluster({ node: false });
    owner.kill('SIGKILL');
    await untilNothingIsLeft(places, state);
    assert.deepEqual(processes.filter(isAlive), []);
  });

  it('is complete when its supervisor was killed and a new one of that name has been started and stopped', async () => {
    const { owner, places, state, processes } = await startOwnedCluster({ node: false });
    process.kill(state.supervisor.pid, 'SIGKILL');
    await eventually(() => !processes.some(isAlive), { what: 'the kernel to end what the supervisor owned' });
    assert.equal(findCluster(places.name), undefined);
    const lines: string[] = [];
    const next = await startCluster({
      name: places.name,
      node: false,
      ownerPid: process.pid,
      log: (line) => lines.push(line),
    });
    assert.ok(lines.some((line) => line.includes('had left')));
    await next.stop();
    await untilNothingIsLeft(places, state);
    owner.kill('SIGKILL');
  });

  it('is announced loudly when a part of it dies', async () => {
    const lines: string[] = [];
    const cluster = await throwawayCluster({ node: false, log: (line) => lines.push(line) });
    try {
      const supervisor = findCluster(cluster.name)?.supervisor;
      assert.ok(supervisor);
      const scheduler = childrenOf(supervisor.pid).at(-1);
      assert.ok(scheduler);
      const ref = refTo(scheduler);
      process.kill(ref.pid, 'SIGKILL');
      await eventually(() => lines.some((line) => /is broken: kube-.* ended by SIGKILL/.test(line)), {
        what: 'the news that a part died',
      });
      await assert.rejects(openCluster(cluster.name), /is broken: kube-.* ended by SIGKILL; the end of .*\.log/);
    } finally {
      await cluster.stop();
    }
  });
});
