/** A restart that somebody takes back, on a real API server. Nothing runs: a rollout with replicas never ends. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

/** Pods of a rollout are looked at from five seconds on. */
const LATER_MS = 7_000;

describe('a restart that is taken back while its rollout is under way, on an API server', () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  let stage: Stage;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'taken-back');
    operator = await startOperator({ cluster, namespaces: [stage.namespace] });
  });
  after(async () => {
    await operator.stop();
    await stage.end();
    await cluster.stop();
  });

  it('keeps the operator from nothing', async () => {
    await stage.configMap({ flag: 'one' });
    await stage.create({ flags: ['flag'] });
    await stage.policy({ restart: { debounce: '0s' } });
    await stage.adopted();
    await stage.edit({ flag: 'two' });
    await untilPasses(async () => assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./), {
      what: 'the restart',
    });
    const issued = performance.now();

    await stage.kubectl.run(['-n', stage.namespace, 'rollout', 'undo', 'deployment/web']);
    assert.equal(await stage.restartAnnotation(), undefined);

    await untilPasses(
      async () => {
        assert.match(await operator.metrics(), /^reload_/m);
        assert.ok(performance.now() > issued + LATER_MS);
      },
      { what: 'the time at which it would look at pods', intervalMs: 500 },
    );
    await stage.edit({ flag: 'three' });
    await untilPasses(async () => assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./), {
      what: 'the next restart',
    });
  });
});
