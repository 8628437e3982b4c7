/** What people ask for, on a real API server: once each, whatever ends in between. Nothing runs: there is no node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReloadRequest, ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { runPlugin, type Ended } from '../support/plugin.ts';
import { createRecordingProxy } from '../support/recording-proxy.ts';
import { blocksOf, read } from '../unit/docs/pages.ts';
import type { Stage } from '../support/stage.ts';
import { stagePool } from '../support/stage-pool.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const MANUAL = { restart: { approval: 'Manual' } } as const satisfies Partial<ReloadPolicySpecInput>;
const REQUESTS = ['/apis/reload-operator.dev/v1alpha1', 'reloadrequests'] as const;
const HOUR = 3_600_000;

describe('requests on an API server', { concurrency: 3 }, () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages = stagePool('requests', 12);

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

  const prepared = async (stage: Stage, spec: Partial<ReloadPolicySpecInput> = MANUAL): Promise<void> => {
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy(spec);
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  };

  const bound = async (spec?: Partial<ReloadPolicySpecInput>): Promise<Stage> => {
    const stage = aStage();
    await prepared(stage, spec);
    return stage;
  };

  const reload = (stage: Stage, ...args: readonly string[]): Promise<Ended> =>
    runPlugin([...args, '-n', stage.namespace], { cluster });

  const ask = async (stage: Stage, spec: Partial<ReloadRequest['spec']>): Promise<string> => {
    const { metadata } = await stage.api.request<ReloadRequest>({
      method: 'POST',
      path: stage.path(...REQUESTS),
      body: {
        apiVersion: 'reload-operator.dev/v1alpha1',
        kind: 'ReloadRequest',
        metadata: { generateName: 'test-' },
        spec: { workload: { kind: 'Deployment', name: 'web' }, ...spec },
      },
    });
    return metadata.name;
  };

  const answered = (stage: Stage, name: string): Promise<NonNullable<ReloadRequest['status']>> =>
    eventually(
      async () => {
        const { status } = await stage.get<ReloadRequest>(stage.path(...REQUESTS, name));
        return status?.phase === 'Done' || status?.phase === 'Refused' ? status : undefined;
      },
      { what: `request ${name} to be answered` },
    );

  /** The content that waits for approval, when it is another than before. */
  const held = (stage: Stage, before?: string): Promise<string> =>
    eventually(
      async () => {
        const record = await stage.record();
        assert.equal(record.held?.reason, 'ApprovalPending');
        return record.held.digest !== before ? record.held.digest : undefined;
      },
      { what: 'a change to wait for approval' },
    );

  const restarted = (stage: Stage, n: number): Promise<string> =>
    eventually(
      async () => {
        const value = await stage.restartAnnotation();
        return value?.startsWith(`v1.${n}.`) === true ? value : undefined;
      },
      { what: `restart ${n}` },
    );

  it('a change waits, is approved by the plugin, and restarts once', async () => {
    const stage = await bound();
    await stage.edit({ flag: 'b' });
    const digest = await held(stage);
    const message = await stage.until('RolledOut', 'False', { reason: 'ApprovalPending' });
    assert.match(message, new RegExp(`kubectl reload approve deploy/web \\(content ${digest}\\)`));
    assert.equal(await stage.restartAnnotation(), undefined);
    const { code, stdout, stderr } = await reload(stage, 'approve', 'deploy/web');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      `Deployment/web: approving content ${digest}: ConfigMap/app:flag\nDeployment/web: content ${digest} is approved\n`,
    );
    assert.equal(await restarted(stage, 1), `v1.1.${digest}`);
    await stage.until('RolledOut', 'True');
    const record = await stage.record();
    assert.deepEqual([record.approved, record.held, record.answers?.length], [undefined, undefined, 1]);
    const again = await reload(stage, 'approve', 'deploy/web');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /nothing of Deployment\/web waits for approval: see/);
  });

  it('a newer change wants a new approval, and an approval of what is gone is refused', async () => {
    const stage = await bound();
    await stage.edit({ flag: 'b' });
    const first = await held(stage);
    await stage.edit({ flag: 'c' });
    const second = await held(stage, first);
    const late = await answered(stage, await ask(stage, { type: 'Approve', digest: first }));
    assert.deepEqual([late.phase, late.reason], ['Refused', 'Superseded']);
    assert.match(late.message ?? '', new RegExp(`what waits now is ${second}`));
    const refused = await reload(stage, 'approve', 'deploy/web', '--digest', first);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, new RegExp(`is content ${second}, and not ${first}`));
    assert.equal(await stage.restartAnnotation(), undefined);
    const { code, stderr } = await reload(stage, 'approve', 'app');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(await restarted(stage, 1), `v1.1.${second}`);
    await stage.until('RolledOut', 'True');
    // The word for the second content is used up: the first one again waits again.
    await stage.edit({ flag: 'b' });
    assert.equal(await held(stage), first);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });

  it('an approval waits for a window with its content, and counts for no later one', async () => {
    // Open for a minute on one day of the year, in another half of it.
    const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
    const windows = [{ name: 'yearly', cron: `0 0 1 ${month} *`, duration: '1m' }];
    const stage = await bound({ restart: { approval: 'Manual', windows } });
    await stage.edit({ flag: 'b' });
    const told = async (): Promise<readonly string[]> => {
      const { code, stdout, stderr } = await reload(stage, 'explain', 'deploy/web', '--key', 'flag');
      assert.deepEqual([code, stderr], [0, '']);
      return stdout.split('\n').filter((line) => /(waits|wait now):$|^ {2}- policy|^kubectl reload now/.test(line));
    };
    const shut = new RegExp(
      `^ {2}- policy app: no window is open; window yearly lets restarts begin at [0-9]{4}-${String(month).padStart(2, '0')}-01T00:00:00Z$`,
    );
    const first = await held(stage);
    const [waits = '', approval = '', window = '', wayOut = ''] = await told();
    assert.equal(waits, 'What has changed of ConfigMap/app waits:');
    assert.equal(approval, `  - policy app wants approval: kubectl reload approve deploy/web (content ${first})`);
    assert.match(window, shut);
    assert.equal(wayOut, `kubectl reload now deploy/web -n ${stage.namespace} lets it begin at once.`);
    assert.equal((await reload(stage, 'approve', 'deploy/web')).code, 0);
    await untilPasses(
      async () => {
        const record = await stage.record();
        assert.deepEqual([record.held?.reason, record.approved?.digest], ['OutsideWindow', first]);
      },
      { what: 'the approved change to wait for its window' },
    );
    const [, onlyWindow = '', ...rest] = await told();
    assert.match(onlyWindow, shut);
    assert.equal(rest.length, 1);
    const again = await reload(stage, 'approve', 'deploy/web');
    assert.match(
      again.stderr,
      /nothing of Deployment\/web waits for approval; Deployment\/web waits for something else \(OutsideWindow\): see/,
    );
    await stage.edit({ flag: 'c' });
    const second = await held(stage, first);
    assert.equal((await stage.record()).approved, undefined);
    // Everybody is free to go now but for the approval of what is there by now.
    await stage.patch(stage.policyPath(), { spec: { restart: { windows: null } } });
    assert.equal((await reload(stage, 'approve', 'deploy/web', '--digest', second)).code, 0);
    assert.equal(await restarted(stage, 1), `v1.1.${second}`);
  });

  it('now opens what waits for approval, but nothing that is suspended', async () => {
    const stage = await bound();
    await stage.patch(stage.policyPath(), { spec: { suspend: true } });
    await stage.edit({ flag: 'b' });
    await stage.until('RolledOut', 'False', { reason: 'Suspended' });
    await untilPasses(async () => assert.ok((await stage.record()).held?.digest !== undefined), {
      what: 'the record to say what is held',
    });
    const refused = await reload(stage, 'now', 'deploy/web');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /^kubectl reload: Deployment\/web: refused \(Suspended\): .*policy app is suspended\n$/,
    );
    await stage.patch(stage.policyPath(), { spec: { suspend: false } });
    await held(stage);
    const { code, stdout } = await reload(stage, 'now', 'deploy/web');
    assert.equal(code, 0);
    assert.match(stdout, /every gate is open/);
    await restarted(stage, 1);
  });

  it('a budget is reset from when it was asked for', async () => {
    const stage = await bound();
    const { code, stdout } = await reload(stage, 'reset', 'deploy/web');
    assert.equal(code, 0);
    assert.match(stdout, /^Deployment\/web: restarts before .* count for no budget any more\n$/);
    const [{ metadata }] = (await stage.list<ReloadRequest>(stage.path(...REQUESTS))) as [ReloadRequest];
    const createdAt = Date.parse(metadata.creationTimestamp);
    assert.equal(Date.parse((await stage.record()).budgetFrom ?? ''), createdAt + 999);
  });

  it('a breaker that is open closes by a reset, for the change that waits', async () => {
    const stage = await bound({ restart: { budget: { restarts: 1, period: '1h' } } });
    await stage.edit({ flag: 'b' });
    await restarted(stage, 1);
    await stage.edit({ flag: 'c' });
    await stage.until('Stalled', 'True', { reason: 'BudgetExhausted' });
    assert.equal((await reload(stage, 'reset', 'deploy/web')).code, 0);
    await restarted(stage, 2);
    await stage.until('RolledOut', 'True');
    assert.equal((await stage.condition('Stalled'))?.status, undefined);
  });

  it('is approved as docs/approval.md says without the plugin', async () => {
    const stage = aStage();
    const [policy = '', request = ''] = blocksOf(read('docs/approval.md'))
      .filter(({ language }) => language === 'yaml')
      .map(({ text }) => text.replace('namespace: shop', `namespace: ${stage.namespace}`));
    await stage.configMap({ flag: 'a' }, 'web');
    await stage.create({ replicas: 0, flags: ['flag'], configMap: 'web' });
    await stage.kubectl.run(['create', '-f', '-'], { input: policy });
    await stage.adopted();
    await stage.until('Ready', 'True', { policy: 'web', reason: 'UpToDate' });
    await stage.edit({ flag: 'b' }, 'web');
    await held(stage);
    const record = ['-n', stage.namespace, 'get', 'reloadrecord', 'deployment-web'];
    const digest = await stage.kubectl.run([...record, '-o', 'jsonpath={.status.held.digest}']);
    const [, example = ''] = /digest: (\S+)/.exec(request) ?? [];
    await stage.kubectl.run(['-n', stage.namespace, 'create', '-f', '-'], { input: request.replace(example, digest) });
    assert.equal(await restarted(stage, 1), `v1.1.${digest}`);
    const listed = await stage.kubectl.run(['-n', stage.namespace, 'get', 'reloadrequests']);
    assert.match(listed, /^approve-\w+ .*Done/m);
  });

  it('may be made by who may approve, and by admins, but not by who edits', async () => {
    const stage = aStage();
    const may = async (user: string, ...what: readonly string[]): Promise<boolean> =>
      (await stage.kubectl.run(['-n', stage.namespace, 'auth', 'can-i', ...what, '--as', user]).catch(() => 'no'))
        .trim()
        .startsWith('yes');
    for (const role of ['view', 'edit', 'admin', 'reload-operator-approve']) {
      await stage.kubectl.run([
        ...['-n', stage.namespace, 'create', 'rolebinding', role],
        ...[`--clusterrole=${role}`, `--user=${role}`],
      ]);
    }
    // Roles are aggregated, and bindings looked up, a moment later.
    for (const role of ['admin', 'reload-operator-approve'])
      await untilPasses(async () => assert.ok(await may(role, 'create', 'reloadrequests')), {
        what: `${role} to approve`,
      });
    for (const role of ['view', 'edit', 'admin', 'reload-operator-approve']) {
      await untilPasses(async () => assert.ok(await may(role, 'list', 'reloadrequests')), { what: `${role} to look` });
      assert.equal(await may(role, 'get', 'reloadrecords'), true, role);
      assert.equal(await may(role, 'patch', 'reloadrequests/status'), false, role);
    }
    assert.deepEqual(await Promise.all(['view', 'edit'].map((role) => may(role, 'create', 'reloadrequests'))), [
      false,
      false,
    ]);
    assert.equal(await may('reload-operator-approve', 'patch', 'reloadpolicies'), false);
  });

  it('what nothing binds, or nobody has, is refused; and the plugin says so before it asks', async () => {
    const stage = aStage();
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    const free = await answered(stage, await ask(stage, { type: 'ResetBudget' }));
    assert.deepEqual([free.phase, free.reason], ['Refused', 'NotBound']);
    assert.match(free.message ?? '', /no policy binds Deployment web/);
    const workload = { kind: 'StatefulSet', name: 'db' } as const;
    const missing = await answered(stage, await ask(stage, { type: 'ResetBudget', workload }));
    assert.deepEqual(
      [missing.phase, missing.message],
      ['Refused', `there is no StatefulSet db in namespace ${stage.namespace}`],
    );
    const { code, stderr } = await reload(stage, 'now', 'deploy/web');
    assert.equal(code, 1);
    assert.match(stderr, /there is no record of Deployment\/web .*is it bound by a policy/);
    assert.equal((await stage.list(stage.path(...REQUESTS))).length, 2);
  });

  it('what was answered an hour ago is removed, and the rest stays', async () => {
    const stage = await bound();
    const [old, young] = [await ask(stage, { type: 'ResetBudget' }), await ask(stage, { type: 'ResetBudget' })];
    await answered(stage, old);
    await answered(stage, young);
    const time = new Date(Date.now() - HOUR - 1_000).toISOString();
    await stage.patch(`${stage.path(...REQUESTS, old)}/status`, { status: { time } });
    await untilPasses(
      async () => {
        const left = await stage.list<ReloadRequest>(stage.path(...REQUESTS));
        assert.deepEqual(
          left.map(({ metadata }) => metadata.name),
          [young],
        );
      },
      { what: 'the old request to be removed' },
    );
  });

  it('is answered from the record after a crash before its status was written, and has its effect once', async () => {
    const stage = await stages.another(cluster, 'requests-crash');
    const namespaces = [stage.namespace];
    const proxy = await createRecordingProxy(cluster, [''], ({ method, path }) =>
      method === 'PATCH' && /reloadrequests\/.*\/status$/.test(path) ? 500 : undefined,
    );
    try {
      const crashing = await startOperator({ cluster, namespaces, through: proxy.url });
      const name = await prepared(stage).then(() => ask(stage, { type: 'ResetBudget' }));
      const answer = await eventually(async () => (await stage.record()).answers?.[0], { what: 'the recorded answer' });
      await crashing.kill();
      const request = await stage.get<ReloadRequest>(stage.path(...REQUESTS, name));
      assert.deepEqual([request.metadata.uid, request.status], [answer.uid, undefined]);
      const next = await startOperator({ cluster, namespaces });
      try {
        const { phase, message, time } = await answered(stage, name);
        assert.deepEqual([phase, message, time], [answer.phase, answer.message, answer.at]);
        assert.equal((await stage.record()).answers?.length, 1);
      } finally {
        await next.stop();
      }
    } finally {
      await proxy.stop();
    }
  });

  it('an operator without the definition of requests works, and says so', async () => {
    const stage = await stages.another(cluster, 'requests-none');
    const proxy = await createRecordingProxy(cluster, [''], ({ path }) =>
      path.endsWith('/reloadrequests') ? 404 : undefined,
    );
    const without = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
    try {
      await prepared(stage, {});
      await stage.edit({ flag: 'b' });
      await restarted(stage, 1);
      assert.equal(await without.readyz(), true);
      const said = without.log.filter((line) => JSON.stringify(line).includes('ReloadRequest is not installed'));
      assert.ok(said.length > 0 && said.length < 3, `said ${said.length} times`);
    } finally {
      await without.stop();
      await proxy.stop();
    }
  });
});
