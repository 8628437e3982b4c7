/** Argo Rollouts on a real node, with their own controller: that the kind comes and goes, and how restarts are done. */

import assert from 'node:assert/strict';
import { env } from 'node:process';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountClient } from '../support/account.ts';
import { installArgoCrds, removeArgoCrds, startArgoRollouts } from '../support/argo-rollouts.ts';
import { installOperator } from '../support/install.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { RESTART_ANNOTATION, Stage, stagedTests, type WorkloadOptions } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const WORKLOADS = { workloads: [{ kind: 'Rollout', name: 'web' }] } as const;
const CANARY = { strategy: { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } } };
const STRAIGHT = { strategy: { canary: {} } };

// A user's own cluster is left without kinds that it did not have.
const isOurs = env['CLUSTER'] !== 'current';

describe('Argo Rollouts', { skip: !isOurs }, () => {
  let cluster: Cluster;
  let stop: (() => Promise<void>) | undefined;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await removeArgoCrds(cluster);
    await installOperator(cluster);
  });
  after(async () => {
    await stop?.();
    await removeArgoCrds(cluster);
    await cluster.stop();
  });

  const staged = stagedTests('rollouts', () => cluster);

  const start = async (stage: Stage, options: WorkloadOptions): Promise<void> => {
    await stage.configMap({ flag: 'one', hot: 'one' });
    await stage.create({ kind: 'Rollout', flags: ['flag'], ...options });
    await healthy(stage);
  };

  it('are bound as soon as the cluster serves them, and nothing is said before', async () => {
    const stage = await Stage.open(cluster, 'rollouts');
    try {
      await stage.configMap({ flag: 'one' });
      await stage.policy(WORKLOADS);
      await untilPasses(
        async () => {
          const [line] = (await stage.status()).workloads ?? [];
          assert.equal(line?.reason, 'WorkloadMissing');
        },
        { what: 'the policy to say that there is no such Rollout', timeoutMs: 30_000 },
      );
      await installArgoCrds(cluster);
      stop = await startArgoRollouts(cluster);
      await stage.create({ kind: 'Rollout', flags: ['flag'], spec: STRAIGHT });
      await untilPasses(() => stage.adopted('web', 'Rollout'), { what: 'the Rollout to be bound', timeoutMs: 40_000 });
      assert.deepEqual(await troubles(cluster, 'rollouts'), []);
    } finally {
      await stage.end();
    }
  });

  describe('that are served', { concurrency: 3 }, () => {
    staged('take all their steps, are waited for in each, and are done when promoted', async (stage) => {
      await start(stage, { replicas: 2, spec: CANARY });
      await stage.policy({ ...WORKLOADS, rules: [{ keys: ['hot'], class: 'Hot' }] });
      await stage.adopted('web', 'Rollout');

      await stage.edit({ hot: 'two' });
      await untilPasses(async () => assert.deepEqual(await stage.filesIn('hot'), ['two', 'two']), {
        what: 'the files of both pods',
        timeoutMs: 20_000,
        intervalMs: 100,
      });

      await stage.edit({ flag: 'two' });

      const message = await stage.until('RolledOut', 'False', { reason: 'Paused' });
      assert.match(message, /waits in one of its steps \(CanaryPauseStep\): promote or abort it/);
      assert.deepEqual([...(await stage.argumentsIn())].sort(), ['--flag=one', '--flag=two']);
      assert.match((await stage.restartAnnotation('web', 'Rollout')) ?? '', /^v1\.1\./);

      await stage.patch(`${stage.workloadPath('web', 'Rollout')}/status`, { status: { pauseConditions: null } });

      await stage.until('RolledOut', 'True', { reason: 'Complete' });
      await untilPasses(async () => assert.deepEqual(await stage.argumentsIn(), ['--flag=two', '--flag=two']), {
        what: 'no old pod to be left',
      });
    });

    staged('by restartAt keep their revision, and take no steps', async (stage) => {
      await start(stage, { replicas: 2, spec: CANARY });
      await stage.policy({ ...WORKLOADS, restart: { rollouts: 'RestartAt' } });
      await stage.adopted('web', 'Rollout');
      const before = await stage.incarnations();

      await stage.edit({ flag: 'two' });

      await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 90_000 });
      await untilPasses(async () => assert.deepEqual(await stage.argumentsIn(), ['--flag=two', '--flag=two']), {
        what: 'no old pod to be left',
      });
      assert.equal((await stage.replicaSets()).length, 1);
      assert.equal((await stage.incarnations()).filter((each) => before.includes(each)).length, 0);
      assert.equal(await stage.restartAnnotation('web', 'Rollout'), undefined);
      assert.equal((await stage.record('web', 'Rollout')).restart?.phase, 'Succeeded');

      // From one way to the other: what the other has left is neither taken away nor counted again.
      await stage.patch(stage.policyPath(), { spec: { restart: { rollouts: 'Template' } } });
      await stage.edit({ flag: 'three' });
      await stage.until('RolledOut', 'False', { reason: 'Paused' });
      assert.match((await stage.restartAnnotation('web', 'Rollout')) ?? '', /^v1\.2\./);
    });

    staged('that are degraded have failed, in their own words', async (stage) => {
      await start(stage, {
        container: { readinessProbe: { exec: { command: ['sh', '-c', 'test "$FLAG" != bad'] }, periodSeconds: 1 } },
        spec: { ...STRAIGHT, progressDeadlineSeconds: 5, minReadySeconds: 0 },
      });
      await stage.policy(WORKLOADS);
      await stage.adopted('web', 'Rollout');

      await stage.edit({ flag: 'bad' });

      const message = await stage.until('RolledOut', 'False', { reason: 'Degraded', timeoutMs: 90_000 });
      assert.match(message, /ProgressDeadlineExceeded/);
      await stage.until('Stalled', 'True');

      await stage.edit({ flag: 'two' });

      await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 90_000 });
      assert.deepEqual(await stage.argumentsIn(), ['--flag=two']);
    });

    staged("are fenced: the operator's account may restart them, and nothing else", async (stage) => {
      await stage.create({ kind: 'Rollout', replicas: 0, flags: ['flag'], spec: STRAIGHT });
      const account = await serviceAccountClient(cluster, 'reload-operator-system', 'reload-operator');
      const path = stage.workloadPath('web', 'Rollout');
      const patch = (body: object): Promise<unknown> =>
        account.request({
          method: 'PATCH',
          path,
          query: { fieldManager: 'reload-operator' },
          contentType: 'application/merge-patch+json',
          body,
        });
      const own = (name: string, value: string): object => ({ metadata: { annotations: { [name]: value } } });
      try {
        await patch({ ...own(RESTART_ANNOTATION, 'v1.1.test'), spec: { restartAt: '2026-01-01T00:00:00Z' } });
        await patch({ spec: { template: own(RESTART_ANNOTATION, 'v1.2.test') } });
        for (const [body, message] of [
          [own('a', 'b'), /workload's own metadata/],
          [own(RESTART_ANNOTATION, 'not allowed!'), /value of a Rollout's own/],
          [{ spec: { restartAt: null } }, /nothing in a workload's spec/],
          [{ spec: { paused: true } }, /nothing in a workload's spec/],
          [{ spec: { strategy: { canary: { maxSurge: 3 } } } }, /nothing in a workload's spec/],
          [{ spec: { template: { spec: { hostNetwork: true } } } }, /nothing in a workload's spec/],
          [{ spec: { template: own('a', 'b') } }, /no annotation of a pod template but/],
          [{ metadata: { managedFields: [{}] } }, /take fields from their owners/],
        ] as const) {
          await assert.rejects(patch(body), message, JSON.stringify(body));
        }
      } finally {
        await account.close();
      }
    });

    staged('that have their template elsewhere are not bound, and it is said what is to be', async (stage) => {
      await stage.configMap({ flag: 'one' });
      await stage.create({ name: 'origin', replicas: 0, flags: ['flag'] });
      await stage.api.request({
        method: 'POST',
        path: stage.workloadsPath('Rollout'),
        body: {
          apiVersion: 'argoproj.io/v1alpha1',
          kind: 'Rollout',
          metadata: { name: 'web' },
          spec: {
            replicas: 1,
            workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'origin' },
            ...STRAIGHT,
          },
        },
      });
      await stage.policy(WORKLOADS);
      await untilPasses(
        async () => {
          const [line] = (await stage.status()).workloads ?? [];
          assert.equal(
            line?.message,
            'Rollout web has its pod template in Deployment origin (spec.workloadRef): bind that one',
          );
        },
        { what: 'the policy to say so' },
      );
    });
  });

  it('are gone with the kind, which is no error', async () => {
    const stage = await Stage.open(cluster, 'rollouts');
    try {
      await start(stage, { spec: STRAIGHT });
      await stage.policy(WORKLOADS);
      await stage.adopted('web', 'Rollout');

      await stop?.();
      await removeArgoCrds(cluster);

      await untilPasses(
        async () => {
          const [line] = (await stage.status()).workloads ?? [];
          assert.equal(line?.reason, 'WorkloadMissing');
        },
        { what: 'the Rollout to be missed', timeoutMs: 60_000 },
      );
      assert.deepEqual(await troubles(cluster, 'rollouts'), []);
    } finally {
      await stage.end();
    }
  });
});

/** What the operator has warned of about watches of a resource. */
const troubles = async (cluster: Cluster, resource: string): Promise<readonly string[]> => {
  const log = await kubectlFor(cluster).run(['-n', 'reload-operator-system', 'logs', 'deployment/reload-operator']);
  return log
    .split('\n')
    .filter(
      (line) =>
        /"level":"?(warn|error|40|50)/.test(line) && line.includes('"watch":') && line.includes(`/${resource}/`),
    );
};

const healthy = (stage: Stage): Promise<void> =>
  untilPasses(
    async () => {
      const { status } = await stage.workload('web', 'Rollout');
      assert.equal(status?.['phase'], 'Healthy');
    },
    { what: 'the Rollout to be healthy', timeoutMs: 60_000, intervalMs: 100 },
  );
