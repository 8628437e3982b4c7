import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusal } from '../../../src/documents/refusal.ts';
import { createRefused } from '../../../src/documents/refused.ts';
import { splitDocument } from '../../../src/documents/split.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { policy, request } from './requests.ts';

const MINUTE = 60_000;

describe('what is refused', () => {
  it('is an error of the document, and a problem of each policy that checks the key', () => {
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
    const { document, problems } = refusal(asked, 'takes too long');
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

  it('has no document where no rule looks into it', () => {
    const asked = request('x', { policies: [policy({ rules: [] })] });
    assert.equal(refusal(asked, 'r').document, undefined);
  });

  it('is remembered for exactly this request, for ten minutes', async () => {
    const clock = createFakeClock();
    const refused = createRefused(clock);
    assert.equal(refused.reason(request('x')), undefined);
    refused.add(request('x'), 'r');
    assert.equal(refused.reason(request('x')), 'r');
    assert.equal(refused.reason(request('y')), undefined);
    assert.equal(refused.reason(request('x', { key: 'b.yaml' })), undefined);
    assert.equal(refused.reason(request('x', { schemas: false })), undefined);
    assert.equal(refused.reason(request('x', { policies: [policy({ validation: [] })] })), undefined);
    await clock.advance(10 * MINUTE - 1);
    assert.equal(refused.reason(request('x')), 'r');
    await clock.advance(1);
    assert.equal(refused.reason(request('x')), undefined);
  });

  it('is remembered in bounds', () => {
    const refused = createRefused(createFakeClock());
    for (let n = 0; n < 201; n++) refused.add(request(`x${n}`), 'r');
    assert.equal(refused.reason(request('x0')), undefined);
    assert.notEqual(refused.reason(request('x1')), undefined);
  });
});
