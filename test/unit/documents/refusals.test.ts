import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRefusals } from '../../../src/documents/refusals.ts';
import { splitDocument } from '../../../src/documents/split.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { policy, request } from './requests.ts';

const MINUTE = 60_000;

describe('refusals', () => {
  it('are an error of the document, and a problem of each policy that checks the key', () => {
    const asked = request('x', {
      policies: [
        policy({
          name: 'checks',
          rules: [],
          validation: [
            { keys: ['other'], maxBytes: 1 },
            { keys: ['*'], maxBytes: 1 },
          ],
        }),
        policy({ name: 'looks', validation: [] }),
      ],
    });
    const { document, problems } = createRefusals(createFakeClock()).add(asked, 'takes too long');
    const { policies, fingerprints } = splitDocument({ ...asked, content: '' });
    assert.deepEqual(document, {
      policies,
      fingerprints,
      parts: new Map(),
      residues: new Map(),
      error: 'takes too long',
    });
    assert.deepEqual(problems, new Map([['checks', [{ key: 'app.yaml', rule: 2, message: 'takes too long' }]]]));
  });

  it('have no document where no rule looks into it', () => {
    const asked = request('x', { policies: [policy({ rules: [] })] });
    assert.equal(createRefusals(createFakeClock()).add(asked, 'r').document, undefined);
  });

  it('are remembered for exactly this request, for ten minutes', async () => {
    const clock = createFakeClock();
    const refusals = createRefusals(clock);
    const answer = refusals.add(request('x'), 'r');
    assert.deepEqual(refusals.find(request('x')), answer);
    assert.equal(refusals.find(request('y')), undefined);
    assert.equal(refusals.find(request('x', { key: 'b.yaml' })), undefined);
    assert.equal(refusals.find(request('x', { schemas: false })), undefined);
    assert.equal(refusals.find(request('x', { policies: [policy({ validation: [] })] })), undefined);
    await clock.advance(10 * MINUTE - 1);
    assert.deepEqual(refusals.find(request('x')), answer);
    await clock.advance(1);
    assert.equal(refusals.find(request('x')), undefined);
  });

  it('are remembered in bounds', () => {
    const refusals = createRefusals(createFakeClock());
    for (let n = 0; n < 201; n++) refusals.add(request(`x${n}`), 'r');
    assert.equal(refusals.find(request('x0')), undefined);
    assert.notEqual(refusals.find(request('x1')), undefined);
  });
});
