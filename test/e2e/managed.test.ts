/**
 * Managed delivery on a real node: what containers have in their files, environment and arguments is what was applied,
 * whatever the source holds.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { installOperator, startOperator, stopOperator } from '../support/install.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { mountedKey, untilContent } from '../support/mounted-files.ts';
import { settled } from '../support/sentinel.ts';
import { stagedTests, type Pod, type Stage, type WorkloadOptions } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

interface LiveObject {
  readonly metadata: {
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
}

const configMap = (stage: Stage, name: string): Promise<LiveObject> =>
  stage.get(stage.path('/api/v1', 'configmaps', name));

const LIVE = { configMap: 'app-live', flags: ['flag'], env: ['mode'] } as const;

const managed = (more: Partial<ReloadPolicySpecInput> = {}): Partial<ReloadPolicySpecInput> => ({
  rules: [{ keys: ['hot'], class: 'Hot' }],
  defaultClass: 'Restart',
  delivery: {
    mode: 'Managed',
    objects: [
      {
        name: 'app-live',
        source: { kind: 'ConfigMap', name: 'app' },
        workloads: [{ kind: 'Deployment', name: 'web' }],
      },
    ],
  },
  ...more,
});

/** Workloads whose pods wait for their live object until there is a policy. */
const deliver = async (
  stage: Stage,
  workload: WorkloadOptions = {},
  policy: Partial<ReloadPolicySpecInput> = {},
): Promise<void> => {
  await stage.configMap({ flag: 'one', mode: 'one', hot: 'one' });
  await stage.create({ ...LIVE, ...workload });
  await stage.policy(managed(policy));
  await stage.rolledOut(workload.name);
  await stage.adopted(workload.name);
};

/** What each pod has of the keys that take a restart, wherever it has it. */
const started = async (stage: Stage): Promise<ReadonlySet<string>> =>
  new Set([
    ...(await stage.filesIn('flag')),
    ...(await stage.argumentsIn()).map((words) => words.replace('--flag=', '')),
    ...(await stage.environmentIn('MODE')).map((line) => line.replace('MODE=', '')),
  ]);

describe('managed delivery', { concurrency: false }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
    await kubectlFor(cluster).run(['apply', '-k', join(CHECKOUT, 'config/managed')]);
  });
  after(() => cluster.stop());

  const staged = stagedTests('managed', () => cluster);

  staged(
    'makes the live object equal to the source, restarts nothing, and copies nothing but content',
    async (stage) => {
      await deliver(stage);
      const live = await configMap(stage, 'app-live');
      assert.deepEqual(live.data, { flag: 'one', mode: 'one', hot: 'one' });
      assert.deepEqual(live.metadata.labels, { 'reload-operator.dev/role': 'live' });
      assert.deepEqual(live.metadata.annotations, {
        'reload-operator.dev/source': 'ConfigMap/app',
        'reload-operator.dev/snapshot': '1',
      });
      assert.equal(live.metadata.ownerReferences, undefined);
      const snapshot = await eventually(() => configMap(stage, 'app-live-1'), { what: 'the first snapshot' });
      assert.equal(snapshot.immutable, true);
      assert.deepEqual(snapshot.data, live.data);
      assert.deepEqual(snapshot.metadata.ownerReferences?.map(({ kind }) => kind).sort(), [
        'ConfigMap',
        'ReloadPolicy',
      ]);
      await settled(stage);
      assert.equal(await stage.restartAnnotation(), undefined);
    },
  );

  staged('lets hot keys in at once, and keys that take a restart when the window opens', async (stage) => {
    const opensAt = nextMinute(25_000);
    await deliver(stage, { replicas: 2 }, { restart: { windows: [window(opensAt)] } });
    const pods = await stage.pods();
    await quiet(stage);

    const from = performance.now();
    await stage.edit({ flag: 'two', mode: 'two', hot: 'two' });
    const took = (await arrivalOf(stage, pods, 'hot', 'two')) - from;
    console.error(`the hot key was in ${pods.length} pods after ${took.toFixed(0)} ms`);
    assert.ok(took < 1_000, `${took} ms`);
    assert.deepEqual(await stage.filesIn('hot'), ['two', 'two']);
    await crash(stage);
    assert.deepEqual(await started(stage), new Set(['one']));
    await stage.until('RolledOut', 'False', { reason: 'OutsideWindow' });
    assert.deepEqual(await started(stage), new Set(['one']));
    assert.ok(Date.now() < opensAt, 'all that was before the window opened');
    assert.equal(await stage.restartAnnotation(), undefined);

    await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 120_000 });
    assert.ok(Date.now() >= opensAt);
    assert.deepEqual(await started(stage), new Set(['two']));
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    assert.equal((await configMap(stage, 'app-live')).metadata.annotations?.['reload-operator.dev/snapshot'], '2');
  });

  staged('keeps pods on what was applied while the operator is away', async (stage) => {
    await deliver(stage);
    await stopOperator(stage.cluster);
    try {
      await stage.edit({ flag: 'two', mode: 'two', hot: 'two' });
      await crash(stage);
      assert.deepEqual(await started(stage), new Set(['one']));
      assert.deepEqual(await stage.filesIn('hot'), ['one']);
    } finally {
      await startOperator(stage.cluster);
    }
    await untilPasses(async () => assert.deepEqual(await started(stage), new Set(['two'])), {
      what: 'the change to be made up for',
      timeoutMs: 60_000,
    });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });

  staged('goes back to what was applied when a rollout fails, and takes the fix by itself', async (stage) => {
    // A process that refuses its flag, with one sentence.
    const script =
      'case "$1" in *=bad*) echo "--flag is bad: it takes anything else" > /dev/termination-log; exit 1;; esac; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';
    const container = { command: ['sh', '-c', script, 'app', '--flag=$(FLAG)'] };
    await deliver(stage, { replicas: 3, container }, { restart: { onFailure: 'Rollback' } });
    let lowest = Infinity;
    const sampling = new AbortController();
    const sampled = (async () => {
      while (!sampling.signal.aborted) {
        const ready = (await stage.pods()).filter(({ status }) => status?.containerStatuses?.[0]?.ready === true);
        lowest = Math.min(lowest, ready.length);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();

    await stage.edit({ flag: 'bad', hot: 'two' });
    await untilPasses(
      async () => {
        const { failed } = await stage.record();
        assert.equal(`${failed?.undo?.mode} ${failed?.undo?.phase}`, 'Rollback Succeeded');
      },
      { what: 'the rollback', timeoutMs: 90_000, intervalMs: 200 },
    );
    assert.deepEqual((await configMap(stage, 'app-live')).data, { flag: 'one', mode: 'one', hot: 'two' });
    assert.deepEqual(await started(stage), new Set(['one']));
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Failed RolledBack');
        assert.match(workload?.message ?? '', /ConfigMap\/app:flag/);
        assert.match(workload?.message ?? '', /--flag is bad/);
      },
      { what: 'the status to name the value' },
    );
    await settled(stage);
    assert.match((await configMap(stage, 'app')).data['flag'] ?? '', /bad/);

    await stage.edit({ flag: 'fine' });
    await untilPasses(async () => assert.deepEqual(new Set(await stage.filesIn('flag')), new Set(['fine'])), {
      what: 'the fix',
      timeoutMs: 60_000,
    });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    sampling.abort();
    await sampled;
    assert.ok(lowest >= 3, `there were ${lowest} ready pods of 3 at the least, but the strategy lets none be missing`);
    assert.deepEqual((await configMap(stage, 'app-live')).data, { flag: 'fine', mode: 'one', hot: 'two' });
  });

  staged('has the files of old pods follow the live object during a rollout: a limit', async (stage) => {
    // New pods that never become ready: the old one stays, and its files are refreshed in the kubelet's own time.
    const readinessProbe = { exec: { command: ['grep', '-qx', 'one', '/etc/app/flag'] }, periodSeconds: 1 };
    await deliver(stage, { container: { readinessProbe } });
    const [old] = await stage.pods();
    assert.ok(old !== undefined);
    await stage.edit({ flag: 'two' });
    await untilPasses(async () => assert.equal((await stage.pods()).length, 2), { what: 'a new pod beside the old' });
    await untilPasses(async () => assert.equal(await stage.exec(old, 'cat', '/etc/app/flag'), 'two'), {
      what: 'the file of the old pod to follow',
      timeoutMs: 120_000,
      intervalMs: 1_000,
    });
    assert.match(await stage.exec(old, 'cat', '/proc/1/cmdline'), /--flag=one/);
  });

  staged('leaves no container on content that was rolled back, also of pods that are older', async (stage) => {
    // Ready is who is told so: the first pod, but none of those that come later.
    const state = { name: 'state', mountPath: '/state' };
    const container = {
      volumeMounts: [{ name: 'config', mountPath: '/etc/app' }, state],
      readinessProbe: { exec: { command: ['test', '-e', '/state/ready'] }, periodSeconds: 1 },
    };
    await stage.configMap({ flag: 'one', mode: 'one', hot: 'one' });
    const manifest = stage.manifest({ ...LIVE, container }) as {
      readonly spec: { readonly template: { readonly metadata: object; readonly spec: PodSpec } };
    };
    const { metadata, spec } = manifest.spec.template;
    const withState = { ...spec, volumes: [...spec.volumes, { name: 'state', emptyDir: {} }] };
    const body = { ...manifest, spec: { ...manifest.spec, template: { metadata, spec: withState } } };
    await stage.api.request({ method: 'POST', path: stage.workloadsPath(), body });
    await stage.policy(managed({ restart: { onFailure: 'Rollback', progressTimeout: '20s' } }));
    const old = await onePod(stage, []);
    await untilPasses(() => stage.exec(old, 'touch', '/state/ready').then(() => undefined), {
      what: 'the first pod to run',
      intervalMs: 200,
    });
    await stage.rolledOut();
    await stage.adopted();

    await stage.edit({ flag: 'bad' });
    await onePod(stage, [old]);
    await stage.exec(old, 'sh', '-c', '(sleep 0.2; kill 1) > /dev/null 2>&1 &');
    await untilPasses(async () => assert.match(await stage.exec(old, 'cat', '/proc/1/environ'), /FLAG=bad/), {
      what: 'the container to run again, on what is being rolled out',
      intervalMs: 200,
    });
    await untilPasses(async () => assert.equal((await stage.record()).failed?.undo?.phase, 'Succeeded'), {
      what: 'the rollback',
      timeoutMs: 90_000,
      intervalMs: 200,
    });
    const cured = await onePod(stage, [old]);
    await untilPasses(() => stage.exec(cured, 'touch', '/state/ready').then(() => undefined), {
      what: 'the pod that takes its place to run',
      intervalMs: 200,
    });
    await stage.rolledOut();
    assert.deepEqual(await started(stage), new Set(['one']));
    assert.deepEqual(await stage.environmentIn('FLAG'), ['FLAG=one']);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./);
    assert.equal((await configMap(stage, 'app')).data['flag'], 'bad');
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Failed RolledBack');
      },
      { what: 'the status to name what failed still' },
    );
    await settled(stage);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./, 'what failed is not tried again');
  });

  staged(
    'has a pod that is just starting span two adjacent writes, until the rollout is through: a limit',
    async (stage) => {
      await stage.configMap({ flag: 'one', mode: 'one', hot: 'one' });
      await stage.api.request({ method: 'POST', path: stage.workloadsPath(), body: heldUp(stage) });
      await stage.policy(managed());
      const early = await onePod(stage, []);
      assert.equal(await beginsWith(stage, early), 'one one');
      await stage.adopted();

      await stage.edit({ flag: 'two' });
      const late = await onePod(stage, [early]);
      assert.equal(await beginsWith(stage, late), 'two two', 'a pod of the restart has nothing of an earlier write');
      assert.equal((await stage.pods()).length, 2, 'the earlier pod is still about to start');

      await letGo(stage, early);
      assert.equal(
        await stage.exec(early, 'cat', '/begun/with'),
        'one one\n',
        'its init container had the earlier write',
      );
      assert.match(
        await stage.exec(early, 'cat', '/proc/1/environ'),
        /(^|\0)FLAG=two(\0|$)/,
        'its main one has the next',
      );
      await stage.until('RolledOut', 'False', { reason: 'Progressing' });

      await letGo(stage, late);
      await stage.until('RolledOut', 'True', { reason: 'Complete' });
      await stage.rolledOut();
      assert.deepEqual(
        (await stage.pods()).map(({ metadata }) => metadata.uid),
        [late.metadata.uid],
      );
      assert.deepEqual(await started(stage), new Set(['two', 'one']), 'mode has not changed');
      assert.deepEqual(await stage.environmentIn('FLAG'), ['FLAG=two']);
      assert.equal(await stage.exec(late, 'cat', '/begun/with'), 'two two\n');
      assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    },
  );
});

/** Each pod notes what its init container begins with, and its main container waits for `letGo`. */
const heldUp = (stage: Stage): object => {
  const begun = { name: 'begun', mountPath: '/begun' };
  const config = { name: 'config', mountPath: '/etc/app' };
  const manifest = stage.manifest({ ...LIVE, container: { volumeMounts: [config, begun] } }) as {
    readonly spec: { readonly template: { readonly metadata: object; readonly spec: PodSpec } };
  };
  const { metadata, spec } = manifest.spec.template;
  const script =
    'echo "$FLAG $(cat /etc/app/flag)" > /begun/with; trap "exit 1" TERM; until [ -e /begun/go ]; do sleep 0.1; done';
  const { image, env } = spec.containers[0] ?? {};
  const hold = { name: 'hold', image, env, command: ['sh', '-c', script], volumeMounts: [config, begun] };
  const held = { ...spec, initContainers: [hold], volumes: [...spec.volumes, { name: 'begun', emptyDir: {} }] };
  return { ...manifest, spec: { ...manifest.spec, template: { metadata, spec: held } } };
};

interface PodSpec {
  readonly containers: readonly { readonly image?: string; readonly env?: readonly object[] }[];
  readonly volumes: readonly object[];
}

/** The one pod that there is beside those. */
const onePod = (stage: Stage, beside: readonly Pod[]): Promise<Pod> =>
  eventually(
    async () => {
      const others = (await stage.pods()).filter(
        ({ metadata }) => !beside.some((each) => each.metadata.uid === metadata.uid),
      );
      assert.ok(others.length <= 1);
      return others[0];
    },
    { what: 'another pod' },
  );

const inHold = (stage: Stage, { metadata }: Pod, ...command: readonly string[]): Promise<string> =>
  stage.kubectl.run(['-n', stage.namespace, 'exec', metadata.name, '-c', 'hold', '--', ...command]);

/** What the init container of a pod had in its environment and in its file. */
const beginsWith = (stage: Stage, pod: Pod): Promise<string> =>
  eventually(async () => (await inHold(stage, pod, 'cat', '/begun/with')).trim(), {
    what: `the init container of ${pod.metadata.name} to begin`,
    timeoutMs: 60_000,
    intervalMs: 200,
  });

/** Lets the main container of a pod begin. */
const letGo = async (stage: Stage, pod: Pod): Promise<void> => {
  await inHold(stage, pod, 'touch', '/begun/go');
  await untilPasses(() => stage.exec(pod, 'true').then(() => undefined), {
    what: `the main container of ${pod.metadata.name} to run`,
    timeoutMs: 60_000,
    intervalMs: 200,
  });
};

/** The next whole minute that is at least so far away, by the clock. */
const nextMinute = (ms: number): number => Math.ceil((Date.now() + ms) / 60_000) * 60_000;

const window = (at: number): { name: string; cron: string; duration: string; timeZone: string } => ({
  name: 'soon',
  cron: `${new Date(at).getUTCMinutes()} ${new Date(at).getUTCHours()} * * *`,
  duration: '30m',
  timeZone: 'UTC',
});

/** When the last pod had the content in its file, by performance.now(). */
const arrivalOf = async (stage: Stage, pods: readonly Pod[], key: string, content: string): Promise<number> => {
  const { kubeletRoot } = stage.cluster;
  if (kubeletRoot === undefined) {
    await untilPasses(async () => assert.deepEqual(new Set(await stage.filesIn(key)), new Set([content])), {
      what: `${key} in every pod`,
      intervalMs: 10,
    });
    return performance.now();
  }
  const files = pods.map(({ metadata }) => mountedKey(kubeletRoot, metadata.uid, 'config', key));
  const seen = await untilContent(files, content, AbortSignal.timeout(15_000));
  assert.equal(seen.size, files.length);
  return Math.max(...seen.values());
};

/** A kubelet that has just looked after a pod does so again only when it has seen its containers anew: within a second. */
const quiet = async (stage: Stage): Promise<void> => {
  await stage.startedForCertain();
  const from = Date.now();
  await eventually(() => Date.now() - from > 2_000, { what: 'the kubelet to have nothing to do' });
};

/** Ends the main process of every pod, and waits until the kubelet has started it again. */
const crash = async (stage: Stage): Promise<void> => {
  const restarts = async (): Promise<readonly number[]> =>
    (await stage.pods()).map(({ status }) => status?.containerStatuses?.[0]?.restartCount ?? 0);
  const before = await restarts();
  // In the background, for what is executed in a container ends with it.
  for (const pod of await stage.pods()) await stage.exec(pod, 'sh', '-c', '(sleep 0.2; kill 1) > /dev/null 2>&1 &');
  await untilPasses(
    async () => {
      const now = await restarts();
      assert.ok(now.every((count, index) => count > (before[index] ?? 0)));
      assert.ok((await stage.pods()).every(({ status }) => status?.containerStatuses?.[0]?.ready === true));
    },
    { what: 'the containers to run again', timeoutMs: 60_000 },
  );
};
