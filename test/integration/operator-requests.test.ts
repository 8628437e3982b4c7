/** What people ask for, on a real API server: once each, whatever ends in between. Nothing runs: there is no node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReloadRequest, ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { runPlugin, type Ended } from '../support/plugin.ts';
import { Stage } from '../support/stage.ts';
import { eventually } from '../support/wait.ts';

const MANUAL = { restart: { approval: 'Manual' } } as const satisfies Partial<ReloadPolicySpecInput>;
const REQUESTS = ['/apis/reload-operator.dev/v1alpha1', 'reloadrequests'] as const;

describe('requests on an API server', { concurrency: 3 }, () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages: Stage[] = [];
  let given = 0;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stages.push(...(await Promise.all(Array.from({ length: 10 }, () => Stage.open(cluster, 'requests')))));
    operator = await startOperator({ cluster, namespaces: stages.map(({ namespace }) => namespace) });
  });
  after(async () => {
    await operator.stop();
    await Promise.all(stages.map((stage) => stage.end()));
    await cluster.stop();
  });

  const aStage = (): Stage => {
    const stage = stages[given];
    given += 1;
    if (stage === undefined) throw new Error('there are more tests than namespaces: open more');
    return stage;
  };

  const bound = async (spec: Partial<ReloadPolicySpecInput> = MANUAL): Promise<Stage> => {
    const stage = aStage();
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy(spec);
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
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
    assert.match(again.stderr, /nothing of Deployment\/web waits for approval/);
  });
});
