import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { connect, type KubeClient } from '../../../src/kube/connect.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/wait.ts';

describe('deadline of a request', () => {
  const dir = mkdtempSync(join(tmpdir(), 'connect-'));
  /** Requests that wait for their answer, in the order in which they came. */
  const open: ServerResponse[] = [];
  let connections = 0;
  const server = createServer((_request, response) => open.push(response));
  server.on('connection', () => connections++);
  let clock: FakeClock;
  let client: KubeClient;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    clock = createFakeClock();
    connections = 0;
  });
  afterEach(() => client.close());

  const clientOf = (user: object, maxInFlight = 8): KubeClient => {
    const config = new KubeConfig();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u', ...user });
    return connect({ kubeConfig: config, userAgent: 'test', clock, maxInFlight });
  };
  const ask = (path: string): Promise<unknown> => client.request({ method: 'GET', path, timeoutMs: 1_000 });
  /** Answers the next request. */
  const answer = async (): Promise<void> => {
    (await eventually(() => open.shift(), { what: 'a request' })).end('{}');
  };

  it('does not count the wait for a slot', async () => {
    client = clientOf({ token: 't' }, 1);
    const [first, second] = [ask('/first'), ask('/second')];
    await eventually(() => open.length === 1, { what: 'the first request' });
    await clock.advance(900);
    await answer();
    await first;
    await eventually(() => open.length === 1, { what: 'the second request' });
    await clock.advance(900);
    await answer();
    await second;
  });

  it('ends the wait for a slot with the reason of the abort', async () => {
    client = clientOf({ token: 't' }, 1);
    const first = ask('/first');
    const controller = new AbortController();
    const second = client.request({ method: 'GET', path: '/second', signal: controller.signal });
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await assert.rejects(second, reason);
    await answer();
    await first;
  });

  it('blames the server for its silence, and uses its connections no more', async () => {
    client = clientOf({ token: 't' });
    const silent = [ask('/a'), ask('/b')];
    await eventually(() => open.length === 2, { what: 'both requests' });
    const failed = Promise.all(
      silent.map((request) =>
        assert.rejects(request, { code: 'KUBE_TIMEOUT', message: /: http:\/\/127\S+ was silent for 1 s$/ }),
      ),
    );
    await clock.advance(1_000);
    await failed;
    open.length = 0;
    const next = ask('/c');
    await answer();
    await next;
    assert.equal(connections, 3);
  });

  it('is not held up, nor its connection lost, by a login that fails after a refusal', async () => {
    const log = JSON.stringify(join(dir, 'logins'));
    const script = `const fs = require('fs'); fs.appendFileSync(${log}, '.');
      if (fs.readFileSync(${log}).length === 2) process.exit(1);
      process.stdout.write(JSON.stringify({ status: { token: 't' } }));`;
    client = clientOf({ exec: { command: process.execPath, args: ['-e', script] } });
    const refused = assert.rejects(ask('/first'), { code: 'KUBE_CREDENTIALS' });
    (await eventually(() => open.shift(), { what: 'a request' })).writeHead(401).end('{}');
    await refused;
    const second = ask('/second');
    await answer();
    await second;
    assert.equal(connections, 1);
  });

  it('keeps connections that are newer than the silence', async () => {
    client = clientOf({ token: 't' });
    const silent = (path: string): Promise<void> => assert.rejects(ask(path), { code: 'KUBE_TIMEOUT' });
    const first = silent('/a');
    await clock.advance(500);
    const second = silent('/b');
    await eventually(() => open.length === 2, { what: 'both requests' });
    await clock.advance(500);
    await first;
    open.length = 0;
    const third = ask('/c');
    await answer();
    await third;
    await clock.advance(500);
    await second;
    const fourth = ask('/d');
    await answer();
    await fourth;
    assert.equal(connections, 3);
  });

  it('blames slow credentials for themselves, and keeps the connections', async () => {
    // The first run answers at once, with what has expired already; the second one takes longer than anybody waits.
    const log = JSON.stringify(join(dir, 'runs'));
    const script = `const fs = require('fs'); fs.appendFileSync(${log}, '.');
      const late = fs.readFileSync(${log}).length === 2;
      const status = { token: 't', expirationTimestamp: '2020-01-01T00:00:00Z' };
      setTimeout(() => process.stdout.write(JSON.stringify({ status })), late ? 500 : 0);`;
    client = clientOf({ exec: { command: process.execPath, args: ['-e', script] } });
    const first = ask('/first');
    await answer();
    await first;
    await clock.advance(31_000);
    const failed = assert.rejects(ask('/second'), {
      code: 'KUBE_CREDENTIALS',
      message: 'get /second: the credentials of user u took longer than 1 s',
    });
    await clock.advance(1_000);
    await failed;
    const third = ask('/third');
    await answer();
    await third;
    assert.equal(connections, 1);
  });
});
