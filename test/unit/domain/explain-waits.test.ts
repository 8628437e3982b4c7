/** What would hold a change that is made now, as `kubectl reload explain` says it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../../src/domain/decide.ts';
import { explain } from '../../../src/domain/explain.ts';
import { openGates, waitsOf, type Outlook } from '../../../src/domain/explain-waits.ts';
import type { GatePolicy, Ledger, Observed, Policy, Workload } from '../../../src/domain/observed.ts';
import {
  aGate,
  aLedger,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  changed,
  deployment,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  rule,
  T0,
} from '../../support/builders.ts';

const A = { flag: 'a', hot: 'a' };
const NIGHTLY = {
  name: 'nightly',
  type: 'Allow',
  cron: '0 2 * * *',
  durationMs: HOUR,
  timeZone: 'Europe/Berlin',
} as const;

const gated = (gates: Partial<GatePolicy>, more: Partial<Policy> = {}): Policy =>
  aPolicy({ rules: [rule('hot', 'Hot')], defaultClass: 'Restart', gates: aGate(gates), ...more });

interface Given {
  readonly policies: readonly Policy[];
  readonly ledger?: Partial<Ledger>;
  readonly workload?: Workload;
  readonly beside?: readonly Workload[];
  readonly recorded?: (workload: Workload) => Ledger | undefined;
  readonly content?: Readonly<Record<string, string>>;
}

const outlook = ({
  policies,
  ledger = {},
  workload = aWorkload(),
  beside = [],
  recorded,
  content = A,
}: Given): Outlook => ({
  observed: observing(found(content), { workload, policies, ledger: aLedger(A, ledger) }),
  workloads: [workload, ...beside],
  ...(recorded !== undefined && { recorded }),
  facts: new Map([['ConfigMap/app', { state: 'Present', keys: ['flag', 'hot'] }]]),
  now: T0,
});

const waits = (given: Given, key = 'flag') => {
  const known = outlook(given);
  const { workload, policies } = known.observed;
  const [explained] = explain({ workload, policies, sources: known.facts }, key);
  assert.ok(explained !== undefined);
  return waitsOf(known, explained)?.holds;
};

const named = (name: string, more: Partial<Workload> = {}): Workload =>
  aWorkload({ name, uid: `uid-${name}`, ...more });

describe('what would hold a change', () => {
  const recently = { restartTimes: [T0 - MINUTE, T0 - 2 * MINUTE] };
  const budget = { restarts: 2, periodMs: HOUR };
  const failed = aRestart({ phase: 'Failed', reason: 'Failed' });
  const cases: readonly (readonly [what: string, given: Given, said: readonly string[]])[] = [
    ['nothing, where no gate is set', { policies: [gated({})] }, []],
    [
      'a window, by its own clock',
      { policies: [gated({ windows: [NIGHTLY] })] },
      [
        'OutsideWindow until 2026-01-02T01:00:00.000Z: policy policy: no window is open; window nightly lets restarts begin at 2026-01-02T02:00:00+01:00 (Europe/Berlin)',
      ],
    ],
    [
      'approval, for content that nobody can have approved',
      { policies: [gated({ approval: 'Manual' })], ledger: { approved: { digest: '', at: T0 } } },
      ['ApprovalPending: policy policy wants approval: kubectl reload approve deploy/web'],
    ],
    [
      'all that would, in order',
      { policies: [gated({ approval: 'Manual', cooldownMs: 10 * MINUTE, budget })], ledger: recently },
      [
        'ApprovalPending: policy policy wants approval: kubectl reload approve deploy/web',
        'Cooldown until 2026-01-01T12:09:00.000Z: policy policy wants 10m between two restarts, and the latest was issued at 2026-01-01T11:59:00Z: the next may begin at 2026-01-01T12:09:00Z',
        'BudgetExhausted until 2026-01-01T12:58:00.000Z: policy policy allows 2 restarts in 1h, and there have been as many: it goes on at 2026-01-01T12:58:00Z, or at once by kubectl reload reset deploy/web',
      ],
    ],
    [
      'but not what a cure passes',
      { policies: [gated({ windows: [NIGHTLY], budget })], ledger: { ...recently, restart: failed } },
      [],
    ],
    [
      'a policy that is suspended',
      { policies: [gated({}, { suspended: true })] },
      ['Suspended: policy policy is suspended'],
    ],
    [
      'a Deployment that is paused',
      { policies: [gated({})], workload: aWorkload({ rollout: deployment({ paused: true }) }) },
      ['Paused: the Deployment is paused: resume it to let the restart go on'],
    ],
    [
      'of several policies each that names the source',
      {
        policies: [
          gated({ approval: 'Manual' }, { name: 'a' }),
          gated({ windows: [NIGHTLY] }, { name: 'b', sources: [{ kind: 'ConfigMap', name: 'other' }] }),
        ],
      },
      ['ApprovalPending: policy a wants approval: kubectl reload approve deploy/web'],
    ],
  ];
  for (const [what, given, said] of cases) {
    it(`is ${what}`, () => {
      const told = (waits(given) ?? []).map(
        ({ reason, until, message }) =>
          `${reason}${until === undefined ? '' : ` until ${new Date(until).toISOString()}`}: ${message}`,
      );
      assert.deepEqual(told, said);
    });
  }

  it('is not asked of what is hot, of what nobody acts on, and of policies that only observe', () => {
    const shut = { windows: [NIGHTLY] };
    assert.equal(waits({ policies: [gated(shut)] }, 'hot'), undefined);
    assert.equal(waits({ policies: [gated(shut, { defaultClass: 'Ignore' })] }), undefined);
    assert.equal(waits({ policies: [gated(shut, { observes: true })] }), undefined);
    assert.equal(waits({ policies: [gated(shut)] })?.length, 1);
  });

  it('is asked of the content that waits, where some does', () => {
    const policies = [gated({ windows: [NIGHTLY], approval: 'Manual' })];
    const held = { since: T0, reason: 'ApprovalPending', digest: 'x', changes: changed({ flag: 'b' }) };
    const reasons = (ledger: Partial<Ledger>): readonly string[] | undefined =>
      waits({ policies, ledger })?.map(({ reason }) => reason);
    assert.deepEqual(reasons({ held }), ['ApprovalPending', 'OutsideWindow']);
    assert.deepEqual(reasons({ held, approved: { digest: 'x', at: T0 } }), ['OutsideWindow']);
    assert.deepEqual(reasons({ held, approved: { digest: 'y', at: T0 } }), ['ApprovalPending', 'OutsideWindow']);
    assert.deepEqual(reasons({ held, opened: { digest: 'x', at: T0 } }), []);
    const undone = { ...held, reason: 'Undone', message: 'restart 1 failed' };
    assert.deepEqual(reasons({ held: undone }), ['Undone', 'ApprovalPending', 'OutsideWindow']);
  });

  it('says what a request lets through', () => {
    const policies = [gated({ windows: [NIGHTLY], approval: 'Manual' }, { suspended: true })];
    assert.deepEqual(
      waits({ policies })?.map(({ reason, opens }) => [reason, opens]),
      [
        ['Suspended', false],
        ['ApprovalPending', true],
        ['OutsideWindow', true],
      ],
    );
  });
});

describe('what is said where no gate holds', () => {
  const open = (...policies: readonly Policy[]): readonly string[] | undefined => openGates(outlook({ policies }));
  const noon = { ...NIGHTLY, cron: '0 12 * * *', timeZone: 'UTC' };

  it('is nothing where none is set, or only by policies that observe', () => {
    assert.equal(open(gated({})), undefined);
    assert.equal(open(gated({ approval: 'Manual' }, { observes: true })), undefined);
  });

  it('is until when windows are open', () => {
    assert.deepEqual(open(gated({ cooldownMs: MINUTE })), []);
    assert.deepEqual(open(gated({ windows: [NIGHTLY] })), []);
    assert.deepEqual(open(gated({ windows: [noon] })), [
      'the windows of policy policy let restarts begin until 2026-01-01T13:00:00Z',
    ]);
  });
});

describe('an order, for a change that is not made yet', () => {
  const policies = [gated({ order: 'Sequential' })];
  const reasons = (given: Omit<Given, 'policies'>): readonly string[] =>
    (waits({ policies, ...given }) ?? []).map(({ message }) => message);
  const recorded = (ledgers: Readonly<Record<string, Partial<Ledger>>>) => (workload: Workload) => {
    const more = ledgers[workload.name];
    return more === undefined ? undefined : aLedger(A, more);
  };

  it('has it wait for all before it that read the key, and for none after it', () => {
    const beside = [named('api'), named('zoo'), named('idle', { uses: [aUse({ key: 'hot' })] })];
    assert.deepEqual(reasons({ beside }), ['policy policy: it goes after Deployment/api']);
    assert.deepEqual(reasons({ beside: [named('api', { ignored: true })] }), []);
  });

  it('has it wait for those that are under way, that have failed, or of which nothing is recorded', () => {
    const other = { uses: [aUse({ key: 'hot' })] };
    const cases: readonly (readonly [ledgers: Readonly<Record<string, Partial<Ledger>>>, said: RegExp | undefined])[] =
      [
        [{ api: {} }, undefined],
        [{ api: { restart: aRestart({ phase: 'InProgress' }) } }, /it goes after Deployment\/api/],
        [{ api: { restart: aRestart({ phase: 'Failed', reason: 'Failed' }) } }, /Deployment\/api failed/],
        [{}, /it goes after Deployment\/api/],
      ];
    for (const [ledgers, said] of cases) {
      const [first = ''] = reasons({ beside: [named('api', other)], recorded: recorded(ledgers) });
      assert.match(first, said ?? /^$/);
    }
  });

  it('counts those that are under way against a limit', () => {
    const given = {
      policies: [gated({ maxConcurrent: 1 })],
      beside: [named('api')],
      recorded: recorded({ api: { restart: aRestart({ phase: 'InProgress' }) } }),
    };
    assert.deepEqual(
      waits(given)?.map(({ reason }) => reason),
      ['ConcurrencyLimit'],
    );
  });
});

describe('what is said ahead', () => {
  const gates = fc.record({
    approval: fc.constantFrom('Automatic', 'Manual'),
    windows: fc.constantFrom([], [NIGHTLY], [{ ...NIGHTLY, cron: '0 12 * * *', timeZone: 'UTC' }]),
    cooldownMs: fc.constantFrom(0, 10 * MINUTE),
    budget: fc.constantFrom(undefined, { restarts: 1, periodMs: HOUR }),
  });

  it('is what the operator then does: the first hold, or none', () => {
    fc.assert(
      fc.property(gates, fc.boolean(), fc.boolean(), ({ budget, ...more }, suspended, restarted) => {
        const policy = gated({ ...more, ...(budget !== undefined && { budget }) }, { suspended, debounceMs: 0 });
        const ledger = restarted ? { restartTimes: [T0 - MINUTE] } : {};
        const ahead = waits({ policies: [policy], ledger }) ?? [];
        const edit: Observed = observing(edited({ ...A, flag: 'b' }, T0), {
          policies: [policy],
          ledger: aLedger(A, ledger),
        });
        const plan = decide(edit, T0);
        assert.ok(plan.type === 'Act');
        assert.deepEqual([plan.ledger.held?.reason, plan.ledger.held?.until], [ahead[0]?.reason, ahead[0]?.until]);
        assert.equal(plan.restart === undefined, ahead.length > 0);
      }),
    );
  });
});
