/** Workloads of every kind on a real node: each with the outcome that it can have. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { installed } from '../support/installed.ts';
import type { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

interface Named {
  readonly metadata: { readonly name: string };
}

const HOT_AND_RESTART = { rules: [{ keys: ['hot'], class: 'Hot' }] } as const;

/** What `kubectl create job --from` does: a run of a CronJob now. */
const runNow = async (stage: Stage, name: string, job: string): Promise<void> => {
  await stage.kubectl.run(['-n', stage.namespace, 'create', 'job', job, `--from=cronjob/${name}`]);
  await untilPasses(
    async () => {
      const pods = await stage.pods(name);
      assert.equal(pods.filter(({ status }) => status?.phase === 'Running').length, pods.length);
      assert.ok(pods.some(({ metadata }) => metadata.labels?.['job-name'] === job));
    },
    { what: `the run ${job}`, timeoutMs: 60_000, intervalMs: 100 },
  );
};

describe('kinds of workloads', { concurrency: 3 }, () => {
  const staged = installed('kinds');

  staged('a CronJob: the next run starts on it, and no run is begun or ended', async (stage) => {
    await stage.configMap({ flag: 'one', hot: 'one' });
    await stage.create({ kind: 'CronJob', name: 'tidy', flags: ['flag'] });
    await stage.policy(HOT_AND_RESTART);
    await stage.adopted('tidy', 'CronJob');
    await runNow(stage, 'tidy', 'first');
    const running = await stage.incarnations('tidy');

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'True', { reason: 'NextRun' });
    assert.match(message, /CronJob\/tidy: the next run starts on it/);
    assert.match((await stage.restartAnnotation('tidy', 'CronJob')) ?? '', /^v1\.1\.[0-9A-Za-z_-]{22}$/);

    await stage.edit({ hot: 'two' });

    await stage.until('HotReloaded', 'True', { reason: 'NextRun' });
    assert.deepEqual(await stage.incarnations('tidy'), running);
    const jobs = await stage.list<Named>(stage.path('/apis/batch/v1', 'jobs'));
    assert.deepEqual(
      jobs.map(({ metadata }) => metadata.name),
      ['first'],
    );
    await runNow(stage, 'tidy', 'second');
    assert.deepEqual([...(await stage.argumentsIn('tidy'))].sort(), ['--flag=one', '--flag=two']);
  });

  staged('a suspended CronJob: so does its next run, whenever that is', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.create({ kind: 'CronJob', name: 'tidy', flags: ['flag'], spec: { suspend: true } });
    await stage.policy();
    await stage.adopted('tidy', 'CronJob');

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'True', { reason: 'NextRun' });
    assert.match(message, /the next run starts on it; the CronJob is suspended/);
  });

  staged('a bare Pod: hot within a second, and never restarted', async (stage) => {
    await stage.configMap({ flag: 'one', hot: 'one' });
    await stage.create({ kind: 'Pod', name: 'lone', flags: ['flag'] });
    await running(stage, 'lone');
    await stage.policy({ ...HOT_AND_RESTART, workloads: [{ kind: 'Pod', name: 'lone' }] });
    await stage.adopted('lone', 'Pod');
    const before = await stage.incarnations('lone');

    const edited = Date.now();
    await stage.edit({ hot: 'two' });
    await hasFile(stage, 'lone', 'two');
    assert.ok(Date.now() - edited < LATE_MS, `took ${Date.now() - edited} ms`);

    await stage.edit({ flag: 'two' });
    const message = await stage.until('RolledOut', 'False', { reason: 'NoRollout' });
    assert.match(message, /a bare Pod is not restarted: delete and create it/);
    await stage.until('Ready', 'True', { reason: 'Blocked' });
    assert.deepEqual(await stage.incarnations('lone'), before);
    assert.equal((await stage.record('lone', 'Pod')).held?.reason, 'NoRollout');

    // Hot keys go out all the same, and content that comes back is all that was to be done.
    await stage.edit({ hot: 'three' });
    await hasFile(stage, 'lone', 'three');
    await stage.edit({ flag: 'one' });
    await untilPasses(async () => assert.equal((await stage.record('lone', 'Pod')).held, undefined), {
      what: 'nothing to be held any more',
    });
  });

  staged('a ReplicaSet: the same, and pods that are deleted by hand carry the change', async (stage) => {
    await stage.configMap({ flag: 'one', hot: 'one' });
    await stage.create({ kind: 'ReplicaSet', name: 'few', flags: ['flag'], labels: { team: 'a' } });
    await running(stage, 'few');
    await stage.policy({
      ...HOT_AND_RESTART,
      workloads: [{ kind: 'ReplicaSet', selector: { matchLabels: { team: 'a' } } }],
    });
    await stage.adopted('few', 'ReplicaSet');
    await stage.startedForCertain('few');

    const edited = Date.now();
    await stage.edit({ hot: 'two' });
    await hasFile(stage, 'few', 'two');
    assert.ok(Date.now() - edited < LATE_MS, `took ${Date.now() - edited} ms`);

    await stage.edit({ flag: 'two' });
    const message = await stage.until('RolledOut', 'False', { reason: 'NoRollout' });
    assert.match(message, /a ReplicaSet has no rollout/);
    assert.equal(await stage.restartAnnotation('few', 'ReplicaSet'), undefined);
    assert.deepEqual(await stage.argumentsIn('few'), ['--flag=one']);

    await afterASecond();
    const [pod] = await stage.pods('few');
    await stage.api.request({ method: 'DELETE', path: stage.path('/api/v1', 'pods', pod?.metadata.name) });
    await stage.until('RolledOut', 'True', { reason: 'AlreadyCarried' });
    assert.deepEqual(await stage.argumentsIn('few'), ['--flag=two']);
  });

  staged('what a controller has made is refused, and its owner is named', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
    const [pod] = await stage.pods();
    const [replicaSet] = (await stage.replicaSets()) as readonly Named[];
    assert.ok(pod && replicaSet);
    const workloads = [
      { kind: 'Pod', name: pod.metadata.name },
      { kind: 'ReplicaSet', name: replicaSet.metadata.name },
    ] as const;
    await stage.policy({ workloads });

    await untilPasses(
      async () => {
        const { workloads: lines = [] } = await stage.status();
        assert.deepEqual(lines.map(({ kind, reason, message }) => `${kind} ${reason ?? ''}: ${message ?? ''}`).sort(), [
          `Pod NotItsOwn: Pod ${pod.metadata.name} belongs to ReplicaSet ${replicaSet.metadata.name}: bind its owner, not what the owner makes`,
          `ReplicaSet NotItsOwn: ReplicaSet ${replicaSet.metadata.name} belongs to Deployment web: bind its owner, not what the owner makes`,
        ]);
      },
      { what: 'both to be refused' },
    );
    assert.deepEqual(await stage.list(stage.path('/apis/reload-operator.dev/v1alpha1', 'reloadrecords')), []);
  });

  staged('an OnDelete set is blocked before anything is written to it, until its pods are deleted', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.create({
      kind: 'StatefulSet',
      name: 'db',
      flags: ['flag'],
      spec: { updateStrategy: { type: 'OnDelete' } },
    });
    await running(stage, 'db');
    await stage.policy();
    await stage.adopted('db', 'StatefulSet');
    await stage.startedForCertain('db');
    const { generation } = (await stage.workload('db', 'StatefulSet')).metadata;

    await stage.edit({ flag: 'two' });

    await stage.until('RolledOut', 'False', { reason: 'OnDelete' });
    assert.equal((await stage.workload('db', 'StatefulSet')).metadata.generation, generation);
    assert.equal(await stage.restartAnnotation('db', 'StatefulSet'), undefined);
    await afterASecond();
    await stage.api.request({ method: 'DELETE', path: stage.path('/api/v1', 'pods', 'db-0') });
    await stage.until('RolledOut', 'True', { reason: 'AlreadyCarried' });
    assert.deepEqual(await stage.argumentsIn('db'), ['--flag=two']);
  });

  staged('a partition: complete, and which pods keep what they had is said', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({
      kind: 'StatefulSet',
      name: 'db',
      replicas: 2,
      flags: ['flag'],
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } },
    });
    await stage.policy();
    await stage.adopted('db', 'StatefulSet');

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 90_000 });
    assert.match(message, /the 1 pods below the partition keep what they started with/);
    assert.deepEqual([...(await stage.argumentsIn('db'))].sort(), ['--flag=one', '--flag=two']);
  });

  staged('a Deployment with strategy Recreate is followed through the time without any pod', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ replicas: 2, flags: ['flag'], spec: { strategy: { type: 'Recreate' } } });
    await stage.policy();
    await stage.adopted();

    await stage.edit({ flag: 'two' });

    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    assert.deepEqual(await stage.argumentsIn(), ['--flag=two', '--flag=two']);
    const { history = [] } = await stage.status();
    assert.deepEqual(
      history.map(({ outcome, pods }) => `${outcome} ${pods}`),
      ['Succeeded 2'],
    );
  });

  staged('a StatefulSet whose first new pod hangs is not done, and its other pods run on', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({
      kind: 'StatefulSet',
      name: 'db',
      replicas: 2,
      flags: ['flag'],
      container: {
        readinessProbe: { exec: { command: ['sh', '-c', 'test "$FLAG" != bad'] }, periodSeconds: 1 },
      },
      spec: { podManagementPolicy: 'OrderedReady' },
    });
    await stage.policy({ restart: { progressTimeout: '12s' } });
    await stage.adopted('db', 'StatefulSet');

    await stage.edit({ flag: 'bad' });

    await stage.until('RolledOut', 'False', { reason: 'ProgressTimeout', timeoutMs: 90_000 });
    await stage.until('Stalled', 'True');
    // The controller replaces the last one first, and waits for it: the others run on.
    assert.deepEqual([...(await stage.argumentsIn('db'))].sort(), ['--flag=bad', '--flag=one']);
  });
});

/** Left to itself, a kubelet takes a minute at least. */
const LATE_MS = 5_000;

const running = (stage: Stage, name: string): Promise<void> =>
  untilPasses(
    async () => {
      const [pod] = await stage.pods(name);
      assert.equal(pod?.status?.containerStatuses?.[0]?.ready, true);
    },
    { what: `the pod of ${name} to run`, timeoutMs: 60_000, intervalMs: 100 },
  );

const hasFile = (stage: Stage, name: string, text: string): Promise<void> =>
  untilPasses(async () => assert.deepEqual(await stage.filesIn('hot', name), [text]), {
    what: `the file of ${name} to be ${text}`,
    timeoutMs: 30_000,
    intervalMs: 50,
  });

/** What is made in the second of a change can't be told from what was made before it. */
const afterASecond = async (): Promise<void> => {
  const from = Date.now();
  await untilPasses(
    () => {
      assert.ok(Date.now() - from > 2_000);
      return Promise.resolve();
    },
    { what: 'two seconds' },
  );
};
