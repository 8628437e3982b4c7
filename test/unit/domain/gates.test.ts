/** Gates that time or others open: what holds, until when, what passes them, and what goes out when they open. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResolvedWindow } from '../../../src/api/v1alpha1/defaults.ts';
import { bareDigest } from '../../../src/domain/digest.ts';
import { compare } from '../../../src/domain/difference.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { GatePolicy, Ledger, Observed } from '../../../src/domain/observed.ts';
import type { Others, Peer, Standing } from '../../../src/domain/others.ts';
import {
  aGate,
  aLedger,
  aPod,
  aPolicy,
  applied,
  aRestart,
  aUse,
  aWorkload,
  changed,
  deployment,
  edited,
  HOUR,
  MINUTE,
  observing,
  SECOND,
  T0,
  USES,
} from '../../support/builders.ts';
import { World } from '../../support/world.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const A = { flag: 'a', hot: 'a' };
const B = { flag: 'b', hot: 'b' };
const C = { flag: 'c', hot: 'c' };
const NOW = T0 + MINUTE;

/** T0 is noon: it opens an hour later, every day. */
const AT_ONE: ResolvedWindow = {
  name: 'at-one',
  type: 'Allow',
  cron: '0 13 * * *',
  durationMs: HOUR,
  timeZone: 'UTC',
};

const gated = (gates: Partial<GatePolicy>, name = 'policy') => aPolicy({ name, gates: aGate(gates) });
const worldWith = (gates: Partial<GatePolicy>): World => new World({ content: A, policies: [gated(gates)] });

const act = (observed: Observed, now = NOW): Act => {
  const plan = decide(observed, now);
  assert.equal(plan.type, 'Act');
  return plan;
};

const due = (gates: Partial<GatePolicy>, more: Parameters<typeof observing>[1] = {}): Observed =>
  observing(edited({ flag: 'b', hot: 'a' }, T0), { ledger: aLedger(A), policies: [gated(gates)], ...more });

const digestOf = (observed: Observed): string =>
  bareDigest(compare(observed, observed.ledger ?? aLedger(A)).restartDigest);

describe('a window that is shut', () => {
  it('holds the restart until it opens, and lets the hot part out at once', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit(B)
      .advance(30 * MINUTE);
    assert.deepEqual([world.restarts.length, world.state(), world.reason()], [0, 'Held', 'OutsideWindow']);
    assert.equal(world.verdict?.until, T0 + HOUR);
    assert.equal(world.ledger()?.held?.until, T0 + HOUR);
    assert.match(
      world.verdict.message,
      /ConfigMap\/app:flag: policy policy: no window is open; window at-one lets restarts begin at 2026-01-01T13:00:00Z/,
    );
    assert.deepEqual([world.nudges, world.podsRun('hot').files], [1, true]);
    world.advance(30 * MINUTE - 1);
    assert.equal(world.restarts.length, 0);
    world.advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('lets out one restart with the last data, whatever came meanwhile', () => {
    const world = worldWith({ windows: [AT_ONE] });
    for (const flag of ['b', 'c', 'd', 'e']) world.edit({ ...A, flag }).advance(10 * MINUTE);
    world
      .advance(HOUR)
      .finishRollout()
      .advance(24 * HOUR);
    assert.equal(world.restarts.length, 1);
    assert.equal(world.podsRun('flag').started, true);
  });

  it('leaves nothing to do where the data came back before it opened', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit(B)
      .advance(10 * MINUTE)
      .edit(A)
      .advance(24 * HOUR);
    assert.deepEqual([world.restarts.length, world.ledger()?.held], [0, undefined]);
  });

  it('but one restart where a container had started in between', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit(B)
      .advance(10 * MINUTE)
      .startPod()
      .advance(MINUTE)
      .edit(A);
    assert.deepEqual([world.restarts.length, world.reason()], [0, 'OutsideWindow']);
    world.advance(24 * HOUR).finishRollout();
    assert.deepEqual([world.restarts.length, world.podsRun('flag').started], [1, true]);
  });

  it('is neither waited for longer nor shorter where the operator was away', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit(B)
      .advance(10 * MINUTE);
    const held = world.ledger()?.held;
    world
      .crash()
      .advance(20 * MINUTE)
      .start();
    assert.deepEqual(world.ledger()?.held, held);
    world
      .crash()
      .advance(10 * MINUTE)
      .start()
      .advance(20 * MINUTE - 1);
    assert.equal(world.restarts.length, 0);
    world.advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('is looked at once a minute at least, and to the point', () => {
    assert.equal(act(due({ windows: [AT_ONE] })).requeueAfterMs, MINUTE);
    assert.equal(act(due({ windows: [AT_ONE] }), T0 + HOUR - 7 * SECOND).requeueAfterMs, 7 * SECOND);
    const never = { ...AT_ONE, cron: '0 0 30 2 *' };
    const plan = act(due({ windows: [never] }));
    assert.deepEqual([plan.requeueAfterMs, plan.ledger.held?.until], [MINUTE, undefined]);
    assert.match(plan.verdict.message, /when one opens is not in sight/);
  });

  it('is open again for what came while it was: each waits for the next', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit(B)
      .advance(90 * MINUTE)
      .finishRollout();
    world.edit(C).advance(SECOND).finishRollout();
    assert.equal(world.restarts.length, 2, 'within the window');
    world.advance(HOUR).edit(B).advance(HOUR);
    assert.deepEqual([world.restarts.length, world.verdict?.until], [2, T0 + 25 * HOUR]);
  });
});

describe('a cooldown', () => {
  it('runs from when the latest restart was issued', () => {
    const world = worldWith({ cooldownMs: 10 * MINUTE })
      .edit(B)
      .advance(SECOND)
      .finishRollout();
    const [issuedAt = 0] = world.ledger()?.restartTimes ?? [];
    world.advance(MINUTE).edit(C).advance(SECOND);
    assert.deepEqual([world.restarts.length, world.reason()], [1, 'Cooldown']);
    assert.equal(world.verdict?.until, issuedAt + 10 * MINUTE);
    world
      .crash()
      .start()
      .advance(issuedAt + 10 * MINUTE - world.now - 1);
    assert.equal(world.restarts.length, 1);
    world.advance(SECOND);
    assert.equal(world.restarts.length, 2);
  });

  it('counts a restart that a crash left unrecorded', () => {
    const world = worldWith({ cooldownMs: 10 * MINUTE });
    world.dieAfterRestart = true;
    world.edit(B).advance(SECOND).advance(MINUTE).start().finishRollout().edit(C).advance(MINUTE);
    assert.deepEqual([world.restarts.length, world.reason()], [1, 'Cooldown']);
  });

  it('is the longest of the policies that name a changed source', () => {
    const ledger = aLedger(A, { restartTimes: [T0] });
    const policies = [gated({ cooldownMs: 5 * MINUTE }, 'a'), gated({ cooldownMs: 9 * MINUTE }, 'b')];
    assert.equal(act(due({}, { ledger, policies })).ledger.held?.until, T0 + 9 * MINUTE);
    assert.equal(act(due({}, { ledger, policies }), T0 + 9 * MINUTE).ledger.held, undefined);
  });
});

describe('a budget', () => {
  it('of two is two restarts of sixty edits, and then a breaker that says so once', () => {
    const world = worldWith({ budget: { restarts: 2, periodMs: HOUR } });
    for (let edit = 0; edit < 60; edit++)
      world
        .edit({ ...A, flag: String(edit) })
        .advance(SECOND)
        .finishRollout();
    assert.deepEqual([world.restarts.length, world.state(), world.reason()], [2, 'Held', 'BudgetExhausted']);
    const warnings = world.notices.filter(({ severity }) => severity === 'Warning');
    assert.deepEqual(
      warnings.map(({ reason }) => reason),
      ['BudgetExhausted'],
    );
    assert.match(warnings[0]?.note ?? '', /policy policy allows 2 restarts in 1h.*kubectl reload reset deploy\/web$/);
  });

  it('closes by itself when the oldest leaves the period: one more then, with the last data', () => {
    const world = worldWith({ budget: { restarts: 2, periodMs: HOUR } });
    for (let edit = 0; edit < 5; edit++)
      world
        .edit({ ...A, flag: String(edit) })
        .advance(10 * MINUTE)
        .finishRollout();
    const [, oldest = 0] = world.ledger()?.restartTimes ?? [];
    assert.equal(world.verdict?.until, oldest + HOUR);
    world.advance(oldest + HOUR - world.now - 1);
    assert.equal(world.restarts.length, 2);
    world.advance(SECOND).finishRollout();
    assert.deepEqual([world.restarts.length, world.podsRun('flag').started], [3, true]);
  });

  it('counts from when somebody has reset it', () => {
    const restartTimes = [T0 - MINUTE, T0 - 2 * MINUTE];
    const budget = { restarts: 2, periodMs: HOUR };
    const held = act(due({ budget }, { ledger: aLedger(A, { restartTimes }) }));
    assert.deepEqual([held.restart, held.ledger.held?.reason], [undefined, 'BudgetExhausted']);
    const reset = act(due({ budget }, { ledger: aLedger(A, { restartTimes, budgetFrom: T0 }) }));
    assert.equal(reset.restart?.n, 1);
  });

  it('that cures have overdrawn waits until it is in credit again', () => {
    const restartTimes = [1, 2, 3, 4].map((minutes) => T0 - minutes * MINUTE);
    const plan = act(due({ budget: { restarts: 2, periodMs: HOUR } }, { ledger: aLedger(A, { restartTimes }) }));
    assert.equal(plan.ledger.held?.until, T0 - 2 * MINUTE + HOUR);
  });
});

const peer = (name: string, standing: Standing, binding?: number): Peer => ({
  kind: 'Deployment',
  name,
  standing,
  ...(binding !== undefined && { binding }),
});
const others = (...peers: readonly Peer[]): Others => ({
  bound: new Map([['policy', [peer('web', 'Due'), ...peers]]]),
});

describe('an order', () => {
  const ordered = { order: 'Sequential' } as const;
  const cases: readonly (readonly [what: string, standing: Standing, reason: string | undefined])[] = [
    ['is done', 'Done', undefined],
    ['is due', 'Due', 'WaitingForEarlier'],
    ['is under way', 'InProgress', 'WaitingForEarlier'],
    ['was not looked at yet', 'Unknown', 'WaitingForEarlier'],
    ['has failed', 'Failed', 'EarlierFailed'],
  ];
  for (const [what, standing, reason] of cases) {
    it(`${reason === undefined ? 'lets a restart go' : 'holds a restart'} where one before it ${what}`, () => {
      const plan = act(due(ordered, { others: others(peer('api', standing)) }));
      assert.equal(plan.ledger.held?.reason, reason);
      assert.equal(plan.restart === undefined, reason !== undefined);
      if (reason !== undefined) assert.match(plan.verdict.message, /Deployment\/api/);
      assert.equal(plan.requeueAfterMs, undefined);
    });
  }

  it('says that a failure elsewhere is no protection where delivery is direct', () => {
    const failed = { others: others(peer('api', 'Failed')) };
    assert.match(
      act(due(ordered, failed)).verdict.message,
      /containers that restart meanwhile read the new content all the same/,
    );
    const managed = aPolicy({
      gates: aGate(ordered),
      delivery: {
        objects: [{ name: 'live', source: { kind: 'ConfigMap', name: 'app' }, workloads: [] }],
        snapshots: 5,
        rollbackSecrets: false,
      },
    });
    assert.doesNotMatch(act(due({}, { policies: [managed], ...failed })).verdict.message, /all the same/);
  });

  it('does not rewrite the record for each that others take from the list, but says who it is now', () => {
    const first = act(due(ordered, { others: others(peer('api', 'Due'), peer('db', 'Due')) }));
    const second = act(due(ordered, { others: others(peer('api', 'Done'), peer('db', 'Due')), ledger: first.ledger }));
    assert.equal(second.ledger.held, first.ledger.held);
    assert.match(second.verdict.message, /it goes after Deployment\/db$/);
  });

  it('lets one go at once when its turn comes: its content has been still for long', () => {
    const held = act(due(ordered, { others: others(peer('api', 'InProgress')) }));
    const known = { ledger: held.ledger, ...(held.pending !== undefined && { pending: held.pending }), pods: [] };
    assert.equal(act(due(ordered, { others: others(peer('api', 'Done')), ...known })).restart?.n, 1);
  });
});

describe('a limit of how many roll out at a time', () => {
  const limited = { maxConcurrent: 2 };
  it('counts those under way, those that nobody has looked at, and those that have failed', () => {
    for (const standing of ['InProgress', 'Unknown', 'Failed'] as const) {
      const full = act(
        due(limited, { others: others(peer('api', standing), peer('db', standing), peer('x', 'Done')) }),
      );
      assert.equal(full.ledger.held?.reason, 'ConcurrencyLimit', standing);
      assert.match(full.verdict.message, /lets 2 roll out at a time: it waits for Deployment\/api, Deployment\/db$/);
      assert.equal(act(due(limited, { others: others(peer('api', standing)) })).restart?.n, 1, standing);
    }
  });

  it('does not count itself, nor what is only due', () => {
    const own: Others = {
      bound: new Map([['policy', [peer('web', 'InProgress'), peer('api', 'Due'), peer('db', 'Due')]]]),
    };
    assert.equal(act(due({ maxConcurrent: 1 }, { others: own })).restart?.n, 1);
  });

  it('of the cluster holds, too', () => {
    const cluster = (inProgress: number): Others => ({ bound: new Map(), cluster: { inProgress, limit: 3 } });
    assert.equal(act(due({}, { others: cluster(3) })).ledger.held?.reason, 'ConcurrencyLimit');
    assert.equal(act(due({}, { others: cluster(2) })).restart?.n, 1);
  });
});

describe('what passes gates', () => {
  const shut: Partial<GatePolicy> = {
    windows: [AT_ONE],
    cooldownMs: HOUR,
    budget: { restarts: 1, periodMs: HOUR },
    order: 'Sequential',
    maxConcurrent: 1,
  };
  /** Some pods of the failed restart are not there. */
  const workload = aWorkload({ rollout: deployment({ status: { replicas: 2, updated: 1, available: 1 } }) });
  const waiting = { workload, others: others(peer('api', 'Due')) };
  const failed: Partial<Ledger> = {
    restartTimes: [T0],
    restart: aRestart({ phase: 'Failed', reason: 'CrashLoopBackOff', changes: changed({ flag: 'x' }) }),
  };

  it('is the way out of a failure: order, window, cooldown and budget', () => {
    assert.equal(act(due(shut, { ...waiting, ledger: aLedger(A, { restartTimes: [T0] }) })).restart, undefined);
    assert.equal(act(due(shut, { ...waiting, ledger: aLedger(A, failed) })).restart?.n, 2);
  });

  it('but not a limit, nor a policy that is suspended', () => {
    const busy = { workload, others: others(peer('api', 'InProgress')), ledger: aLedger(A, failed) };
    assert.equal(act(due(shut, busy)).ledger.held?.reason, 'ConcurrencyLimit');
    const suspended = { ...waiting, ledger: aLedger(A, failed), policies: [{ ...gated(shut), suspended: true }] };
    assert.equal(act(due(shut, suspended)).ledger.held?.reason, 'Suspended');
  });

  it("and others' failures keep no way out waiting", () => {
    const both = { workload, others: others(peer('api', 'Failed')), ledger: aLedger(A, failed) };
    assert.equal(act(due(shut, both)).restart?.n, 2);
  });

  it('is what somebody has opened every gate for, and nothing else', () => {
    const busy = { others: others(peer('api', 'InProgress')) };
    const digest = digestOf(due(shut));
    const opened = (of: string): Observed =>
      due(shut, { ...busy, ledger: aLedger(A, { restartTimes: [T0], opened: { digest: of, at: T0 } }) });
    assert.equal(act(opened(digest)).restart?.n, 1);
    assert.equal(act(opened('another')).restart, undefined);
  });
});

describe('gates of several policies', () => {
  const OTHER = { kind: 'ConfigMap', name: 'other' } as const;
  const observed = (gates: Partial<GatePolicy>): Observed =>
    due(
      {},
      {
        policies: [
          aPolicy(),
          aPolicy({ name: 'second', sources: [OTHER], defaultClass: 'Restart', gates: aGate(gates) }),
        ],
        workload: aWorkload({ uses: [...USES, aUse({ source: OTHER, key: 'x', way: 'Env' })] }),
        sources: { other: edited({ x: '2' }, T0) },
        ledger: aLedger(A, { applied: applied({ app: A, other: { x: '1' } }) }),
      },
    );

  it('hold what they name: what is free goes, carries the rest, and says so', () => {
    const plan = act(observed({ windows: [AT_ONE] }));
    assert.match(plan.restart?.cause ?? '', /carries what is held \(OutsideWindow\): ConfigMap\/other:x/);
    assert.deepEqual([...(plan.restart?.changes.keys() ?? [])], ['ConfigMap/app', 'ConfigMap/other']);
  });

  it('hold all of it where each is held, and what is the nearest to go is waited for', () => {
    const both = observed({ windows: [AT_ONE] });
    const [first, second] = both.policies;
    assert.ok(first !== undefined && second !== undefined);
    const later = { ...first, gates: aGate({ windows: [{ ...AT_ONE, cron: '0 15 * * *' }] }) };
    assert.equal(act({ ...both, policies: [later, second] }).ledger.held?.until, T0 + HOUR);
    const suspended = { ...first, suspended: true };
    assert.equal(act({ ...both, policies: [suspended, second] }).ledger.held?.reason, 'OutsideWindow');
  });

  it('must all be open where they name the same source', () => {
    const policies = [gated({ windows: [AT_ONE] }, 'a'), gated({ windows: [{ ...AT_ONE, cron: '30 13 * * *' }] }, 'b')];
    const world = new World({ content: A, policies }).edit(B).advance(HOUR);
    assert.deepEqual([world.restarts.length, world.verdict?.until], [0, T0 + 90 * MINUTE]);
    world.advance(31 * MINUTE);
    assert.equal(world.restarts.length, 1);
  });
});

describe('the record of a hold', () => {
  it('names the content, and is written anew for another one, or another time', () => {
    const first = act(due({ windows: [AT_ONE] }));
    assert.equal(first.ledger.held?.digest, digestOf(due({})));
    const again = act(due({ windows: [AT_ONE] }, { ledger: first.ledger }), NOW + MINUTE);
    assert.equal(again.ledger.held, first.ledger.held);
    const later = act(due({ windows: [{ ...AT_ONE, cron: '0 14 * * *' }] }, { ledger: first.ledger }));
    assert.deepEqual([later.ledger.held?.until, later.ledger.held?.since], [T0 + 2 * HOUR, first.ledger.held.since]);
    // Only the path of the record moves the digest: another content of the same keys.
    const other = act({
      ...due({ windows: [AT_ONE] }, { ledger: first.ledger }),
      sources: new Map([['ConfigMap/app', edited({ flag: 'c', hot: 'a' }, T0)]]),
    });
    assert.notEqual(other.ledger.held?.digest, first.ledger.held.digest);
  });

  it('is told as held, not as blocked', () => {
    assert.deepEqual(
      act(due({ windows: [AT_ONE] })).notices.map(({ severity, reason }) => [severity, reason]),
      [['Normal', 'RestartHeld']],
    );
  });
});

describe('what is no way out of a failure', () => {
  const shut: Partial<GatePolicy> = { windows: [AT_ONE] };
  const gaveUp = { n: 1, digest: 'bad', at: T0, reason: 'CrashLoopBackOff', changes: changed({ flag: 'x' }) };

  it('is content that comes after the way out has succeeded: its window holds it', () => {
    const restart = aRestart({ n: 2, phase: 'Succeeded', reason: 'Complete' });
    const plan = act(due(shut, { ledger: aLedger(A, { restart, failed: gaveUp }) }));
    assert.deepEqual([plan.restart, plan.ledger.held?.reason], [undefined, 'OutsideWindow']);
    const under = aRestart({ n: 2, issuedAt: NOW });
    const workload = aWorkload({
      annotation: { n: 2, digest: 'digest-1', ours: true },
      rollout: deployment({ status: { replicas: 2, updated: 1, available: 1 } }),
    });
    const newer = due(shut, { workload, ledger: aLedger(A, { restart: under, failed: gaveUp }) });
    assert.equal(act(newer).restart?.n, 3, 'but not before that is known');
  });

  it('is content that comes after somebody went back to a snapshot: nothing has failed', () => {
    for (const phase of ['InProgress', 'Succeeded'] as const) {
      const restart = aRestart({ n: 2, phase });
      const ledger = aLedger(A, { restart, failed: { ...gaveUp, reason: 'RollbackRequested' } });
      const plan = act(due(shut, { ledger, pods: [aPod(T0)] }));
      assert.deepEqual([plan.restart, plan.ledger.held?.reason], [undefined, 'OutsideWindow']);
    }
  });
});

describe('a clock that is put back', () => {
  /** It was a day ahead when the latest restart was issued. */
  const ahead = NOW + 24 * HOUR;
  const pods = [aPod(T0 - HOUR)];

  it('makes no cooldown longer', () => {
    const first = act(due({ cooldownMs: 10 * MINUTE }, { ledger: aLedger(A, { restartTimes: [ahead] }) }));
    assert.deepEqual([first.ledger.held?.reason, first.ledger.held?.until], ['Cooldown', NOW + 10 * MINUTE]);
    const later = act(due({ cooldownMs: 10 * MINUTE }, { ledger: first.ledger, pods }), NOW + 10 * MINUTE);
    assert.equal(later.ledger.held, undefined);
  });

  it('opens no breaker for longer than a period, and a reset closes it', () => {
    const gates = { budget: { restarts: 2, periodMs: HOUR } };
    const first = act(due(gates, { ledger: aLedger(A, { restartTimes: [ahead, ahead - MINUTE] }) }));
    assert.deepEqual([first.ledger.held?.reason, first.ledger.held?.until], ['BudgetExhausted', NOW + HOUR]);
    const reset = { name: 'r', uid: 'r', type: 'ResetBudget', createdAt: NOW + SECOND } as const;
    assert.equal(
      act(due(gates, { ledger: first.ledger, requests: [reset], pods }), NOW + 2 * SECOND).ledger.held,
      undefined,
      'reset',
    );
  });

  it('makes no debounce longer', () => {
    const world = new World().edit(B);
    world.now -= 24 * HOUR;
    world.advance(25 * HOUR);
    assert.equal(world.restarts.length, 1);
    const waiting = act(
      due({}, { pending: { changes: changed({ flag: 'b' }), firstAt: ahead, burstAt: ahead, lastAt: ahead } }),
    );
    assert.equal(waiting.requeueAfterMs, 500);
  });

  it('has a rollout time out as late as ever', () => {
    const workload = aWorkload({
      annotation: { n: 1, digest: 'digest-1', ours: true },
      rollout: deployment({ status: { replicas: 2, updated: 1, available: 1 } }),
    });
    const ledger = aLedger(A, { restart: aRestart({ issuedAt: ahead, changes: changed({ flag: 'b' }) }) });
    const plan = act(due({}, { workload, ledger }));
    assert.ok((plan.requeueAfterMs ?? Infinity) <= 10 * MINUTE);
    assert.equal(plan.ledger.restart?.issuedAt, NOW);
  });
});

describe('a source that is deleted and made again while its change is held', () => {
  it('is not clean though it holds what is applied, where a container has started in between', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit({ ...A, flag: 'b' })
      .advance(MINUTE)
      .startPod()
      .advance(MINUTE);
    world.remove().advance(MINUTE);
    world.edit(A).advance(MINUTE);
    assert.equal(world.reason(), 'OutsideWindow');
    world.advance(2 * HOUR).finishRollout();
    assert.deepEqual([world.restarts.length, world.podsRun('flag').started], [1, true]);
  });

  it('leaves nothing to do where none has', () => {
    const world = worldWith({ windows: [AT_ONE] })
      .edit({ ...A, flag: 'b' })
      .advance(MINUTE);
    world.remove().advance(MINUTE);
    assert.deepEqual([world.state(), world.reason()], ['Blocked', 'SourceMissing']);
    world.edit(A).advance(24 * HOUR);
    assert.deepEqual([world.restarts.length, world.ledger()?.held], [0, undefined]);
  });
});
