import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReflectorStatus } from '../../../src/runtime/reflector.ts';
import {
  createHealth,
  judgeLiveness,
  judgeReadiness,
  type HealthLimits,
  type Vitals,
} from '../../../src/telemetry/health.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const LIMITS: HealthLimits = { loopLagMs: 5000, staleMs: 180_000, deadMs: 300_000, reachableMs: 60_000 };
const NOW = 10_000_000;

class HttpError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`answer ${status}`);
    this.status = status;
  }
}

const aWatch = (more: Partial<ReflectorStatus> = {}): ReflectorStatus => ({
  name: 'configmaps',
  synced: true,
  aliveAt: NOW,
  ...more,
});
const silentFor = (ms: number, error?: Error): ReflectorStatus =>
  aWatch({ aliveAt: NOW - ms, ...(error !== undefined && { error }) });

const vitals = (watch: ReflectorStatus, more: Partial<Vitals> = {}): Vitals => ({
  now: NOW,
  startedAt: 0,
  loopLagMs: 0,
  watches: [watch],
  reachableSince: new Map(),
  ...more,
});

const reachableFor = (ms: number): Partial<Vitals> => ({ reachableSince: new Map([['configmaps', NOW - ms]]) });

describe('liveness', () => {
  const cases: readonly [string, Vitals, readonly string[]][] = [
    ['lives while watches live', vitals(aWatch()), []],
    ['lives while the API is away, however long', vitals(silentFor(86_400_000, new Error('refused'))), []],
    ['lives while a watch is silent, but not for long yet', vitals(silentFor(299_000), reachableFor(60_000)), []],
    ['lives when the API has just come back', vitals(silentFor(600_000), reachableFor(59_000)), []],
    ['lives without the rights to watch', vitals(silentFor(600_000, new HttpError(403)), reachableFor(60_000)), []],
    ['lives without the resource definition', vitals(silentFor(600_000, new HttpError(404)), reachableFor(60_000)), []],
    [
      'ends when a watch stays dead although the API answers',
      vitals(silentFor(600_000), reachableFor(60_000)),
      ['watch configmaps: no sign of life for 600 s, although the API answers'],
    ],
    [
      'ends when a watch is dead by errors of its own',
      vitals(silentFor(600_000, new HttpError(429)), reachableFor(60_000)),
      ['watch configmaps: no sign of life for 600 s, although the API answers'],
    ],
    ['ends when the event loop hangs', vitals(aWatch(), { loopLagMs: 5001 }), ['event loop: 5 s late']],
  ];
  for (const [what, given, problems] of cases) {
    it(what, () => {
      assert.deepEqual(judgeLiveness(given, LIMITS), { ok: problems.length === 0, problems });
    });
  }
});

describe('readiness', () => {
  const cases: readonly [string, Vitals, readonly string[]][] = [
    ['is given with live watches', vitals(aWatch()), []],
    ['is given for a short silence', vitals(silentFor(180_000)), []],
    ['is not given before a list', vitals(aWatch({ synced: false })), ['watch configmaps: not listed yet']],
    [
      'says why there is no list',
      vitals(aWatch({ synced: false, error: new Error('configmaps is forbidden') })),
      ['watch configmaps: not listed yet: configmaps is forbidden'],
    ],
    [
      'is taken away by a long silence, with the reason',
      vitals(silentFor(181_000, new Error('refused'))),
      ['watch configmaps: no sign of life for 181 s: refused'],
    ],
    ['is not given without watches', vitals(aWatch(), { watches: [] }), ['no watch has been started yet']],
  ];
  for (const [what, given, problems] of cases) {
    it(what, () => {
      assert.deepEqual(judgeReadiness(given, LIMITS), { ok: problems.length === 0, problems });
    });
  }
});

describe('health over time', () => {
  it('probes a silent watch, and calls it dead only after a minute of answers', async () => {
    const clock = createFakeClock(NOW);
    const controller = new AbortController();
    let away = true;
    const probes: boolean[] = [];
    const probed = (): number => probes.length;
    const watch = {
      status: () => aWatch(),
      probe: () => {
        probes.push(away);
        return away ? Promise.reject(new Error('refused')) : Promise.resolve();
      },
    };
    const health = createHealth({ clock, watches: () => [watch], limits: LIMITS });
    const running = health.run(controller.signal);
    await clock.advance(300_000);
    assert.equal(probed(), 0);
    await clock.advance(600_000);
    assert.ok(probed() > 0);
    assert.equal(health.live().ok, true);
    assert.equal(health.ready().ok, false);
    away = false;
    await clock.advance(60_000);
    assert.equal(health.live().ok, true);
    await clock.advance(20_000);
    assert.equal(health.live().ok, false);
    away = true;
    await clock.advance(10_000);
    assert.equal(health.live().ok, true);
    controller.abort();
    await running;
    assert.equal(clock.pending, 0);
  });

  it('leaves ready an operator that may not watch what users name, but calls a dead watch of that dead', async () => {
    const clock = createFakeClock(NOW);
    const controller = new AbortController();
    const refused = Object.assign(new Error('forbidden'), { status: 403 });
    const named: ReflectorStatus[] = [{ ...aWatch({ synced: false, error: refused }), name: 'secrets/a' }];
    const probe = (): Promise<void> => Promise.resolve();
    const health = createHealth({
      clock,
      watches: () => [{ status: () => aWatch({ aliveAt: clock.now() }), probe }],
      optionalWatches: () => named.map((status) => ({ status: () => status, probe })),
      limits: LIMITS,
    });
    const running = health.run(controller.signal);
    await clock.advance(1_000_000);
    assert.deepEqual([health.live().ok, health.ready().ok], [true, true]);
    named.push({ ...aWatch(), name: 'secrets/b' });
    await clock.advance(100_000);
    assert.deepEqual([health.live().ok, health.ready().ok], [false, true]);
    named.pop();
    assert.equal(health.live().ok, true);
    controller.abort();
    await running;
  });
});
