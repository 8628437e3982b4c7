/** What holds a restart back, and what ends the hold (design laws 9, 11, 13 and 16). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Observed, Source } from '../../../src/domain/observed.ts';
import {
  aLedger,
  aPod,
  aPolicy,
  applied,
  aUse,
  aWorkload,
  daemonSet,
  deployment,
  digestsOf,
  edited,
  found,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  statefulSet,
  T0,
  USES,
} from '../../support/builders.ts';
import { World } from '../../support/world.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const A = { flag: 'a', hot: 'a' };
const B = { flag: 'b', hot: 'a' };
/** Long past any debounce. */
const NOW = T0 + MINUTE;

const act = (observed: Observed, now = NOW): Act => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

/** `flag` has changed; a second source is given where the test is about it. */
const due = (more: Parameters<typeof observing>[1] = {}, source: Source = edited(B, T0)): Observed =>
  observing(source, { ledger: aLedger(A), ...more });

const TWO_SOURCES = [
  { kind: 'ConfigMap', name: 'app' },
  { kind: 'ConfigMap', name: 'other' },
] as const;
const both = aPolicy({ sources: TWO_SOURCES });
const usesBoth = aWorkload({ uses: [...USES, aUse({ source: TWO_SOURCES[1], key: 'x', way: 'Env' })] });
const withOther = (other: Source): Observed =>
  due({
    policies: [both],
    workload: usesBoth,
    sources: { other },
    ledger: aLedger(A, { applied: applied({ app: A, other: { x: '1' } }) }),
  });

describe('a restart that is due', () => {
  it('goes out where nothing holds it', () => {
    assert.equal(act(due()).restart?.n, 1);
  });

  const cases: readonly (readonly [what: string, observed: Observed, reason: string, message: RegExp])[] = [
    [
      'its policy is suspended',
      due({ policies: [aPolicy({ suspended: true })] }),
      'Suspended',
      /policy policy is suspended/,
    ],
    [
      'one of two policies that name the source is suspended',
      due({ policies: [aPolicy(), aPolicy({ name: 'second', suspended: true })] }),
      'Suspended',
      /policy second is suspended/,
    ],
    [
      'the Deployment is paused',
      due({ workload: aWorkload({ rollout: deployment({ paused: true }) }) }),
      'Paused',
      /resume it/,
    ],
    ['another source is missing', withOther({ state: 'Missing' }), 'SourceMissing', /ConfigMap\/other is missing/],
    [
      'another source can not be read',
      withOther({ state: 'Unknown', message: 'forbidden' }),
      'SourceUnreadable',
      /ConfigMap\/other can't be read: forbidden/,
    ],
    [
      'another source lacks a key',
      withOther(found({})),
      'RequiredKeyMissing',
      /ConfigMap\/other lacks the key x that container main requires/,
    ],
    [
      'a key is missing that another item of a subPath volume names: the volume can not be mounted',
      due({ workload: aWorkload({ uses: [...USES, aUse({ way: 'SubPath', key: 'hot', items: ['hot', 'gone'] })] }) }),
      'RequiredKeyMissing',
      /lacks the key gone/,
    ],
    [
      'the key itself was removed, but is required',
      due({ workload: aWorkload({ uses: [aUse({ key: 'flag', way: 'Env' })] }) }, edited({ hot: 'a' }, T0)),
      'RequiredKeyMissing',
      /lacks the key flag/,
    ],
    [
      'the source was immutable and has been made again',
      due({ ledger: aLedger(A, { immutable: new Map([['ConfigMap/app', 'uid-before']]) }) }),
      'ImmutableRecreated',
      /new name/,
    ],
  ];
  for (const [what, observed, reason, message] of cases) {
    it(`is held where ${what}`, () => {
      const plan = act(observed);
      assert.deepEqual([plan.restart, plan.ledger.held?.reason], [undefined, reason]);
      assert.match(plan.ledger.held?.message ?? '', message);
      assert.deepEqual(plan.verdict.state, reason === 'Suspended' ? 'Held' : 'Blocked');
      assert.deepEqual([...plan.ledger.applied], [...(observed.ledger?.applied ?? [])], 'nothing counts as applied');
      assert.equal(plan.notices.length, 1);
      const again = act(
        { ...observed, ledger: plan.ledger, ...(plan.pending && { pending: plan.pending }) },
        NOW + MINUTE,
      );
      assert.deepEqual([again.ledger, again.notices], [plan.ledger, []], 'nothing is new at the next look');
    });
  }

  for (const [what, observed] of [
    [
      'a suspended policy names another source only',
      due({ policies: [aPolicy(), aPolicy({ name: 'second', suspended: true, sources: [TWO_SOURCES[1]] })] }),
    ],
    [
      'a source is missing that no container needs',
      due({ policies: [both], sources: { other: { state: 'Missing' } } }),
    ],
    [
      'a source is missing that is optional',
      due({
        policies: [both],
        workload: aWorkload({ uses: [...USES, aUse({ source: TWO_SOURCES[1], optional: true })] }),
        sources: { other: { state: 'Missing' } },
      }),
    ],
    [
      'a key is missing that a subPath names: it mounts an empty folder',
      due({ workload: aWorkload({ uses: [...USES, aUse({ way: 'SubPath', key: 'gone' })] }) }),
    ],
    ['an optional key was removed', due({}, edited({ hot: 'a' }, T0))],
    ['a source is opted out', due({ policies: [both], workload: usesBoth, sources: { other: { state: 'Ignored' } } })],
  ] as const) {
    it(`goes out though ${what}`, () => {
      assert.equal(act(observed).restart?.n, 1);
    });
  }

  it('takes the change of a suspended policy along, and says so', () => {
    const policies = [
      aPolicy(),
      aPolicy({ name: 'second', suspended: true, sources: [TWO_SOURCES[1]], defaultClass: 'Restart' }),
    ];
    const plan = act(
      due({
        policies,
        workload: usesBoth,
        sources: { other: edited({ x: '2' }, T0) },
        ledger: aLedger(A, { applied: applied({ app: A, other: { x: '1' } }) }),
      }),
    );
    assert.match(plan.restart?.cause ?? '', /carries what is held \(Suspended\): ConfigMap\/other:x/);
    assert.deepEqual([...(plan.restart?.changes.keys() ?? [])], ['ConfigMap/app', 'ConfigMap/other']);
  });
});

describe('a failed read', () => {
  it('moves nothing: what was applied still is', () => {
    const plan = act(due({}, { state: 'Unknown', message: 'away' }));
    assert.deepEqual(plan.ledger.applied, applied({ app: A }));
    assert.deepEqual([plan.restart, plan.nudge, plan.ledger.held], [undefined, undefined, undefined]);
  });

  it('is held apart from a deletion, which moves nothing either', () => {
    const plan = act(due({}, { state: 'Missing' }));
    assert.deepEqual(plan.ledger.applied, applied({ app: A }));
    assert.deepEqual([plan.restart, plan.nudge], [undefined, undefined]);
  });
});

describe('a hold ends', () => {
  it('when the policy is resumed: after one debounce, however long it was held', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(B).advance(HOUR);
    assert.deepEqual([world.restarts.length, world.state(), world.reason()], [0, 'Held', 'Suspended']);
    world.policy({ suspended: false }).advance(499);
    assert.deepEqual([world.restarts.length, world.state()], [0, 'Pending']);
    assert.equal(world.ledger()?.held, undefined);
    world.advance(1);
    assert.equal(world.restarts.length, 1);
  });

  it('and edits that follow are of the same burst', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(B).advance(HOUR);
    world
      .policy({ suspended: false })
      .advance(400)
      .edit({ ...B, flag: 'c' })
      .advance(499);
    assert.equal(world.restarts.length, 0);
    world.advance(HOUR);
    assert.equal(world.restarts.length, 1);
  });

  it('and nothing is restarted where every container has started since the change', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(B).advance(MINUTE);
    world.recreatePods().advance(MINUTE).policy({ suspended: false }).advance(HOUR);
    assert.deepEqual([world.restarts.length, world.state()], [0, 'UpToDate']);
    assert.equal(world.ledger()?.history[0]?.reason, 'AlreadyCarried');
  });

  it('by content that comes back, but not for a container that started before the operator found the change', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).crash().edit(B).advance(MINUTE);
    world.startPod().advance(MINUTE).start().advance(MINUTE);
    assert.equal(world.state(), 'Held');
    world.edit(A).policy({ suspended: false }).advance(HOUR).finishRollout();
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('when the policy is resumed after the operator was started anew', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit(B).advance(MINUTE).crash().start();
    assert.equal(world.state(), 'Held');
    world.policy({ suspended: false }).advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('for hot changes too', () => {
    const world = new World({ policies: [aPolicy({ suspended: true })] }).edit({ flag: 'a', hot: 'b' }).advance(MINUTE);
    assert.deepEqual([world.nudges, world.state(), world.verdict?.about], [0, 'Held', 'Hot']);
    world.policy({ suspended: false });
    assert.deepEqual([world.nudges, world.restarts.length], [1, 0]);
  });

  it('when the Deployment is resumed', () => {
    const world = new World().pause(true).edit(B).advance(MINUTE);
    assert.deepEqual([world.state(), world.reason()], ['Blocked', 'Paused']);
    world.pause(false).advance(500).finishRollout();
    assert.deepEqual([world.restarts.length, world.state()], [1, 'UpToDate']);
  });

  it('when the Deployment is paused under the rollout and resumed', () => {
    const world = new World().edit(B).advance(500).pause(true);
    assert.deepEqual([world.state(), world.reason()], ['Blocked', 'Paused']);
    world.advance(60 * MINUTE).pause(false);
    assert.equal(world.restarts.length, 1);
    world.finishRollout();
    assert.equal(world.state(), 'UpToDate');
  });

  it('when the required key is back, with whatever it holds then', () => {
    const workload = { uses: [aUse({ key: 'flag', way: 'Env' as const })] };
    const world = new World({ workload }).edit({ hot: 'a' }).advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.reason()], [0, 'RequiredKeyMissing']);
    world.edit(A).advance(MINUTE);
    assert.equal(world.restarts.length, 0);
    assert.notEqual(world.state(), 'Blocked');
    world.edit({ hot: 'a' }).advance(MINUTE).edit(B).advance(MINUTE);
    assert.equal(world.restarts.length, 1);
  });

  it('for hot changes of an immutable source that was made again: never', () => {
    const world = new World();
    world.edit(A, { immutable: true }).advance(SECOND);
    world
      .remove()
      .edit({ flag: 'a', hot: 'b' }, { immutable: true })
      .advance(60 * MINUTE);
    assert.deepEqual([world.nudges, world.state(), world.reason()], [0, 'Blocked', 'ImmutableRecreated']);
  });

  it('for hot changes of other sources: at once', () => {
    const sources = [
      { kind: 'ConfigMap', name: 'app' },
      { kind: 'ConfigMap', name: 'other' },
    ] as const;
    const other = aUse({ source: { kind: 'ConfigMap', name: 'other' } });
    const world = new World({
      sources: { other: { hot: 'a' } },
      policies: [aPolicy({ sources })],
      workload: { uses: [aUse(), other] },
    });
    world.edit(A, { immutable: true }).advance(SECOND);
    world.remove().edit({ flag: 'a', hot: 'b' }, { immutable: true }).advance(MINUTE);
    assert.equal(world.verdict?.hotHold?.reason, 'ImmutableRecreated');
    world.edit({ hot: 'b' }, { name: 'other' });
    assert.equal(world.nudges, 1);
    assert.equal(world.podsRun('hot', 'other').files, true);
  });

  it('never by a rollout of others where an immutable source was made again', () => {
    const world = new World();
    world.edit(A, { immutable: true }).advance(SECOND);
    world.remove().edit(B, { immutable: true }).advance(MINUTE).deploy('template-2').finishRollout().advance(HOUR);
    assert.deepEqual([world.restarts.length, world.reason()], [0, 'ImmutableRecreated']);
    assert.deepEqual(world.ledger()?.applied.get('ConfigMap/app'), digestsOf(A));
  });

  it('never by itself where an immutable source was made again', () => {
    const world = new World();
    world.edit(A, { immutable: true }).advance(SECOND);
    world
      .remove()
      .edit(B, { immutable: true })
      .advance(60 * MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, world.reason()], [0, 0, 'ImmutableRecreated']);
  });
});

describe('an OnDelete workload', () => {
  for (const rollout of [statefulSet({ onDelete: true }), daemonSet({ onDelete: true })]) {
    const workload = aWorkload({ rollout });
    const pods = [aPod(T0 - MINUTE), aPod(T0 - MINUTE, 'web-2')];

    it(`${rollout.kind}: is blocked while its pods are older than the change`, () => {
      const plan = act(due({ workload, pods }));
      assert.deepEqual([plan.restart, plan.ledger.held?.reason], [undefined, 'OnDelete']);
    });

    it(`${rollout.kind}: is blocked while some of its pods are`, () => {
      const plan = act(due({ workload, pods: [aPod(T0 - MINUTE), aPod(T0 + 5 * SECOND, 'web-2')] }));
      assert.equal(plan.ledger.held?.reason, 'OnDelete');
    });

    it(`${rollout.kind}: is blocked while a container may have started right before the change`, () => {
      const plan = act(due({ workload, pods: [aPod(T0), aPod(T0 + 5 * SECOND, 'web-2')] }));
      assert.equal(plan.ledger.held?.reason, 'OnDelete');
    });

    it(`${rollout.kind}: is blocked while not all of its pods are back`, () => {
      const plan = act(due({ workload, pods: [aPod(T0 + 5 * SECOND)] }));
      assert.equal(plan.ledger.held?.reason, 'OnDelete');
    });

    it(`${rollout.kind}: has the change when all pods were deleted by hand`, () => {
      const since = [aPod(T0 + 5 * SECOND), aPod(T0 + 6 * SECOND, 'web-2')];
      const plan = act(due({ workload, pods: since }));
      assert.deepEqual([plan.restart, plan.ledger.held], [undefined, undefined]);
      assert.deepEqual(plan.ledger.applied, applied({ app: B }));
      assert.equal(plan.ledger.history[0]?.reason, 'AlreadyCarried');
      assert.equal(plan.verdict.state, 'UpToDate');
    });
  }

  it('that was rolling out before it became one is complete when its pods are', () => {
    const restart = {
      n: 1,
      digest: 'd',
      origin: 'Issued',
      issuedAt: T0,
      templateHash: 'template-1',
      phase: 'InProgress',
      changes: new Map(),
    } as const;
    const annotation = { n: 1, digest: 'd', ours: true };
    const half = statefulSet({ onDelete: true, status: { ready: 2, updated: 1 } });
    const look = (rollout: typeof half): Act =>
      act(observing(found(A), { workload: aWorkload({ rollout, annotation }), ledger: aLedger(A, { restart }) }));
    assert.deepEqual([look(half).verdict.state, look(half).verdict.reason], ['Blocked', 'OnDelete']);
    assert.equal(look(statefulSet({ onDelete: true })).ledger.restart?.phase, 'Succeeded');
  });
});

describe('a message longer than a record keeps', () => {
  it('is no news at every look', () => {
    const long = 'x'.repeat(5_000);
    const rollout = deployment({ deadlineExceeded: 'late', replicaFailure: long });
    const annotation = { n: 1, digest: 'd', ours: true };
    const restart = {
      n: 1,
      digest: 'd',
      origin: 'Issued',
      issuedAt: T0,
      templateHash: 'template-1',
      phase: 'InProgress',
      changes: new Map(),
    } as const;
    const observed = observing(found(A), {
      workload: aWorkload({ rollout, annotation }),
      ledger: aLedger(A, { restart }),
    });
    const first = act({ ...observed, pods: [], reports: [] });
    assert.equal(first.ledger.restart?.phase, 'Failed');
    const second = act({ ...observed, ledger: first.ledger }, NOW + SECOND);
    assert.deepEqual(second.ledger, first.ledger);
  });
});
