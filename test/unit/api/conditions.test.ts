import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as conditions from '../../../src/api/v1alpha1/conditions.ts';
import { reloadPolicyStatusSchema } from '../../../src/api/v1alpha1/schema.ts';

const groups = Object.entries(conditions as Readonly<Record<string, Readonly<Record<string, string>>>>);

describe('condition types and reasons', () => {
  it('have the constant as its own value, for people search for either', () => {
    for (const [group, members] of groups) {
      assert(Object.keys(members).length > 0, group);
      for (const [name, value] of Object.entries(members)) assert.equal(value, name, group);
    }
  });

  it('can all stand in a condition', () => {
    for (const reason of groups.flatMap(([, members]) => Object.keys(members))) {
      const condition = {
        type: reason,
        status: 'True',
        reason,
        message: '',
        lastTransitionTime: '2026-01-02T03:04:05Z',
      };
      assert(reloadPolicyStatusSchema.safeParse({ conditions: [condition] }).success, reason);
    }
  });

  it('give every reason for stalling to Ready too, which sums up', () => {
    const ready: readonly string[] = Object.keys(conditions.ReadyReason);
    assert.deepEqual(
      Object.keys(conditions.StalledReason).filter((reason) => !ready.includes(reason)),
      [],
    );
  });
});
