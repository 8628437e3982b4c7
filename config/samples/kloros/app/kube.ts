/** The API server, as a pod reaches it: nothing but fetch, with the token of the pod's service account. */

import { readFile } from 'node:fs/promises';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TIMEOUT_MS = 10_000;

export class KubeError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Kube {
  /** The pod's own. */
  readonly namespace: string;
  get<T>(path: string): Promise<T>;
  /** By JSON merge patch (RFC 7386). */
  patch<T>(path: string, body: object): Promise<T>;
}

/**
 * The API server's certificate is checked by NODE_EXTRA_CA_CERTS, which the Deployment sets to the account's ca.crt.
 *
 * @throws where the pod has no service account's token
 */
export const inCluster = async (env: NodeJS.ProcessEnv): Promise<Kube> => {
  const namespace = await readFile(`${ACCOUNT}/namespace`, 'utf8');
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`;
  const request = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${server}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        // Tokens are replaced while a pod runs: each request reads the present one.
        authorization: `Bearer ${(await readFile(`${ACCOUNT}/token`, 'utf8')).trim()}`,
        ...(body !== undefined && { 'content-type': 'application/merge-patch+json' }),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new KubeError(response.status, `${method} ${path}: ${await reasonOf(response)}`);
    return (await response.json()) as T;
  };
  return {
    namespace,
    get: (path) => request('GET', path),
    patch: (path, body) => request('PATCH', path, body),
  };
};

/** The API server says in a Status what is wrong; something before it may not. */
const reasonOf = async (response: Response): Promise<string> => {
  const text = await response.text();
  try {
    const { message } = JSON.parse(text) as { readonly message?: string };
    return message ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}`;
  }
};
