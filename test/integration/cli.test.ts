/** The kubectl plugin against a real API server, beside a real operator. Nothing runs: there is no node. */

import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountConfig } from '../support/account.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { runPlugin, startPlugin, type Ended } from '../support/plugin.ts';
import type { Stage } from '../support/stage.ts';
import { stagePool } from '../support/stage-pool.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const RULES = [{ keys: ['*.yaml'], class: 'Hot' as const }];
const DATA = { flag: 'a', 'app.yaml': 'a: 1\n' };

describe('kubectl reload on a cluster', { concurrency: 2 }, () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages = stagePool('cli', 12);

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    operator = await startOperator({ cluster, namespaces: await stages.open(cluster) });
  });
  after(async () => {
    await operator.stop();
    await stages.end();
    await cluster.stop();
  });

  const aStage = stages.next;

  const bound = async (spec: Partial<ReloadPolicySpecInput> = {}, replicas = 0): Promise<Stage> => {
    const stage = aStage();
    await stage.configMap(DATA);
    await stage.create({ replicas, flags: ['flag'] });
    await stage.policy({ rules: RULES, ...spec });
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    return stage;
  };

  const reload = (stage: Stage, ...args: readonly string[]): Promise<Ended> =>
    runPlugin([...args, '-n', stage.namespace], { cluster });

  const waiting = (stage: Stage, ...args: readonly string[]): Promise<Ended> =>
    reload(stage, 'wait', '--source', 'cm/app', '--timeout', '60s', ...args);

  it('shows how policies and workloads stand', async () => {
    const stage = await bound();
    const { code, stdout } = await reload(stage, 'status');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^POLICY +READY +STATE +LAST +MESSAGE\napp +True +UpToDate +1 workload up to date\n {2}Deployment\/web +Adopted /,
    );
    const data = JSON.parse((await reload(stage, 'status', '-o', 'json')).stdout) as {
      readonly items: readonly object[];
    };
    assert.equal(data.items.length, 1);
    assert.match((await reload(stage, 'status', 'app', '-o', 'yaml')).stdout, /^kind: ReloadPolicy$/m);
    const all = await runPlugin(['status', '-A'], { cluster });
    assert.match(all.stdout, new RegExp(`^${stage.namespace} +app +True`, 'm'));
    const missing = await reload(stage, 'status', 'other');
    assert.equal(missing.code, 1);
    assert.equal(
      missing.stderr,
      `kubectl reload: there is no policy other in namespace ${stage.namespace}: see kubectl reload status\n`,
    );
  });

  it('follows what happens, until it is interrupted', async () => {
    const stage = await bound();
    const [status, history] = ['status', 'history'].map((command) =>
      startPlugin([command, '-w', '-n', stage.namespace], { cluster }),
    );
    assert.ok(status !== undefined && history !== undefined);
    await eventually(() => /Deployment\/web +Adopted/.test(status.said()), { what: 'the present state' });
    await stage.edit({ flag: 'b' });
    await eventually(() => /^app +True +UpToDate +Restart Succeeded, 0 pods, /m.test(status.said()), {
      what: 'the new state',
    });
    await eventually(
      () => /Deployment\/web +Restart +Succeeded +0 +NoReplicas: ConfigMap\/app:flag/.test(history.said()),
      {
        what: 'the restart in the history',
      },
    );
    assert.equal(status.said().match(/^POLICY/gm)?.length, 1);
    status.interrupt();
    history.interrupt();
    for (const { code, stderr } of await Promise.all([status.ended, history.ended])) {
      assert.equal(code, 130);
      assert.doesNotMatch(stderr, /reload:/);
    }
  });

  it('tells what was done, of a namespace, a policy and a workload', async () => {
    const stage = await bound();
    const none = await reload(stage, 'history');
    assert.deepEqual([none.code, none.stdout, none.stderr], [0, '', 'nothing has happened yet\n']);
    await stage.edit({ 'app.yaml': 'a: 2\n' });
    assert.equal((await waiting(stage)).code, 0);
    await stage.edit({ flag: 'b' });
    assert.equal((await waiting(stage)).code, 0);
    await untilPasses(
      async () => {
        for (const about of [[], ['app'], ['deploy/web']]) {
          const { stdout } = await reload(stage, 'history', ...about, '-o', 'json');
          const { entries } = JSON.parse(stdout) as { readonly entries: readonly Readonly<Record<string, unknown>>[] };
          assert.deepEqual(
            entries.map(({ workload, action, keys }) => [workload, action, keys]),
            [
              ['Deployment/web', 'Restart', ['ConfigMap/app:flag']],
              ['Deployment/web', 'Hot', ['ConfigMap/app:app.yaml']],
            ],
          );
        }
      },
      { what: 'the history to be told' },
    );
    const unbound = await reload(stage, 'history', 'sts/db');
    assert.equal(unbound.code, 1);
    assert.match(unbound.stderr, /there is no record of StatefulSet db .* is it bound by a policy\?/);
  });

  it('waits until a hot change and a restart are done', async () => {
    const stage = await bound();
    const same = await waiting(stage);
    assert.deepEqual([same.code, same.stdout], [0, 'done in 1 workload\n']);
    await stage.edit({ 'app.yaml': 'a: 2\n' });
    assert.equal((await waiting(stage)).code, 0);
    assert.equal(await stage.restartAnnotation(), undefined);
    await stage.edit({ flag: 'b' });
    const restarted = await waiting(stage);
    assert.deepEqual([restarted.code, restarted.stdout], [0, 'done in 1 workload\n']);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });

  it('waits no longer than it may', async () => {
    const stage = await bound({}, 1);
    await stage.edit({ flag: 'b' });
    const { code, stderr } = await waiting(stage, '--timeout', '3s');
    assert.equal(code, 124);
    assert.match(stderr, /^waiting for Deployment\/web, ConfigMap\/app: restart 1 is under way$/m);
    assert.match(
      stderr,
      /reload: not done after 3 s: Deployment\/web, ConfigMap\/app: restart 1 is under way; see kubectl reload status/,
    );
  });

  it('fails with a rollout that times out', async () => {
    const stage = await bound({ restart: { progressTimeout: '3s' } }, 1);
    await stage.edit({ flag: 'b' });
    const { code, stderr } = await waiting(stage);
    assert.equal(code, 1);
    assert.match(stderr, /reload: Deployment\/web, ConfigMap\/app: restart 1: ProgressTimeout: /);
  });

  it('ends at once where a person has to act', async () => {
    const stage = await bound();
    await stage.patch(stage.workloadPath(), { spec: { paused: true } });
    await stage.edit({ flag: 'b' });
    const blocked = await waiting(stage);
    assert.equal(blocked.code, 3);
    assert.match(blocked.stderr, /reload: Deployment\/web, ConfigMap\/app: Paused: /);
    await stage.patch(stage.workloadPath(), { spec: { paused: false } });
    assert.equal((await waiting(stage)).code, 0);

    await stage.patch(stage.policyPath(), { spec: { suspend: true } });
    await stage.until('Ready', 'True', { reason: 'Suspended' });
    await stage.edit({ 'app.yaml': 'a: 2\n' });
    const held = await waiting(stage);
    assert.equal(held.code, 3);
    assert.match(held.stderr, /Suspended: .*policy app is suspended/);
  });

  it('does not wait for what nobody will do', async () => {
    const stage = await bound();
    await stage.configMap({ a: 'b' }, 'other');
    for (const [source, sentence] of [
      ['cm/other', /ConfigMap\/other: no policy of the namespace names it/],
      ['cm/none', /there is no ConfigMap none in namespace/],
    ] as const) {
      const { code, stderr } = await reload(stage, 'wait', '--source', source);
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    }
  });

  it('plans on the cluster and on its manifests alike, and as the operator then does', async () => {
    const stage = await bound();
    const folder = await mkdtemp(join(tmpdir(), 'reload-plan-'));
    const kinds = 'configmaps,deployments,reloadpolicies.reload-operator.dev';
    const manifests = await stage.kubectl.run(['get', kinds, '-n', stage.namespace, '-o', 'yaml']);
    await writeFile(join(folder, 'all.yaml'), manifests);
    const planned = async (data: Readonly<Record<string, string>>): Promise<Ended> => {
      const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'app' }, data };
      const args = ['plan', '-f', '-', '-o', 'json', '-n', stage.namespace];
      const input = JSON.stringify(manifest);
      const online = await runPlugin(args, { cluster, input });
      assert.deepEqual(await runPlugin([...args, '--against', folder], { input }), online);
      return online;
    };
    assert.equal((await planned(DATA)).code, 0);
    assert.equal((await planned({ ...DATA, 'app.yaml': 'a: 2\n' })).code, 10);
    const restart = await planned({ ...DATA, flag: 'b' });
    assert.equal(restart.code, 20);
    const { workloads } = JSON.parse(restart.stdout) as {
      readonly workloads: readonly Readonly<Record<string, unknown>>[];
    };
    assert.deepEqual(
      workloads.map(({ name, effect }) => [name, effect]),
      [['web', 'Restart']],
    );
    await stage.edit({ flag: 'b' });
    assert.equal((await waiting(stage)).code, 0);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });

  it('explains on the cluster and on its manifests alike, and says what stands in the way', async () => {
    const stage = await bound();
    const folder = await mkdtemp(join(tmpdir(), 'reload-explain-'));
    const kinds = 'configmaps,deployments,reloadpolicies.reload-operator.dev';
    const manifests = await stage.kubectl.run(['get', kinds, '-n', stage.namespace, '-o', 'yaml']);
    await writeFile(join(folder, 'all.yaml'), manifests);
    interface Explained {
      readonly keys: readonly { readonly key: string; readonly class: string }[];
      readonly obstacles: readonly string[];
    }
    const explained = async (...args: readonly string[]): Promise<Explained> => {
      const { code, stdout, stderr } = await reload(stage, 'explain', 'deploy/web', '-o', 'json', ...args);
      assert.deepEqual([code, stderr], [0, '']);
      return JSON.parse(stdout) as Explained;
    };
    const { keys, obstacles } = await explained();
    assert.deepEqual(
      keys.map((each) => [each.key, each.class]),
      [
        ['app.yaml', 'Hot'],
        ['flag', 'Restart'],
      ],
    );
    assert.match(obstacles.join(), /it was taken over as it ran/);
    assert.deepEqual((await explained('--against', folder)).keys, keys);
    await stage.patch(stage.policyPath(), { spec: { suspend: true } });
    assert.match((await explained()).obstacles[0] ?? '', /policy app is suspended/);
  });

  it('prints Roles that are enough, and no more, and waits for a Secret', async () => {
    const stage = aStage();
    const secret = stage.path('/api/v1', 'secrets', 'db');
    await stage.api.request({
      method: 'POST',
      path: stage.path('/api/v1', 'secrets'),
      body: { metadata: { name: 'db' }, stringData: { token: 'a' } },
    });
    const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'db', key: 'token' } } }];
    await stage.create({ replicas: 0, mounted: false, container: { env } });
    await stage.policy({ sources: [{ kind: 'Secret', name: 'db' }] });
    const policy = await stage.kubectl.run(['get', 'rlp', 'app', '-n', stage.namespace, '-o', 'yaml']);
    const { code, stdout } = await runPlugin(['rbac', '-f', '-'], { input: policy });
    assert.equal(code, 0);
    const can = (name: string): Promise<string> =>
      stage.kubectl
        .run(['auth', 'can-i', 'watch', `secrets/${name}`, '-n', stage.namespace, '--as', ACCOUNT])
        .catch((error: unknown) => String(error));
    assert.match(await can('db'), /no/);
    await stage.kubectl.run(['apply', '-f', '-'], { input: stdout });
    await eventually(async () => (await can('db')).startsWith('yes'), { what: 'the right to be granted' });
    assert.match(await can('other'), /no/);

    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await stage.patch(secret, { stringData: { token: 'b' } });
    const done = await reload(stage, 'wait', '--source', 'secret/db', '--timeout', '60s');
    assert.deepEqual([done.code, done.stdout], [0, 'done in 1 workload\n'], done.stderr);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    assert.doesNotMatch(done.stderr + (await reload(stage, 'status', '-o', 'yaml')).stdout, /token: b/);
  });

  it('says what is missing where rights are', async () => {
    const stage = aStage();
    const { code, stderr } = await runPlugin(
      ['status', '-n', stage.namespace, '--kubeconfig', await strangersConfig(cluster)],
      {},
    );
    assert.equal(code, 1);
    assert.match(stderr, /^kubectl reload: .* forbidden: .*; ask for the right, .*\n$/);
  });
});

const ACCOUNT = 'system:serviceaccount:reload-operator-system:reload-operator';

/** Somebody who may do nothing. */
const strangersConfig = async (cluster: Cluster): Promise<string> => {
  const config = await serviceAccountConfig(cluster, 'default', 'default');
  const file = join(await mkdtemp(join(tmpdir(), 'reload-stranger-')), 'config');
  await writeFile(file, config.exportConfig(), { mode: 0o600 });
  return file;
};
