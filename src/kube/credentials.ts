import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Clock } from '../runtime/clock.ts';
import { ConnectionError } from './errors.ts';

/** Who we are to the API server, at one moment. */
export interface Credentials {
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** Changes whenever anything about them does. */
  readonly id: string;
  /** Changes whenever the certificates do, and with them the need for new connections. */
  readonly tlsId: string;
  /** Opens connections with these certificates, through the kubeconfig's proxy if it has one. */
  createDispatcher(): Dispatcher;
}

export interface CredentialSource {
  /** The credentials, read again when they are older than half a minute. Concurrent callers share one read. */
  current(): Promise<Credentials>;
  /** Reads them now: for use when they were refused. */
  refresh(): Promise<Credentials>;
}

/** Token files, certificates and exec plugins may rotate; the tokens that the kubelet writes outlive this by far. */
const MAX_AGE_MS = 30_000;

/**
 * Reads credentials through the client library: tokens, token files, client certificates, basic auth, exec plugins
 * and the login of cloud providers as it supports them. Rejects with a
 * ConnectionError (KUBE_CREDENTIALS) that names the user.
 */
export function createCredentialSource(kubeConfig: KubeConfig, clock: Clock): CredentialSource {
  let known: { readonly at: number; readonly value: Promise<Credentials> } | undefined;

  const refresh = (): Promise<Credentials> => {
    const entry = { at: clock.now(), value: readCredentials(kubeConfig) };
    known = entry;
    entry.value.catch(() => {
      // The callers get the error; the next one shall not get it again.
      if (known === entry) known = undefined;
    });
    return entry.value;
  };

  return {
    current: () => (known !== undefined && clock.now() - known.at < MAX_AGE_MS ? known.value : refresh()),
    refresh,
  };
}

/** How the library notes the token file of a pod's service account, among other ways to log in. */
interface TokenFileProvider {
  readonly config?: { readonly tokenFile?: string } | null;
}

async function readCredentials(kubeConfig: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  const headers: Record<string, string> = {};
  const user = kubeConfig.getCurrentUser();
  const tokenFile = (user?.authProvider as TokenFileProvider | null | undefined)?.config?.tokenFile;
  try {
    await kubeConfig.applyToHTTPSOptions(options);
    Object.assign(headers, readHeaders(options));
    if (tokenFile !== undefined) {
      // The library keeps a token for a minute after it was read: too long when the API server has just refused it.
      headers['authorization'] = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new ConnectionError(
      'KUBE_CREDENTIALS',
      `the credentials of user ${user?.name ?? 'none'} cannot be used: ${why}`,
      { cause },
    );
  }
  const tls = readTls(options);
  const route = kubeConfig.createDispatcherOptions(kubeConfig.getCurrentCluster(), tls);
  const proxy = route.type === 'proxy' || route.type === 'socks' ? route.uri : undefined;
  return {
    headers,
    id: hash({ headers, tls, proxy }),
    tlsId: hash({ tls, proxy }),
    createDispatcher: () => createDispatcher(tls, proxy),
  };
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64');
}

type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

function readTls({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }: TlsOptions): TlsOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(pfx !== undefined && { pfx }),
    ...(passphrase !== undefined && { passphrase }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(servername !== undefined && { servername }),
  };
}

function readHeaders({ headers, auth }: RequestOptions): Record<string, string> {
  const result: Record<string, string> = {};
  // A token that was read from a file may end with a newline.
  for (const [name, value] of Object.entries(headers ?? {}))
    if (value !== undefined) result[name.toLowerCase()] = String(value).trim();
  if (typeof auth === 'string') result['authorization'] ??= `Basic ${Buffer.from(auth).toString('base64')}`;
  return result;
}

function createDispatcher(tls: TlsOptions, proxy: string | undefined): Dispatcher {
  // Connections aren't limited here, since every watch holds one. HTTP/1.1, so that one cut connection is one cut watch.
  const common = { connections: null, pipelining: 1, allowH2: false, keepAliveTimeout: 60_000 };
  const connect = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 };
  if (proxy === undefined) return new Agent({ ...common, connect: { ...connect, ...tls } });
  if (proxy.startsWith('socks')) {
    throw new Error(
      'the cluster is to be reached through a SOCKS proxy, which is not supported: use an HTTP proxy or none',
    );
  }
  return new ProxyAgent({ ...common, uri: proxy, requestTls: { ...connect, ...tls }, connect });
}
