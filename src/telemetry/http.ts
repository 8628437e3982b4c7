import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Part } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/log.ts';
import type { Health, Verdict } from './health.ts';

export interface TelemetryServerOptions {
  readonly port: number;
  /** Address to listen on. Absent: all of the machine's. */
  readonly host?: string | undefined;
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Logger;
}

export interface TelemetryServer extends Part {
  /** Rejects with one sentence that names the port, or the address, that can't be had. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The port listened on; undefined before the start. */
  port(): number | undefined;
}

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';

/** Serves /livez, /readyz and /metrics by GET and HEAD. The bodies of the first two say what is wrong, one line each. */
export function createTelemetryServer(options: TelemetryServerOptions): TelemetryServer {
  const { port, host, log } = options;
  let server: Server | undefined;

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    replyTo(request, options)
      .catch((error: unknown): Reply => {
        log.error({ err: error, url: request.url }, 'could not answer a health or metrics request');
        return { status: 500, contentType: TEXT, body: 'internal error, see the log\n' };
      })
      .then(({ status, contentType, body }) => {
        response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
        response.end(request.method === 'HEAD' ? undefined : body);
      })
      .catch((error: unknown) => {
        log.warn({ err: error }, 'could not write a health or metrics answer');
      });
  };

  return {
    name: 'telemetry server',
    start: async () => {
      server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 10_000 }, handle);
      await listen(server, port, host);
      log.info({ port: addressOf(server)?.port }, 'serving health and metrics');
    },
    stop: () =>
      new Promise((resolve) => {
        if (server === undefined) {
          resolve();
          return;
        }
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
    port: () => (server === undefined ? undefined : addressOf(server)?.port),
  };
}

async function replyTo(request: IncomingMessage, options: TelemetryServerOptions): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, contentType: TEXT, body: 'only GET and HEAD\n' };
  }
  const [path = ''] = (request.url ?? '').split('?');
  switch (path) {
    case '/livez':
      return verdictReply(options.health.live());
    case '/readyz':
      return verdictReply(options.health.ready());
    case '/metrics':
      return { status: 200, contentType: options.metrics.contentType, body: await options.metrics.metrics() };
    default:
      return { status: 404, contentType: TEXT, body: 'there are /livez, /readyz and /metrics\n' };
  }
}

function verdictReply({ ok, problems }: Verdict): Reply {
  return { status: ok ? 200 : 503, contentType: TEXT, body: ok ? 'ok\n' : `${problems.join('\n')}\n` };
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(new Error(`cannot serve health and metrics on ${whyNot(cause, port, host)}`, { cause }));
    });
    server.listen({ port, host }, resolve);
  });
}

function whyNot(cause: NodeJS.ErrnoException, port: number, host: string | undefined): string {
  const wrongHost =
    cause.code === 'EADDRNOTAVAIL'
      ? 'it is no address of this machine'
      : cause.syscall === 'getaddrinfo'
        ? 'no address is known by that name'
        : undefined;
  if (host !== undefined && wrongHost !== undefined)
    return `${host}: ${wrongHost}; choose another with --health-host, or none for all`;
  const why = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message;
  return `port ${port}: ${why}; choose another with --health-port, or 0 for none`;
}

function addressOf(server: Server): AddressInfo | undefined {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address : undefined;
}
