import type { KubeConfig } from '@kubernetes/client-node';
import { errors } from 'undici';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { createCredentialSource } from './credentials.ts';
import { createDeadline } from './deadline.ts';
import { ConnectionError, KubeError, kubeError } from './errors.ts';
import { parseLines } from './ndjson.ts';
import { describePath } from './request-label.ts';
import { createSlots, type Slots } from './slots.ts';
import { createTransport, type Answer, type Exchange, type Query, type Transport } from './transport.ts';

export { loadKubeConfig } from './kubeconfig.ts';

export interface RequestOptions {
  readonly method: Exchange['method'];
  /** Absolute, without a query; names in it must be path-safe, as the names of Kubernetes objects are. */
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default: application/json. Patches need their own. */
  readonly contentType?: string;
  /** Default: application/json. */
  readonly accept?: string;
  /** For credentials and exchange, from the moment when the request has a slot, in ms. Default: 15 000. */
  readonly timeoutMs?: number;
  /** Also ends the wait for a slot, which has no deadline. */
  readonly signal?: AbortSignal;
}

export interface StreamOptions {
  readonly path: string;
  readonly query?: Query;
  /** Default: application/json. */
  readonly accept?: string;
  readonly signal: AbortSignal;
  /** The stream is given up after so long without a byte, in ms. */
  readonly idleMs: number;
  /** How long the answer may take to begin, credentials included, in ms. Default: 15 000. */
  readonly openMs?: number;
  /** The server has accepted the request. */
  readonly onOpen?: () => void;
}

/**
 * Raw JSON over HTTP with the credentials of a kubeconfig.
 *
 * Errors of both calls: KubeError for an answer of 400 or more, ConnectionError for no whole answer, and the signal's
 * own reason after an abort. Nothing is repeated, but for one more attempt when a 401 meets newer credentials.
 */
export interface KubeClient {
  /** The parsed answer, unchecked: the caller names its type. Undefined for an empty one. */
  request<T = unknown>(options: RequestOptions): Promise<T>;
  /** The objects of an answer in newline-delimited JSON, as they come, at most 8 MiB each. Takes no slot. */
  stream(options: StreamOptions): AsyncIterable<unknown>;
  /** Base address of the API server. */
  readonly server: string;
  /** Cuts every connection. Requests and streams under way end with a ConnectionError. */
  close(): Promise<void>;
}

export interface RequestInfo {
  /** The HTTP method; WATCH for a stream. */
  readonly method: string;
  /** Plural with subresource, such as "pods/status". */
  readonly resource: string;
  /** The path with placeholders for names. */
  readonly template: string;
  /** Undefined when no answer came. */
  readonly status: number | undefined;
  /** Up to the end of the answer; up to its beginning for a stream. */
  readonly seconds: number;
}

export interface ConnectOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent: string;
  /** Requests under way at a time; the others wait in line. Streams don't count. Default: 32. */
  readonly maxInFlight?: number;
  /** Called after each request. Must not throw. */
  readonly onRequest?: (info: RequestInfo) => void;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** An object can't exceed etcd's 1.5 MiB by much; escaping may stretch it. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/** Throws when the kubeconfig names no cluster; credentials are read with the first request. */
export function connect(options: ConnectOptions): KubeClient {
  return new HttpKubeClient(options);
}

class HttpKubeClient implements KubeClient {
  readonly server: string;
  readonly #clock: Clock;
  readonly #onRequest: ConnectOptions['onRequest'];
  readonly #slots: Slots;
  readonly #transport: Transport;
  readonly #user: string;

  constructor({ kubeConfig, userAgent, maxInFlight = 32, onRequest, clock = systemClock }: ConnectOptions) {
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no current cluster: choose a context');
    this.server = cluster.server;
    this.#clock = clock;
    this.#onRequest = onRequest;
    this.#slots = createSlots(maxInFlight);
    this.#user = kubeConfig.getCurrentUser()?.name ?? 'none';
    const credentials = createCredentialSource(kubeConfig, clock);
    this.#transport = createTransport({ server: cluster.server, userAgent, credentials });
  }

  async request<T>(options: RequestOptions): Promise<T> {
    const { method, path, timeoutMs = TIMEOUT_MS } = options;
    const what = `${method.toLowerCase()} ${path}`;
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    // A request that stands in line has not been given to anybody who could be silent.
    const release = await this.#slots.take(options.signal);
    const deadline = createDeadline(this.#clock, timeoutMs, options.signal);
    const exchange = exchangeOf(options, { method, body, signal: deadline.signal, bodyTimeoutMs: 0 });
    try {
      const text = await this.#observed(method, path, async (answered) =>
        (await this.#exchange(exchange, answered)).body.text(),
      );
      return parseJson(text) as T;
    } catch (error) {
      if (deadline.passed) throw this.#late(what, exchange, timeoutMs, error);
      throw this.#explain(what, error, options.signal);
    } finally {
      deadline.clear();
      release();
    }
  }

  async *stream(options: StreamOptions): AsyncGenerator<unknown, void, undefined> {
    const { path, idleMs, openMs = TIMEOUT_MS, onOpen } = options;
    const what = `watch ${path}`;
    const deadline = createDeadline(this.#clock, openMs, options.signal);
    const exchange = exchangeOf(options, { method: 'GET', signal: deadline.signal, bodyTimeoutMs: idleMs });
    try {
      const answer = await this.#observed('WATCH', path, (answered) => this.#exchange(exchange, answered));
      deadline.disarm();
      onOpen?.();
      yield* parseLines(answer.body, MAX_LINE_BYTES);
    } catch (error) {
      if (deadline.passed) throw this.#late(what, exchange, openMs, error);
      if (error instanceof errors.BodyTimeoutError) throw this.#late(what, exchange, idleMs, error);
      throw this.#explain(what, error, options.signal);
    } finally {
      deadline.clear();
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #exchange(exchange: Exchange, answered: (status: number) => void): Promise<Answer> {
    const answer = await this.#transport.send(exchange);
    answered(answer.statusCode);
    if (answer.statusCode < 400) return answer;
    const retryAfter = answer.headers['retry-after'];
    const body = await answer.body.text();
    throw kubeError({ method: exchange.method, path: exchange.path, status: answer.statusCode, retryAfter, body });
  }

  async #observed<T>(
    method: string,
    path: string,
    call: (answered: (status: number) => void) => Promise<T>,
  ): Promise<T> {
    const startedAt = this.#clock.now();
    let status: number | undefined;
    try {
      return await call((code) => {
        status = code;
      });
    } finally {
      this.#onRequest?.({ method, ...describePath(path), status, seconds: (this.#clock.now() - startedAt) / 1000 });
    }
  }

  /** Connections that swallow a request are of no use to the next one either; slow credentials are no fault of theirs. */
  #late(what: string, exchange: Exchange, ms: number, cause: unknown): ConnectionError {
    const seconds = ms / 1000;
    return this.#transport.retire(exchange)
      ? new ConnectionError('KUBE_TIMEOUT', `${what}: ${this.server} was silent for ${seconds} s`, { cause })
      : new ConnectionError(
          'KUBE_CREDENTIALS',
          `${what}: the credentials of user ${this.#user} took longer than ${seconds} s`,
          { cause },
        );
  }

  #explain(what: string, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return signal.reason;
    if (error instanceof KubeError) return error;
    if (error instanceof ConnectionError)
      return new ConnectionError(error.code, `${what}: ${error.message}`, { cause: error });
    const message = `${what}: cannot reach ${this.server}: ${describeFailure(error)}`;
    return new ConnectionError('KUBE_UNREACHABLE', message, { cause: error });
  }
}

function exchangeOf(
  { path, query, accept, contentType }: Pick<RequestOptions, 'path' | 'query' | 'accept' | 'contentType'>,
  rest: Pick<Exchange, 'method' | 'body' | 'signal' | 'bodyTimeoutMs'>,
): Exchange {
  const headers = {
    accept: accept ?? 'application/json',
    ...(rest.body !== undefined && { 'content-type': contentType ?? 'application/json' }),
  };
  return { ...rest, path, query, headers };
}

/** The errors of Node's sockets have a code where the message is empty. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be anybody's data.
    throw new ConnectionError('KUBE_BROKEN_ANSWER', `the answer of ${text.length} characters is not JSON`);
  }
}
