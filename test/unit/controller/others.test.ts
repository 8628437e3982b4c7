/** How workloads stand for each other: tables of the room, and histories of a policy whose workloads wait for each other. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createOthers, type OthersRoom } from '../../../src/controller/others.ts';
import { workloadKey, type Stores, type StoredPolicy, type StoredWorkload } from '../../../src/controller/ports.ts';
import { parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import { decide } from '../../../src/domain/decide.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Ledger, Observed, Pending, Source } from '../../../src/domain/observed.ts';
import type { Standing } from '../../../src/domain/others.ts';
import { restartIssued } from '../../../src/domain/outcomes.ts';
import { binds } from '../../../src/domain/selection.ts';
import { createStore, type FedStore } from '../../../src/runtime/store.ts';
import {
  aGate,
  aLedger,
  aPod,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  deployment,
  edited,
  found,
  observing,
  SECOND,
  T0,
} from '../../support/builders.ts';
import { createRecordingLog } from '../../support/recording-log.ts';

type Decided = Exclude<Plan, { readonly type: 'LookAtPods' }>;

const storedPolicy = (more: Parameters<typeof aPolicy>[0] = {}): StoredPolicy => ({
  ...aPolicy(more),
  resourceVersion: '1',
  status: {},
});

const aScene = ({ policies, limit = 0 }: { readonly policies: readonly StoredPolicy[]; readonly limit?: number }) => {
  const workloads: FedStore<StoredWorkload, StoredWorkload> = createStore<StoredWorkload, StoredWorkload>({
    keyOf: workloadKey,
    keyOfValue: workloadKey,
    resourceVersionOf: ({ resourceVersion }) => resourceVersion,
    trim: (workload) => workload,
    indexes: { namespace: ({ namespace }) => [namespace] },
    log: createRecordingLog(),
  });
  const sources = new Map<string, Source>([['ConfigMap/app', found({ flag: 'a' })]]);
  const ledgers = new Map<string, Ledger>();
  const moved: (readonly string[])[] = [];
  const asked = { whoIsBound: 0 };
  const room = createOthers({
    stores: { workloads, records: { syncedFor: () => true } as unknown as Stores['records'] },
    bindings: {
      policiesOf: (workload) =>
        policies.filter((policy) => policy.namespace === workload.namespace && binds(policy, workload)),
      workloadsOf: (policy) => {
        asked.whoIsBound += 1;
        return workloads.by('namespace', policy.namespace).filter((workload) => binds(policy, workload));
      },
    },
    sources: { get: (_namespace, id) => sources.get(id) ?? { state: 'Missing' } },
    ledgers: { of: (workload) => ledgers.get(workloadKey(workload)) },
    limit,
    onMoved: (waiting) => {
      moved.push(waiting.map(({ name }) => name));
    },
  });
  const add = (name: string, more: Parameters<typeof aWorkload>[0] = {}): StoredWorkload => {
    const workload = aWorkload({ name, uid: `uid-${name}`, ...more });
    workloads.upsert(workload);
    return workload;
  };
  const decided = (workload: StoredWorkload, ledger: Partial<Ledger>, more: Partial<Decided> = {}): void => {
    const plan = { type: 'Act', ledger: aLedger({ flag: 'a' }, ledger), ...more } as Decided;
    room.decided({ ...observing(found({})), workload, policies, sources: new Map(sources) }, plan);
  };
  /** How a workload stands for another one. */
  const standing = (of: StoredWorkload, seenBy: StoredWorkload, policy = 'policy'): Standing | undefined =>
    room
      .of(seenBy)
      ?.bound.get(policy)
      ?.find(({ name }) => name === of.name)?.standing;
  return { room, workloads, sources, ledgers, moved, asked, add, decided, standing };
};

const sequential = storedPolicy({ gates: aGate({ order: 'Sequential' }) });
const held = (reason: string): Partial<Ledger> => ({ held: { since: T0, reason, changes: new Map() } });

describe('how others stand', () => {
  it('is nothing that anybody asks for without an order or a limit', () => {
    const { room, add } = aScene({ policies: [storedPolicy()] });
    assert.equal(room.of(add('web')), undefined);
  });

  it('is unknown until they are decided on, and again when their sources have moved', () => {
    const { add, decided, standing, sources } = aScene({ policies: [sequential] });
    const [web, api] = [add('web'), add('api')];
    assert.equal(standing(api, web), 'Unknown');
    decided(api, {});
    assert.equal(standing(api, web), 'Done');
    const before = sources.get('ConfigMap/app');
    assert.ok(before?.state === 'Present');
    sources.set('ConfigMap/app', { ...before, resourceVersion: '2' });
    assert.equal(standing(api, web), 'Done', 'labels have moved, and nobody is told of that');
    sources.set('ConfigMap/app', edited({ flag: 'b' }, T0));
    assert.equal(standing(api, web), 'Unknown');
  });

  it('is unknown of another workload of the same name', () => {
    const { add, decided, standing } = aScene({ policies: [sequential] });
    const [web, api] = [add('web'), add('api')];
    decided(api, {});
    add('api', { uid: 'another', resourceVersion: '2' });
    assert.equal(standing(api, web), 'Unknown');
  });

  const restart = { n: 1, value: 'v1.1.x', digest: 'x', changes: new Map(), keys: [], cause: '' };
  const failure = { n: 1, digest: 'bad', at: T0, reason: 'CrashLoopBackOff', changes: new Map() };
  const cases: readonly (readonly [what: string, Partial<Ledger>, Partial<Decided>, Standing])[] = [
    ['nothing is left to do', {}, {}, 'Done'],
    ['a restart has succeeded', { restart: aRestart({ phase: 'Succeeded' }) }, {}, 'Done'],
    ['a restart is ordered', {}, { restart }, 'InProgress'],
    ['a restart is under way', { restart: aRestart() }, {}, 'InProgress'],
    ['a restart is under way, and more is held', { restart: aRestart(), ...held('Cooldown') }, {}, 'InProgress'],
    ['a debounce runs, and nothing holds', {}, { pending: {} as Pending }, 'InProgress'],
    ['a change is held', held('OutsideWindow'), { pending: {} as Pending }, 'Due'],
    ['nothing replaces its pods', held('NoRollout'), {}, 'Done'],
    ['somebody has stopped its rollout', { restart: aRestart({ reason: 'Paused' }) }, {}, 'Due'],
    ['a restart has failed', { restart: aRestart({ phase: 'Failed', reason: 'CrashLoopBackOff' }) }, {}, 'Failed'],
    ['a restart has timed out', { restart: aRestart({ phase: 'TimedOut' }) }, {}, 'Failed'],
    ['a way out of a failure is held', { restart: aRestart({ phase: 'Failed' }), ...held('Suspended') }, {}, 'Failed'],
    [
      'a rollout of others carried nothing',
      { restart: aRestart({ phase: 'Failed', reason: 'NotCarried' }) },
      {},
      'Done',
    ],
    ['content has failed and was undone', { failed: failure }, {}, 'Failed'],
    [
      'somebody went back from its content',
      { failed: { ...failure, reason: 'RollbackRequested' }, ...held('RollbackRequested') },
      {},
      'Due',
    ],
    [
      'other content than what failed is held',
      { failed: failure, held: { since: T0, reason: 'Cooldown', digest: 'good', changes: new Map() } },
      {},
      'Failed',
    ],
  ];
  for (const [what, ledger, more, expected] of cases) {
    it(`is ${expected} where ${what}`, () => {
      const { add, decided, standing } = aScene({ policies: [sequential] });
      const [web, api] = [add('web'), add('api')];
      decided(api, ledger, more);
      assert.equal(standing(api, web), expected);
    });
  }

  it('is Done of one that is opted out', () => {
    const { room, add, standing, sources } = aScene({ policies: [sequential] });
    const [web, api] = [add('web'), add('api', { ignored: true })];
    const observed = { ...observing(found({})), workload: api, policies: [sequential], sources: new Map(sources) };
    const plan = decide(observed, T0);
    assert.equal(plan.type, 'Forget');
    room.decided(observed, plan);
    assert.equal(standing(api, web), 'Done');
  });

  it('does not wait for one that does not consume what has changed: nobody looks at it', () => {
    const both = { ...sequential, sources: [...sequential.sources, { kind: 'ConfigMap', name: 'other' } as const] };
    const { add, decided, standing, sources } = aScene({
      policies: [
        {
          ...both,
          workloads: [
            { kind: 'Deployment', name: 'web' },
            { kind: 'Deployment', name: 'api' },
          ],
        },
      ],
    });
    sources.set('ConfigMap/other', found({ x: '1' }));
    const web = add('web');
    const api = add('api', { uses: [aUse({ source: { kind: 'ConfigMap', name: 'other' } })] });
    decided(api, {});
    sources.set('ConfigMap/app', edited({ flag: 'b' }, T0));
    assert.equal(standing(api, web), 'Done');
    sources.set('ConfigMap/other', edited({ x: '2' }, T0));
    assert.equal(standing(api, web), 'Unknown');
  });

  it('is news for those that wait, when somebody has ended or is gone, not when somebody begins', () => {
    const { add, decided, moved, workloads } = aScene({ policies: [sequential] });
    const [web, api, db] = [add('web'), add('api'), add('db')];
    decided(web, held('WaitingForEarlier'));
    decided(db, held('EarlierFailed'));
    moved.length = 0;
    decided(api, { restart: aRestart() });
    assert.deepEqual(moved, []);
    decided(api, { restart: aRestart({ phase: 'Succeeded' }) });
    assert.deepEqual(moved, [['web', 'db']]);
    decided(api, { restart: aRestart({ phase: 'Succeeded' }) });
    assert.equal(moved.length, 1, 'nothing has moved');
    workloads.remove(api);
    assert.deepEqual(moved[1], ['web', 'db']);
  });
});

describe('a thousand that wait for each other', () => {
  it('do not each find out who they are, nor tell each other that they wait', () => {
    const policies = [sequential];
    const { room, add, asked, moved, sources } = aScene({ policies });
    const all = Array.from({ length: 100 }, (_, index) => add(`web-${index}`));
    const look = (workload: StoredWorkload, ledger: Ledger): void => {
      const others = room.of(workload);
      const observed = {
        ...observing(found({})),
        workload,
        policies,
        sources: new Map(sources),
        ledger,
        ...(others && { others }),
      };
      const plan = decide(observed, T0 + SECOND);
      assert.ok(plan.type === 'Act');
      room.decided(observed, plan);
    };
    for (const each of all) look(each, aLedger({ flag: 'a' }));
    assert.equal(asked.whoIsBound, 0, 'nothing is due');
    sources.set('ConfigMap/app', edited({ flag: 'b' }, T0));
    for (const each of all) look(each, aLedger({ flag: 'a' }));
    assert.equal(asked.whoIsBound, 1);
    assert.deepEqual(moved, []);
    add('web-3', { resourceVersion: '2', labels: { app: 'another' } });
    for (const each of all) look(each, aLedger({ flag: 'a' }));
    assert.equal(asked.whoIsBound, 2, 'it may be bound otherwise');
  });
});

describe('one that waits', () => {
  it('is told when it is known that nothing changed for the one before it', () => {
    const { add, decided, moved, sources } = aScene({ policies: [sequential] });
    const [api, web] = [add('api'), add('web')];
    decided(api, {});
    decided(web, {});
    sources.set('ConfigMap/app', edited({ flag: 'b' }, T0));
    // It is looked at first, when nothing is known of the other yet.
    decided(web, held('WaitingForEarlier'));
    moved.length = 0;
    decided(api, {});
    assert.deepEqual(moved, [['web']]);
    decided(api, {});
    assert.equal(moved.length, 1, 'nothing has moved');
  });
});

describe('the limit of a cluster', () => {
  const policies = [storedPolicy(), storedPolicy({ namespace: 'other' })];
  it('counts all namespaces, but not the one that asks', () => {
    const { room, add, decided } = aScene({ policies, limit: 2 });
    const [web, api, far] = [add('web'), add('api'), add('far', { namespace: 'other' })];
    for (const each of [web, api, far]) decided(each, { restart: aRestart() });
    assert.deepEqual(room.of(web)?.cluster, { limit: 2, inProgress: 2 });
    decided(far, {});
    assert.deepEqual(room.of(web)?.cluster, { limit: 2, inProgress: 1 });
  });

  it('gives a place back that the API server has refused', () => {
    const { room, add, decided } = aScene({ policies, limit: 1 });
    const [web, api] = [add('web'), add('api')];
    decided(web, held('ConcurrencyLimit'));
    decided(api, {}, { restart: {} } as Partial<Decided>);
    assert.equal(room.of(web)?.cluster?.inProgress, 1);
    room.refused(api);
    assert.equal(room.of(web)?.cluster?.inProgress, 0);
  });

  it('counts what a process before this one has begun, also where it is in no record', () => {
    const { room, add, ledgers } = aScene({ policies, limit: 5 });
    const web = add('web');
    const [recorded, unrecorded, done] = [
      add('recorded'),
      add('unrecorded', { annotation: { n: 3, digest: 'x', ours: true } }),
      add('done'),
    ];
    add('unbound');
    ledgers.set(workloadKey(recorded), aLedger({}, { restart: aRestart() }));
    ledgers.set(workloadKey(unrecorded), aLedger({}, { restart: aRestart({ n: 2, phase: 'Succeeded' }) }));
    ledgers.set(workloadKey(done), aLedger({}, { restart: aRestart({ phase: 'Succeeded' }) }));
    assert.equal(room.of(web)?.cluster?.inProgress, 2);
  });
});

// -- histories: decisions and the room together, over several workloads of one policy

interface Running {
  workload: StoredWorkload;
  /** What its pods run on, and what a rollout is about to bring. */
  runs: string;
  rolling: string | undefined;
  startedAt: number;
  pending: Pending | undefined;
}

class Several {
  now = T0;
  flag = 'ok-0';
  readonly all = new Map<string, Running>();
  readonly #scene: ReturnType<typeof aScene>;
  #room: OthersRoom;
  readonly #policy: StoredPolicy;
  readonly #line = new Set<string>();
  readonly #due = new Map<string, number>();
  readonly #limit: number;
  readonly #judge: (several: Several, name: string, ledger: Ledger | undefined) => void;
  #version = 1;

  constructor(
    policy: StoredPolicy,
    names: readonly string[],
    limit: number,
    judge: (several: Several, name: string, ledger: Ledger | undefined) => void,
  ) {
    this.#policy = policy;
    this.#limit = limit;
    this.#judge = judge;
    this.#scene = aScene({ policies: [policy], limit });
    this.#room = this.#scene.room;
    this.#scene.sources.set('ConfigMap/app', found({ flag: this.flag }));
    for (const name of names) {
      const workload = this.#scene.add(name);
      this.all.set(name, {
        workload,
        runs: this.flag,
        rolling: undefined,
        startedAt: T0 - 60 * SECOND,
        pending: undefined,
      });
    }
    this.#lookAtAll();
  }

  edit(flag: string): void {
    this.flag = flag;
    this.#scene.sources.set('ConfigMap/app', edited({ flag }, this.now));
    this.#lookAtAll();
  }

  /** The process dies, and another one knows what is recorded, and what the cluster shows. */
  restartOperator(): void {
    const ledgers = new Map(this.#scene.ledgers);
    const scene = aScene({ policies: [this.#policy], limit: this.#limit });
    for (const [key, ledger] of ledgers) scene.ledgers.set(key, ledger);
    for (const [name, running] of this.all) {
      running.pending = undefined;
      scene.workloads.upsert(running.workload);
      assert.ok(this.all.has(name));
    }
    Object.assign(this.#scene, scene);
    this.#room = scene.room;
    this.#scene.sources.set('ConfigMap/app', found({ flag: this.flag }, { changedAt: this.now }));
    this.#line.clear();
    this.#due.clear();
    this.#lookAtAll();
  }

  /** The rollout of one comes to its end, whatever that is. */
  finish(name: string): void {
    const running = this.all.get(name);
    if (running?.rolling === undefined) return;
    // Containers start on what is there then.
    if (this.flag.startsWith('bad')) {
      this.#shape(running, { deadlineExceeded: 'has timed out progressing' }, false);
    } else {
      running.runs = this.flag;
      running.rolling = undefined;
      running.startedAt = this.now;
      this.#shape(running, {}, true);
    }
    this.#line.add(name);
    this.#work();
  }

  advance(ms: number): void {
    this.now += ms;
    for (const [name, at] of this.#due) if (at <= this.now) this.#line.add(name);
    this.#work();
  }

  ledger(name: string): Ledger | undefined {
    return this.#scene.ledgers.get(`Deployment/shop/${name}`);
  }

  #shape(running: Running, more: object, complete: boolean, annotation = running.workload.annotation): void {
    this.#version += 1;
    running.workload = {
      ...running.workload,
      resourceVersion: String(this.#version),
      ...(annotation !== undefined && { annotation }),
      rollout: deployment({ status: { replicas: 2, updated: complete ? 2 : 1, available: complete ? 2 : 1 }, ...more }),
    };
    this.#scene.workloads.upsert(running.workload);
  }

  #lookAtAll(): void {
    for (const name of this.all.keys()) this.#line.add(name);
    this.#work();
  }

  #work(): void {
    for (let looks = 0; this.#line.size > 0; looks++) {
      assert.ok(looks < 500, 'it never comes to rest');
      // Nobody says in which order they come.
      const name = [...this.#line].at(looks % 3 === 1 ? 0 : -1) ?? '';
      this.#line.delete(name);
      this.#look(name);
      for (const waiting of this.#scene.moved.splice(0)) for (const each of waiting) this.#line.add(each);
    }
  }

  #look(name: string): void {
    const running = this.all.get(name);
    assert.ok(running !== undefined);
    const { workload, pending, startedAt } = running;
    const ledger = this.ledger(name);
    const base: Observed = {
      workload,
      templateSeenAt: 0,
      policies: [this.#policy],
      complete: true,
      sources: new Map(this.#scene.sources),
      ...(ledger !== undefined && { ledger }),
      ...(pending !== undefined && { pending }),
    };
    const others = (): Pick<Observed, 'others'> => {
      const of = this.#room.of(workload);
      return of === undefined ? {} : { others: of };
    };
    let observed = { ...base, ...others() };
    let plan = decide(observed, this.now);
    if (plan.type === 'LookAtPods') {
      observed = {
        ...base,
        ...others(),
        pods: [aPod(startedAt), aPod(startedAt, 'web-2')],
        reports: [],
        podsSeenAt: this.now,
      };
      plan = decide(observed, this.now);
    }
    assert.ok(plan.type === 'Act');
    this.#room.decided(observed, plan);
    running.pending = plan.pending;
    let next = plan.ledger;
    this.#due.delete(name);
    if (plan.requeueAfterMs !== undefined) this.#due.set(name, this.now + plan.requeueAfterMs);
    if (plan.restart !== undefined) {
      this.#judge(this, name, ledger);
      running.rolling = this.flag;
      running.pending = undefined;
      this.#shape(running, {}, false, parseRestartAnnotation(plan.restart.value, true));
      next = restartIssued(next, plan.restart, running.workload, this.now);
      this.#line.add(name);
    }
    this.#scene.ledgers.set(workloadKey(workload), next);
  }
}

type Step =
  | { readonly type: 'Edit'; readonly bad: boolean }
  | { readonly type: 'Finish'; readonly who: number }
  | { readonly type: 'Advance' }
  | { readonly type: 'Crash' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('Edit' as const), bad: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('Finish' as const), who: fc.nat(4) }) },
  { weight: 6, arbitrary: fc.constant({ type: 'Advance' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'Crash' as const }) },
);

const NAMES = ['a', 'b', 'c', 'd', 'e'];

describe('workloads that wait for each other', () => {
  const run = (
    policy: StoredPolicy,
    limit: number,
    steps: readonly Step[],
    judge: (several: Several, name: string, ledger: Ledger | undefined) => void,
  ): void => {
    const several = new Several(policy, NAMES, limit, judge);
    let edits = 0;
    for (const each of steps) {
      if (each.type === 'Edit') several.edit(`${each.bad ? 'bad' : 'ok'}-${(edits += 1)}`);
      else if (each.type === 'Finish') several.finish(NAMES[each.who] ?? '');
      else if (each.type === 'Crash') several.restartOperator();
      else several.advance(SECOND);
    }
    // Whatever has happened, content that is well reaches all of them.
    several.edit('ok-last');
    for (let round = 0; round < 20; round++) {
      several.advance(SECOND);
      NAMES.forEach((name) => {
        several.finish(name);
      });
    }
    for (const [name, { runs }] of several.all)
      assert.equal(
        runs,
        'ok-last',
        `${name}: ${JSON.stringify(several.ledger(name))} ${JSON.stringify(several.all.get(name))}`,
      );
  };

  /** It is the way out of a failure. */
  const isCure = (ledger: Ledger | undefined): boolean =>
    ledger?.restart?.phase === 'Failed' || ledger?.restart?.phase === 'TimedOut';

  it('never overtake the order, and all arrive', () => {
    const waves = [0, 0, 1, 1, 2];
    fc.assert(
      fc.property(fc.constantFrom('Sequential', 'Parallel'), fc.array(step, { maxLength: 40 }), (order, steps) => {
        const policy = storedPolicy({
          defaultClass: 'Restart',
          workloads: NAMES.map((name, index) => ({ kind: 'Deployment', name, wave: waves[index] ?? 0 })),
          gates: aGate({ order }),
        });
        run(policy, 0, steps, (several, name, ledger) => {
          if (isCure(ledger)) return;
          const at = NAMES.indexOf(name);
          const earlier = NAMES.filter((_, index) =>
            order === 'Sequential' ? index < at : (waves[index] ?? 0) < (waves[at] ?? 0),
          );
          for (const each of earlier) {
            const { runs, rolling } = several.all.get(each) ?? {};
            assert.deepEqual([runs, rolling], [several.flag, undefined], `${name} overtakes ${each}`);
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it('are never more at a time than a limit allows, of the policy or of the cluster', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.array(step, { maxLength: 40 }),
        (most, ofCluster, steps) => {
          const policy = storedPolicy({
            defaultClass: 'Restart',
            gates: aGate(ofCluster ? {} : { maxConcurrent: most }),
          });
          run(policy, ofCluster ? most : 0, steps, (several, name) => {
            const busy = [...several.all].filter(
              ([each, { rolling, workload }]) =>
                each !== name &&
                rolling !== undefined &&
                !(workload.rollout.kind === 'Deployment' && workload.rollout.deadlineExceeded !== undefined),
            );
            assert.ok(busy.length < most, `${name} begins beside ${busy.map(([each]) => each).join()}`);
          });
        },
      ),
      { numRuns: 150 },
    );
  });
});
