import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
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
  /**
   * The credentials, read again when they are older than half a minute; the library may know a token for a minute
   * longer. Concurrent callers share one read.
   */
  current(): Promise<Credentials>;
  /** Others than those that were refused, if there are any: read or made anew, once for all who ask meanwhile. */
  refresh(refused: Credentials): Promise<Credentials>;
}

/** Token files, certificates and exec plugins may rotate; the tokens that the kubelet writes outlive this by far. */
const MAX_AGE_MS = 30_000;

/**
 * Reads credentials through the client library: tokens, token files, client certificates, basic auth, exec plugins
 * and the login of cloud providers as it supports them. Rejects with a
 * ConnectionError (KUBE_CREDENTIALS) that names the user.
 */
export function createCredentialSource(kubeConfig: KubeConfig, clock: Clock): CredentialSource {
  let from = kubeConfig;
  let known: { readonly at: number; readonly value: Promise<Credentials> } | undefined;
  let renewal: Promise<Credentials> | undefined;

  const read = (): Promise<Credentials> => {
    const entry = { at: clock.now(), value: readCredentials(from) };
    known = entry;
    entry.value.catch(() => {
      // The callers get the error; the next one shall not get it again.
      if (known === entry) known = undefined;
    });
    return entry.value;
  };

  const current = (): Promise<Credentials> =>
    known !== undefined && clock.now() - known.at < MAX_AGE_MS ? known.value : read();

  const renew = async (refused: Credentials): Promise<Credentials> => {
    const latest = await current();
    // Somebody else was refused before, and has renewed them.
    if (latest.id !== refused.id) return latest;
    from = withoutMemory(from);
    return read();
  };

  return {
    current,
    refresh: (refused) => {
      renewal ??= renew(refused).finally(() => {
        renewal = undefined;
      });
      return renewal;
    },
  };
}

/** The library's logins keep what they got, until it expires by its own account: refused or not. A new one knows nothing. */
function withoutMemory(kubeConfig: KubeConfig): KubeConfig {
  const fresh = new KubeConfig();
  fresh.loadFromOptions(kubeConfig);
  return fresh;
}

async function readCredentials(kubeConfig: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  const user = kubeConfig.getCurrentUser()?.name ?? 'none';
  try {
    await kubeConfig.applyToHTTPSOptions(options);
  } catch (thrown) {
    throw unusable(user, thrown);
  }
  const headers = readHeaders(options);
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

/** What a login answers may be a secret, and a parser's message quotes it: neither that nor the cause goes on. */
function unusable(user: string, thrown: unknown): ConnectionError {
  const what = `the credentials of user ${user} cannot be used`;
  if (thrown instanceof SyntaxError)
    return new ConnectionError('KUBE_CREDENTIALS', `${what}: what the login command answered is not JSON`);
  // One with a cause is that of a fetch.
  if (thrown instanceof TypeError && thrown.cause === undefined)
    return new ConnectionError('KUBE_CREDENTIALS', `${what}: they have not the expected form`);
  const why = thrown instanceof Error ? thrown.message.trim() : String(thrown);
  return new ConnectionError('KUBE_CREDENTIALS', `${what}: ${why}`, { cause: thrown });
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
