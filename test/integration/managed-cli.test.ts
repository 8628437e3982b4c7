/** Live objects as people see them and go back, by the plugin, on a real API server. Nothing runs: there is no node. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { serviceAccountConfig } from '../support/account.ts';
import { runPlugin, type Ended } from '../support/plugin.ts';
import { settled } from '../support/sentinel.ts';
import { blocksOf, read } from '../unit/docs/pages.ts';
import type { Stage } from '../support/stage.ts';
import { managedStages } from '../support/managed-stages.ts';
import { grantManaged } from '../support/managed-rights.ts';
import { untilPasses } from '../support/wait.ts';

const CONFIG = Array.from({ length: 12 }, (_, line) => `line${line}: a\n`).join('');
const DATA = { flag: 'a', hot: 'a', 'config.yaml': CONFIG };

const managed = (kind: 'ConfigMap' | 'Secret', name: string): Partial<ReloadPolicySpecInput> => ({
  sources: [{ kind, name }],
  rules: [{ keys: ['hot'], class: 'Hot' }],
  restart: { debounce: '50ms' },
  delivery: {
    mode: 'Managed',
    objects: [{ name: `${name}-live`, source: { kind, name }, workloads: [{ kind: 'Deployment', name: 'web' }] }],
  },
});

describe('kubectl reload on live objects', { concurrency: 2 }, () => {
  const { aStage, cluster } = managedStages('managed-cli', 9);

  const path = (stage: Stage, name: string): string => stage.path('/api/v1', 'configmaps', name);
  const holds = (stage: Stage, data: Readonly<Record<string, string>>, what: string): Promise<void> =>
    untilPasses(
      async () =>
        assert.deepEqual((await stage.get<{ readonly data?: object }>(path(stage, 'app-live'))).data, {
          ...DATA,
          ...data,
        }),
      { what },
    );
  const restarts = async (stage: Stage): Promise<number> =>
    Number(/^v1\.([0-9]+)\./.exec((await stage.restartAnnotation()) ?? '')?.[1] ?? 0);
  const delivered = async (stage: Stage, restart: number, data: Readonly<Record<string, string>>): Promise<void> => {
    await untilPasses(async () => assert.equal(await restarts(stage), restart), { what: `restart ${restart}` });
    await holds(stage, data, `the content of restart ${restart}`);
    await untilPasses(
      async () => {
        const { restart: latest } = await stage.record();
        assert.equal(`${latest?.n} ${latest?.phase}`, `${restart} Succeeded`);
      },
      { what: `the end of restart ${restart}` },
    );
  };

  const bound = async (spec: Partial<ReloadPolicySpecInput> = {}): Promise<Stage> => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await stage.create({ replicas: 0, configMap: 'app-live', flags: ['flag'] });
    await stage.policy({ ...managed('ConfigMap', 'app'), ...spec });
    await holds(stage, {}, 'the live object');
    await stage.adopted();
    await untilPasses(() => stage.get(path(stage, 'app-live-1')), { what: 'the first snapshot' });
    return stage;
  };

  const reload = (stage: Stage, ...args: readonly string[]): Promise<Ended> =>
    runPlugin([...args, '-n', stage.namespace], { cluster: cluster() });

  it('goes back to the snapshot before the present one, and no further than there are any', async () => {
    const stage = await bound();
    const first = await reload(stage, 'rollback', 'deploy/web');
    assert.deepEqual(first, {
      code: 1,
      stdout: '',
      stderr: 'kubectl reload: there is no snapshot before the present one; there are: of app-live 1 (present)\n',
    });
    await stage.edit({ flag: 'b', hot: 'b' });
    await delivered(stage, 1, { flag: 'b', hot: 'b' });
    const back = await reload(stage, 'rollback', 'deploy/web');
    assert.ok(read('docs/cli.md').includes(`$ kubectl reload rollback deploy/web\n${back.stdout}`));
    assert.deepEqual(back, {
      code: 0,
      stdout: 'Deployment/web: going back to snapshot 1 by restart 2: ConfigMap/app:flag\n',
      stderr: '',
    });
    await delivered(stage, 2, { flag: 'a', hot: 'b' });
    await untilPasses(() => assert.rejects(stage.get(path(stage, 'app-live-2'))), {
      what: 'what is later than the present snapshot to go',
    });
    const again = await reload(stage, 'rollback', 'app-live');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /there is no snapshot before the present one; there are: of app-live 1 \(present\)\n$/);
    await settled(stage);
    assert.equal(await restarts(stage), 2);
  });

  it('goes back to a snapshot by its number, and names those that there are', async () => {
    const stage = await bound();
    for (const [index, flag] of ['b', 'c'].entries()) {
      await stage.edit({ flag });
      await delivered(stage, index + 1, { flag });
    }
    const wrong = await reload(stage, 'rollback', 'app-live', '--to', '7');
    assert.deepEqual(wrong, {
      code: 1,
      stdout: '',
      stderr: 'kubectl reload: there is no snapshot 7; there are: of app-live 3 (present), 2, 1\n',
    });
    const present = await reload(stage, 'rollback', 'app-live', '--to', '3');
    assert.equal(present.code, 1);
    assert.match(present.stderr, /refused \(NothingToDo\): what takes a restart is in snapshot 3 as it is applied/);
    const back = await reload(stage, 'rollback', 'app-live', '--to', '1');
    assert.deepEqual([back.code, back.stderr], [0, '']);
    assert.match(back.stdout, /going back to snapshot 1 by restart 3: ConfigMap\/app:flag\n$/);
    await delivered(stage, 3, { flag: 'a' });
  });

  it('says what waits, line by line, and when nothing does', async () => {
    const stage = await bound({ restart: { debounce: '50ms', approval: 'Manual' } });
    const equal = { code: 0, stdout: 'every live object holds what its source does\n', stderr: '' };
    assert.deepEqual(await reload(stage, 'diff'), equal);
    const config = CONFIG.replace('line6: a', 'line6: b');
    await stage.edit({ flag: 'b', hot: 'b', 'config.yaml': config, more: 'new\n' });
    await holds(stage, { hot: 'b' }, 'the hot key');
    const waits = await reload(stage, 'diff', 'app');
    assert.deepEqual([waits.code, waits.stderr], [0, '']);
    const page = blocksOf(read('docs/cli.md')).find(({ text }) => text.startsWith('$ kubectl reload diff app\n'));
    assert.ok(page !== undefined && waits.stdout.startsWith(page.text.split('\n').slice(1).join('\n')));
    assert.deepEqual(waits.stdout.split('\n'), [
      '--- ConfigMap/app-live:config.yaml',
      '+++ ConfigMap/app:config.yaml',
      '@@ -4,7 +4,7 @@',
      ' line3: a',
      ' line4: a',
      ' line5: a',
      '-line6: a',
      '+line6: b',
      ' line7: a',
      ' line8: a',
      ' line9: a',
      '--- ConfigMap/app-live:flag',
      '+++ ConfigMap/app:flag',
      '@@ -1 +1 @@',
      '-a',
      '\\ No newline at end of file',
      '+b',
      '\\ No newline at end of file',
      '--- /dev/null',
      '+++ ConfigMap/app:more',
      '@@ -0,0 +1 @@',
      '+new',
      '',
    ]);
    const approved = await reload(stage, 'approve', 'deploy/web');
    assert.equal(approved.code, 0, approved.stderr);
    await delivered(stage, 1, { flag: 'b', hot: 'b', 'config.yaml': config, more: 'new\n' });
    assert.deepEqual(await reload(stage, 'diff'), equal);
  });

  it('plans, explains and waits by the source', async () => {
    const stage = await bound();
    const explained = await reload(stage, 'explain', 'deploy/web');
    assert.deepEqual([explained.code, explained.stderr], [0, '']);
    assert.match(explained.stdout, /bound by app\nConfigMap\/app reaches it as ConfigMap\/app-live\n/);
    assert.match(explained.stdout, /^ConfigMap\/app:hot +Hot +.*\n +read as \/etc\/app\/hot \(main\)$/m);
    assert.doesNotMatch(explained.stdout, /app-live:|no policy/);
    const planned = (data: object): Promise<Ended> =>
      runPlugin(['plan', '-f', '-', '-n', stage.namespace], {
        cluster: cluster(),
        input: JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'app' },
          data: { ...DATA, ...data },
        }),
      });
    const cold = await planned({ flag: 'b' });
    assert.equal(cold.code, 20, cold.stderr);
    assert.match(cold.stdout, /^Restart +\S+ Deployment\/web +by policy app\n +ConfigMap\/app:flag +restart/);
    assert.equal((await planned({ hot: 'b' })).code, 10);
    assert.equal((await planned({})).code, 0);
    await stage.edit({ flag: 'b' });
    const waited = await reload(stage, 'wait', '--source', 'cm/app');
    assert.deepEqual([waited.code, waited.stdout], [0, 'done in 1 workload\n']);
    await delivered(stage, 1, { flag: 'b' });
  });

  it('names the Secrets that whoever asks may not read', async () => {
    const stage = await aStage();
    await stage.create({
      replicas: 0,
      mounted: false,
      container: { env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'db-live', key: 'token' } } }] },
    });
    await stage.policy(managed('Secret', 'db'));
    await stage.kubectl.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'viewer', namespace: stage.namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: stage.namespace }],
    });
    const folder = await mkdtemp(join(tmpdir(), 'reload-viewer-'));
    try {
      const kubeconfig = join(folder, 'config');
      const config = await serviceAccountConfig(cluster(), stage.namespace, 'default');
      await writeFile(kubeconfig, config.exportConfig(), { mode: 0o600 });
      const asViewer = (...args: readonly string[]): Promise<Ended> =>
        runPlugin([...args, '-n', stage.namespace, '--kubeconfig', kubeconfig]);
      // Roles that are aggregated, and bindings, take a moment.
      await untilPasses(async () => assert.equal((await asViewer('diff')).code, 0), { what: 'the right to view' });
      const { stdout, stderr } = await asViewer('diff');
      assert.equal(stdout, '');
      assert.match(stderr, /^Secret db-live of \S+ \S+ can't be read: .*\nSecret db of \S+ \S+ can't be read: .*\n$/);
      const explained = await asViewer('explain', 'deploy/web');
      assert.equal(explained.code, 0, explained.stderr);
      assert.match(explained.stderr, /^Secret db of namespace \S+ can't be read: its keys are taken to be .*\n$/);
      assert.match(explained.stdout, /^Secret\/db:token +Restart +.*\n +read as env TOKEN \(main\)$/m);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names the keys of Secrets, and prints no value', async () => {
    const stage = await aStage();
    const secret = (name: string, stringData: object): Promise<unknown> =>
      stage.api.request({
        method: 'POST',
        path: stage.path('/api/v1', 'secrets'),
        body: { metadata: { name }, stringData },
      });
    await secret('db', { same: 'hunter1', token: 'hunter2', added: 'hunter3' });
    // Of nobody's making: it stays as it is.
    await secret('db-live', { same: 'hunter1', token: 'hunter4', gone: 'hunter5' });
    await stage.policy(managed('Secret', 'db'));
    const { code, stdout, stderr } = await reload(stage, 'diff');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      [
        'Only in the source: Secret/db:added',
        'Only in the live object: Secret/db-live:gone',
        'Secret/db-live:token and Secret/db:token differ',
        '',
      ].join('\n'),
    );
    for (const value of ['hunter1', 'hunter2', 'hunter3', 'hunter4', 'hunter5'])
      for (const form of [value, Buffer.from(value).toString('base64')]) assert.ok(!stdout.includes(form), form);
  });

  it('has nothing to go back to, or to compare, where nothing is rendered', async () => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await stage.create({ replicas: 0 });
    await stage.policy();
    const back = await reload(stage, 'rollback', 'deploy/web');
    assert.equal(back.code, 1);
    assert.match(back.stderr, /renders a live object for deploy\/web: there is nothing to go back to\n$/);
    assert.equal((await reload(stage, 'rollback', 'app-live', '--to', '0')).code, 2);
    const { code, stdout } = await reload(stage, 'diff');
    assert.deepEqual([code, /renders a live object/.test(stdout)], [0, true]);
    const unknown = await reload(stage, 'diff', 'other');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /there is no policy other in namespace/);
  });

  it('says that what nobody mounts can not be made, and then who does not mount it', async () => {
    const stage = await aStage({ granted: false });
    await stage.configMap(DATA);
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy(managed('ConfigMap', 'app'));
    assert.match(
      await stage.until('Ready', 'True', { reason: 'Blocked' }),
      /^ConfigMap app-live may not be written by the operator: install config\/managed; .*forbidden/,
    );
    assert.match(
      (await reload(stage, 'status')).stdout,
      /^ {2}ConfigMap\/app-live +Blocked +ConfigMap app-live may not/m,
    );

    await grantManaged(stage);

    const said =
      'no container reads ConfigMap app-live, which is rendered for it: mount it in the place of ConfigMap/app';
    const message = await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.ok(message.startsWith(`1 workload up to date; Deployment/web: ${said}`), message);
    assert.match((await reload(stage, 'status')).stdout, new RegExp(`^ +${said}`, 'm'));
    assert.match((await reload(stage, 'explain', 'deploy/web')).stdout, new RegExp(`^ {2}- ${said}`, 'm'));
  });

  it('says which object is missing', async () => {
    const stage = await aStage();
    await stage.policy(managed('ConfigMap', 'app'));
    const { code, stdout, stderr } = await reload(stage, 'diff');
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(
      stderr,
      /ConfigMap app-live of namespace \S+ does not exist\n.*ConfigMap app of namespace \S+ does not/,
    );
  });
});
