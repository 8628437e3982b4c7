/** How a workload stands for those that wait for it, and what becomes of those. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import { standingOf } from '../../../src/domain/standing.ts';
import { aLedger, aPod, changed, edited, HOUR, MINUTE, observing, T0 } from '../../support/builders.ts';
import { World } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };

const standing = (world: World): string => {
  const plan = decide(world.observed(), world.now);
  return plan.type === 'LookAtPods' ? plan.type : standingOf(plan);
};

describe('a workload whose restart has failed', () => {
  it('stands so as long as its way out has to wait', () => {
    const world = new World().edit({ flag: 'b', hot: 'a' }).advance(500).failRollout();
    world.policy({ suspended: true }).edit({ flag: 'c', hot: 'a' });
    assert.deepEqual([world.state(), standing(world)], ['Held', 'Failed']);
    world.policy({ suspended: false });
    assert.equal(standing(world), 'InProgress');
  });

  it('is due like any other where only its first restart is held', () => {
    const world = new World().policy({ suspended: true }).edit({ flag: 'b', hot: 'a' });
    assert.deepEqual([world.state(), standing(world)], ['Held', 'Due']);
  });
});

describe('a workload that has waited for others', () => {
  const held = { since: T0, reason: 'ConcurrencyLimit', changes: changed({ flag: 'b' }) };
  const pending = { changes: changed({ flag: 'b' }), firstAt: T0, burstAt: T0, lastAt: T0 };
  const at = T0 + 10 * MINUTE;
  const plan = (flag: string, changedAt: number) =>
    decide(
      observing(edited({ flag, hot: 'a' }, changedAt), {
        ledger: aLedger(A, { held }),
        pending,
        pods: [aPod(T0 - HOUR)],
      }),
      at,
    );

  it('goes on at once', () => {
    const next = plan('b', T0);
    assert.ok(next.type === 'Act' && next.restart !== undefined);
  });

  it('waits for the burst to end where its content has just moved once more', () => {
    const next = plan('c', at);
    assert.ok(next.type === 'Act');
    assert.deepEqual([next.restart, next.requeueAfterMs], [undefined, 500]);
  });
});
