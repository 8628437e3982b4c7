import assert from 'node:assert/strict';
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createCertificate } from '../../../src/agent/certificate.ts';
import type { Admission } from '../../../src/agent/operators.ts';
import { LIMITS, type Answer } from '../../../src/agent/protocol.ts';
import { createAgentServer, type AgentServer } from '../../../src/agent/server.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { createRecordingLog } from '../../support/recording-log.ts';
import { aQuestion } from '../../support/volumes.ts';
import { eventually } from '../../support/wait.ts';

const ADMISSIONS: Readonly<Record<string, Admission>> = { good: 'Allowed', odd: 'Unknown' };
const question = aQuestion({ a: 'one' }, { waitMs: 10_000 });

describe('the server of an agent', () => {
  let server: AgentServer;
  let session: ClientHttp2Session;
  let answer: (signal: AbortSignal) => Promise<Answer>;
  let ailment: string | undefined;

  beforeEach(async () => {
    answer = () => Promise.resolve({ type: 'Mounted' });
    ailment = undefined;
    server = createAgentServer({
      port: 0,
      host: '127.0.0.1',
      certificate: createCertificate('test'),
      operators: { admit: (token) => Promise.resolve(ADMISSIONS[token] ?? 'Refused') },
      identity: () => Promise.resolve('which pod this is'),
      ask: (_, signal) => answer(signal),
      ailment: () => Promise.resolve(ailment),
      clock: systemClock,
      log: createRecordingLog(),
    });
    await server.start();
    session = connect(`https://127.0.0.1:${String(server.port())}`, { rejectUnauthorized: false });
    session.on('error', () => undefined);
  });
  afterEach(async () => {
    session.destroy();
    await server.stop();
  });

  const send = async (
    headers: OutgoingHttpHeaders,
    body?: string,
  ): Promise<{ readonly status: number; readonly body: string }> => {
    const stream = session.request(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    let status = 0;
    stream.on('response', (received) => (status = received[':status'] ?? 0));
    return { body: await text(stream), status };
  };
  const ask = (body: unknown, authorization = 'Bearer good') =>
    send(
      { ':method': 'POST', ':path': '/v1/mounted', authorization },
      typeof body === 'string' ? body : JSON.stringify(body),
    );

  it('answers a question of the operator', async () => {
    assert.deepEqual(await ask(question), { status: 200, body: '{"type":"Mounted"}' });
  });

  it('says which pod it is to the operator alone', async () => {
    const get = (authorization?: string) =>
      send({ ':path': '/v1/identity', ...(authorization !== undefined && { authorization }) });
    assert.deepEqual(await get('Bearer good'), { status: 200, body: '{"token":"which pod this is"}' });
    for (const bad of [undefined, 'Bearer bad', 'Basic good', 'good']) {
      const { status, body } = await get(bad);
      assert.equal(status, 401);
      assert.doesNotMatch(body, /which pod/);
    }
  });

  it('answers nobody else, and asks nothing for them', async () => {
    answer = () => Promise.reject(new Error('was asked'));
    assert.equal((await ask(question, 'Bearer bad')).status, 401);
    assert.equal((await ask('x'.repeat(2 * LIMITS.body), 'Bearer bad')).status, 401);
    assert.equal((await ask(question, 'Bearer odd')).status, 503);
  });

  it('refuses what is no question', async () => {
    for (const body of ['', '{', '[]', 'null', { ...question, pod: '..' }, { ...question, files: [['../x', null]] }])
      assert.equal((await ask(body)).status, 400, JSON.stringify(body));
    assert.equal((await ask('x'.repeat(LIMITS.body + 1))).status, 413);
    assert.equal((await send({ ':path': '/v1/mounted', authorization: 'Bearer good' })).status, 404);
    assert.equal((await send({ ':path': '/etc/passwd', authorization: 'Bearer good' })).status, 404);
  });

  it('answers many, one after the other and side by side, over one connection', async () => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    answer = () => promise;
    const waiting = Array.from({ length: 200 }, () => ask(question));
    assert.equal((await send({ ':path': '/livez' })).status, 200);
    resolve({ type: 'Mounted' });
    assert.ok((await Promise.all(waiting)).every(({ status }) => status === 200));
    for (let index = 0; index < 2 * LIMITS.questions; index += 1) {
      assert.equal((await send({ ':path': '/livez' })).status, 200);
      assert.equal((await ask('x'.repeat(70_000), 'Bearer bad')).status, 401);
    }
  });

  it('lets go of a question whose asker has gone', async () => {
    const { promise: ended, resolve } = Promise.withResolvers<undefined>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<undefined>();
    answer = async (signal) => {
      begin(undefined);
      signal.addEventListener('abort', () => {
        resolve(undefined);
      });
      await ended;
      throw new Error('of no interest');
    };
    void ask(question).catch(() => undefined);
    await begun;
    session.destroy();
    await ended;
  });

  it('tells of a failure without its words', async () => {
    answer = () => Promise.reject(new Error('inner words'));
    const { status, body } = await ask(question);
    assert.equal(status, 500);
    assert.doesNotMatch(body, /inner/);
  });

  it('is well and ready without a token, or says why not', async () => {
    assert.deepEqual(await send({ ':path': '/livez' }), { status: 200, body: 'ok\n' });
    assert.deepEqual(await send({ ':path': '/readyz' }), { status: 200, body: 'ok\n' });
    ailment = 'no folder';
    assert.deepEqual(await send({ ':path': '/readyz' }), { status: 503, body: 'no folder\n' });
    assert.equal((await send({ ':path': '/livez' })).status, 200);
  });

  it('speaks TLS 1.3 and HTTP/2 only, and survives whoever speaks something else', async () => {
    const port = server.port() ?? 0;
    const old = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
    const [error] = await new Promise<unknown[]>((resolve) => old.once('error', (...args: unknown[]) => resolve(args)));
    assert.match(String(error), /version/);
    const plain = connectTcp({ port, host: '127.0.0.1' });
    plain.on('error', () => undefined);
    plain.write('GET /livez HTTP/1.1\r\n\r\n');
    await eventually(() => plain.destroyed || plain.readableEnded, { what: 'the plain connection to end' });
    const one = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    one.on('error', () => undefined);
    await eventually(() => one.destroyed, { what: 'the connection without HTTP/2 to end' });
    assert.equal((await ask(question)).status, 200);
  });

  it('stops while questions wait', async () => {
    answer = () => new Promise(() => undefined);
    const asking = ask(question).catch(() => undefined);
    await eventually(() => !session.connecting, { what: 'the connection' });
    await server.stop();
    await asking;
  });
});
