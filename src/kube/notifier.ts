/** Asks applications in pods to reload: requests without content to whoever listens there, whose answers nobody trusts. */

import { createHmac } from 'node:crypto';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { Notifier, NotifyAnswer, NotifyRequest } from '../controller/ports.ts';
import type { Clock } from '../runtime/clock.ts';
import { toError } from '../runtime/errors.ts';
import { createDeadline } from './deadline.ts';
import { isPodAddress } from './pod-address.ts';
import { createSlots, type Slots } from './slots.ts';
import { parseTold } from './told.ts';

export interface NotifierOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  /** Default: addresses that pods can have. */
  readonly mayAsk?: (address: string) => boolean;
}

/** From the moment when the request has a slot to the end of the answer. */
const TIMEOUT_MS = 2_000;
const MOST_BYTES = 64 * 1024;
/** Under way at a time, in all and of one namespace: applications that don't answer keep their own namespace waiting. */
const SLOTS = 32;
const SLOTS_EACH = 8;

export const createNotifier = ({ clock, userAgent, mayAsk = isPodAddress }: NotifierOptions): Notifier => {
  // Nothing is kept open to a pod, and no proxy stands between: the agent knows of none.
  const agent = new Agent({ keepAlive: false });
  const all = createSlots(SLOTS);
  const each = new Map<string, { readonly slots: Slots; users: number }>();

  /** Those who wait for their namespace's share don't stand in the line of all. */
  const take = async (namespace: string, signal: AbortSignal): Promise<() => void> => {
    const own = each.get(namespace) ?? { slots: createSlots(SLOTS_EACH), users: 0 };
    each.set(namespace, own);
    own.users += 1;
    const leave = (): void => {
      own.users -= 1;
      if (own.users === 0) each.delete(namespace);
    };
    try {
      const releaseOwn = await own.slots.take(signal);
      try {
        const releaseAll = await all.take(signal);
        return () => {
          releaseAll();
          releaseOwn();
          leave();
        };
      } catch (error) {
        releaseOwn();
        throw error;
      }
    } catch (error) {
      leave();
      throw error;
    }
  };

  return {
    ask: async (order, signal) => {
      if (!mayAsk(order.address)) return failed(`${order.address} is no address of a pod: not asked`);
      const release = await take(order.namespace, signal);
      const deadline = createDeadline(clock, TIMEOUT_MS, signal);
      try {
        return await exchange(order, { agent, userAgent, now: clock.now() }, deadline.signal);
      } catch (error) {
        signal.throwIfAborted();
        return failed(deadline.passed ? `no answer within ${TIMEOUT_MS / 1_000} s` : describe(error));
      } finally {
        deadline.clear();
        release();
      }
    },
  };
};

const exchange = async (
  order: NotifyRequest,
  { agent, userAgent, now }: { readonly agent: Agent; readonly userAgent: string; readonly now: number },
  signal: AbortSignal,
): Promise<NotifyAnswer> => {
  const { method, address, port, path } = order;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({
      agent,
      host: address,
      port,
      method,
      path,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        ...(method === 'POST' && { 'content-length': '0' }),
        ...(order.signingKey !== undefined && { 'reload-signature': signatureOf(order, order.signingKey, now) }),
      },
    });
    sent.on('response', resolve);
    sent.on('error', reject);
    // Neither is asked for: whoever answers so does not answer.
    sent.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('it answered with another protocol'));
    });
    sent.end();
  });
  try {
    return await read(answer);
  } finally {
    answer.destroy();
  }
};

/** The rest of an answer of which enough is known is not read. */
const read = async (answer: IncomingMessage): Promise<NotifyAnswer> => {
  const status = answer.statusCode ?? 0;
  const accepted = status >= 200 && status < 300;
  const isJson = /^application\/json\b/i.test(answer.headers['content-type'] ?? '');
  if ((accepted || status === 422) && isJson) {
    const text = await textOf(answer);
    if (text === undefined) return failed(`its answer is longer than ${MOST_BYTES / 1_024} KiB`);
    const told = parseTold(text);
    // One that refuses, and does not say what, has told nothing of use.
    if (told !== undefined && (accepted || [...told.files.values()].some(({ error }) => error !== undefined)))
      return told;
  }
  if (accepted) return { type: 'Accepted' };
  return failed(`it answered ${status}${status >= 300 && status < 400 ? ': redirects are not followed' : ''}`);
};

/** Undefined: it is too long. */
const textOf = async (answer: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** `t=<unix seconds>,v1=<hex>`: over time, method and path, so that none of them can be taken for another's. */
const signatureOf = ({ method, path }: NotifyRequest, key: Uint8Array, now: number): string => {
  const time = Math.floor(now / 1_000);
  return `t=${time},v1=${createHmac('sha256', key).update(`${time}.${method}.${path}`).digest('hex')}`;
};

const failed = (why: string): NotifyAnswer => ({ type: 'Failed', why });

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'the pod can not be reached',
  ENETUNREACH: 'the pod can not be reached',
  ETIMEDOUT: 'the connection took too long',
};

/** The parser's own messages have nothing of the answer in them. */
const describe = (thrown: unknown): string => {
  const error = toError(thrown);
  const code = 'code' in error ? String(error.code) : '';
  return WORDS[code] ?? (code === '' ? error.message : `no proper answer (${code})`);
};
