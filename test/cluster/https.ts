import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Pair } from './certificates.ts';

export interface Endpoint {
  /** `https://host:port` */
  readonly server: string;
  readonly authority: Pair;
  readonly user: Pair;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One HTTPS call with a client certificate. @throws when there is no answer within `timeoutMs` (default 5 s). */
export async function call(
  endpoint: Endpoint,
  method: 'GET' | 'POST',
  path: string,
  { body, timeoutMs = 5_000 }: { body?: unknown; timeoutMs?: number } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, endpoint.server),
      {
        method,
        ca: readFileSync(endpoint.authority.cert),
        cert: readFileSync(endpoint.user.cert),
        key: readFileSync(endpoint.user.key),
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(timeoutMs),
        agent: false,
      },
      (incoming) => {
        text(incoming).then((answer) => {
          resolve({ status: incoming.statusCode ?? 0, body: answer });
        }, reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
