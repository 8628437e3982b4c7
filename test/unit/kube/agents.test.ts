/** Between the operator and an agent: connections, proofs and failures; the API server's part is in test/e2e/agent.test.ts. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect as connectTls, createServer as createTlsServer, type Server } from 'node:tls';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createCertificate, type Certificate } from '../../../src/agent/certificate.ts';
import { createOperators } from '../../../src/agent/operators.ts';
import { AGENT_AUDIENCE, operatorAudience, type Answer, type Question } from '../../../src/agent/protocol.ts';
import { createAgentServer, type AgentServer } from '../../../src/agent/server.ts';
import type { MountAnswer } from '../../../src/controller/ports.ts';
import type { KubeClient, RequestOptions } from '../../../src/kube/connect.ts';
import { createAgents, type FoundAgents } from '../../../src/kube/agents.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { createRecordingLog, type RecordingLog } from '../../support/recording-log.ts';
import { POD } from '../../support/volumes.ts';
import { eventually } from '../../support/wait.ts';

const OPERATOR = 'system:serviceaccount:system:reload-operator';
const AGENT = 'system:serviceaccount:agents:reload-operator-agent';
const QUESTION = {
  volume: 'config',
  plugin: 'kubernetes.io~configmap',
  files: new Map([
    ['a', undefined],
    ['b', 'v1:AAAAAAAAAAAAAAAAAAAAAA'],
  ]),
} as const;

/** Tokens, as the API server makes and reviews them: what each is for stands in it. */
const tokenOf = (sub: string, aud: string, pod?: { readonly name: string; readonly uid: string }): string => {
  const claims = { sub, aud: [aud], exp: Math.floor(Date.now() / 1_000) + 600, pod };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.good`;
};
const review = (token: string, audience: string) => {
  const { sub, aud, pod } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string;
    aud: string[];
    pod?: { name: string; uid: string };
  };
  if (!token.endsWith('.good') || !aud.includes(audience)) return { authenticated: false };
  const extra = {
    'authentication.kubernetes.io/pod-name': [pod?.name ?? ''],
    'authentication.kubernetes.io/pod-uid': [pod?.uid ?? ''],
  };
  return { authenticated: true, audiences: [audience], user: { username: sub, ...(pod && { extra }) } };
};

describe('asking agents', () => {
  const pod = { name: 'agent-1', uid: randomUUID() };
  let certificate: Certificate;
  let server: AgentServer;
  let found: FoundAgents;
  let log: RecordingLog;
  let ending: AbortController;
  let questions: Question[];
  let answer: (signal: AbortSignal) => Promise<Answer>;
  let shown: string;
  let port: number;
  let tokens: string[];

  const startServer = async (): Promise<void> => {
    certificate = createCertificate('test');
    server = createAgentServer({
      port: 0,
      host: '127.0.0.1',
      certificate,
      operators: createOperators({
        usernames: new Set([OPERATOR]),
        audience: operatorAudience(certificate.fingerprint),
        clock: systemClock,
        review: (token, audience) => {
          const { authenticated, user } = review(token, audience);
          return Promise.resolve(authenticated && user !== undefined ? user : undefined);
        },
      }),
      identity: () => Promise.resolve(shown),
      ask: (question, signal) => {
        questions.push(question);
        return answer(signal);
      },
      ailment: () => Promise.resolve(undefined),
      clock: systemClock,
      log: createRecordingLog(),
    });
    await server.start();
    port = server.port() ?? 0;
  };

  const podList = () => ({
    metadata: { resourceVersion: '1' },
    items: [
      {
        metadata: { name: pod.name, namespace: 'agents', uid: pod.uid, resourceVersion: '1' },
        spec: { nodeName: 'node-1', containers: [{ ports: [{ name: 'agent', containerPort: port }] }] },
        status: { phase: 'Running', podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
      },
    ],
  });

  const client: KubeClient = {
    server: 'https://nowhere',
    request: <T>({ path, body }: RequestOptions): Promise<T> => {
      const { spec } = (body ?? {}) as { spec?: { token?: string; audiences: readonly string[] } };
      const [audience = ''] = spec?.audiences ?? [];
      if (path.endsWith('/pods')) return Promise.resolve(podList() as T);
      if (path.endsWith('/tokenreviews')) return Promise.resolve({ status: review(spec?.token ?? '', audience) } as T);
      assert.equal(path, '/api/v1/namespaces/system/serviceaccounts/reload-operator/token');
      tokens.push(audience);
      return Promise.resolve({ status: { token: tokenOf(OPERATOR, audience) } } as T);
    },

    stream: async function* ({ signal }) {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      yield* [];
    },
    close: () => Promise.resolve(),
  };

  /** Finds whoever listens on the port by now. */
  const find = async (): Promise<void> => {
    log = createRecordingLog();
    ending = new AbortController();
    found = createAgents({
      client,
      namespace: 'agents',
      account: { namespace: 'system', name: 'reload-operator' },
      clock: systemClock,
      random: Math.random,
      log,
      idleMs: 90_000,
    });
    void found.reflector.run(ending.signal);
    await found.reflector.synced;
  };

  beforeEach(async () => {
    questions = [];
    tokens = [];
    shown = tokenOf(AGENT, AGENT_AUDIENCE, pod);
    answer = () => Promise.resolve({ type: 'Mounted' });
    await startServer();
  });
  afterEach(async () => {
    await found.close();
    ending.abort(new Error('over'));
    await server.stop();
  });

  const ask = (waitMs = 5_000, signal = new AbortController().signal): Promise<MountAnswer> =>
    found.agents.mounted({ uid: POD, node: 'node-1' }, QUESTION, waitMs, signal);
  const why = async (asking: Promise<MountAnswer>): Promise<string> => {
    const given = await asking;
    assert.equal(given.type, 'Unavailable');
    return given.why;
  };

  it('goes side by side over one connection, by one token that is good for that agent alone', async () => {
    await find();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    answer = () => promise;
    const asking = Array.from({ length: 80 }, () => ask());
    await eventually(() => questions.length === 80, { what: 'all questions' });
    resolve({ type: 'Differs', files: ['b'] });
    for (const given of await Promise.all(asking)) assert.deepEqual(given, { type: 'Differs', files: ['b'] });
    assert.deepEqual(tokens, [operatorAudience(certificate.fingerprint)]);
    assert.deepEqual(questions[0], {
      pod: POD,
      volume: 'config',
      plugin: 'kubernetes.io~configmap',
      files: [
        ['a', null],
        ['b', 'v1:AAAAAAAAAAAAAAAAAAAAAA'],
      ],
      waitMs: 5_000,
    });
  });

  it('takes a key along', async () => {
    await find();
    const key = Buffer.alloc(32, 1);
    await found.agents.mounted({ uid: POD, node: 'node-1' }, { ...QUESTION, key }, 1e9, new AbortController().signal);
    assert.equal(questions[0]?.key, key.toString('base64url'));
    assert.equal(questions[0].waitMs, 30_000);
  });

  const others: readonly (readonly [string, () => string])[] = [
    ['another pod', () => tokenOf(AGENT, AGENT_AUDIENCE, { ...pod, uid: randomUUID() })],
    ['no pod', () => tokenOf(AGENT, AGENT_AUDIENCE)],
    ['another account', () => tokenOf('system:serviceaccount:agents:default', AGENT_AUDIENCE, pod)],
    ['an account of another namespace', () => tokenOf(AGENT.replace('agents', 'default'), AGENT_AUDIENCE, pod)],
    ['another audience', () => tokenOf(AGENT, 'https://kubernetes.default.svc', pod)],
    ['nobody', () => tokenOf(AGENT, AGENT_AUDIENCE, pod).replace('good', 'bad')],
  ];
  for (const [whose, token] of others) {
    it(`believes nobody who shows a token of ${whose}, and tells them nothing`, async () => {
      shown = token();
      await find();
      assert.match(await why(ask()), /node node-1 can't be asked: it is not who it should be/);
      assert.deepEqual(questions, []);
    });
  }

  it('gets nothing from an agent through somebody with a certificate of their own', async () => {
    const own = createCertificate('between');
    const target = port;
    const between: Server = createTlsServer({ key: own.key, cert: own.cert, ALPNProtocols: ['h2'] }, (near) => {
      const far = connectTls({ port: target, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    }).listen(0, '127.0.0.1');
    try {
      await eventually(() => between.listening, { what: 'the listener' });
      port = (between.address() as AddressInfo).port;
      await find();
      assert.match(await why(ask()), /401: a token of the operator for this agent is needed/);
      assert.deepEqual(tokens, [operatorAudience(own.fingerprint)]);
      assert.deepEqual(questions, []);
    } finally {
      await found.close();
      between.close();
    }
  });

  it('says so where there is no agent', async () => {
    await find();
    const elsewhere = found.agents.mounted({ uid: POD, node: 'x' }, QUESTION, 0, new AbortController().signal);
    assert.equal(await why(elsewhere), 'there is no agent on node x');
  });

  it('says so at once to all when one ends, leaves it alone for a moment, and asks it again when it is back', async () => {
    await find();
    await ask();
    answer = () => new Promise(() => undefined);
    const asking = Array.from({ length: 20 }, () => ask(30_000));
    await eventually(() => questions.length === 21, { what: 'all questions' });
    await server.stop();
    const reasons = await Promise.all(asking.map(why));
    assert.equal(new Set(reasons).size, 1);
    assert.match(await why(ask()), /can't be asked/);
    assert.equal(tokens.length, 1);
    assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 1);

    // A new certificate, and so everything is proven anew.
    answer = () => Promise.resolve({ type: 'Mounted' });
    const { port: before } = { port };
    certificate = createCertificate('test');
    await startServer();
    const relay = createTcpServer((near) => {
      void import('node:net').then(({ connect }) => near.pipe(connect(port, '127.0.0.1')).pipe(near));
    }).listen(before, '127.0.0.1');
    try {
      await eventually(async () => (await ask()).type === 'Mounted', { what: 'the answer', timeoutMs: 10_000 });
      assert.equal(tokens.length, 2);
    } finally {
      await found.close();
      relay.close();
    }
  });

  it('ends with who asks, and harms no other question', async () => {
    await find();
    answer = () => new Promise(() => undefined);
    const gone = new AbortController();
    const asking = ask(30_000, gone.signal);
    await eventually(() => questions.length === 1, { what: 'the question' });
    gone.abort(new Error('no longer'));
    await assert.rejects(asking, /no longer/);
    answer = () => Promise.resolve({ type: 'Mounted' });
    assert.deepEqual(await ask(), { type: 'Mounted' });
    assert.equal(tokens.length, 1);
  });

  it('takes a refusal of one question for that question only', async () => {
    await find();
    const files = new Map([['../a', undefined]]);
    const bad = found.agents.mounted(
      { uid: POD, node: 'node-1' },
      { ...QUESTION, files },
      0,
      new AbortController().signal,
    );
    assert.match(await why(bad), /400: this is no question/);
    assert.deepEqual(await ask(), { type: 'Mounted' });
    assert.equal(tokens.length, 1);
  });

  it('is not kept waiting by one that accepts and is silent', async () => {
    const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1');
    try {
      await eventually(() => silent.listening, { what: 'the listener' });
      port = (silent.address() as AddressInfo).port;
      await find();
      assert.match(await why(ask()), /it was silent for 5 s/);
    } finally {
      await found.close();
      silent.close();
    }
  });
});
