import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { digestContent } from '../../src/domain/digest.ts';
import { installed } from '../support/installed.ts';
import { settled } from '../support/sentinel.ts';
import { eventually, untilPasses } from '../support/wait.ts';

describe('keys that need a restart', { concurrency: 3 }, () => {
  const staged = installed('restart');

  staged('roll the pods once, and the new flag is in the arguments of each process', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ replicas: 2, flags: ['flag'] });
    await stage.policy();
    await stage.adopted();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=one', '--flag=one']);

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'True', { reason: 'Complete' });
    assert.match(message, /Deployment\/web: 2 of 2 pods available/);
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=two', '--flag=two']);
    assert.equal((await stage.replicaSets()).length, 2);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\.[0-9A-Za-z_-]{22}$/);
    const { last } = await stage.status();
    assert.deepEqual({ ...last, time: '' }, { action: 'Restart', outcome: 'Succeeded', pods: 2, time: '' });
    await untilPasses(
      async () => {
        const reasons = (await stage.ourEvents()).map(({ reason }) => reason).sort();
        assert.deepEqual(reasons, ['RestartIssued', 'RolloutSucceeded']);
      },
      { what: 'the two events' },
    );
  });

  staged('roll StatefulSets and DaemonSets too', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ kind: 'StatefulSet', name: 'db', replicas: 2, flags: ['flag'] });
    await stage.start({ kind: 'DaemonSet', name: 'agent', flags: ['flag'] });
    await stage.policy();
    await Promise.all([stage.adopted('db', 'StatefulSet'), stage.adopted('agent', 'DaemonSet')]);

    await stage.edit({ flag: 'two' });

    await untilPasses(
      async () => {
        const { history = [] } = await stage.status();
        assert.deepEqual(history.map(({ workload, outcome }) => `${workload} ${outcome}`).sort(), [
          'DaemonSet/agent Succeeded',
          'StatefulSet/db Succeeded',
        ]);
      },
      { what: 'both rollouts to succeed', timeoutMs: 90_000, intervalMs: 200 },
    );
    await Promise.all([stage.rolledOut('db', 'StatefulSet'), stage.rolledOut('agent', 'DaemonSet')]);
    assert.deepEqual(await stage.argumentsIn('db'), ['--flag=two', '--flag=two']);
    assert.deepEqual(await stage.argumentsIn('agent'), ['--flag=two']);
  });

  staged('do nothing when only labels, order or managed fields move', async (stage) => {
    await stage.configMap({ flag: 'one', other: 'x' });
    await stage.start({ flags: ['flag'] });
    await stage.policy();
    await stage.until('Ready', 'True');
    const before = await stage.versions();
    const path = stage.path('/api/v1', 'configmaps', 'app');

    await stage.patch(path, { metadata: { labels: { team: 'a' }, annotations: { note: 'b' } } });
    await stage.api.request({
      method: 'PUT',
      path,
      body: { metadata: { name: 'app' }, data: { other: 'x', flag: 'one' } },
    });
    // The same bytes, encoded.
    await stage.patch(path, { data: { other: null }, binaryData: { other: Buffer.from('x').toString('base64') } });
    await stage.kubectl.run(['-n', stage.namespace, 'apply', '--server-side', '--force-conflicts', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'app' }, data: { flag: 'one' } }),
    });

    await settled(stage);
    assert.deepEqual(await stage.versions(), before);
  });

  staged('do nothing when content comes back within the debounce', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy({ restart: { debounce: '20s' } });
    await stage.adopted();
    await stage.startedForCertain();
    const incarnations = await stage.incarnations();

    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'False', { reason: 'Debouncing' });
    await stage.edit({ flag: 'one' });

    await stage.until('RolledOut', 'True', { reason: 'NoChange' });
    await settled(stage, '20s');
    assert.equal(await stage.restartAnnotation(), undefined);
    assert.deepEqual(await stage.incarnations(), incarnations);
    assert.deepEqual(await stage.ourEvents(), []);
  });

  staged('restart when content comes back after a pod has started in between', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy({ restart: { debounce: '10m' } });
    await stage.adopted();

    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'False', { reason: 'Debouncing' });
    await stage.scale(2);
    await untilPasses(
      async () => assert.deepEqual([...(await stage.argumentsIn())].sort(), ['--flag=one', '--flag=two']),
      {
        what: 'a pod that runs on what is there in between',
        timeoutMs: 120_000,
        intervalMs: 200,
      },
    );
    await stage.edit({ flag: 'one' });

    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=one', '--flag=one']);
  });

  staged('of one change and of two policies are one rollout', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.configMap({ limit: 'one' }, 'other');
    await stage.start({ flags: ['flag'], container: { envFrom: [{ configMapRef: { name: 'other' } }] } });
    // Both edits are seen before the first is acted on.
    const restart = { debounce: '5s' };
    await stage.policy({ restart });
    await stage.policy(
      {
        sources: [
          { kind: 'ConfigMap', name: 'other' },
          { kind: 'ConfigMap', name: 'app' },
        ],
        restart,
      },
      'second',
    );
    await stage.until('Ready', 'True');
    await stage.until('Ready', 'True', { policy: 'second' });

    await Promise.all([stage.edit({ flag: 'two' }), stage.edit({ limit: 'two' }, 'other')]);

    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.until('RolledOut', 'True', { reason: 'Complete', policy: 'second' });
    await stage.rolledOut();
    await settled(stage, '5s');
    assert.equal((await stage.replicaSets()).length, 2);
    assert.deepEqual(await stage.argumentsIn(), ['--flag=two']);
    assert.deepEqual(await stage.environmentIn('limit'), ['limit=two']);
  });

  staged('do nothing when rules are edited, a policy is added, or a status is wiped', async (stage) => {
    await stage.configMap({ flag: 'one', 'policy.rego': 'one' });
    await stage.start({ flags: ['flag'] });
    await stage.policy({ rules: [{ keys: ['*.rego'], class: 'Ignore' }] });
    await stage.adopted();
    // What was ignored when it changed is not acted on when it is no longer ignored.
    await stage.edit({ 'policy.rego': 'two' });
    await untilPasses(
      async () => assert.equal((await stage.record()).sources[0]?.keys['policy.rego'], digestContent('two')),
      { what: 'the ignored change to be taken note of' },
    );
    const incarnations = await stage.incarnations();

    await stage.patch(stage.policyPath(), { spec: { rules: [{ keys: ['*'], class: 'Restart' }] } });
    await stage.policy({}, 'second');
    await stage.until('Ready', 'True', { policy: 'second' });
    await stage.patch(`${stage.policyPath()}/status`, { status: null });

    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await settled(stage);
    assert.equal(await stage.restartAnnotation(), undefined);
    assert.deepEqual(await stage.incarnations(), incarnations);
    assert.deepEqual(await stage.ourEvents(), []);
  });

  for (const [order, most] of [
    ['ConfigMap', 1],
    ['Deployment', 2],
  ] as const) {
    staged(`applied together with the workload, ${order} first, make at most ${most} new ReplicaSet`, async (stage) => {
      await stage.configMap({ flag: 'one' });
      await stage.start({ flags: ['flag'] });
      // What comes second is seen before the first is acted on, however long kubectl takes in between.
      await stage.policy({ restart: { debounce: '10s' } });
      await stage.adopted();
      const configMap = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'app', namespace: stage.namespace },
        data: { flag: 'two' },
      };
      const deployment = stage.manifest({ flags: ['flag'], container: { workingDir: '/tmp' } });

      await stage.kubectl.apply(...(order === 'ConfigMap' ? [configMap, deployment] : [deployment, configMap]));

      await untilPasses(async () => assert.notEqual((await stage.status()).last, undefined), {
        what: 'the change to be accounted for',
        timeoutMs: 120_000,
      });
      await stage.until('RolledOut', 'True');
      await stage.until('Ready', 'True');
      await stage.rolledOut();
      await settled(stage, '10s');
      assert.deepEqual(await stage.argumentsIn(), ['--flag=two']);
      const made = (await stage.replicaSets()).length - 1;
      assert.ok(made >= 1 && made <= most, `${made} new ReplicaSets`);
    });
  }

  staged('wait for a paused Deployment, say so, and go on when it is resumed', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    // The edit may be seen before the pause.
    await stage.policy({ restart: { debounce: '5s' } });
    await stage.adopted();
    await stage.patch(stage.workloadPath(), { spec: { paused: true } });

    await stage.edit({ flag: 'two' });
    assert.match(await stage.until('RolledOut', 'False', { reason: 'Paused' }), /resume it/);
    await stage.until('Ready', 'True', { reason: 'Blocked' });
    await settled(stage, '5s');
    assert.equal(await stage.restartAnnotation(), undefined);

    await stage.patch(stage.workloadPath(), { spec: { paused: false } });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=two']);
  });

  staged('leave the pods of an OnDelete StatefulSet to a person, say so, and see when they are done', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.create({
      kind: 'StatefulSet',
      name: 'db',
      flags: ['flag'],
      spec: { updateStrategy: { type: 'OnDelete' } },
    });
    await eventually(async () => (await stage.pods('db'))[0]?.status?.containerStatuses?.[0]?.ready, {
      what: 'the pod',
      timeoutMs: 60_000,
    });
    await stage.policy();
    await stage.adopted('db', 'StatefulSet');
    const incarnations = await stage.incarnations('db');

    await stage.edit({ flag: 'two' });
    assert.match(await stage.until('RolledOut', 'False', { reason: 'OnDelete' }), /delete its pods by hand/);
    assert.deepEqual(await stage.incarnations('db'), incarnations);

    await stage.kubectl.run(['-n', stage.namespace, 'delete', 'pod', 'db-0', '--grace-period=1']);
    await stage.until('RolledOut', 'True', { reason: 'AlreadyCarried' });
    assert.deepEqual(await stage.argumentsIn('db'), ['--flag=two']);
  });

  staged('that keep pods from getting ready are Failed with the reason, and a fix recovers', async (stage) => {
    await stage.configMap({ flag: 'good' });
    await stage.start({
      flags: ['flag'],
      container: {
        readinessProbe: {
          exec: { command: ['sh', '-c', 'grep -q flag=good /proc/1/cmdline'] },
          periodSeconds: 1,
          timeoutSeconds: 10,
        },
      },
    });
    await stage.policy();
    await stage.adopted();
    // Not for the first rollout, which may take its time; what is complete is not judged by it.
    await stage.patch(stage.workloadPath(), { spec: { progressDeadlineSeconds: 4 } });

    await stage.edit({ flag: 'bad' });
    assert.match(
      await stage.until('RolledOut', 'False', { reason: 'ProgressDeadlineExceeded' }),
      /exceeded its progress deadline|timed out progressing/,
    );
    await stage.until('Stalled', 'True', { reason: 'RolloutFailed' });
    await stage.until('Ready', 'False', { reason: 'RolloutFailed' });
    const failed = await stage.restartAnnotation();

    // The same content is not tried again.
    await settled(stage);
    assert.equal(await stage.restartAnnotation(), failed);

    await stage.edit({ flag: 'good' });
    await stage.until('Ready', 'True');
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    assert.deepEqual(await stage.argumentsIn(), ['--flag=good']);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./);
  });

  staged('are TimedOut where only the policy knows how long is too long', async (stage) => {
    await stage.configMap({ flag: 'good' });
    await stage.start({
      kind: 'StatefulSet',
      name: 'db',
      flags: ['flag'],
      spec: { podManagementPolicy: 'Parallel' },
      container: {
        readinessProbe: {
          exec: { command: ['sh', '-c', 'grep -q flag=good /proc/1/cmdline || test -e /tmp/well'] },
          periodSeconds: 1,
          timeoutSeconds: 10,
        },
      },
    });
    await stage.policy({ restart: { progressTimeout: '5s' } });
    await stage.adopted('db', 'StatefulSet');

    await stage.edit({ flag: 'bad' });
    await stage.until('RolledOut', 'False', { reason: 'ProgressTimeout' });
    await stage.until('Stalled', 'True', { reason: 'RolloutTimedOut' });

    // It gets ready all the same, late: that is seen.
    await untilPasses(
      async () => {
        const [pod] = await stage.pods('db');
        assert.ok(pod);
        await stage.exec(pod, 'sh', '-c', 'grep -q flag=bad /proc/1/cmdline && touch /tmp/well');
      },
      { what: 'the new container to run', timeoutMs: 60_000 },
    );
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.until('Ready', 'True');
  });
});
