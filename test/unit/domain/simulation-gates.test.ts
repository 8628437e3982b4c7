/** Random histories of a workload whose policies have gates: whatever happens, no law is broken. */

import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GatePolicy, Policy } from '../../../src/domain/observed.ts';
import { aGate, aPolicy, MINUTE, SECOND } from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';
import { live, type Setting } from '../../support/simulation/history.ts';
import {
  ANYTHING,
  APPROVING,
  ASKING,
  histories,
  REWINDOWED,
  UNHEARD,
  WINDOWS,
} from '../../support/simulation/steps.ts';

const gated = (gates: Partial<GatePolicy>, more: Partial<Policy> = {}): Policy =>
  aPolicy({ gates: aGate(gates), ...more });

const web = (...policies: readonly Policy[]): Setting => ({ workloads: { web: ['app'] }, policies });

const [, windows = []] = WINDOWS;
const BUDGET = { restarts: 2, periodMs: 10 * MINUTE };

const SETTINGS: readonly (readonly [string, Setting])[] = [
  ['without any gate', web(aPolicy())],
  ['with windows', web(gated({ windows }))],
  ['with a cooldown', web(gated({ cooldownMs: 90 * SECOND }))],
  ['with a budget', web(gated({ budget: { restarts: 1, periodMs: 10 * MINUTE } }))],
  ['with approval', web(gated({ approval: 'Manual' }))],
  ['with all of them', web(gated({ windows, cooldownMs: 2 * MINUTE, budget: BUDGET, approval: 'Manual' }))],
  ['where what fails is undone', web(gated({ onFailure: 'Undo' }))],
  [
    'where what fails is undone, with gates',
    web(gated({ onFailure: 'Undo', windows, budget: BUDGET, approval: 'Manual' })),
  ],
  [
    'with two cooldowns',
    web(
      gated({ cooldownMs: 90 * SECOND }),
      gated({ cooldownMs: 20 * SECOND }, { name: 'second', debounceMs: 2 * SECOND }),
    ),
  ],
  [
    'with two policies on one source',
    web(gated({ windows }), gated({ budget: BUDGET, cooldownMs: MINUTE }, { name: 'second', debounceMs: 2 * SECOND })),
  ],
  [
    'with two sources, each with a policy',
    {
      workloads: { web: ['app', 'extra'] },
      policies: [
        gated({ windows }),
        gated(
          { cooldownMs: 2 * MINUTE, approval: 'Manual' },
          { name: 'second', sources: [{ kind: 'ConfigMap', name: 'extra' }] },
        ),
      ],
    },
  ],
];

const isApproved = ({ policies }: Setting): boolean => policies.some(({ gates }) => gates.approval === 'Manual');

describe('whatever happens, the laws hold', () => {
  for (const [what, setting] of SETTINGS) {
    const more = isApproved(setting) ? [APPROVING] : [];
    it(what, async () => {
      await fc.assert(
        fc.asyncProperty(histories(...ANYTHING, ASKING, REWINDOWED, ...more), async (steps) => {
          await live(setting, steps);
        }),
        runs(500),
      );
    });
  }

  for (const [what, setting] of [
    ['where writes go unheard', web(aPolicy())],
    ['where writes go unheard, in a cooldown', web(gated({ cooldownMs: 90 * SECOND }))],
  ] as const) {
    it(what, async () => {
      await fc.assert(
        fc.asyncProperty(histories(...ANYTHING, UNHEARD), async (steps) => {
          await live(setting, steps);
        }),
        runs(500),
      );
    });
  }
});
