/** Mode Observe: everything is said, nothing is touched, and nothing old is acted on afterwards (design law 16). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aGate, aPolicy, HOUR, rule, SECOND } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const OBSERVES = aPolicy({ observes: true });

const latest = (world: World) => world.ledger()?.history[0];

describe('a policy that observes', () => {
  it('says once that it would restart, when the burst is over, and touches nothing', () => {
    const world = new World({ policies: [OBSERVES] });
    world
      .edit({ ...A, flag: 'b' })
      .advance(100)
      .edit({ ...A, flag: 'c' });
    assert.deepEqual(world.notices, []);
    world.advance(SECOND);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    assert.deepEqual(
      world.notices.map(({ reason }) => reason),
      ['WouldRestart'],
    );
    assert.equal(latest(world)?.outcome, 'Observed');
    assert.deepEqual(latest(world)?.keys, ['ConfigMap/app:flag']);
    assert.deepEqual([world.state(), world.reason()], ['UpToDate', 'Observed']);
    world.advance(60 * SECOND);
    assert.equal(world.notices.length, 1);
  });

  it('says that it would send a hot key to the pods, and sends it to none', () => {
    const world = new World({ policies: [OBSERVES] });
    world.edit({ ...A, hot: 'b' });
    assert.equal(world.nudges, 0);
    assert.deepEqual(
      world.notices.map(({ reason }) => reason),
      ['WouldHotReload'],
    );
    assert.deepEqual(
      [latest(world)?.action, latest(world)?.outcome, latest(world)?.keys],
      ['Hot', 'Observed', ['ConfigMap/app:hot']],
    );
  });

  it('waits for no gate to say so, but says what would be waited for', () => {
    const window = { name: 'far', type: 'Allow', cron: '0 18 * * *', durationMs: HOUR, timeZone: 'UTC' } as const;
    const gates = aGate({
      windows: [window],
      approval: 'Manual',
      cooldownMs: HOUR,
      budget: { restarts: 1, periodMs: HOUR },
    });
    const world = new World({ policies: [{ ...OBSERVES, gates }] });
    world.edit({ ...A, flag: 'b' }).advance(SECOND);
    assert.equal(world.notices.length, 1);
    assert.match(
      world.notices[0]?.note ?? '',
      /would have restarted 2 pods, .*; it would wait: policy policy wants approval.*; it would wait: .*window far lets restarts begin/,
    );
    world.policy({ observes: false }).advance(24 * HOUR);
    assert.deepEqual([world.restarts.length, world.state()], [0, 'UpToDate'], 'nothing old is acted on');
  });

  it('leaves nothing old to act on when it enforces at last, and acts on what is new', () => {
    const world = new World({ policies: [OBSERVES] });
    world.edit({ flag: 'b', hot: 'b' }).advance(SECOND);
    world.policy({ observes: false }).advance(60 * SECOND);
    assert.deepEqual([world.restarts.length, world.nudges], [0, 0]);
    world.edit({ flag: 'c', hot: 'b' }).advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('does not let the end of an earlier restart put back what was said since', () => {
    const world = new World();
    world.edit({ ...A, flag: 'b' }).advance(SECOND);
    world
      .policy({ observes: true })
      .edit({ ...A, flag: 'c' })
      .advance(SECOND)
      .finishRollout()
      .advance(SECOND);
    assert.equal(world.restarts.length, 1);
    world.policy({ observes: false }).advance(60 * SECOND);
    assert.equal(world.restarts.length, 1);
  });
});

describe('a policy that observes beside one that enforces', () => {
  const other = { kind: 'ConfigMap', name: 'other' } as const;
  const app = { kind: 'ConfigMap', name: 'app' } as const;
  const world = (): World =>
    new World({
      sources: { other: { x: 'a' } },
      policies: [
        aPolicy({ name: 'enforcing' }),
        aPolicy({ name: 'observing', observes: true, sources: [app, other], rules: [rule('*', 'Restart')] }),
      ],
      workload: {
        uses: [app, other].map((source) => ({
          source,
          way: 'File',
          container: 'main',
          init: false,
          optional: false,
        })),
      },
    });

  it('has no say in what the other does', () => {
    const shared = world().edit({ ...A, hot: 'b' });
    assert.deepEqual([shared.nudges, shared.restarts.length], [1, 0]);
    assert.deepEqual(shared.advance(60 * SECOND).notices, []);
  });

  it('says what it would do about a source of its own, once, and keeps its baseline', () => {
    const own = world().edit({ x: 'b' }, { name: 'other' });
    own.advance(60 * SECOND);
    assert.deepEqual([own.nudges, own.restarts.length], [0, 0]);
    assert.deepEqual(
      own.notices.map(({ reason }) => reason),
      ['WouldRestart'],
    );
    own.policy({ observes: false }, 1).advance(60 * SECOND);
    assert.equal(own.restarts.length, 0);
  });
});

describe('a policy that observes from now on', () => {
  /** Every look at the world that is not called for by anything new. */
  const rest = (world: World): readonly string[] => {
    const before = world.notices.length;
    const writes = world.recordWrites;
    for (let look = 0; look < 5; look++) world.policy({ observes: true });
    assert.equal(world.recordWrites, writes, 'the record is left alone');
    return world.notices.slice(before).map(({ reason }) => reason);
  };

  it('says once what it would restart for, though a restart had failed, and its content is gone', () => {
    const world = new World();
    world
      .edit({ ...A, flag: 'b' })
      .advance(SECOND)
      .failRollout();
    world.policy({ observes: true }).edit(A).advance(SECOND);
    assert.equal(world.notices.at(-1)?.reason, 'WouldRestart');
    assert.deepEqual(rest(world), []);
    assert.equal(world.restarts.length, 1);
  });

  it('says nothing of what had begun before, and leaves it', () => {
    const world = new World();
    const { record } = world;
    assert.ok(record !== undefined);
    const intent = {
      n: 1,
      digest: 'x',
      at: record.adoptedAt,
      snapshots: [],
      keys: ['ConfigMap/app:flag'],
      changes: [],
    };
    world.record = { ...record, intent };
    world.policy({ observes: true });
    assert.deepEqual([rest(world), world.restarts.length], [[], 0]);
    assert.ok(world.record.intent !== undefined);
  });
});
