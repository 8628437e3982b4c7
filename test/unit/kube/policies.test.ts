import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePolicy } from '../../../src/kube/policies.ts';

const raw = (windows: readonly object[]): Parameters<typeof parsePolicy>[0] => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  spec: { sources: [{ kind: 'ConfigMap', name: 'web' }], restart: { windows } },
});

describe('a policy as it is stored', () => {
  it('is resolved, windows with their defaults', () => {
    const { invalid, gates } = parsePolicy(raw([{ name: 'nightly', cron: '0 2 * * *', duration: '1h' }]));
    assert.equal(invalid, undefined);
    assert.deepEqual(gates.windows, [
      { name: 'nightly', type: 'Allow', cron: '0 2 * * *', durationMs: 3_600_000, timeZone: 'UTC' },
    ]);
  });

  it('can not be decided by where a window can not: nothing is done for it, and the sentence names the window', () => {
    const { invalid, suspended, sources } = parsePolicy(
      raw([
        { name: 'nightly', cron: '0 2 * * *', duration: '1h' },
        { name: 'wrong', cron: '0 2 32 * *', duration: '1h' },
      ]),
    );
    assert.match(invalid ?? '', /^spec\.restart\.windows: window wrong: cron "0 2 32 \* \*" can't be read: /);
    assert.deepEqual([suspended, sources], [true, []]);
  });
});
