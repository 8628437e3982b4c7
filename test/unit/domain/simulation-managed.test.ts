/** Random histories with managed delivery: what is delivered, when, and what it goes back to. */

import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GatePolicy, Policy } from '../../../src/domain/observed.ts';
import { aGate, aPolicy, MINUTE, rule, SECOND } from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';
import { live, type Setting } from '../../support/simulation/history.ts';
import { ANYTHING, APPROVING, ASKING, histories, MANAGED, WINDOWS } from '../../support/simulation/steps.ts';

/** One policy that renders `app-live` from `app`, for some workloads. */
const managed = (gates: Partial<GatePolicy>, ...names: readonly string[]): Policy =>
  aPolicy({
    gates: aGate(gates),
    rules: [rule('flag twin', 'Restart')],
    delivery: {
      objects: [
        {
          name: 'app-live',
          source: { kind: 'ConfigMap', name: 'app' },
          workloads: names.map((name) => ({ kind: 'Deployment', name })),
        },
      ],
      snapshots: 2,
      rollbackSecrets: false,
    },
  });

const one = (gates: Partial<GatePolicy>): Setting => ({
  workloads: { web: ['app'] },
  live: { app: 'app-live' },
  policies: [managed(gates, 'web')],
});

const sharing = (gates: Partial<GatePolicy>): Setting => ({
  workloads: { web: ['app'], api: ['app'] },
  live: { app: 'app-live' },
  policies: [managed(gates, 'web', 'api')],
});

const [, windows = []] = WINDOWS;
const BUDGET = { restarts: 2, periodMs: 10 * MINUTE };

export const SETTINGS: readonly (readonly [string, Setting])[] = [
  ['without any gate', one({})],
  ['with a window', one({ windows })],
  ['with approval and a budget', one({ approval: 'Manual', budget: BUDGET })],
  ['where what fails is rolled back', one({ onFailure: 'Rollback' })],
  ['where what fails is rolled back, with gates', one({ onFailure: 'Rollback', windows, budget: BUDGET })],
  ['where two share it', sharing({})],
  ['where two share it, each to be approved', sharing({ approval: 'Manual' })],
  ['where two share it, in windows and cooldowns', sharing({ windows, cooldownMs: 90 * SECOND })],
  ['where two share it, and what fails is rolled back', sharing({ onFailure: 'Rollback' })],
];

const isApproved = ({ policies }: Setting): boolean => policies.some(({ gates }) => gates.approval === 'Manual');

describe('whatever happens to what is delivered, the laws hold', () => {
  for (const [what, setting] of SETTINGS) {
    const more = isApproved(setting) ? [APPROVING] : [];
    it(what, async () => {
      await fc.assert(
        fc.asyncProperty(histories(...ANYTHING, ...MANAGED, ASKING, ...more), async (steps) => {
          await live(setting, steps);
        }),
        runs(300),
      );
    });
  }
});
