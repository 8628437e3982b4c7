/** Random histories of workloads with gates: whatever happens, no law is broken. */

import { describe, it } from 'node:test';
import fc from 'fast-check';
import { aPolicy } from '../../support/builders.ts';
import { runs } from '../../support/runs.ts';
import { live, type Setting } from '../../support/simulation/history.ts';
import { ANYTHING, histories } from '../../support/simulation/steps.ts';

const PLAIN: Setting = { workloads: { web: ['app'] }, policies: [aPolicy()] };

describe('whatever happens, the laws hold', () => {
  it('without any gate', () => {
    fc.assert(
      fc.property(histories(...ANYTHING), (steps) => {
        live(PLAIN, steps);
      }),
      runs(500),
    );
  });
});
