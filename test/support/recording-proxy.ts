/**
 * A proxy before a real API server that ends TLS, passes everything on as it is, and notes what was asked for and
 * which of given texts came in an answer. For tests of what must not leave the API server, and of its refusals.
 */

import { once } from 'node:events';
import { createServer, request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { loadKubeConfig } from '../../src/kube/connect.ts';

export interface RecordedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly accept: string;
}

export interface RecordingProxy {
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** Those of the needles that some answer had in it. */
  readonly seen: ReadonlySet<string>;
  stop(): Promise<void>;
}

export const createRecordingProxy = async (
  { kubeconfig }: { readonly kubeconfig: string },
  needles: readonly string[],
  /** The status of an answer that is given in the API server's place, which is not asked then; undefined: it is. */
  refuse: (request: RecordedRequest) => number | undefined = () => undefined,
): Promise<RecordingProxy> => {
  const cluster = loadKubeConfig({ kubeconfig }).getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfig} has no current cluster`);
  const target = new URL(cluster.server);
  const ca = Buffer.from(cluster.caData ?? '', 'base64');
  const send = target.protocol === 'https:' ? requestTls : requestPlain;
  const requests: RecordedRequest[] = [];
  const seen = new Set<string>();

  const look = (answer: IncomingMessage): void => {
    // An answer may be cut within a needle.
    let tail = '';
    const longest = Math.max(...needles.map(({ length }) => length));
    answer.on('data', (chunk: Buffer) => {
      const text = tail + chunk.toString('latin1');
      for (const needle of needles) if (text.includes(needle)) seen.add(needle);
      tail = text.slice(-longest);
    });
  };

  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const request = { method, path: url.split('?')[0] ?? '', accept: headers.accept ?? '' };
    requests.push(request);
    const refused = refuse(request);
    if (refused !== undefined) {
      incoming.resume();
      outgoing.writeHead(refused).end();
      return;
    }
    // Compressed answers could not be looked into.
    const { 'accept-encoding': _, host: __, ...passed } = headers;
    const upstream = send(
      { host: target.hostname, port: target.port, path: url, method, headers: passed, ca, servername: 'kubernetes' },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        look(answer);
        answer.pipe(outgoing);
      },
    );
    const end = (): void => {
      outgoing.destroy();
      upstream.destroy();
    };
    upstream.on('error', end);
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    seen,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
