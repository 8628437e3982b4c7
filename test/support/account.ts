/** Acting as a service account of a test cluster, with a token of its own: rights and admission are what they are for it. */

import { KubeConfig } from '@kubernetes/client-node';
import { connect, loadKubeConfig, type KubeClient } from '../../src/kube/connect.ts';

/** Credentials of a service account, good for an hour. */
export const serviceAccountConfig = async (
  { kubeconfig }: { readonly kubeconfig: string },
  namespace: string,
  name: string,
): Promise<KubeConfig> => {
  const admin = loadKubeConfig({ kubeconfig });
  const cluster = admin.getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfig} has no current cluster`);
  const client = connect({ kubeConfig: admin, userAgent: 'reload-operator-test' });
  try {
    const { status } = await client.request<{ readonly status: { readonly token: string } }>({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      body: { spec: { expirationSeconds: 3_600 } },
    });
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name, token: status.token });
    return config;
  } finally {
    await client.close();
  }
};

export const serviceAccountClient = async (
  cluster: { readonly kubeconfig: string },
  namespace: string,
  name: string,
): Promise<KubeClient> =>
  connect({ kubeConfig: await serviceAccountConfig(cluster, namespace, name), userAgent: 'reload-operator-test' });
