/** `POST /-/reload` and `GET /-/reload` for any server of `node:http`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerOf } from './answer.ts';
import type { Clock } from './clock.ts';
import { isSigned } from './signature.ts';
import type { WatchGroup } from './types.ts';

export interface HandlerOptions {
  /** Default: the group of the whole process. */
  readonly group?: WatchGroup;
  /** Where given, only requests with a `Reload-Signature` made with it are answered; without a key, none. */
  readonly signingKey?: string | Buffer | (() => string | Buffer | undefined);
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function createHandler(group: WatchGroup, { signingKey }: HandlerOptions, clock: Clock): RequestHandler {
  const allowed = (request: IncomingMessage): boolean => {
    if (signingKey === undefined) return true;
    const key = typeof signingKey === 'function' ? signingKey() : signingKey;
    const header = request.headers['reload-signature'];
    const signed = {
      header: typeof header === 'string' ? header : undefined,
      method: request.method ?? '',
      path: pathOf(request),
      nowMs: clock.now(),
    };
    return key !== undefined && isSigned(key, signed);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Whatever was sent is not looked at, but has to be taken off the connection.
    request.resume();
    const { method } = request;
    if (method !== 'POST' && method !== 'GET') {
      send(response, 405, { allow: 'GET, POST' }, 'POST reloads, GET tells what is loaded\n');
      return;
    }
    if (!allowed(request)) {
      send(response, 401, {}, 'Reload-Signature is missing, wrong or too old\n');
      return;
    }
    const { code, body } = answerOf(method === 'POST' ? await group.force() : group.status());
    send(response, code, { 'content-type': 'application/json', 'cache-control': 'no-store' }, body);
  };

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
}

function send(response: ServerResponse, code: number, headers: Readonly<Record<string, string>>, body: string): void {
  response.writeHead(code, { 'content-type': 'text/plain', ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** As it was asked for: Express takes the part off that a router stands at. */
function pathOf(request: IncomingMessage): string {
  const original =
    'originalUrl' in request && typeof request.originalUrl === 'string' ? request.originalUrl : request.url;
  return (original ?? '/').replace(/[?#].*$/, '');
}
