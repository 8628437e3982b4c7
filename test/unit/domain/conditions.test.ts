import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergeConditions, type Wanted } from '../../../src/domain/conditions.ts';

const BEFORE = '2026-01-01T00:00:00.000Z';
const NOW = '2026-01-02T00:00:00.000Z';
const LATER = '2026-01-03T00:00:00.000Z';

const wanted: fc.Arbitrary<readonly Wanted[]> = fc.uniqueArray(
  fc.record(
    {
      type: fc.constantFrom('Ready', 'Stalled', 'Reconciling', 'RolledOut'),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      reason: fc.constantFrom('A', 'B'),
      message: fc.constantFrom('a', 'b'),
    },
    { noNullPrototype: true },
  ),
  { selector: ({ type }) => type },
);

describe('merging conditions', () => {
  it('keeps what is wanted, sorted by type, and nothing else', () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const merged = mergeConditions(mergeConditions([], first, 1, BEFORE), second, 2, NOW);
        assert.deepEqual(
          merged.map(({ type, status, reason, message }) => ({ type, status, reason, message })),
          [...second].sort((a, b) => (a.type < b.type ? -1 : 1)),
        );
        assert.ok(merged.every(({ observedGeneration }) => observedGeneration === 2));
      }),
    );
  });

  it('moves the time exactly where the status moved or the condition is new', () => {
    fc.assert(
      fc.property(wanted, wanted, (first, second) => {
        const before = mergeConditions([], first, 1, BEFORE);
        for (const { type, status, lastTransitionTime } of mergeConditions(before, second, 1, NOW)) {
          const stayed = before.some((each) => each.type === type && each.status === status);
          assert.equal(lastTransitionTime, stayed ? BEFORE : NOW);
        }
      }),
    );
  });

  it('changes nothing when nothing changed', () => {
    fc.assert(
      fc.property(wanted, (conditions) => {
        const once = mergeConditions([], conditions, 1, NOW);
        assert.deepEqual(mergeConditions(once, conditions, 1, LATER), once);
      }),
    );
  });
});
