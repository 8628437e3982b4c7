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
import { stagedTests, type Stage, type WorkloadOptions } from '../support/stage.ts';
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

  staged('lets hot keys in at once, and keys that take a restart when it begins', async (stage) => {
    await deliver(stage, { replicas: 2 });
    await stage.patch(stage.workloadPath(), { spec: { paused: true } });
    const pods = await stage.pods();

    const from = performance.now();
    await stage.edit({ flag: 'two', mode: 'two', hot: 'two' });
    const { kubeletRoot } = stage.cluster;
    if (kubeletRoot !== undefined) {
      const files = pods.map(({ metadata }) => mountedKey(kubeletRoot, metadata.uid, 'config', 'hot'));
      const seen = await untilContent(files, 'two', AbortSignal.timeout(15_000));
      assert.equal(seen.size, 2);
      const took = Math.max(...seen.values()) - from;
      console.error(`the hot key was in 2 pods after ${took.toFixed(0)} ms`);
      assert.ok(took < 1_000, `${took} ms`);
    }
    await untilPasses(async () => assert.deepEqual(await stage.filesIn('hot'), ['two', 'two']), {
      what: 'the hot key',
    });
    assert.deepEqual(await started(stage), new Set(['one']));

    await stage.patch(stage.workloadPath(), { spec: { paused: false } });
    await untilPasses(async () => assert.deepEqual(await started(stage), new Set(['two'])), {
      what: 'the restart',
      timeoutMs: 60_000,
    });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    assert.equal((await configMap(stage, 'app-live')).metadata.annotations?.['reload-operator.dev/snapshot'], '2');
  });
});
