/** The node agents on a real node: what they answer of real volumes, and whom they and the operator take for whom. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { digestContent, digestParts } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { AGENT_NAMESPACE, agentsReady, installAgents, startAsker, type Asked, type Asker } from '../support/agents.ts';
import { BUSYBOX } from '../support/images.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const AGENT = 'reload-operator-agent';
const WAIT_MS = 20_000;
type Question = Asked['question'];

const VOLUMES = [
  { name: 'config', configMap: { name: 'app' } },
  { name: 'secret', secret: { secretName: 'app', defaultMode: 0o400 } },
  {
    name: 'both',
    projected: {
      sources: [
        { configMap: { name: 'app', items: [{ key: 'policy.rego', path: 'nested/renamed.rego' }] } },
        { secret: { name: 'app' } },
      ],
    },
  },
];

const plain = (files: Readonly<Record<string, string | null>>): Question['files'] =>
  Object.entries(files).map(([path, text]) => [path, text === null ? null : digestContent(text)]);

describe(
  'node agents',
  { skip: process.env['CLUSTER'] === 'current' ? 'pods must be reached from here' : false },
  () => {
    let cluster: Cluster;
    let stage: Stage;
    let asker: Asker;
    let pod: Asked['pod'];
    let podName: string;

    before(async () => {
      cluster = await clusterForTests({ node: true });
      stage = await Stage.open(cluster, 'agent');
      await installAgents(cluster);
      await stage.configMap({ 'policy.rego': 'one' });
      await secret('one');
      await stage.start({
        mounted: false,
        spec: {
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              terminationGracePeriodSeconds: 0,
              containers: [
                {
                  name: 'main',
                  image: BUSYBOX,
                  imagePullPolicy: 'IfNotPresent',
                  command: ['sleep', '1000000'],
                  volumeMounts: VOLUMES.map(({ name }) => ({ name, mountPath: `/etc/${name}` })),
                },
              ],
              volumes: VOLUMES,
            },
          },
        },
      });
      const [found] = await stage.list<{ metadata: { name: string; uid: string }; spec: { nodeName: string } }>(
        stage.path('/api/v1', 'pods'),
        { labelSelector: 'app=web' },
      );
      assert.ok(found);
      pod = { uid: found.metadata.uid, node: found.spec.nodeName };
      podName = found.metadata.name;
      asker = await startAsker(cluster);
    });
    after(async () => {
      await asker.stop();
      await stage.kubectl.run(['delete', 'namespace', AGENT_NAMESPACE, '--ignore-not-found']);
      await stage.end();
      await cluster.stop();
    });

    const secret = (password: string): Promise<string> =>
      stage.kubectl.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'app', namespace: stage.namespace },
        stringData: { password },
      });

    /** As the operator does it. */
    const nudge = (): Promise<unknown> =>
      stage.patch(`${stage.path('/api/v1', 'pods', podName)}/status`, {
        metadata: { annotations: { 'reload-operator.dev/nudge': randomBytes(4).toString('hex') } },
      });

    /** Not before the change, and as soon as the kubelet has written it. */
    const yesAfter = async (question: Question, change: () => Promise<unknown>): Promise<void> => {
      const before = await asker.ask(pod, question);
      assert.deepEqual(before.answer, { type: 'Differs', files: question.files.map(([path]) => path) });
      const waiting = asker.ask(pod, question, WAIT_MS);
      await change();
      await nudge();
      const { answer, ms } = await waiting;
      assert.deepEqual(answer, { type: 'Mounted' });
      assert.ok(ms < 10_000, `${String(ms)} ms`);
    };

    it('say yes to a change of a ConfigMap when its files are there, and not before', async () => {
      const now = plain({ 'policy.rego': 'one', 'new.rego': null });
      const volume = { volume: 'config', plugin: 'kubernetes.io~configmap' } as const;
      assert.deepEqual((await asker.ask(pod, { ...volume, files: now })).answer, { type: 'Mounted' });
      await yesAfter({ ...volume, files: plain({ 'policy.rego': 'two', 'new.rego': 'new' }) }, () =>
        stage.edit({ 'policy.rego': 'two', 'new.rego': 'new' }),
      );
      assert.equal(
        await stage.exec({ metadata: { name: podName, uid: pod.uid } }, 'cat', '/etc/config/policy.rego'),
        'two',
      );
      await yesAfter({ ...volume, files: plain({ 'new.rego': null }) }, () => stage.edit({ 'new.rego': null }));
    });

    it('say it of Secrets by MACs, and of files that only root may read', async () => {
      const key = randomBytes(32);
      const mac = digestParts({ format: 'q1', key, context: [] }, 'two');
      await yesAfter(
        {
          volume: 'secret',
          plugin: 'kubernetes.io~secret',
          key: key.toString('base64url'),
          files: [['password', mac]],
        },
        () => secret('two'),
      );
    });

    it('say it of projected volumes, and of items in folders of other names', async () => {
      await yesAfter(
        {
          volume: 'both',
          plugin: 'kubernetes.io~projected',
          files: plain({ 'nested/renamed.rego': 'three', password: 'three' }),
        },
        () => Promise.all([stage.edit({ 'policy.rego': 'three' }), secret('three')]),
      );
    });

    it('know of no other volume, pod or node', async () => {
      const question = { volume: 'config', plugin: 'kubernetes.io~configmap', files: plain({ a: null }) } as const;
      const none = { type: 'Unavailable', why: 'no such volume on this node' };
      assert.deepEqual((await asker.ask(pod, { ...question, volume: 'other' })).answer, none);
      assert.deepEqual((await asker.ask({ ...pod, uid: crypto.randomUUID() }, question)).answer, none);
      assert.deepEqual((await asker.ask({ ...pod, node: 'elsewhere' }, question)).answer, {
        type: 'Unavailable',
        why: 'there is no agent on node elsewhere',
      });
    });

    const anything: Question = { volume: 'config', plugin: 'kubernetes.io~configmap', files: plain({ a: null }) };
    const unavailable = async (from: Asker, why: RegExp): Promise<void> => {
      // Bindings that are new take a moment to count.
      await untilPasses(
        async () => {
          const { answer } = await from.ask(pod, anything);
          assert.equal(answer.type, 'Unavailable');
          assert.match(answer.why, why);
        },
        { what: `the answer ${String(why)}`, intervalMs: 500 },
      );
    };

    it('answer no other account, whatever rights it has', async () => {
      const account = { namespace: stage.namespace, name: 'reload-operator' };
      await stage.kubectl.apply(
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: stage.namespace },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [{ kind: 'ServiceAccount', ...account }],
        },
      );
      const stranger = await startAsker(cluster, { account });
      try {
        await unavailable(stranger, /401: a token of the operator for this agent is needed/);
      } finally {
        await stranger.stop();
        await stage.kubectl.run(['delete', 'clusterrolebinding', stage.namespace]);
      }
    });

    it('are believed by the operator only as their own account, and as the pod that was meant', async () => {
      // Agents of another namespace, with rights of their own: as another account, and behind somebody who passes on.
      const namespace = `${stage.namespace}-false`;
      const template = (
        await stage.get<{
          spec: { template: { spec: { containers: { [name: string]: unknown }[] } & Record<string, unknown> } };
        }>(`/apis/apps/v1/namespaces/${AGENT_NAMESPACE}/daemonsets/${AGENT}`)
      ).spec.template.spec;
      const [container = {}] = template.containers;
      const podOf = (name: string, account: string, labels: Record<string, string>, change: object = {}): object => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels },
        spec: { ...template, serviceAccountName: account, containers: [{ ...container, ...change }] },
      });
      const found = { 'app.kubernetes.io/name': AGENT };
      await stage.kubectl.apply(
        {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
        },
        ...[AGENT, 'other'].map((name) => ({
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name, namespace },
        })),
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: namespace },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reload-operator-token-review' },
          subjects: [AGENT, 'other'].map((name) => ({ kind: 'ServiceAccount', name, namespace })),
        },
      );
      const wait = (name: string): Promise<string> =>
        stage.kubectl.run(['-n', namespace, 'wait', `pod/${name}`, '--for=condition=Ready', '--timeout=60s'], {
          timeoutMs: 70_000,
        });
      try {
        await stage.kubectl.apply(podOf('other', 'other', found));
        await wait('other');
        const meeting = await startAsker(cluster, { agentNamespace: namespace });
        try {
          await unavailable(meeting, /it can't prove that it is pod/);
          await stage.kubectl.run(['-n', namespace, 'delete', 'pod', 'other', '--grace-period=0', '--force']);
          // The true one, in its own place: it is believed, so that what follows is about the one in between.
          await stage.kubectl.apply(podOf('true', AGENT, found));
          await wait('true');
          await untilPasses(
            async () => assert.deepEqual((await meeting.ask(pod, anything)).answer, { type: 'Mounted' }),
            { what: 'the agent to be believed', intervalMs: 500 },
          );
          await stage.kubectl.run(['-n', namespace, 'label', 'pod', 'true', 'app.kubernetes.io/name-']);
          const { status } = await stage.get<{ status: { podIP: string } }>(
            `/api/v1/namespaces/${namespace}/pods/true`,
          );
          const relay = `require('node:net').createServer((c) => {
          const s = require('node:net').connect(8444, '${status.podIP}');
          c.pipe(s).pipe(c); c.on('error', () => s.destroy()); s.on('error', () => c.destroy());
        }).listen(8444)`;
          await stage.kubectl.apply(podOf('between', AGENT, found, { args: ['-e', relay] }));
          await wait('between');
          await unavailable(meeting, /it can't prove that it is pod/);
        } finally {
          await meeting.stop();
        }
      } finally {
        await stage.kubectl.run(['delete', 'clusterrolebinding', namespace]);
        await stage.kubectl.run(['delete', 'namespace', namespace, '--wait=false']);
      }
    });

    it('that end while a question waits are said to be away, and asked again when they are back', async () => {
      const never = { ...anything, files: plain({ a: 'never' }) };
      const waiting = asker.ask(pod, never, 30_000);
      const pods = ['-n', AGENT_NAMESPACE, 'delete', 'pod', '-l', `app.kubernetes.io/name=${AGENT}`];
      // A question has arrived when another one, sent after it over the same connection, is answered.
      assert.deepEqual((await asker.ask(pod, anything)).answer, { type: 'Mounted' });
      await stage.kubectl.run([...pods, '--grace-period=0', '--force']);
      const { answer, ms } = await waiting;
      assert.equal(answer.type, 'Unavailable');
      assert.ok(ms < 30_000, `${String(ms)} ms`);
      await agentsReady(cluster);
      const back = await eventually(
        async () => {
          const { answer: now } = await asker.ask(pod, anything);
          return now.type === 'Mounted' ? now : undefined;
        },
        { what: 'the new agent to answer', intervalMs: 200 },
      );
      assert.deepEqual(back, { type: 'Mounted' });
    });
  },
);
