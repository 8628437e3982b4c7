/** Hot changes proven on the node by its agent, for an operator that was told of it. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { AGENT_NAMESPACE, agentsReady, nodeHolder } from '../support/agents.ts';
import { installOperator } from '../support/install.ts';
import { kubeletOf, processOfPod } from '../support/node-processes.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { stagedTests, type Pod, type Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const MOUNTED = { defaultClass: 'Hot', hot: { proof: 'Mounted', timeout: '2m' } } as const;
const skip = process.env['CLUSTER'] === 'current' ? 'the node must be on this machine' : false;

describe('proof by agents', { skip }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster, 'config/with-agent');
    await agentsReady(cluster);
  });
  after(async () => {
    await kubectlFor(cluster).run(['delete', 'namespace', AGENT_NAMESPACE, '--ignore-not-found']);
    await cluster.stop();
  });

  const staged = stagedTests('mounted', () => cluster);

  const proven = async (stage: Stage, times: number): Promise<number> => {
    const entries = (await stage.record()).history ?? [];
    const found = entries.filter(({ outcome, reason }) => outcome === 'Succeeded' && reason === 'Mounted');
    assert.equal(found.length, times, JSON.stringify(entries));
    return found[0]?.pods ?? 0;
  };
  const missing = async (stage: Stage): Promise<string> =>
    ((await stage.status()).workloads ?? []).flatMap(({ delivery }) => delivery?.missing ?? []).join('\n');

  staged('comes for ConfigMaps and Secrets as soon as the files are there', async (stage) => {
    await stage.configMap({ 'policy.rego': 'one' });
    await stage.kubectl.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'app', namespace: stage.namespace },
        stringData: { password: 'one' },
      },
      ...['Role', 'RoleBinding'].map((kind) => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind,
        metadata: { name: 'app', namespace: stage.namespace },
        ...(kind === 'Role'
          ? {
              rules: [
                { apiGroups: [''], resources: ['secrets'], resourceNames: ['app'], verbs: ['get', 'list', 'watch'] },
              ],
            }
          : {
              roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'app' },
              subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace: 'reload-operator-system' }],
            }),
      })),
    );
    const { spec } = stage.manifest({ replicas: 3 }) as {
      spec: { template: { spec: { containers: [{ volumeMounts: object[] }]; volumes: object[] } } };
    };
    spec.template.spec.volumes.push({ name: 'secret', secret: { secretName: 'app', defaultMode: 0o400 } });
    spec.template.spec.containers[0].volumeMounts.push({ name: 'secret', mountPath: '/etc/secret' });
    await stage.start({ spec });
    await stage.policy({
      ...MOUNTED,
      sources: [
        { kind: 'ConfigMap', name: 'app' },
        { kind: 'Secret', name: 'app' },
      ],
    });
    await stage.adopted();

    await stage.edit({ 'policy.rego': 'two' });
    await untilPasses(async () => assert.equal(await proven(stage, 1), 3), { what: 'the proof', timeoutMs: 20_000 });
    assert.deepEqual(await stage.filesIn('policy.rego'), ['two', 'two', 'two']);
    await stage.patch(stage.path('/api/v1', 'secrets', 'app'), { stringData: { password: 'two' } });
    await untilPasses(async () => assert.equal(await proven(stage, 2), 3), { what: 'the proof', timeoutMs: 20_000 });
    await stage.until('HotReloaded', 'True');
  });

  staged('is said to be missing while the agent is away, and comes when it is back', async (stage) => {
    await stage.configMap({ 'policy.rego': 'one' });
    await stage.start({ replicas: 3 });
    await stage.policy(MOUNTED);
    await stage.adopted();
    const holder = nodeHolder(cluster);
    assert.ok(holder !== undefined);
    const kubelet = kubeletOf(holder);
    const [agent] = await stage.list<Pod>(`/api/v1/namespaces/${AGENT_NAMESPACE}/pods`);
    assert.ok(agent);

    // With a kubelet that stands still, the proof is under way for as long as the test wants it to be.
    process.kill(kubelet, 'SIGSTOP');
    try {
      await stage.edit({ 'policy.rego': 'two' });
      await untilPasses(async () => assert.match(await missing(stage), /its files are old: policy.rego/), {
        what: 'the status to say that files are old',
      });
      process.kill(processOfPod(agent.metadata.uid), 'SIGKILL');
      await untilPasses(async () => assert.match(await missing(stage), /can't be asked|there is no agent on node/), {
        what: 'the status to say that the agent is away',
      });
      await proven(stage, 0);
    } finally {
      process.kill(kubelet, 'SIGCONT');
    }
    await untilPasses(async () => assert.equal(await proven(stage, 1), 3), { what: 'the proof', timeoutMs: 90_000 });
    assert.deepEqual(await stage.filesIn('policy.rego'), ['two', 'two', 'two']);
    // It is another container of the same pod, with another certificate; the kubelet tells of it only afterwards.
    await untilPasses(
      async () => {
        const [back] = await stage.list<Pod>(`/api/v1/namespaces/${AGENT_NAMESPACE}/pods`);
        assert.equal(back?.metadata.uid, agent.metadata.uid);
        assert.equal(back.status?.containerStatuses?.[0]?.restartCount, 1);
      },
      { what: 'the agent to be told of as restarted' },
    );
  });

  staged('comes within moments for 80 pods', async (stage) => {
    await stage.configMap({ 'policy.rego': 'zero' });
    await stage.start({ replicas: 80 });
    await stage.policy(MOUNTED);
    await stage.adopted();
    const times: number[] = [];
    for (const [index, content] of ['one', 'two', 'three', 'four'].entries()) {
      const from = performance.now();
      await stage.edit({ 'policy.rego': content });
      await eventually(
        async () => {
          await proven(stage, index + 1);
          return true;
        },
        { what: 'the proof', timeoutMs: 30_000, intervalMs: 20 },
      );
      times.push(performance.now() - from);
      assert.equal((await stage.record()).history?.[0]?.pods, 80);
    }
    console.error(`write → Mounted in 80 pods, by the record: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    const [fastest = Infinity] = times.toSorted((a, b) => a - b);
    assert.ok(fastest < 10_000, `${times.join(', ')} ms`);
  });
});
