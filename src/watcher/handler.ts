/** `POST /-/reload` and `GET /-/reload` for any server of `node:http`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerOf } from './answer.ts';
import type { Clock } from './clock.ts';
import { isSigned } from './signature.ts';
import type { HandlerOptions, RequestHandler, WatchGroup } from './types.ts';

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
    answer(request, response).catch(() => {
      // The function that gives the key has thrown: what it says is nobody's business who has no key.
      if (response.headersSent) response.destroy();
      else send(response, 500, {}, 'the signing key is not to be had\n');
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
