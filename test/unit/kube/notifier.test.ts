/** Applications are asked over real connections, and what they answer is not trusted. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { NotifyAnswer, NotifyRequest, Notifier } from '../../../src/controller/ports.ts';
import { createNotifier } from '../../../src/kube/notifier.ts';
import { isPodAddress } from '../../../src/kube/pod-address.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

const { signal } = new AbortController();
const SHA256 = 'a'.repeat(64);

interface Served {
  readonly server: Server;
  readonly notifier: Notifier;
  readonly ask: (more?: Partial<NotifyRequest>) => Promise<NotifyAnswer>;
}

const serving = async (listener: RequestListener, test: (served: Served) => Promise<void>): Promise<void> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const notifier = createNotifier({ clock: systemClock, userAgent: 'test/1', mayAsk: () => true });
  try {
    await test({
      server,
      notifier,
      ask: (more = {}) =>
        notifier.ask(
          { method: 'POST', namespace: 'shop', address: '127.0.0.1', port, path: '/-/reload', ...more },
          signal,
        ),
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

const json =
  (status: number, body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

describe('an application that is asked', () => {
  it('gets a POST without a body, over a connection that is closed', async () => {
    const seen: IncomingMessage[] = [];
    let body = '';
    await serving(
      (request, response) => {
        seen.push(request);
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.end('reloaded');
      },
      async ({ ask }) => {
        assert.deepEqual(await ask(), { type: 'Accepted' });
        const [request] = seen;
        assert.equal(`${request?.method ?? ''} ${request?.url ?? ''}`, 'POST /-/reload');
        assert.equal(request?.headers['content-length'], '0');
        assert.equal(request.headers.connection, 'close');
        assert.equal(request.headers['reload-signature'], undefined);
        assert.equal(body, '');
      },
    );
  });

  const answers: readonly (readonly [what: string, listener: RequestListener, answer: NotifyAnswer])[] = [
    [
      'tells what it has loaded',
      json(200, { reload: 'v1', files: [{ path: '/etc/app/a', sha256: SHA256 }, { path: '/etc/app/b' }] }),
      {
        type: 'Told',
        files: new Map<string, object>([
          ['/etc/app/a', { sha256: SHA256 }],
          ['/etc/app/b', {}],
        ]),
      },
    ],
    [
      'tells what it refuses, by 422',
      json(422, { reload: 'v1', files: [{ path: '/etc/app/a', sha256: SHA256, error: 'no such provider' }] }),
      { type: 'Told', files: new Map([['/etc/app/a', { sha256: SHA256, error: 'no such provider' }]]) },
    ],
    ['refuses, and does not say what', json(422, { reload: 'v1', files: [{ path: '/a' }] }), failed('it answered 422')],
    ['answers JSON of another kind', json(200, { status: 'ok' }), { type: 'Accepted' }],
    ['answers another version of the protocol', json(200, { reload: 'v2', files: [] }), { type: 'Accepted' }],
    ['answers garbage that it calls JSON', json(200, '{"reload":"v1","files":['), { type: 'Accepted' }],
    [
      'leaves entries in it that are none',
      json(200, { reload: 'v1', files: [null, 7, { path: 7 }, { path: '/a', sha256: 'short', error: 7 }] }),
      { type: 'Told', files: new Map([['/a', {}]]) },
    ],
    ['answers 204', (_request, response) => response.writeHead(204).end(), { type: 'Accepted' }],
    ['answers 500', json(500, 'it is broken'), failed('it answered 500')],
    ['answers 401', json(401, ''), failed('it answered 401')],
    [
      'redirects',
      (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end(),
      failed('it answered 307: redirects are not followed'),
    ],
    ['cuts the connection', (request) => request.socket.destroy(), failed('the connection was cut')],
    [
      'answers something that is no HTTP',
      (request) => request.socket.end('hello\r\n\r\n'),
      failed('no proper answer (HPE_INVALID_CONSTANT)'),
    ],
    [
      'changes the protocol',
      (request) => request.socket.end('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      failed('it answered with another protocol'),
    ],
    [
      'answers endlessly in JSON',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = setInterval(() => response.write(' '.repeat(16_384)), 1);
        request.socket.on('close', () => {
          clearInterval(more);
        });
      },
      failed('its answer is longer than 64 KiB'),
    ],
    [
      'answers endlessly in something else',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        const more = setInterval(() => response.write(' '.repeat(16_384)), 1);
        request.socket.on('close', () => {
          clearInterval(more);
        });
      },
      { type: 'Accepted' },
    ],
    [
      'has headers beyond measure',
      (_request, response) => {
        response.setHeader('x-long', 'x'.repeat(100_000));
        response.end();
      },
      failed('no proper answer (HPE_HEADER_OVERFLOW)'),
    ],
  ];
  for (const [what, listener, answer] of answers) {
    it(`${what}: ${answer.type}`, () =>
      serving(listener, async ({ ask }) => {
        assert.deepEqual(await ask(), answer);
      }));
  }

  it('has two seconds, for the whole of its answer', async () => {
    for (const listener of [
      () => undefined,
      (_request: IncomingMessage, response: Parameters<RequestListener>[1]) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{');
      },
    ]) {
      await serving(listener, async ({ ask }) => {
        const from = performance.now();
        assert.deepEqual(await ask(), failed('no answer within 2 s'));
        const took = performance.now() - from;
        assert.ok(took >= 1_900 && took < 4_000, `${took} ms`);
      });
    }
  });

  it('that is not there is said', async () => {
    await serving(
      () => undefined,
      async ({ server, ask }) => {
        await new Promise((resolve) => server.close(resolve));
        assert.deepEqual(await ask(), failed('connection refused'));
      },
    );
  });

  it('may fail, and accept then', async () => {
    let count = 0;
    await serving(
      (_request, response) => response.writeHead(count++ === 0 ? 500 : 200).end(),
      async ({ ask }) => {
        assert.equal((await ask()).type, 'Failed');
        assert.equal((await ask()).type, 'Accepted');
      },
    );
  });

  it('is left alone when nobody waits for it any more', async () => {
    await serving(
      () => undefined,
      async ({ notifier, server }) => {
        const off = new AbortController();
        const { port } = server.address() as AddressInfo;
        const asked = notifier.ask(
          { method: 'GET', namespace: 'shop', address: '127.0.0.1', port, path: '/' },
          off.signal,
        );
        off.abort(new Error('called off'));
        await assert.rejects(asked, /called off/);
      },
    );
  });

  it('can tell by the signature who asks', async () => {
    const signatures: string[] = [];
    await serving(
      (request, response) => {
        const { method = '', url = '' } = request;
        const header = String(request.headers['reload-signature']);
        const [, time = '', mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
        const expected = createHmac('sha256', 'key').update(`${time}.${method}.${url}`).digest('hex');
        assert.ok(Math.abs(Number(time) - Date.now() / 1_000) < 5);
        signatures.push(mac === expected ? method : 'wrong');
        response.end();
      },
      async ({ ask }) => {
        await ask({ signingKey: Buffer.from('key') });
        await ask({ signingKey: Buffer.from('key'), method: 'GET' });
        await ask({ signingKey: Buffer.from('other') });
        assert.deepEqual(signatures, ['POST', 'GET', 'wrong']);
      },
    );
  });

  it('keeps others of its namespace waiting when it is slow, and nobody else', async () => {
    let under = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    await serving(
      (request, response) => {
        if (request.url === '/fast') {
          response.end();
          return;
        }
        under += 1;
        most = Math.max(most, under);
        waiting.push(() => {
          under -= 1;
          response.end();
        });
      },
      async ({ ask }) => {
        const slow = Array.from({ length: 20 }, () => ask({ namespace: 'slow', path: '/slow' }));
        assert.deepEqual(await ask({ namespace: 'other', path: '/fast' }), { type: 'Accepted' });
        const release = setInterval(() => waiting.shift()?.(), 1);
        assert.ok((await Promise.all(slow)).every(({ type }) => type === 'Accepted'));
        clearInterval(release);
        assert.equal(most, 8);
      },
    );
  });

  it('is at an address that pods have', async () => {
    const notifier = createNotifier({ clock: systemClock, userAgent: 'test/1' });
    let asked = 0;
    await serving(
      () => (asked += 1),
      async ({ server }) => {
        const { port } = server.address() as AddressInfo;
        for (const address of ['127.0.0.1', '::ffff:127.0.0.1', 'localhost']) {
          const answer = await notifier.ask({ method: 'POST', namespace: 'shop', address, port, path: '/' }, signal);
          assert.deepEqual(answer, failed(`${address} is no address of a pod: not asked`));
        }
      },
    );
    assert.equal(asked, 0);
  });
});

describe('an address of a pod', () => {
  for (const address of ['10.0.0.7', '192.168.3.4', '100.64.0.1', 'fd00::7', '2001:db8::1'])
    it(`can be ${address}`, () => {
      assert.ok(isPodAddress(address));
    });
  for (const address of [
    ...['0.0.0.0', '127.0.0.1', '127.9.9.9', '169.254.169.254', '224.0.0.1', '255.255.255.255', '', 'example.org'],
    ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', '::ffff:127.0.0.1', '::ffff:169.254.169.254', '10.0.0.7:80'],
  ])
    it(`can not be ${address === '' ? 'nothing' : address}`, () => {
      assert.ok(!isPodAddress(address));
    });
});

function failed(why: string): NotifyAnswer {
  return { type: 'Failed', why };
}
