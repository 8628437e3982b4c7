/** Who goes first: canary, waves, and one after the other. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { earlierThan, groupsOf, isOrdered } from '../../../src/domain/order.ts';
import type { GatePolicy, Policy } from '../../../src/domain/observed.ts';
import type { Peer, Standing } from '../../../src/domain/others.ts';
import { bindingOf } from '../../../src/domain/selection.ts';
import { aGate, aPolicy } from '../../support/builders.ts';

const peers = (...names: readonly string[]): readonly Peer[] =>
  names.map((name) => {
    const [of = '', binding] = name.split('@');
    return {
      kind: 'Deployment',
      name: of,
      standing: 'Due',
      ...(binding !== undefined && { binding: Number(binding) }),
    };
  });
const policy = (gates: Partial<GatePolicy>, waves?: readonly number[]): Policy =>
  aPolicy({
    gates: aGate(gates),
    ...(waves !== undefined && {
      workloads: waves.map((wave, index) => ({ kind: 'Deployment' as const, name: `w${index}`, wave })),
    }),
  });
const names = (groups: readonly (readonly Peer[])[]): readonly string[] =>
  groups.map((group) => group.map(({ name }) => name).join(' '));

describe('an order', () => {
  const canary = (name: string) => ({ canary: { workload: { kind: 'Deployment' as const, name } } });
  const cases: readonly (readonly [what: string, Policy, readonly Peer[], groups: readonly string[]])[] = [
    ['all at once', policy({}), peers('b', 'a', 'c'), ['a b c']],
    ['by name where no list says more', policy({ order: 'Sequential' }), peers('b', 'a', 'c'), ['a', 'b', 'c']],
    ['as the list says', policy({ order: 'Sequential' }, [0, 0]), peers('a@1', 'b@0', 'c@1'), ['b', 'a', 'c']],
    ['by waves', policy({}, [2, 0, 2]), peers('a@0', 'b@1', 'c@2'), ['b', 'a c']],
    [
      'by waves, in each by the list',
      policy({ order: 'Sequential' }, [2, 0, 2]),
      peers('c@0', 'b@1', 'a@2'),
      ['b', 'c', 'a'],
    ],
    ['a canary first', policy(canary('c')), peers('a', 'b', 'c'), ['c', 'a b']],
    ['a canary of a later wave first', policy(canary('a'), [5, 1]), peers('a@0', 'b@1'), ['a', 'b']],
    ['a canary that is not there keeps nobody waiting', policy(canary('gone')), peers('a', 'b'), ['a b']],
    ['a share, rounded up, by name', policy({ canary: { percent: 34 } }), peers('c', 'a', 'b'), ['a b', 'c']],
    ['a share of one is that one', policy({ canary: { percent: 1 } }), peers('a'), ['a']],
  ];
  for (const [what, of, bound, groups] of cases) {
    it(`is ${what}`, () => {
      assert.deepEqual(names(groupsOf(of, bound)), groups);
    });
  }

  it('keeps one waiting for those before it that are not done, and for no others', () => {
    const of = policy({}, [0, 1, 2]);
    const standing = (a: Standing, b: Standing): readonly Peer[] => [
      { kind: 'Deployment', name: 'a', standing: a, binding: 0 },
      { kind: 'StatefulSet', name: 'a', standing: b, binding: 1 },
      { kind: 'Deployment', name: 'c', standing: 'Due', binding: 2 },
    ];
    const third = { kind: 'Deployment', name: 'c' } as const;
    assert.equal(earlierThan(of, standing('Done', 'Done'), third), undefined);
    assert.deepEqual(names([earlierThan(of, standing('Failed', 'Unknown'), third)?.failed ?? []]), ['a']);
    const second = { kind: 'StatefulSet', name: 'a' } as const;
    assert.equal(earlierThan(of, standing('Done', 'Failed'), second), undefined);
  });

  it('lets exactly one go at a time where it is sequential, whatever the list', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), binding: fc.nat(3) }), {
          selector: ({ name }) => name,
          minLength: 1,
        }),
        fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
        (bound, waves) => {
          const of = policy({ order: 'Sequential' }, waves);
          let standings = bound.map((each): Peer => ({ kind: 'Deployment', ...each, standing: 'Due' }));
          const gone: string[] = [];
          while (standings.some(({ standing }) => standing === 'Due')) {
            const free = standings.filter(
              (each) => each.standing === 'Due' && earlierThan(of, standings, each) === undefined,
            );
            assert.equal(free.length, 1);
            gone.push(free[0]?.name ?? '');
            standings = standings.map((each) => (each === free[0] ? { ...each, standing: 'Done' } : each));
          }
          const wavesOf = gone.map((name) => waves[bound.find((each) => each.name === name)?.binding ?? 0] ?? 0);
          assert.deepEqual(wavesOf, [...wavesOf].sort());
        },
      ),
    );
  });

  it('is asked for by a sequence, a canary, or a wave', () => {
    assert.deepEqual(
      [
        policy({}),
        policy({}, [0]),
        policy({ order: 'Sequential' }),
        policy({ canary: { percent: 5 } }),
        policy({}, [0, 1]),
      ].map(isOrdered),
      [false, false, true, true, true],
    );
  });

  it('goes by the first entry that binds a workload', () => {
    const workloads = [
      { kind: 'StatefulSet', name: 'web' },
      { kind: 'Deployment', selector: { matchLabels: { app: 'web' } } },
      { kind: 'Deployment', name: 'web' },
    ] as const;
    const web = { kind: 'Deployment', name: 'web', labels: { app: 'web' } } as const;
    assert.equal(bindingOf({ workloads }, web), 1);
    assert.equal(bindingOf({ workloads }, { ...web, labels: {} }), 2);
    assert.equal(bindingOf({ workloads }, { ...web, name: 'api', labels: {} }), undefined);
    assert.equal(bindingOf({}, web), undefined);
  });
});
