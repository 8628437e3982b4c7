/**
 * A proxy before a real API server that ends TLS and interferes with single requests: a process is killed right before one
 * is sent on, or right after the server has done it; the server's answer is another one, or never comes. Watches
 * pass. For tests of what becomes of each effect of the operator, and of its questions.
 */

import { once } from 'node:events';
import { createServer, request as requestPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { loadKubeConfig } from '../../src/kube/connect.ts';

export interface SeenRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly body: string;
  /** When it came, in ms since the epoch. */
  readonly at: number;
}

export type Interference =
  /** It does not reach the server. What the operator is told is nothing: it is to be dead by then. */
  | { readonly type: 'Before' }
  /** The server has done it. What the operator is told is nothing. */
  | { readonly type: 'After' }
  /** It does not reach the server; the answer is a Status of this code. */
  | { readonly type: 'Answer'; readonly code: number; readonly retryAfterSeconds?: number }
  /** The server has done it; the answer never comes, until whoever asked has had enough. */
  | { readonly type: 'Silence' };

export interface Trap {
  /** Resolves with the request that was caught, when the server has done it where it is to. */
  readonly caught: Promise<SeenRequest>;
  /** Requests that match, caught or not, in order. */
  readonly seen: readonly SeenRequest[];
}

export interface InterferingProxy {
  readonly url: string;
  /**
   * The next request that matches is interfered with, and no other.
   * @param then runs when it is caught, before anything is answered
   */
  trap(matches: (request: SeenRequest) => boolean, interference: Interference, then?: () => Promise<void>): Trap;
  stop(): Promise<void>;
}

interface SetTrap {
  readonly matches: (request: SeenRequest) => boolean;
  readonly interference: Interference;
  readonly then: (() => Promise<void>) | undefined;
  readonly seen: SeenRequest[];
  readonly caught: PromiseWithResolvers<SeenRequest>;
  isSet: boolean;
}

export const createInterferingProxy = async ({
  kubeconfig,
}: {
  readonly kubeconfig: string;
}): Promise<InterferingProxy> => {
  const cluster = loadKubeConfig({ kubeconfig }).getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfig} has no current cluster`);
  const target = new URL(cluster.server);
  const ca = Buffer.from(cluster.caData ?? '', 'base64');
  const send = target.protocol === 'https:' ? requestTls : requestPlain;
  const traps = new Set<SetTrap>();

  const passOn = (
    incoming: IncomingMessage,
    body: Buffer | undefined,
    answered: (answer: IncomingMessage) => void,
    failed: () => void,
  ): (() => void) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const { host: _, ...passed } = headers;
    const upstream = send(
      { host: target.hostname, port: target.port, path: url, method, headers: passed, ca, servername: 'kubernetes' },
      answered,
    );
    upstream.on('error', failed);
    if (body === undefined) incoming.pipe(upstream);
    else upstream.end(body);
    return () => upstream.destroy();
  };

  const plainly = (incoming: IncomingMessage, outgoing: ServerResponse, body?: Buffer): void => {
    const cut = passOn(
      incoming,
      body,
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
      () => outgoing.destroy(),
    );
    outgoing.on('close', cut);
  };

  /** Resolves when the server has answered in full, whatever that was. */
  const done = (incoming: IncomingMessage, body: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      passOn(
        incoming,
        body,
        (answer) => {
          answer.resume().once('end', resolve);
        },
        () => {
          reject(new Error(`the API server did not answer ${incoming.method ?? ''} ${incoming.url ?? ''}`));
        },
      );
    });

  const interfere = async (
    { interference, then, caught }: SetTrap,
    seen: SeenRequest,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
  ): Promise<void> => {
    if (interference.type === 'After' || interference.type === 'Silence') await done(incoming, body);
    await then?.();
    if (interference.type === 'Answer') {
      const { code, retryAfterSeconds } = interference;
      outgoing.writeHead(code, {
        'content-type': 'application/json',
        ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      });
      outgoing.end(
        JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'interfered with', code }),
      );
    } else if (interference.type !== 'Silence') outgoing.destroy();
    caught.resolve(seen);
  };

  const server = createServer((incoming, outgoing) => {
    outgoing.on('error', () => undefined);
    const { method = 'GET', url = '/' } = incoming;
    // A watch has no end.
    if (new URL(url, 'http://localhost').searchParams.has('watch')) {
      plainly(incoming, outgoing);
      return;
    }
    void bodyOf(incoming).then(
      async (body) => {
        const seen = { method, path: url.split('?')[0] ?? '', body: body.toString('utf8'), at: Date.now() };
        const matching = [...traps].filter(({ matches }) => matches(seen));
        for (const trap of matching) trap.seen.push(seen);
        const trap = matching.find(({ isSet }) => isSet);
        if (trap === undefined) {
          plainly(incoming, outgoing, body);
          return;
        }
        trap.isSet = false;
        await interfere(trap, seen, incoming, outgoing, body).catch((error: unknown) => {
          outgoing.destroy();
          trap.caught.reject(error);
        });
      },
      () => outgoing.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    trap: (matches, interference, then) => {
      const caught = Promise.withResolvers<SeenRequest>();
      const trap: SetTrap = { matches, interference, then, seen: [], caught, isSet: true };
      traps.add(trap);
      return { caught: caught.promise, seen: trap.seen };
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};

const bodyOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};
