/** An API server that forgets or dies. A cluster of its own, since it is broken on purpose. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestContent } from '../../src/domain/digest.ts';
import { throwawayCluster, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { eventually } from '../support/wait.ts';

/** It breaks what it runs on, so that can't be the user's own cluster. */
const skip = process.env['CLUSTER'] === 'current';

describe('an API server that fails', { skip }, () => {
  let cluster: Cluster;
  let stage: Stage;
  let operator: RunningOperator;

  before(async () => {
    cluster = await throwawayCluster({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'server');
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy();
    operator = await startOperator({ cluster, namespaces: [stage.namespace], args: ['--watch-idle-timeout=5'] });
    await stage.adopted();
  });
  after(async () => {
    await operator.kill();
    await stage.api.close();
    await cluster.stop();
  });

  const restarts = async (): Promise<number> => Number((await stage.restartAnnotation())?.split('.')[1] ?? 0);

  /** The operator is the same process, well, and has acted on `value` by so many restarts in all. */
  const converged = async (value: string, count: number): Promise<void> => {
    await eventually(
      async () => (await stage.record()).sources[0]?.keys['flag'] === digestContent(value) || undefined,
      {
        what: `the content ${value} to be applied`,
        timeoutMs: 60_000,
      },
    );
    assert.equal(await restarts(), count);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await eventually(async () => (await operator.readyz()) || undefined, { what: 'the operator to be ready' });
    assert.equal(operator.running(), true);
    assert.equal(await operator.livez(), true);
  };

  it('by compaction of what watches stand on is listed anew, and nothing is done for that', async () => {
    await stage.edit({ flag: 'b' });
    await converged('b', 1);
    await cluster.compact();
    await stage.edit({ flag: 'c' });
    await converged('c', 2);
  });

  it('by dying is waited for: what changed before and after is acted on once each', async () => {
    await stage.edit({ flag: 'd' });
    await cluster.killApiServer();
    await sleep(3_000);
    assert.equal(await operator.livez(), true);
    assert.equal(operator.running(), true);
    await cluster.startApiServer();
    await converged('d', 3);
    await stage.edit({ flag: 'e' });
    await converged('e', 4);
  });

  it('by dying right after a restart does not make the operator repeat it', async () => {
    await stage.edit({ flag: 'f' });
    await eventually(async () => (await restarts()) === 5 || undefined, { what: 'the restart', intervalMs: 2 });
    await cluster.killApiServer();
    await cluster.startApiServer();
    await converged('f', 5);
  });
});
