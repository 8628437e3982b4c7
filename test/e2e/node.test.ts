import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, stopCluster } from '../cluster/cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { BUSYBOX } from '../support/images.ts';
import { isAlive } from '../cluster/processes.ts';
import { kubectlFor } from '../support/kubectl.ts';
import type { Kubectl } from '../support/kubectl.ts';
import { startOwnedCluster, untilNothingIsLeft } from '../support/owned-cluster.ts';
import { eventually } from '../support/wait.ts';

/** A new one each time: the last one may still be going. */
const NAMESPACE = `node-test-${randomBytes(3).toString('hex')}`;
const REPLICAS = 3;

const CONFIG = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: NAMESPACE },
  data: { greeting: 'hello from a file' },
};

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: NAMESPACE },
  spec: {
    replicas: REPLICAS,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'web',
            image: BUSYBOX,
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', 'echo serving; exec httpd -f -p 8080 -h /config'],
            readinessProbe: { httpGet: { port: 8080, path: '/greeting' }, periodSeconds: 1 },
            volumeMounts: [{ name: 'config', mountPath: '/config' }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: 'web' } }],
      },
    },
  },
};

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: NAMESPACE },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

interface PodList {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly uid: string } }[];
}

describe('a cluster with a node', () => {
  let cluster: Cluster;
  let kubectl: Kubectl;
  let pod: PodList['items'][number];
  const inPod = (...command: string[]): Promise<string> =>
    kubectl.run(['exec', '-n', NAMESPACE, pod.metadata.name, '--', ...command]);

  before(async () => {
    cluster = await clusterForTests({ node: true });
    kubectl = kubectlFor(cluster);
    await kubectl.run(['create', 'namespace', NAMESPACE]);
    await kubectl.apply(CONFIG, SERVICE, DEPLOYMENT);
    await kubectl.run(['rollout', 'status', 'deployment/web', '-n', NAMESPACE, '--timeout=120s'], {
      timeoutMs: 130_000,
    });
    const pods = (await kubectl.json(['get', 'pods', '-n', NAMESPACE, '-l', 'app=web'])) as PodList;
    assert.equal(pods.items.length, REPLICAS);
    const [first] = pods.items;
    assert.ok(first);
    pod = first;
  });
  after(async () => {
    await kubectl.run(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
    await cluster.stop();
  });

  it('shows a mounted key to the container and to the host', async () => {
    assert.equal(await inPod('cat', '/config/greeting'), 'hello from a file');
    if (cluster.kubeletRoot === undefined) return;
    const volume = join(cluster.kubeletRoot, 'pods', pod.metadata.uid, 'volumes/kubernetes.io~configmap/config');
    assert.equal(await readFile(join(volume, 'greeting'), 'utf8'), 'hello from a file');
  });

  it('gives the logs of a container', async () => {
    assert.equal(await kubectl.run(['logs', '-n', NAMESPACE, pod.metadata.name]), 'serving\n');
  });

  it("answers a pod at the kubernetes service, with the service account's token and certificate", async () => {
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    assert.match(await inPod('ls', account), /ca\.crt[\s\S]*token/);
    const script =
      'wget -q -O- --no-check-certificate https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version';
    const version = JSON.parse(await inPod('sh', '-c', script)) as { gitVersion: string };
    assert.match(version.gitVersion, /^v1\./);
  });

  it('routes a service to its pods', async () => {
    const answer = await eventually(() => inPod('sh', '-c', 'wget -q -O- http://$WEB_SERVICE_HOST/greeting'), {
      what: 'the service web to answer',
    });
    assert.equal(answer, 'hello from a file');
  });

  it('forwards a port of a pod', async () => {
    const forward = spawn(
      cluster.kubectl,
      ['--kubeconfig', cluster.kubeconfig, 'port-forward', '-n', NAMESPACE, pod.metadata.name, ':8080'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      for await (const line of createInterface({ input: forward.stdout })) {
        const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port === undefined) continue;
        const answer = await fetch(`http://127.0.0.1:${port}/greeting`);
        assert.equal(await answer.text(), 'hello from a file');
        return;
      }
      assert.fail('kubectl port-forward ended without forwarding');
    } finally {
      forward.kill();
    }
  });
});

describe('a node beside another', { skip: process.env['CLUSTER'] === 'current' }, () => {
  it('leaves nothing behind when its owner is killed', async () => {
    const { owner, state, places } = await startOwnedCluster({ node: true });
    assert.ok(state.node);
    const { link } = state.node;
    assert.ok(existsSync(`/sys/class/net/${link}`));
    owner.kill('SIGKILL');
    await untilNothingIsLeft(places, state);
    // The kernel takes a network namespace apart in its own time.
    await eventually(() => !existsSync(`/sys/class/net/${link}`), { what: 'the link to be gone', timeoutMs: 120_000 });
  });

  it('leaves nothing behind when its supervisor is killed and the cluster is then stopped', async () => {
    const { owner, state, places } = await startOwnedCluster({ node: true });
    process.kill(state.supervisor.pid, 'SIGKILL');
    const { node } = state;
    assert.ok(node);
    await eventually(() => !isAlive(node.holder), { what: 'the namespaces of the node to end', timeoutMs: 120_000 });
    await stopCluster(places.dir);
    await untilNothingIsLeft(places, state);
    // The kernel takes a network namespace apart in its own time.
    await eventually(() => !existsSync(`/sys/class/net/${node.link}`), {
      what: 'the link to be gone',
      timeoutMs: 120_000,
    });
    owner.kill('SIGKILL');
  });
});
