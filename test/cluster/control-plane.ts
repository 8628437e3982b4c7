import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { untilReady } from './components.ts';
import type { Components } from './components.ts';
import { call } from './https.ts';
import type { Endpoint } from './https.ts';
import { SERVICE_RANGE } from './pki.ts';
import type { Pki } from './pki.ts';
import type { ComponentSpec } from './processes.ts';
import type { Places } from './state.ts';

const START_TIMEOUT_MS = 120_000;

export interface Ports {
  readonly apiServer: number;
  readonly etcd: number;
  readonly etcdPeer: number;
}

export interface ControlPlaneOptions {
  readonly binaries: Binaries;
  readonly places: Places;
  readonly pki: Pki;
  readonly components: Components;
  /** Where API server and etcd listen. */
  readonly address: string;
  readonly ports: Ports;
  /** Puts a command into the node's network namespace; the identity without a node. */
  readonly enter: (command: string, args: readonly string[]) => { command: string; args: readonly string[] };
  readonly hasNode: boolean;
  readonly apiServerFlags: readonly string[];
  readonly throttledControllers: boolean;
}

export interface ControlPlane {
  readonly endpoint: Endpoint;
  /** Starts everything and waits until the API server is ready and the `default` service account exists. */
  start(): Promise<void>;
  killApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /**
   * Compacts etcd at its current revision and restarts the API server, whose watch cache would go on answering
   * for old resource versions otherwise.
   */
  compact(): Promise<void>;
}

export function createControlPlane(o: ControlPlaneOptions): ControlPlane {
  const server = `https://${o.address}:${o.ports.apiServer}`;
  const endpoint: Endpoint = { server, authority: o.pki.authority, user: o.pki.admin };
  const etcdEndpoint: Endpoint = { server: etcdUrl(o), authority: o.pki.etcdAuthority, user: o.pki.etcdClient };
  const answers = async (at: Endpoint, path: string): Promise<boolean> => (await call(at, 'GET', path)).status === 200;

  const startApiServer = async (): Promise<void> => {
    const component = await o.components.start(apiServer(o));
    await untilReady(component, () => answers(endpoint, '/readyz'), START_TIMEOUT_MS);
  };
  const killApiServer = (): Promise<void> => o.components.kill('kube-apiserver');
  return {
    endpoint,
    start: async () => {
      const store = await o.components.start(etcd(o));
      await untilReady(store, () => answers(etcdEndpoint, '/health'), START_TIMEOUT_MS);
      await startApiServer();
      const [manager] = await Promise.all([o.components.start(controllerManager(o)), o.components.start(scheduler(o))]);
      const account = '/api/v1/namespaces/default/serviceaccounts/default';
      await untilReady(manager, () => answers(endpoint, account), START_TIMEOUT_MS);
    },
    killApiServer,
    startApiServer,
    compact: async () => {
      await compactStore(etcdEndpoint);
      await killApiServer();
      await startApiServer();
    },
  };
}

/** Source: etcd's gRPC gateway, api_reference_v3 (Maintenance.Status, KV.Compact). 64-bit numbers are strings there. */
async function compactStore(endpoint: Endpoint): Promise<void> {
  const status = await post(endpoint, '/v3/maintenance/status', {});
  const { header } = JSON.parse(status) as { header: { revision: string } };
  await post(endpoint, '/v3/kv/compaction', { revision: header.revision, physical: true });
}

async function post(endpoint: Endpoint, path: string, body: object): Promise<string> {
  const answer = await call(endpoint, 'POST', path, { body, timeoutMs: 30_000 });
  if (answer.status !== 200) throw new Error(`etcd refused ${path} with ${answer.status}: ${answer.body}`);
  return answer.body;
}

function etcdUrl(o: ControlPlaneOptions): string {
  return `https://${o.address}:${o.ports.etcd}`;
}

function spec(o: ControlPlaneOptions, name: string, binary: string, flags: Record<string, string>): ComponentSpec {
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  return { name, ...o.enter(binary, args), logFile: join(o.places.logs, `${name}.log`) };
}

/** Without fsync: nobody needs this store after a power cut, and small disks make it the slowest part. */
function etcd(o: ControlPlaneOptions): ComponentSpec {
  const client = etcdUrl(o);
  const peer = `http://127.0.0.1:${o.ports.etcdPeer}`;
  return spec(o, 'etcd', o.binaries.etcd, {
    name: 'etcd',
    'data-dir': o.places.etcdData,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `etcd=${peer}`,
    'client-cert-auth': 'true',
    'trusted-ca-file': o.pki.etcdAuthority.cert,
    'cert-file': o.pki.etcd.cert,
    'key-file': o.pki.etcd.key,
    'unsafe-no-fsync': 'true',
    'log-level': 'warn',
  });
}

function apiServer(o: ControlPlaneOptions): ComponentSpec {
  const base = spec(o, 'kube-apiserver', o.binaries['kube-apiserver'], {
    'bind-address': o.address,
    'advertise-address': o.address,
    'secure-port': String(o.ports.apiServer),
    // The reconciler publishes the address behind the kubernetes service; it refuses a loopback address.
    'endpoint-reconciler-type': o.hasNode ? 'lease' : 'none',
    'service-cluster-ip-range': SERVICE_RANGE,
    'etcd-servers': etcdUrl(o),
    'etcd-cafile': o.pki.etcdAuthority.cert,
    'etcd-certfile': o.pki.etcdClient.cert,
    'etcd-keyfile': o.pki.etcdClient.key,
    'client-ca-file': o.pki.authority.cert,
    'tls-cert-file': o.pki.apiServer.cert,
    'tls-private-key-file': o.pki.apiServer.key,
    'cert-dir': o.places.pki,
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': o.pki.serviceAccount.cert,
    'service-account-signing-key-file': o.pki.serviceAccount.key,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': 'true',
    'kubelet-certificate-authority': o.pki.authority.cert,
    'kubelet-client-certificate': o.pki.kubeletClient.cert,
    'kubelet-client-key': o.pki.kubeletClient.key,
    'kubelet-preferred-address-types': 'InternalIP',
  });
  return { ...base, args: [...base.args, ...o.apiServerFlags] };
}

/** The 20 requests a second that it comes with make it wait four seconds for itself while it starts its controllers. */
function controllerManager(o: ControlPlaneOptions): ComponentSpec {
  return spec(o, 'kube-controller-manager', o.binaries['kube-controller-manager'], {
    kubeconfig: o.pki.kubeconfig('controller-manager'),
    'leader-elect': 'false',
    'secure-port': '0',
    ...(!o.throttledControllers && { 'kube-api-qps': '200', 'kube-api-burst': '400' }),
    'root-ca-file': o.pki.authority.cert,
    'service-account-private-key-file': o.pki.serviceAccount.key,
    'use-service-account-credentials': 'true',
    'cluster-signing-cert-file': o.pki.authority.cert,
    'cluster-signing-key-file': o.pki.authority.key,
  });
}

function scheduler(o: ControlPlaneOptions): ComponentSpec {
  return spec(o, 'kube-scheduler', o.binaries['kube-scheduler'], {
    kubeconfig: o.pki.kubeconfig('scheduler'),
    'leader-elect': 'false',
    'secure-port': '0',
  });
}
