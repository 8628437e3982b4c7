import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, createServiceAccountKey, writeKubeconfig } from './certificates.ts';
import type { Pair, Subject } from './certificates.ts';
import type { Places } from './state.ts';

/** First address of the service range: the `kubernetes` service. */
export const KUBERNETES_SERVICE = '10.96.0.1';
export const SERVICE_RANGE = '10.96.0.0/16';

const API_SERVER_NAMES = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];

/** Users that get a kubeconfig. Groups and names as the API server's built-in role bindings expect them. */
const USERS = {
  admin: { commonName: 'admin', organization: 'system:masters' },
  'controller-manager': { commonName: 'system:kube-controller-manager' },
  scheduler: { commonName: 'system:kube-scheduler' },
  'kube-proxy': { commonName: 'system:kube-proxy' },
} as const satisfies Record<string, Subject>;

export type User = keyof typeof USERS | 'kubelet';

/** Every key of one cluster. etcd has an authority of its own: no client of the API server may reach the store. */
export interface Pki {
  readonly authority: Pair;
  readonly apiServer: Pair;
  readonly admin: Pair;
  /** What the API server shows to the kubelet. */
  readonly kubeletClient: Pair;
  readonly serviceAccount: Pair;
  readonly etcdAuthority: Pair;
  readonly etcd: Pair;
  readonly etcdClient: Pair;
  /** What the kubelet serves with; only with a node. */
  readonly kubeletServer?: Pair;
  kubeconfig(user: User): string;
}

/**
 * Makes the keys, certificates and kubeconfigs of a cluster.
 *
 * @param address where the API server is reached, and where the kubelet serves.
 * @param nodeName makes the kubelet's and kube-proxy's too.
 */
export async function createPki(places: Places, server: string, address: string, nodeName?: string): Promise<Pki> {
  const [authority, etcdAuthority] = await Promise.all([
    createAuthority(join(places.pki, 'cluster'), 'ca'),
    createAuthority(join(places.pki, 'etcd'), 'ca'),
  ]);
  const addresses = [...new Set([address, '127.0.0.1', KUBERNETES_SERVICE])].map((ip) => `IP:${ip}`);
  const apiServerNames = [...addresses, ...API_SERVER_NAMES.map((name) => `DNS:${name}`)];
  const issueKubeletServer = (node: string): Promise<Pair> =>
    authority.issue('kubelet-server', { commonName: node, names: [`IP:${address}`, `DNS:${node}`] });
  const [apiServer, kubeletClient, etcd, etcdClient, kubeletServer, users] = await Promise.all([
    authority.issue('kube-apiserver', { commonName: 'kube-apiserver', names: apiServerNames }),
    authority.issue('kubelet-client', { commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' }),
    etcdAuthority.issue('server', { commonName: 'etcd', names: addresses }),
    etcdAuthority.issue('client', { commonName: 'kube-apiserver' }),
    nodeName === undefined ? undefined : issueKubeletServer(nodeName),
    Promise.all(
      usersOf(nodeName).map(async ([user, subject]) => [user, await authority.issue(user, subject)] as const),
    ),
  ]);
  const kubeconfig = (user: User): string => join(places.kubeconfigs, `${user}.yaml`);
  mkdirSync(places.kubeconfigs, { recursive: true, mode: 0o700 });
  for (const [user, pair] of users) {
    writeKubeconfig(kubeconfig(user), { server, authority, user: pair, name: `reload-${places.name}` });
  }
  const admin = users.find(([user]) => user === 'admin')?.[1];
  if (!admin) throw new Error('no certificate was issued for the user admin');
  const serviceAccount = createServiceAccountKey(places.pki);
  return {
    authority,
    apiServer,
    admin,
    kubeletClient,
    serviceAccount,
    etcdAuthority,
    etcd,
    etcdClient,
    ...(kubeletServer && { kubeletServer }),
    kubeconfig,
  };
}

function usersOf(nodeName: string | undefined): (readonly [User, Subject])[] {
  const { admin, 'controller-manager': manager, scheduler, 'kube-proxy': proxy } = USERS;
  const controlPlane = [
    ['admin', admin],
    ['controller-manager', manager],
    ['scheduler', scheduler],
  ] as const;
  if (nodeName === undefined) return [...controlPlane];
  const kubelet = { commonName: `system:node:${nodeName}`, organization: 'system:nodes' };
  return [...controlPlane, ['kube-proxy', proxy], ['kubelet', kubelet]];
}
