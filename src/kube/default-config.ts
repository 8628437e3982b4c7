import { KubeConfig } from '@kubernetes/client-node';

/**
 * Until the returned function is called, the default configuration of the client library is this one, not what
 * KUBECONFIG or the home folder holds. For constructors of others that load the default and can't be given any other:
 * what the environment names may be broken, or another cluster.
 */
export function standInForDefault(chosen: KubeConfig): () => void {
  const { prototype } = KubeConfig;
  const own = Object.getOwnPropertyDescriptor(prototype, 'loadFromDefault');
  if (own === undefined) throw new Error('KubeConfig has no loadFromDefault: see docs/adr/0001');
  const value = function (this: KubeConfig): void {
    this.loadFromOptions(chosen);
  };
  Object.defineProperty(prototype, 'loadFromDefault', { ...own, value });
  return () => {
    Object.defineProperty(prototype, 'loadFromDefault', own);
  };
}
