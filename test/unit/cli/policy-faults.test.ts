import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { policyFaults, predicateFor } from '../../../src/cli/policy-faults.ts';
import { BAD_POLICIES } from '../../integration/api/bad-policies.ts';
import { GOOD_POLICIES } from '../../integration/api/good-policies.ts';

describe('a policy in a manifest', () => {
  for (const { name, spec } of BAD_POLICIES) {
    it(`is refused as the API server refuses it: ${name}`, () => {
      assert.notDeepEqual(policyFaults(spec), []);
    });
  }

  for (const { name, spec } of GOOD_POLICIES) {
    it(`is taken as the API server takes it: ${name}`, () => {
      assert.deepEqual(policyFaults(spec), []);
    });
  }

  it('is held against every rule of the schema', () => {
    const rules = JSON.stringify(z.toJSONSchema(reloadPolicySpecSchema, { io: 'input' })).matchAll(
      /"rule":("(?:[^"\\]|\\.)*")/g,
    );
    const texts = [...new Set([...rules].map(([, text = '""']) => JSON.parse(text) as string))];
    assert.ok(texts.length > 10);
    for (const text of texts) assert.notEqual(predicateFor(text), undefined, text);
  });

  const says: readonly (readonly [spec: unknown, sentence: string])[] = [
    [{ sources: [{ kind: 'ConfigMap', name: 'a' }], rule: [] }, 'unknown field spec.rule: check its spelling'],
    [{}, 'spec.sources: expected array, received undefined'],
    [{ sources: [{ kind: 'ConfigMap' }] }, 'spec.sources[0]: a source needs exactly one of name and selector'],
    [
      { sources: [{ kind: 'ConfigMap', name: 'a' }], restart: { debounce: '11m' } },
      'spec.restart.debounce: debounce must be between 0s and 10m',
    ],
  ];
  for (const [spec, sentence] of says) {
    it(`is told where it is wrong: ${sentence}`, () => {
      assert.equal(policyFaults(spec)[0], sentence);
    });
  }
});
