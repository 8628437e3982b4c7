/**
 * What the services have in common: `/` shows what the service works by now, `/healthz` answers when it serves, and
 * `/-/reload` takes up what has changed in the files that it watches, and tells what is loaded.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { handler } from 'reload-operator/watcher';
import { firstLine } from './errors.ts';

export interface Answer {
  readonly status: number;
  readonly body: object;
}

type Route = (body: unknown, url: URL) => Answer | Promise<Answer>;

export interface Environment {
  /** The command of the Open Policy Agent. */
  readonly opa: string;
  /** A process that the service can't do without has ended. */
  readonly onEnd: (why: string) => void;
}

export interface Service {
  readonly port: number;
  /** What it works by now. */
  readonly state: () => object;
  /** `POST /decide`, say. A path that ends in `/` stands for all below it. */
  readonly routes?: Readonly<Record<string, Route>>;
  /** Stops what the service has started, before the process ends. */
  readonly stop?: () => Promise<void>;
}

/** Serves until SIGTERM; requests under way are still answered. */
export const serve = (service: Service): void => {
  const startedAt = new Date().toISOString();
  const reload = handler();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/-/reload') {
      reload(request, response);
      return;
    }
    answer({ ...service, startedAt }, request, url)
      .catch((error: unknown): Answer => ({ status: 500, body: { error: firstLine(error) } }))
      .then((given) => {
        send(response, given);
      })
      .catch(() => {
        response.destroy();
      });
  });
  // Longer than clients and proxies keep a connection that nobody uses: a request must not meet one that is being closed.
  server.keepAliveTimeout = 75_000;
  server.listen(service.port, () => {
    say(`serving on port ${service.port}`);
  });
  // The first process of a container has no default handler: without this one every stop would take the whole grace.
  process.once('SIGTERM', () => {
    server.close(() => {
      void (service.stop?.() ?? Promise.resolve()).finally(() => process.exit(0));
    });
    server.closeIdleConnections();
  });
};

export const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
};

const answer = async (
  { state, routes = {}, startedAt }: Service & { readonly startedAt: string },
  request: IncomingMessage,
  url: URL,
): Promise<Answer> => {
  const { method = '' } = request;
  if (method === 'GET' && url.pathname === '/healthz') return { status: 200, body: { ok: true } };
  if (method === 'GET' && url.pathname === '/')
    return { status: 200, body: { pid: process.pid, startedAt, ...state() } };
  const route = routes[`${method} ${url.pathname}`] ?? routes[`${method} ${url.pathname.replace(/[^/]*$/, '')}`];
  if (route === undefined) {
    const known = ['GET /', 'GET /healthz', 'POST /-/reload', ...Object.keys(routes)];
    return { status: 404, body: { error: `there are ${known.join(', ')}` } };
  }
  const body = await parsed(request);
  return body === UNREADABLE ? { status: 400, body: { error: 'the body is not JSON' } } : route(body, url);
};

const UNREADABLE = Symbol('not JSON');

/** Without a body: an empty object. */
const parsed = async (request: IncomingMessage): Promise<unknown> => {
  const body = await text(request);
  try {
    return body === '' ? {} : JSON.parse(body);
  } catch {
    return UNREADABLE;
  }
};

const send = (response: ServerResponse, { status, body }: Answer): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body, undefined, 2)}\n`);
};
