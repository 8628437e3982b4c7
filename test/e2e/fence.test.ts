/** What the operator's account may do: its two annotations, and nothing else, whatever roles it is given. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeClient } from '../../src/kube/connect.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountClient } from '../support/account.ts';
import { installOperator } from '../support/install.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

type Refusal = readonly [body: object, message: RegExp];

const ANNOTATION = { metadata: { annotations: { a: 'b' } } };
const template = (inner: object): object => ({ spec: { template: inner } });
const nudge = (value: string): object => ({ metadata: { annotations: { 'reload-operator.dev/nudge': value } } });
const annotated = (value: string): object => ({
  template: { metadata: { annotations: { 'reload-operator.dev/restart-digest': value } } },
});
const restart = (value: string): object => ({ spec: annotated(value) });

const ON_PODS: readonly Refusal[] = [
  [ANNOTATION, /no annotation of a pod but/],
  [nudge('not allowed!'), /value of reload-operator.dev\/nudge/],
  [{ metadata: { labels: { app: 'other' } } }, /nothing in a pod's metadata/],
  [{ metadata: { finalizers: ['example.com/hold'] } }, /nothing in a pod's metadata/],
  [{ status: { phase: 'Failed' } }, /neither spec nor status/],
  [{ status: { podIP: '198.51.100.7', podIPs: [{ ip: '198.51.100.7' }] } }, /neither spec nor status/],
  [{ status: { conditions: [{ type: 'Ready', status: 'False' }] } }, /neither spec nor status/],
];

const ON_WORKLOADS: readonly Refusal[] = [
  [{ spec: { replicas: 5 } }, /nothing in a workload's spec/],
  [{ metadata: { labels: { app: 'other' } } }, /workload's own metadata/],
  [ANNOTATION, /workload's own metadata/],
  [{ metadata: { managedFields: [{}] } }, /take fields from their owners/],
  [template(ANNOTATION), /no annotation of a pod template but/],
  [template({ metadata: { labels: { more: 'x' } } }), /nothing in a workload's spec/],
  [template({ spec: { hostNetwork: true } }), /nothing in a workload's spec/],
  [restart('not allowed!'), /value of reload-operator.dev\/restart-digest/],
];

describe("the operator's account", () => {
  let cluster: Cluster;
  let stage: Stage;
  let account: KubeClient;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
    stage = await Stage.open(cluster, 'fence');
    account = await serviceAccountClient(cluster, 'reload-operator-system', 'reload-operator');
    await stage.configMap({ flag: 'one' });
    await stage.start({ flags: ['flag'] });
  });
  after(async () => {
    await account.close();
    await stage.end();
    await cluster.stop();
  });

  const patch = (path: string, body: object): Promise<unknown> =>
    account.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  const podPath = async (): Promise<string> => {
    const [pod] = await stage.pods();
    assert.ok(pod);
    return stage.path('/api/v1', 'pods', pod.metadata.name);
  };

  it('may nudge a pod', async () => {
    await patch(`${await podPath()}/status`, nudge('v1.test.1'));
  });

  it('may write the restart annotation', async () => {
    await account.request({
      method: 'PATCH',
      path: stage.workloadPath(),
      query: { fieldManager: 'reload-operator', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, ...restart('v1.1.test') },
    });
    await stage.rolledOut();
  });

  for (const [body, message] of ON_PODS) {
    it(`may not write ${JSON.stringify(body)} through pods/status`, async () => {
      await assert.rejects(patch(`${await podPath()}/status`, body), message);
    });
  }

  for (const [body, message] of ON_WORKLOADS) {
    it(`may not write ${JSON.stringify(body)} to a Deployment`, async () => {
      await assert.rejects(patch(stage.workloadPath(), body), message);
    });
  }

  it('may write the restart annotation of a CronJob, and nothing else', async () => {
    await stage.create({ kind: 'CronJob', name: 'tidy', flags: ['flag'] });
    const path = stage.workloadPath('tidy', 'CronJob');
    const inJobs = (inner: object): object => ({ spec: { jobTemplate: { spec: inner } } });
    await account.request({
      method: 'PATCH',
      path,
      query: { fieldManager: 'reload-operator', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'tidy' }, ...inJobs(annotated('v1.1.test')) },
    });
    for (const [body, message] of [
      [{ spec: { suspend: true } }, /nothing in a workload's spec/],
      [{ spec: { schedule: '* * * * *' } }, /nothing in a workload's spec/],
      [{ spec: { jobTemplate: { metadata: { labels: { more: 'x' } } } } }, /nothing in a workload's spec/],
      [inJobs({ backoffLimit: 1 }), /nothing in a workload's spec/],
      [inJobs({ template: { spec: { hostNetwork: true } } }), /nothing in a workload's spec/],
      [inJobs({ template: ANNOTATION }), /no annotation of a pod template but/],
      [inJobs(annotated('not allowed!')), /value of reload-operator.dev\/restart-digest/],
      [ANNOTATION, /workload's own metadata/],
      [{ metadata: { managedFields: [{}] } }, /take fields from their owners/],
    ] as const) {
      await assert.rejects(patch(path, body), message, JSON.stringify(body));
    }
  });

  it('has no right to patch, delete or enter pods, nor to read Secrets', async () => {
    const path = await podPath();
    await assert.rejects(patch(path, ANNOTATION), /cannot patch resource "pods"/);
    await assert.rejects(account.request({ method: 'DELETE', path }), /cannot delete resource "pods"/);
    await assert.rejects(
      account.request({ method: 'POST', path: `${path}/exec`, query: { command: 'true' } }),
      /cannot create resource "pods\/exec"/,
    );
    await assert.rejects(
      account.request({ method: 'GET', path: stage.path('/api/v1', 'secrets') }),
      /cannot list resource "secrets"/,
    );
  });

  it('may do no more when it is bound to admin', async () => {
    await stage.kubectl.run(
      ['-n', stage.namespace, 'create', 'rolebinding', 'too-much', '--clusterrole=admin'].concat(
        '--serviceaccount=reload-operator-system:reload-operator',
      ),
    );
    const path = await podPath();
    // At first it is the missing right that refuses; once it is there, the fence.
    await untilPasses(() => assert.rejects(patch(path, ANNOTATION), /may write only pods\/status/), {
      what: 'the binding to count',
    });
    const workload = stage.workloadPath();
    await assert.rejects(
      account.request({ method: 'DELETE', path: workload }),
      /may neither create nor delete workloads/,
    );
    await assert.rejects(patch(workload, { spec: { replicas: 5 } }), /nothing in a workload's spec/);
  });
});
