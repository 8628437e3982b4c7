/** What the measurements do to the cluster, as its administrator. */

import { readFile } from 'node:fs/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { connect, type KubeClient } from '../../src/kube/connect.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import * as paths from '../../src/kube/paths.ts';
import { eventually } from '../support/wait.ts';

export interface Api {
  readonly client: KubeClient;
  readonly kubeConfig: KubeConfig;
  /** Ends every wait and request of the measurements. */
  readonly signal: AbortSignal;
  /** Creates objects, several at a time. */
  create(path: string, bodies: Iterable<object>): Promise<void>;
  /** Replaces data of a ConfigMap by a merge patch. */
  edit(namespace: string, name: string, data: Readonly<Record<string, string>>): Promise<void>;
  get<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T>;
  /** Creates a namespace; one of that name from an earlier run is removed first. */
  namespace(name: string): Promise<void>;
  /** Asks for a namespace to be removed with all that is in it. @param wait until it is gone */
  removeNamespace(name: string, options: { readonly wait: boolean }): Promise<void>;
  close(): Promise<void>;
}

const NAMESPACES = '/api/v1/namespaces';
const CREATORS = 16;

export function createApi(kubeconfig: string, signal: AbortSignal): Api {
  const kubeConfig = loadKubeConfig({ kubeconfig });
  const client = connect({ kubeConfig, userAgent: 'reload-operator-bench', maxInFlight: 2 * CREATORS });

  const get = <T>(path: string, query?: Readonly<Record<string, string>>): Promise<T> =>
    client.request<T>({ method: 'GET', path, signal, ...(query !== undefined && { query }) });

  const exists = async (name: string): Promise<boolean> => {
    const { items } = await get<{ items: readonly unknown[] }>(NAMESPACES, { fieldSelector: `metadata.name=${name}` });
    return items.length > 0;
  };

  const removeNamespace: Api['removeNamespace'] = async (name, { wait }) => {
    if (!(await exists(name))) return;
    await client.request({ method: 'DELETE', path: `${NAMESPACES}/${name}` });
    if (!wait) return;
    const what = `namespace ${name} to be gone`;
    await eventually(async () => !(await exists(name)), { what, timeoutMs: 120_000, intervalMs: 250 });
  };

  return {
    client,
    kubeConfig,
    signal,
    get,
    removeNamespace,
    create: async (path, bodies) => {
      const left = bodies[Symbol.iterator]();
      const work = async (): Promise<void> => {
        for (let next = left.next(); next.done !== true; next = left.next())
          await client.request({ method: 'POST', path, body: next.value, signal });
      };
      await Promise.all(Array.from({ length: CREATORS }, work));
    },
    edit: async (namespace, name, data) => {
      await client.request({
        method: 'PATCH',
        path: `${paths.configMaps(namespace)}/${name}`,
        contentType: 'application/merge-patch+json',
        body: { data },
        signal,
      });
    },
    namespace: async (name) => {
      await removeNamespace(name, { wait: true });
      await client.request({ method: 'POST', path: NAMESPACES, body: { metadata: { name } }, signal });
    },
    close: () => client.close(),
  };
}

/** A kubeconfig with a service account's token, as the text of a file. */
export async function serviceAccountKubeconfig(
  { client, kubeConfig, signal }: Api,
  namespace: string,
  name: string,
): Promise<string> {
  const { status } = await client.request<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
    signal,
  });
  const cluster = kubeConfig.getCurrentCluster();
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    clusters: [
      {
        name: 'bench',
        cluster: {
          server: client.server,
          'certificate-authority-data': cluster?.caData ?? (await caOf(cluster?.caFile)),
        },
      },
    ],
    users: [{ name: 'bench', user: { token: status.token } }],
  });
}

async function caOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return (await readFile(file)).toString('base64');
}
