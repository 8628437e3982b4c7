/** A network that fails between the operator and a real API server: cut, silent, refusing, slow. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestContent } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { createInterferingProxy, type InterferingProxy } from '../support/interfering-proxy.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { eventually } from '../support/wait.ts';

describe('an operator behind a bad network', () => {
  let cluster: Cluster;
  let proxy: FaultProxy;
  let stage: Stage;
  let operator: RunningOperator;
  let changes = 0;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'network');
    proxy = await createFaultProxy({ target: cluster.server });
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy();
    operator = await startOperator({
      cluster,
      namespaces: [stage.namespace],
      through: proxy.url,
      args: ['--watch-idle-timeout=5'],
    });
    await stage.adopted();
  });
  after(async () => {
    await operator.kill();
    await proxy.stop();
    await stage.end();
    await cluster.stop();
  });

  /** Changes the flag, and gives its new value. */
  const change = async (): Promise<string> => {
    changes += 1;
    await stage.edit({ flag: `v${changes}` });
    return `v${changes}`;
  };

  /** The operator is the same process, well, and has acted on `value` by `restarts` restarts in all. */
  const converged = async (value: string, restarts: number): Promise<void> => {
    await eventually(
      async () => (await stage.record()).sources[0]?.keys['flag'] === digestContent(value) || undefined,
      {
        what: `the content ${value} to be applied`,
        timeoutMs: 60_000,
      },
    );
    assert.equal((await stage.restartAnnotation())?.split('.')[1], String(restarts));
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await eventually(async () => (await operator.readyz()) || undefined, { what: 'the operator to be ready' });
    assert.equal(operator.running(), true);
    assert.equal(await operator.livez(), true);
  };

  const restartsSoFar = async (): Promise<number> => Number((await stage.restartAnnotation())?.split('.')[1] ?? 0);

  it('works through it while it is well', async () => {
    await converged(await change(), 1);
  });

  it('goes on when every connection is cut', async () => {
    const n = await restartsSoFar();
    proxy.cutAll();
    await converged(await change(), n + 1);
  });

  it('loses nothing when connections are cut at every moment of a change', async () => {
    const n = await restartsSoFar();
    const value = await change();
    for (let cut = 0; cut < 15; cut++) {
      await sleep(70);
      proxy.cutAll();
    }
    await converged(value, n + 1);
  });

  it('goes on when new connections were refused for a while', async () => {
    const n = await restartsSoFar();
    proxy.refuse();
    proxy.cutAll();
    const value = await change();
    await sleep(3_000);
    assert.equal(await operator.livez(), true);
    proxy.resume();
    await converged(value, n + 1);
  });

  it('finds out that the connections are silent, and makes new ones', async () => {
    const n = await restartsSoFar();
    proxy.freeze();
    const value = await change();
    await sleep(1_000);
    proxy.resume();
    await converged(value, n + 1);
  });

  it('finds out about silence in the middle of a restart, and does not repeat it', async () => {
    const n = await restartsSoFar();
    const value = await change();
    await eventually(async () => (await restartsSoFar()) === n + 1 || undefined, {
      what: 'the restart',
      intervalMs: 2,
    });
    proxy.freeze();
    await sleep(500);
    proxy.resume();
    await converged(value, n + 1);
  });

  it('works over a slow connection', async () => {
    const n = await restartsSoFar();
    proxy.delay(300);
    try {
      await converged(await change(), n + 1);
    } finally {
      proxy.delay(0);
    }
  });
});

describe('an operator whose questions get no answer', () => {
  let cluster: Cluster;
  let proxy: InterferingProxy;
  let stage: Stage;
  let operator: RunningOperator;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'unanswered');
    proxy = await createInterferingProxy(cluster);
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 1, flags: ['flag'], mounted: false });
    await stage.policy();
    operator = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
    await stage.adopted();
  });
  after(async () => {
    await operator.kill();
    await proxy.stop();
    await stage.end();
    await cluster.stop();
  });

  it('is held up by one about pods no longer than by any other', async () => {
    const trap = proxy.trap(({ method, path }) => method === 'GET' && path.endsWith('/pods'), { type: 'Silence' });
    // There is no node: the rollout goes on and on, and its pods are looked at.
    await stage.edit({ flag: 'b' });
    const { at } = await trap.caught;
    await stage.edit({ flag: 'c' });
    await eventually(async () => (await stage.restartAnnotation())?.startsWith('v1.2.') === true || undefined, {
      what: 'the second restart',
      timeoutMs: 90_000,
    });
    const ms = Date.now() - at;
    assert.ok(ms < 30_000, `the second restart came ${ms} ms after a look at pods that got no answer`);
  });
});
