import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Verdict } from '../../../src/telemetry/health.ts';
import { createTelemetryServer, type TelemetryServer } from '../../../src/telemetry/http.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

const WELL: Verdict = { ok: true, problems: [] };

describe('telemetry server', () => {
  let live = WELL;
  let metricsFail = false;
  const log = createRecordingLog();
  const make = (port: number, host = '127.0.0.1'): TelemetryServer =>
    createTelemetryServer({
      port,
      host,
      log,
      health: {
        live: () => live,
        ready: () => ({ ok: false, problems: ['watch a: not listed yet', 'watch b: refused'] }),
      },
      metrics: {
        contentType: 'text/plain; version=0.0.4',
        metrics: () => (metricsFail ? Promise.reject(new Error('no metrics')) : Promise.resolve('up 1\n')),
      },
    });
  const server = make(0);
  before(() => server.start());
  after(() => server.stop());

  async function ask(path: string, method = 'GET'): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await fetch(`http://127.0.0.1:${server.port() ?? 0}${path}`, { method });
    return { status: answer.status, body: await answer.text() };
  }

  it('says ok', async () => {
    assert.deepEqual(await ask('/livez?verbose'), { status: 200, body: 'ok\n' });
  });

  it('says what is wrong, line by line', async () => {
    assert.deepEqual(await ask('/readyz'), { status: 503, body: 'watch a: not listed yet\nwatch b: refused\n' });
    live = { ok: false, problems: ['event loop: 9 s late'] };
    assert.deepEqual(await ask('/livez'), { status: 503, body: 'event loop: 9 s late\n' });
    live = WELL;
  });

  it('serves metrics', async () => {
    assert.deepEqual(await ask('/metrics'), { status: 200, body: 'up 1\n' });
  });

  it('answers anything else briefly', async () => {
    assert.equal((await ask('/')).status, 404);
    assert.equal((await ask('/livez', 'POST')).status, 405);
    assert.deepEqual(await ask('/livez', 'HEAD'), { status: 200, body: '' });
  });

  it('logs what it cannot answer, and says no more', async () => {
    metricsFail = true;
    assert.deepEqual(await ask('/metrics'), { status: 500, body: 'internal error, see the log\n' });
    assert.ok(log.lines.some(({ level }) => level === 'error'));
    metricsFail = false;
  });

  it('names the port it cannot have', async () => {
    const port = server.port() ?? 0;
    await assert.rejects(make(port).start(), {
      message: `cannot serve health and metrics on port ${port}: it is in use; choose another with --health-port, or 0 for none`,
    });
  });

  // An address for documentation (RFC 5737), and a name that nobody can have (RFC 2606).
  const wrong = {
    '192.0.2.1': 'it is no address of this machine',
    'nowhere.invalid': 'no address is known by that name',
  };
  for (const [host, why] of Object.entries(wrong)) {
    it(`names the address it cannot have: ${host}`, async () => {
      await assert.rejects(make(0, host).start(), {
        message: `cannot serve health and metrics on ${host}: ${why}; choose another with --health-host, or none for all`,
      });
    });
  }
});
