/** One connection to one agent, over which both sides have proven who they are, and questions go side by side. */

import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { MountAnswer, MountQuestion } from '../../controller/ports.ts';
import { fingerprintOf } from '../../agent/certificate.ts';
import {
  AGENT_AUDIENCE,
  AGENT_NAME,
  answerSchema,
  identitySchema,
  IDENTITY_PATH,
  LIMITS,
  MOUNTED_PATH,
  operatorAudience,
  type Question,
} from '../../agent/protocol.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KubeClient } from '../connect.ts';
import { createDeadline } from '../deadline.ts';
import { requestToken, reviewToken } from '../tokens.ts';

/** A pod of the agents. */
export interface AgentPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly node: string;
  readonly ready: boolean;
  readonly address: string;
  readonly port: number;
}

export interface SessionOptions {
  readonly client: KubeClient;
  /** The operator's own service account. */
  readonly account: { readonly namespace: string; readonly name: string };
  readonly clock: Clock;
}

export interface Session {
  /** Rejects where no whole answer came, or we are not taken for who we are: the connection is of no use any more. */
  ask(podUid: string, question: MountQuestion, waitMs: number, signal: AbortSignal): Promise<MountAnswer>;
  /** False: the connection has ended, or our token is about to. */
  usable(): boolean;
  /** Lets the questions under way come to their end. */
  close(): void;
}

/** For connection and proofs together. */
const OPEN_MS = 5_000;
/** Beyond the time that a question waits by itself. */
const SLACK_MS = 3_000;
/** The shortest life of a token that the API server grants; a session ends well before its token. */
const TOKEN_SECONDS = 600;
const SESSION_MS = 480_000;
/** Without a question for so long, a connection is ended. */
const IDLE_MS = 30_000;

/**
 * Connects to an agent. It is who it should be if the API server says that the token it shows was made for that pod: the
 * agent shows it only to us, over a connection that ends at its own certificate. That it is us, we prove by a token made
 * for that certificate alone, so that somebody in between, who has another one, gets nothing that is good for anything.
 * @param signal ends the attempt
 */
export const openSession = async (pod: AgentPod, options: SessionOptions, signal: AbortSignal): Promise<Session> => {
  const { client, account, clock } = options;
  const deadline = createDeadline(clock, OPEN_MS, signal);
  let socket: TLSSocket | undefined;
  try {
    socket = await connectSocket(pod, deadline.signal);
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('it has no certificate');
    const audience = operatorAudience(fingerprintOf(certificate.raw));
    const openedAt = clock.now();
    const token = await requestToken(client, account, { audience, seconds: TOKEN_SECONDS }, deadline.signal);
    const session = createSession(socket, token, { clock, goodUntil: openedAt + SESSION_MS });
    const answer = await session.get(IDENTITY_PATH, deadline.signal);
    if (answer.status !== 200) throw new Error(refusal(answer));
    const shown = identitySchema.parse(JSON.parse(answer.text));
    const owner = await reviewToken(client, shown.token, AGENT_AUDIENCE, deadline.signal);
    const username = `system:serviceaccount:${pod.namespace}:${AGENT_NAME}`;
    if (owner?.username !== username || owner.podUid !== pod.uid || owner.podName !== pod.name)
      throw new Error(`it is not who it should be: it can't prove that it is pod ${pod.namespace}/${pod.name}`);
    return session;
  } catch (error) {
    socket?.destroy();
    if (deadline.passed) throw new Error(`it was silent for ${OPEN_MS / 1_000} s`, { cause: error });
    throw error;
  } finally {
    deadline.clear();
  }
};

const connectSocket = ({ address, port }: AgentPod, signal: AbortSignal): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({
      host: address,
      port,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['h2'],
      // Nobody has signed it. What it is worth is found out by the tokens that are bound to it.
      rejectUnauthorized: false,
    });
    const abort = (): void => {
      socket.destroy(new Error('given up'));
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const settled = (): void => {
      signal.removeEventListener('abort', abort);
    };
    socket.once('error', (error: Error) => {
      settled();
      reject(error);
    });
    socket.once('secureConnect', () => {
      settled();
      if (socket.alpnProtocol === 'h2') resolve(socket);
      else {
        socket.destroy();
        reject(new Error('it speaks no HTTP/2'));
      }
    });
  });

interface OpenSession extends Session {
  get(path: string, signal: AbortSignal): Promise<HttpAnswer>;
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const createSession = (
  socket: TLSSocket,
  token: string,
  { clock, goodUntil }: { readonly clock: Clock; readonly goodUntil: number },
): OpenSession => {
  const http = connectHttp2('https://agent', {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxSessionMemory: 4,
  });
  let underWay = 0;
  // Each exchange under way gets it, too.
  http.on('error', () => undefined);
  http.setTimeout(IDLE_MS, () => {
    if (underWay === 0) http.close();
  });

  const exchange = async (
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpAnswer> => {
    underWay += 1;
    try {
      return await send(http, { ':method': method, ':path': path, authorization: `Bearer ${token}` }, body, signal);
    } finally {
      underWay -= 1;
    }
  };

  return {
    get: (path, signal) => exchange('GET', path, undefined, signal),
    ask: async (pod, { volume, plugin, files, key }, waitMs, signal) => {
      const question: Question = {
        pod,
        volume,
        plugin,
        files: [...files].map(([path, digest]) => [path, digest ?? null]),
        ...(key !== undefined && { key: Buffer.from(key).toString('base64url') }),
        waitMs: Math.max(0, Math.min(Math.floor(waitMs), LIMITS.waitMs)),
      };
      const deadline = createDeadline(clock, question.waitMs + SLACK_MS, signal);
      try {
        const answer = await exchange('POST', MOUNTED_PATH, JSON.stringify(question), deadline.signal);
        if (answer.status === 200) return answerSchema.parse(JSON.parse(answer.text));
        if (answer.status === 401) throw new Error(refusal(answer));
        return { type: 'Unavailable', why: `the agent's answer: ${refusal(answer)}` };
      } catch (error) {
        // Whoever is silent once is so the next time.
        if (deadline.passed) http.destroy();
        throw error;
      } finally {
        deadline.clear();
      }
    },
    usable: () => !http.closed && !http.destroyed && clock.now() < goodUntil,
    close: () => {
      http.close();
    },
  };
};

/** Rejects where no whole answer comes. */
const send = (
  http: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
  signal: AbortSignal,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stream = http.request(headers, { endStream: body === undefined, signal });
    const chunks: Buffer[] = [];
    let status = 0;
    let length = 0;
    stream.on('response', (answer) => {
      status = answer[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LIMITS.answer) stream.destroy(new Error('its answer is too long'));
      else chunks.push(chunk);
    });
    stream.once('error', (error: Error) => {
      reject(error);
    });
    stream.once('close', () => {
      // After an error this has no effect.
      if (status === 0) reject(new Error('the connection ended before an answer'));
      else resolve({ status, text: Buffer.concat(chunks).toString('utf8') });
    });
    if (body !== undefined) stream.end(body);
  });

const refusal = ({ status, text }: HttpAnswer): string => `${status}: ${(text.split('\n')[0] ?? '').slice(0, 200)}`;
