import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubeError } from '../../../src/kube/errors.ts';
import { createLogger, type RootLogger } from '../../../src/telemetry/log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function aLogger(): { readonly log: RootLogger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level: 'info',
    clock: createFakeClock(Date.UTC(2026, 0, 1, 12)),
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  return { log, lines };
}

describe('log', () => {
  it('writes one object per line, with level, time, message and fields', () => {
    const { log, lines } = aLogger();
    log.child({ workload: 'default/web' }).info({ digest: 'v1:abc' }, 'restarted workload');
    log.debug({}, 'not wanted');
    assert.deepEqual(lines, [
      {
        level: 'info',
        time: '2026-01-01T12:00:00.000Z',
        workload: 'default/web',
        digest: 'v1:abc',
        msg: 'restarted workload',
      },
    ]);
  });

  it('writes errors with code, reason and causes, and nothing else they carry', () => {
    const { log, lines } = aLogger();
    const cause = kubeError({
      method: 'GET',
      path: '/x',
      status: 403,
      body: '{"kind":"Status","reason":"Forbidden","message":"no"}',
    });
    const error = Object.assign(new Error('cannot read', { cause }), {
      headers: { authorization: 'Bearer hunter2' },
      body: 'hunter2',
    });
    log.error({ err: error }, 'failed');
    const [line] = lines;
    assert.doesNotMatch(JSON.stringify(line), /hunter2/);
    const {
      type,
      message,
      cause: why,
    } = line?.['err'] as { type: string; message: string; cause: Record<string, unknown> };
    assert.deepEqual([type, message], ['Error', 'cannot read']);
    assert.deepEqual(
      [why['code'], why['reason'], why['status'], why['message']],
      ['KUBE_FORBIDDEN', 'Forbidden', 403, 'get /x: no'],
    );
  });

  it('never writes data, tokens and passwords', () => {
    const { log, lines } = aLogger();
    log.info(
      {
        object: { data: { key: 'hunter2' } },
        token: 'hunter2',
        user: { password: 'hunter2' },
        config: { user: { token: 'hunter2' } },
      },
      'oops',
    );
    assert.doesNotMatch(JSON.stringify(lines), /hunter2/);
  });
});
