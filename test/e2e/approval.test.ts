/** A change that waits for a person: what goes out meanwhile, and what an approval lets through. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installOperator } from '../support/install.ts';
import { runPlugin, type Ended } from '../support/plugin.ts';
import { stagedTests, type Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

describe('a restart that waits for approval', { concurrency: 2 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  const staged = stagedTests('approval', () => cluster);

  const reload = (stage: Stage, ...args: readonly string[]): Promise<Ended> =>
    runPlugin([...args, '-n', stage.namespace], { cluster });

  /** The content that waits, when it is another than before. */
  const waiting = (stage: Stage, before?: string): Promise<string> =>
    eventually(
      async () => {
        const { held } = await stage.record();
        assert.equal(held?.reason, 'ApprovalPending');
        return held.digest === before ? undefined : held.digest;
      },
      { what: 'a change to wait for approval', intervalMs: 100 },
    );

  staged('is one rollout with the approved content; hot keys go out meanwhile', async (stage) => {
    await stage.configMap({ flag: 'one', 'app.yaml': 'one' });
    await stage.start({ replicas: 2, flags: ['flag'] });
    await stage.policy({ rules: [{ keys: ['*.yaml'], class: 'Hot' }], restart: { approval: 'Manual' } });
    await stage.adopted();
    const before = await stage.incarnations();

    await stage.edit({ flag: 'two', 'app.yaml': 'two' });
    await untilPasses(async () => assert.deepEqual(await stage.filesIn('app.yaml'), ['two', 'two']), {
      what: 'the hot key in every pod',
      timeoutMs: 15_000,
    });
    const first = await waiting(stage);
    await stage.edit({ flag: 'three' });
    const second = await waiting(stage, first);
    assert.deepEqual(await stage.incarnations(), before, 'no pod was replaced');
    assert.deepEqual(await stage.argumentsIn(), ['--flag=one', '--flag=one']);

    assert.equal((await reload(stage, 'approve', 'deploy/web', '--digest', first)).code, 1);
    const { code, stdout } = await reload(stage, 'approve', 'app');
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`^Deployment/web: approving content ${second}: ConfigMap/app:flag$`, 'm'));
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=three', '--flag=three']);
    assert.equal(await stage.restartAnnotation(), `v1.1.${second}`);
    assert.equal((await stage.replicaSets()).length, 2, 'one rollout');
  });

  staged('waits again after a restart for the next change, and now lets that through', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy({ restart: { approval: 'Manual' } });
    await stage.adopted();
    await stage.edit({ flag: 'two' });
    const first = await waiting(stage);
    assert.equal((await reload(stage, 'approve', 'deploy/web')).code, 0);
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();

    await stage.edit({ flag: 'three' });
    const second = await waiting(stage, first);
    assert.deepEqual(await stage.argumentsIn(), ['--flag=two']);
    const { code, stdout } = await reload(stage, 'now', 'deploy/web');
    assert.equal(code, 0, stdout);
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=three']);
    assert.equal(await stage.restartAnnotation(), `v1.2.${second}`);
    assert.equal((await stage.replicaSets()).length, 3, 'one rollout each');
  });

  staged('that failed is tried once more when somebody asks for it', async (stage) => {
    const refuses =
      'case "$1" in --flag=bad) echo "no such flag" > /dev/termination-log; exit 1;; esac; exec sleep 3600';
    await stage.configMap({ flag: 'one' });
    await stage.start({
      flags: ['flag'],
      container: { command: ['sh', '-c', refuses, 'app', '--flag=$(FLAG)'] },
      // One that ends at once must not count as available before.
      spec: { minReadySeconds: 3 },
    });
    await stage.policy();
    await stage.adopted();
    const before = await stage.incarnations();
    await stage.edit({ flag: 'bad' });
    const message = await stage.until('RolledOut', 'False', { reason: 'CrashLoopBackOff' });
    assert.match(message, /no such flag/);
    const failed = (await stage.restartAnnotation()) ?? '';
    assert.match(failed, /^v1\.1\./);

    const { code, stdout } = await reload(stage, 'retry', 'deploy/web');
    assert.equal(code, 0, stdout);
    await untilPasses(async () => assert.equal(await stage.restartAnnotation(), failed.replace('v1.1.', 'v1.2.')), {
      what: 'the second restart',
    });
    await stage.until('RolledOut', 'False', { reason: 'CrashLoopBackOff' });
    const old = before.map((each) => each.split(' ')[0]);
    assert.ok(
      (await stage.pods()).some(({ metadata }) => old.includes(metadata.uid)),
      'the first pod still runs',
    );

    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.3\./, 'nothing was tried but once');
  });
});
