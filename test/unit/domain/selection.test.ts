import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  binds,
  matchesSelector,
  uses,
  type LabelSelector,
  type WorkloadBinding,
} from '../../../src/domain/selection.ts';
import { aUse, aWorkload } from '../../support/builders.ts';

describe('a label selector', () => {
  const labels = { app: 'web', tier: 'front' };
  for (const [what, selector, expected] of [
    ['that names nothing matches everything', {}, true],
    ['all matchLabels have to match', { matchLabels: { app: 'web', tier: 'back' } }, false],
    ['matchLabels that match', { matchLabels: { app: 'web' } }, true],
    [
      'labels and expressions have to match both',
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      false,
    ],
    ['In: one of the values', { matchExpressions: [{ key: 'tier', operator: 'In', values: ['front', 'back'] }] }, true],
    ['In: none of the values', { matchExpressions: [{ key: 'tier', operator: 'In', values: ['back'] }] }, false],
    ['In: no label', { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }, false],
    ['NotIn: none of the values', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] }, true],
    ['NotIn: one of the values', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['front'] }] }, false],
    ['NotIn: no label', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, true],
    ['Exists', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
    ['Exists: no label', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
    ['DoesNotExist: a label', { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
  ] as const satisfies readonly (readonly [string, LabelSelector, boolean])[]) {
    it(what, () => {
      assert.equal(matchesSelector(selector, labels), expected);
    });
  }
});

describe('a policy', () => {
  const sources = [{ kind: 'ConfigMap', name: 'app' }];
  const web = aWorkload();
  const binding = (workloads: readonly WorkloadBinding[]): boolean => binds({ sources, workloads }, web);

  it('binds every workload that uses a source where it names none', () => {
    assert.equal(binds({ sources }, web), true);
    assert.equal(binds({ sources: [{ kind: 'ConfigMap', name: 'other' }] }, web), false);
  });
  it('binds by kind and name, whether a source is used or not', () => {
    assert.equal(binding([{ kind: 'Deployment', name: 'web' }]), true);
    assert.equal(binding([{ kind: 'StatefulSet', name: 'web' }]), false);
    assert.equal(binding([{ kind: 'Deployment', name: 'other' }]), false);
    assert.equal(binds({ sources: [], workloads: [{ kind: 'Deployment', name: 'web' }] }, web), true);
  });
  it('binds by kind and labels', () => {
    assert.equal(binding([{ kind: 'Deployment', selector: { matchLabels: { app: 'web' } } }]), true);
    assert.equal(binding([{ kind: 'DaemonSet', selector: { matchLabels: { app: 'web' } } }]), false);
    assert.equal(binding([{ kind: 'Deployment', selector: { matchLabels: { app: 'db' } } }]), false);
  });
  it('binds by any of its entries', () => {
    assert.equal(
      binding([
        { kind: 'Deployment', name: 'other' },
        { kind: 'Deployment', selector: {} },
      ]),
      true,
    );
    assert.equal(binding([]), false);
  });
});

it('a workload uses a source when any container does', () => {
  const workload = { uses: [aUse({ key: 'one' })] };
  assert.equal(uses(workload, { kind: 'ConfigMap', name: 'app' }), true);
  assert.equal(uses(workload, { kind: 'Secret', name: 'app' }), false);
  assert.equal(uses(workload, { kind: 'ConfigMap', name: 'other' }), false);
});
