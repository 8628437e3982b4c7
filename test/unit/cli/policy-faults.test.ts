import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { policyFaults, predicateFor } from '../../../src/cli/policy-faults.ts';
import { BAD_POLICIES } from '../../integration/api/bad-policies.ts';
import { GOOD_POLICIES } from '../../integration/api/good-policies.ts';

const withWindows = (...windows: readonly object[]): unknown => ({
  sources: [{ kind: 'ConfigMap', name: 'a' }],
  restart: { windows: windows.map((each, index) => ({ name: `n${index}`, duration: '1h', ...each })) },
});

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
    [
      withWindows({ cron: '0 25 * * *' }),
      `spec.restart.windows: window n0: cron "0 25 * * *" can't be read: Invalid value for hour: 25`,
    ],
    [
      withWindows({ cron: '0 2 * * *' }, { cron: '0 3 * * *', timeZone: 'Mars/Base' }),
      'spec.restart.windows: window n1: there is no time zone Mars/Base: give an IANA name, such as Europe/Berlin',
    ],
    [
      withWindows({ cron: '0 2 * * *' }, { cron: '0 3 * * *', name: 'n0' }),
      'spec.restart.windows[1]: there is another n0: each needs a name of its own',
    ],
  ];
  for (const [spec, sentence] of says) {
    it(`is told where it is wrong: ${sentence}`, () => {
      assert.equal(policyFaults(spec)[0], sentence);
    });
  }
});
