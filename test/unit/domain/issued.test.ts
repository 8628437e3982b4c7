/** Restarts that nobody recorded: of a process that died, or of another one that is ahead. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import { aLedger, aWorkload, edited, observing, SECOND, T0 } from '../../support/builders.ts';
import type { Observed } from '../../../src/domain/observed.ts';

const OLD = { flag: 'a', hot: 'a' };

/** Restart 1 stands in the template, with content that this process does not know. */
const ahead = (annotationSeenAt?: number): Observed => ({
  ...observing(edited(OLD, T0 - SECOND), {
    workload: aWorkload({ annotation: { n: 1, digest: 'other', ours: true }, annotationValue: 'v1.1.other' }),
    ledger: aLedger(OLD),
    pods: [],
    reports: [],
  }),
  ...(annotationSeenAt !== undefined && { annotationSeenAt }),
});

const planned = (
  observed: Observed,
): { readonly n: number | undefined; readonly requeueAfterMs: number | undefined } => {
  const plan = decide(observed, T0);
  assert.equal(plan.type, 'Act');
  return { n: plan.restart?.n, requeueAfterMs: plan.requeueAfterMs };
};

describe('a restart that is not recorded, on content that is not known here', () => {
  it('is replaced at once where it was found: its process died', () => {
    assert.equal(planned(ahead()).n, 2);
  });

  it('is given a while where it was seen to come: another process may be ahead', () => {
    const { n, requeueAfterMs = Infinity } = planned(ahead(T0 - SECOND));
    assert.equal(n, undefined);
    assert.equal(requeueAfterMs, 4 * SECOND);
  });

  it('is replaced when the while is over', () => {
    assert.equal(planned(ahead(T0 - 6 * SECOND)).n, 2);
  });
});
