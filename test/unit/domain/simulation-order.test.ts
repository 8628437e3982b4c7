/** Random histories of several workloads of one policy: each in its turn, and no more at once than allowed. */

import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GatePolicy, Policy } from '../../../src/domain/observed.ts';
import { aGate, aPolicy, MINUTE, SECOND } from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';
import { live, type Setting } from '../../support/simulation/history.ts';
import { ANYTHING, ASKING, histories } from '../../support/simulation/steps.ts';

/** One policy of four workloads, in this order of its list. */
const four = (gates: Partial<GatePolicy>, waves: readonly number[] = [], limit = 0): Setting => ({
  workloads: { d: ['app'], c: ['app'], b: ['app'], a: ['app'] },
  policies: [bound(['b', 'a', 'd', 'c'], gates, waves)],
  limit,
});

const bound = (names: readonly string[], gates: Partial<GatePolicy>, waves: readonly number[] = []): Policy =>
  aPolicy({
    gates: aGate(gates),
    workloads: names.map((name, index) => ({ kind: 'Deployment', name, wave: waves[index] ?? 0 })),
  });

const SETTINGS: readonly (readonly [string, Setting])[] = [
  ['one at a time', four({ maxConcurrent: 1 })],
  ['one after the other', four({ order: 'Sequential' })],
  ['in waves', four({ maxConcurrent: 2 }, [2, 0, 1, 1])],
  [
    'one after the other in waves, each in its cooldown',
    four({ order: 'Sequential', cooldownMs: MINUTE }, [1, 0, 0, 1]),
  ],
  [
    'a canary first',
    four({
      canary: { workload: { group: 'apps', kind: 'Deployment', name: 'd' } },
      budget: { restarts: 2, periodMs: 10 * MINUTE },
    }),
  ],
  ['two in the whole cluster', four({ cooldownMs: 20 * SECOND }, [], 2)],
];

describe('whatever happens to several workloads, the laws hold', () => {
  for (const [what, setting] of SETTINGS) {
    it(what, async () => {
      await fc.assert(
        fc.asyncProperty(histories(...ANYTHING, ASKING), async (steps) => {
          await live(setting, steps);
        }),
        runs(300),
      );
    });
  }
});
