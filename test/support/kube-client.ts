import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { connect, type ConnectOptions, type KubeClient } from '../../src/kube/connect.ts';
import type { Cluster } from '../cluster/cluster.ts';

export interface ClientOptions extends Partial<Omit<ConnectOptions, 'kubeConfig'>> {
  /** Reach the API server here instead, with the certificate it has; a fault proxy, say. */
  readonly through?: string;
}

/** A client with the administrator's rights. */
export function adminClient(
  cluster: Pick<Cluster, 'kubeconfig' | 'server'>,
  { through, ...options }: ClientOptions = {},
): KubeClient {
  const kubeConfig = loadKubeConfig({ kubeconfig: cluster.kubeconfig });
  const current = kubeConfig.getCurrentCluster();
  if (through !== undefined && current !== null) {
    // The name that every API server's certificate has.
    Object.assign(current, { server: through, tlsServerName: 'kubernetes.default.svc' });
  }
  return connect({ kubeConfig, userAgent: 'reload-operator-tests', ...options });
}
