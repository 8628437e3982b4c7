import type { Dispatcher } from 'undici';
import type { CredentialSource, Credentials } from './credentials.ts';

export type Query = Readonly<Record<string, string | undefined>>;

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Longest silence inside the answer, in ms; 0: unlimited, the signal is enough. */
  readonly bodyTimeoutMs: number;
}

export type Answer = Dispatcher.ResponseData;

/**
 * Sends requests with the current credentials over shared, kept connections. When the certificates rotate, or when the
 * connections have gone silent, new requests get new connections, while those under way end on the old ones.
 */
export interface Transport {
  /** The answer, whatever its status. A 401 is tried once more if newer credentials turn up. */
  send(exchange: Exchange): Promise<Answer>;
  /**
   * Stops using the connections that this exchange was given to for anything new. False where it was given to none: it
   * still waited for credentials.
   */
  retire(exchange: Exchange): boolean;
  /** Cuts every connection. */
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Address of the API server, possibly with a path. */
  readonly server: string;
  readonly userAgent: string;
  readonly credentials: CredentialSource;
}

export function createTransport({ server, userAgent, credentials }: TransportOptions): Transport {
  const { origin, pathname } = new URL(server);
  const basePath = pathname.replace(/\/+$/, '');
  const retired = new Set<Dispatcher>();
  /** What each exchange under way was given to. */
  const carriers = new WeakMap<Exchange, Dispatcher>();
  let present: { readonly tlsId: string; readonly dispatcher: Dispatcher } | undefined;

  function retire(exchange: Exchange): boolean {
    const dispatcher = carriers.get(exchange);
    // Others that went silent with it may have retired theirs before: the present one is sound then.
    if (dispatcher !== undefined && dispatcher === present?.dispatcher) replace();
    return dispatcher !== undefined;
  }

  function replace(): void {
    if (present === undefined) return;
    const { dispatcher } = present;
    present = undefined;
    retired.add(dispatcher);
    const forget = (): void => {
      retired.delete(dispatcher);
    };
    dispatcher.close().then(forget, forget);
  }

  function dispatcherFor(holder: Credentials): Dispatcher {
    if (present !== undefined && present.tlsId !== holder.tlsId) replace();
    present ??= { tlsId: holder.tlsId, dispatcher: holder.createDispatcher() };
    return present.dispatcher;
  }

  function sendAs(holder: Credentials, exchange: Exchange): Promise<Answer> {
    const { method, path, query, headers, body, signal, bodyTimeoutMs } = exchange;
    const dispatcher = dispatcherFor(holder);
    carriers.set(exchange, dispatcher);
    return dispatcher.request({
      origin,
      path: basePath + path + queryString(query),
      method,
      headers: { ...headers, ...holder.headers, 'user-agent': userAgent },
      ...(body !== undefined && { body }),
      signal,
      headersTimeout: 0,
      bodyTimeout: bodyTimeoutMs,
    });
  }

  async function send(exchange: Exchange): Promise<Answer> {
    const holder = await abortable(credentials.current(), exchange.signal);
    const answer = await sendAs(holder, exchange);
    if (answer.statusCode !== 401) return answer;
    // From here on it is the credentials that are waited for.
    carriers.delete(exchange);
    const newer = await abortable(credentials.refresh(holder), exchange.signal);
    if (newer.id === holder.id) return answer;
    await answer.body.dump();
    return sendAs(newer, exchange);
  }

  async function close(): Promise<void> {
    const dispatchers = [...retired, ...(present === undefined ? [] : [present.dispatcher])];
    present = undefined;
    retired.clear();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()));
  }

  return { send, retire, close };
}

function queryString(query: Query | undefined): string {
  if (query === undefined) return '';
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

/** The library's login, an exec plugin say, can't be aborted: the caller goes on without it. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the signal's own reason, whatever it is
      reject(signal.reason);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort);
  }
}
