/** The agent's one port: questions for the operator, and two words of health for the kubelet. HTTP/2 over TLS 1.3. */

import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import type { Part } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/log.ts';
import type { Certificate } from './certificate.ts';
import type { Operators } from './operators.ts';
import {
  HEALTH_PATHS,
  IDENTITY_PATH,
  LIMITS,
  MOUNTED_PATH,
  questionSchema,
  type Answer,
  type Question,
} from './protocol.ts';

export interface AgentServerOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Absent: every address. */
  readonly host?: string;
  readonly certificate: Pick<Certificate, 'key' | 'cert'>;
  readonly operators: Operators;
  /** A token that says which pod this is. */
  readonly identity: () => Promise<string>;
  readonly ask: (question: Question, signal: AbortSignal) => Promise<Answer>;
  /** Undefined: all is well. Otherwise what is wrong, in one line. */
  readonly ailment: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface AgentServer extends Part {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Undefined before the start. */
  port(): number | undefined;
}

interface Reply {
  readonly status: number;
  readonly body: object | string;
}

/** Connections at a time: of the operator one, and of the kubelet's probes. */
const CONNECTIONS = 32;
const HANDSHAKE_MS = 5_000;
const BODY_MS = 5_000;
/** Without a byte for so long, a connection is cut; longer than any question waits. */
const SILENCE_MS = 60_000;

export const createAgentServer = (options: AgentServerOptions): AgentServer => {
  const { certificate, clock, log } = options;
  const sessions = new Set<{ destroy(): void }>();
  let server: Http2SecureServer | undefined;
  let waiting = 0;

  const mounted = async (stream: ServerHttp2Stream, signal: AbortSignal): Promise<Reply> => {
    const text = await readBody(stream, clock);
    if (text === undefined) return { status: 413, body: `a question has ${LIMITS.body} bytes at the most` };
    const question = parseQuestion(text);
    if (question === undefined) return { status: 400, body: 'this is no question that this version understands' };
    if (waiting >= LIMITS.questions) return { status: 503, body: 'too many questions wait' };
    waiting += 1;
    try {
      return { status: 200, body: await options.ask(question, signal) };
    } finally {
      waiting -= 1;
    }
  };

  const reply = async (stream: ServerHttp2Stream, request: Request, signal: AbortSignal): Promise<Reply> => {
    const { method, path, token } = request;
    if (method === 'GET' && path === HEALTH_PATHS.live) return { status: 200, body: 'ok' };
    if (method === 'GET' && path === HEALTH_PATHS.ready) {
      const ailment = await options.ailment();
      return ailment === undefined ? { status: 200, body: 'ok' } : { status: 503, body: ailment };
    }
    const admission = token === undefined ? 'Refused' : await options.operators.admit(token);
    if (admission === 'Refused') return { status: 401, body: 'a token of the operator for this agent is needed' };
    if (admission === 'Unknown') return { status: 503, body: 'the API server could not be asked about the token' };
    if (method === 'GET' && path === IDENTITY_PATH) return { status: 200, body: { token: await options.identity() } };
    if (method === 'POST' && path === MOUNTED_PATH) return mounted(stream, signal);
    return { status: 404, body: 'there is no such thing here' };
  };

  const handle = async (stream: ServerHttp2Stream, request: Request): Promise<void> => {
    const gone = new AbortController();
    stream.once('close', () => {
      gone.abort(new Error('the asker has gone'));
    });
    stream.on('error', () => undefined);
    let answer: Reply;
    try {
      answer = await reply(stream, request, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      log.error({ err: error, path: request.path }, 'could not answer');
      answer = { status: 500, body: 'internal error, see the log of the agent' };
    }
    if (stream.destroyed || stream.closed) return;
    const text = typeof answer.body === 'string' ? `${answer.body}\n` : JSON.stringify(answer.body);
    const type = typeof answer.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
    stream.respond({ ':status': answer.status, 'content-type': type });
    stream.end(text, () => {
      // What is still to come of a request that was refused is of no interest.
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  };

  return {
    name: 'agent server',
    start: async () => {
      server = createSecureServer({
        ...certificate,
        minVersion: 'TLSv1.3',
        handshakeTimeout: HANDSHAKE_MS,
        maxSessionMemory: 4,
        settings: { enablePush: false, maxConcurrentStreams: LIMITS.questions },
      });
      server.maxConnections = CONNECTIONS;
      server.setTimeout(SILENCE_MS);
      server.on('session', (session) => {
        sessions.add(session);
        session.once('close', () => sessions.delete(session));
      });
      server.on('stream', (stream, headers) => {
        void handle(stream, {
          method: headers[':method'] ?? '',
          path: headers[':path'] ?? '',
          token: /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1],
        });
      });
      // Somebody who speaks no TLS, or no HTTP/2.
      server.on('sessionError', () => undefined);
      server.on('tlsClientError', () => undefined);
      await listen(server, options);
      log.info({ port: portOf(server) }, 'answers questions');
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
        for (const session of sessions) session.destroy();
      }),
    port: () => (server === undefined ? undefined : portOf(server)),
  };
};

interface Request {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
}

const parseQuestion = (text: string): Question | undefined => {
  try {
    return questionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

/** Undefined: it is too long. */
const readBody = async (stream: ServerHttp2Stream, clock: Clock): Promise<string | undefined> => {
  const cancel = clock.schedule(BODY_MS, () => {
    stream.destroy(new Error('the question did not come to its end'));
  });
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    // Left early, it would be destroyed, and could not be answered.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > LIMITS.body) return undefined;
      chunks.push(bytes);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    cancel();
  }
};

const listen = (server: Http2SecureServer, { port, host }: Pick<AgentServerOptions, 'port' | 'host'>): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: Error) => {
      reject(new Error(`cannot listen on port ${port}: ${cause.message}; choose another with --port`, { cause }));
    });
    server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });

const portOf = (server: Http2SecureServer): number | undefined => (server.address() as AddressInfo | null)?.port;
