import { createReadStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Binaries } from './binaries.ts';
import { cgroupOf, createCgroup } from './cgroups.ts';
import { runCommand } from './commands.ts';
import { untilReady } from './components.ts';
import type { Components } from './components.ts';
import { call } from './https.ts';
import type { Endpoint } from './https.ts';
import { BINARIES_INSIDE, NO_DNS } from './namespaces.ts';
import type { Namespaces } from './namespaces.ts';
import type { Pki } from './pki.ts';
import { cniDir } from './preflight.ts';
import type { ComponentSpec } from './processes.ts';
import type { Places } from './state.ts';

export const NODE_NAME = 'node-1';
export const PAUSE_IMAGE = 'reload.test/pause:1';

/** Room for more pods than the kubelet's usual 110: the benchmarks put 200 on one node. */
const MAX_PODS = 250;
const POD_RANGE = '10.244.0.0/16';
const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const START_TIMEOUT_MS = 90_000;

export interface NodeOptions {
  readonly places: Places;
  readonly binaries: Binaries;
  readonly components: Components;
  readonly namespaces: Namespaces;
  readonly pki: Pki;
  /** The API server, for asking whether the node is ready. */
  readonly endpoint: Endpoint;
  /** Image archives to import before the first pod; the sandbox image is among them. */
  readonly images: readonly string[];
}

/** The kubelet's root folder as the host sees it, with what is mounted in the node's own mount namespace. */
export function kubeletRootOf(namespaces: Namespaces): string {
  return `/proc/${namespaces.holder.pid}/root/var/lib/kubelet`;
}

/** Starts containerd and imports the images; needs no API server yet. */
export async function startContainerd(o: NodeOptions): Promise<void> {
  await writeContainerdConfig(o);
  const containerd = await o.components.start(
    spec(o, 'containerd', 'containerd', ['--config', '/var/lib/reload/containerd.toml']),
  );
  await untilReady(containerd, () => serves(o.namespaces), START_TIMEOUT_MS);
  for (const image of o.images) await importArchive(o.namespaces.holder.pid, image);
}

async function serves(namespaces: Namespaces): Promise<boolean> {
  const entered = namespaces.enter('ctr', ['--address', CONTAINERD_SOCKET, 'version']);
  await runCommand(entered.command, entered.args, { timeoutMs: 5_000 });
  return true;
}

/** Imports an OCI or Docker archive (a path of the host) for the kubelet's use. */
export async function importArchive(holderPid: number, archive: string): Promise<void> {
  if (!existsSync(archive)) throw new Error(`no image archive at ${archive}: build it first`);
  const inside = ['--target', String(holderPid), '--net', '--pid', '--mount', '--'];
  const ctr = ['ctr', '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io', 'images', 'import', '-'];
  await runCommand('nsenter', [...inside, ...ctr], { input: createReadStream(archive) });
}

/** Starts kubelet and kube-proxy and waits until the node is Ready and services work. */
export async function startNode(o: NodeOptions): Promise<void> {
  createCgroup(cgroupOf(o.places.id));
  await writeKubeletFiles(o);
  const [kubelet, proxy] = await Promise.all([o.components.start(kubeletSpec(o)), o.components.start(proxySpec(o))]);
  await Promise.all([
    untilReady(kubelet, () => nodeIsReady(o.endpoint), START_TIMEOUT_MS),
    untilReady(proxy, () => proxyIsReady(o), START_TIMEOUT_MS),
  ]);
}

async function nodeIsReady(endpoint: Endpoint): Promise<boolean> {
  const answer = await call(endpoint, 'GET', `/api/v1/nodes/${NODE_NAME}`);
  if (answer.status !== 200) return false;
  const node = JSON.parse(answer.body) as {
    spec: { taints?: unknown[] };
    status: { conditions?: { type: string; status: string; message?: string }[] };
  };
  const ready = node.status.conditions?.find((condition) => condition.type === 'Ready');
  if (ready?.status !== 'True') throw new Error(`node ${NODE_NAME} is not ready: ${ready?.message ?? 'no condition'}`);
  // The taint of a new node goes a moment after it is ready; pods are not scheduled before.
  return (node.spec.taints ?? []).length === 0;
}

/** kube-proxy's health port says 200 once its first sync is done. */
async function proxyIsReady(o: NodeOptions): Promise<boolean> {
  const answer = await fetch(`http://${o.namespaces.link.nodeAddress}:10256/healthz`, {
    signal: AbortSignal.timeout(2_000),
  });
  await answer.arrayBuffer();
  return answer.ok;
}

function spec(o: NodeOptions, name: string, command: string, args: readonly string[]): ComponentSpec {
  return { name, ...o.namespaces.enter(command, args), logFile: join(o.places.logs, `${name}.log`) };
}

function kubeletSpec(o: NodeOptions): ComponentSpec {
  return spec(o, 'kubelet', `${BINARIES_INSIDE}/kubelet`, [
    '--config=/var/lib/kubelet/config.yaml',
    '--kubeconfig=/var/lib/kubelet/kubeconfig',
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${o.namespaces.link.nodeAddress}`,
  ]);
}

function proxySpec(o: NodeOptions): ComponentSpec {
  return spec(o, 'kube-proxy', `${BINARIES_INSIDE}/kube-proxy`, [
    '--kubeconfig=/var/lib/reload/kube-proxy.yaml',
    '--proxy-mode=iptables',
    '--conntrack-max-per-core=0',
    `--hostname-override=${NODE_NAME}`,
    `--cluster-cidr=${POD_RANGE}`,
    `--healthz-bind-address=${o.namespaces.link.nodeAddress}:10256`,
    '--metrics-bind-address=127.0.0.1:10249',
    '--oom-score-adj=0',
  ]);
}

/** A folder of the state that the node sees below /var/lib. */
function libDir(o: NodeOptions, name: string): string {
  const dir = join(o.places.dir, 'var/lib', name);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** restrict_oom_score_adj: runc can't lower a score where the machine lacks CAP_SYS_RESOURCE. */
async function writeContainerdConfig(o: NodeOptions): Promise<void> {
  const dir = libDir(o, 'reload');
  const cni = libDir(o, 'reload/cni');
  const plugins = cniDir();
  if (plugins === undefined) throw new Error('the CNI plugins are missing: install containernetworking-plugins');
  // An overlay can't lie on an overlay, which is what the root of a container usually is.
  const onOverlay = (await runCommand('stat', ['--file-system', '--format=%T', dir])).trim() === 'overlayfs';
  const snapshotter = onOverlay ? 'native' : 'overlayfs';
  writeFileSync(
    join(dir, 'containerd.toml'),
    `version = 2
oom_score = 0
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "/var/lib/reload/cni"
`,
  );
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    ipam: { type: 'host-local', ranges: [[{ subnet: POD_RANGE }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const network = { cniVersion: '1.0.0', name: 'pods', plugins: [bridge] };
  writeFileSync(join(cni, '10-pods.conflist'), JSON.stringify(network, undefined, 2));
}

async function writeKubeletFiles(o: NodeOptions): Promise<void> {
  const { kubeletServer } = o.pki;
  if (!kubeletServer) throw new Error('no certificate was issued for the kubelet');
  const dir = libDir(o, 'kubelet');
  writeFileSync(join(dir, 'config.yaml'), stringify(kubeletConfig(cgroupOf(o.places.id))));
  await Promise.all([
    copyFile(kubeletServer.cert, join(dir, 'server.crt')),
    copyFile(kubeletServer.key, join(dir, 'server.key')),
    copyFile(o.pki.authority.cert, join(dir, 'ca.crt')),
    copyFile(o.pki.kubeconfig('kubelet'), join(dir, 'kubeconfig')),
    copyFile(o.pki.kubeconfig('kube-proxy'), join(libDir(o, 'reload'), 'kube-proxy.yaml')),
  ]);
}

/**
 * Everything that decides how fast a ConfigMap reaches a file (syncFrequency, change detection) stays at the
 * kubelet's own defaults: the benchmarks compare against them. Nothing is evicted or collected during a test.
 */
function kubeletConfig(cgroup: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/var/lib/kubelet/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: '/var/lib/kubelet/server.crt',
    tlsPrivateKeyFile: '/var/lib/kubelet/server.key',
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    oomScoreAdj: 0,
    maxPods: MAX_PODS,
    clusterDomain: 'cluster.local',
    clusterDNS: [NO_DNS],
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
  };
}
