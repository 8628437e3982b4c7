import assert from 'node:assert/strict';
import { it } from 'node:test';
import { KINDS, WORKLOAD_KINDS } from '../../../src/api/v1alpha1/kinds.ts';
import { read, rowsOf } from './pages.ts';

it('docs/kinds.md says of every kind what the table of kinds says', () => {
  const said = rowsOf(read('docs/kinds.md'), 6).map(([kind, bound, , restart]) => ({
    kind: kind?.replaceAll('`', ''),
    bound: bound === 'as consumer' ? 'Consumer' : 'Named',
    restarted: restart?.startsWith('never') !== true,
  }));
  assert.deepEqual(
    said,
    WORKLOAD_KINDS.map((kind) => ({ kind, bound: KINDS[kind].bound, restarted: KINDS[kind].restart !== 'None' })),
  );
});
