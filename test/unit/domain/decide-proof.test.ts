/** Hot changes that are to be proven: what is sent is one thing, that pods run on it another. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import type { HistoryEntry, Policy } from '../../../src/domain/observed.ts';
import type { HotPolicy, PodProof, ProofProgress } from '../../../src/domain/proof.ts';
import { aPolicy, aUse, changed, digestsOf, HOUR, MINUTE, rule, SECOND, T0 } from '../../support/builders.ts';
import { World, type WorldOptions } from '../../support/world.ts';

const A = { flag: 'a', hot: 'a' };
const HOT_B = { flag: 'a', hot: 'b' };
const HOT_C = { flag: 'a', hot: 'c' };
const BOTH_B = { flag: 'b', hot: 'b' };

const HTTP = { port: 'http', path: '/-/reload' };
const LOADED: HotPolicy = { proof: 'Loaded', timeoutMs: 30 * SECOND, onTimeout: 'Report', notify: HTTP };
const proving = (hot: Partial<HotPolicy> = {}, more: Partial<Policy> = {}): Policy =>
  aPolicy({ hot: { ...LOADED, ...hot }, ...more });
const aWorld = (hot: Partial<HotPolicy> = {}, more: WorldOptions = {}): World =>
  new World({ policies: [proving(hot)], ...more });

/** `Hot Succeeded/Loaded`, newest first. */
const told = (world: World): readonly string[] => (world.ledger()?.history ?? []).map(words);
const words = ({ action, outcome, reason }: HistoryEntry): string => `${action} ${outcome}/${reason ?? ''}`;
const phase = (world: World): string | undefined => world.ledger()?.delivery?.phase;
const standing = (world: World): string => `${world.state() ?? ''}/${world.reason() ?? ''}`;

describe('a hot change that is to be proven', () => {
  it('counts as sent at once, and as done when every pod is', () => {
    const world = aWorld().application('Refuses').edit(HOT_B);
    assert.deepEqual(world.ledger()?.applied.get('ConfigMap/app'), digestsOf(HOT_B));
    assert.deepEqual(
      [world.nudges, phase(world), standing(world), told(world)],
      [1, 'InProgress', 'Reloading/Proving', []],
    );
    assert.equal(
      world.verdict?.message,
      '0 of 2 pods Loaded: ConfigMap/app:hot; web-2: container main: 422; web-3: container main: 422',
    );
    world.application('Loads');
    assert.deepEqual(
      [phase(world), standing(world), told(world)],
      [undefined, 'UpToDate/UpToDate', ['Hot Succeeded/Loaded']],
    );
    assert.equal(world.ledger()?.history[0]?.pods, 2);
    assert.equal(world.nudges, 1);
  });

  for (const [what, hot, reason] of [
    ['Loaded', {}, 'Loaded'],
    ['Mounted', { proof: 'Mounted' }, 'Mounted'],
    ['to be accepted', { proof: 'Nudged' }, 'Notified'],
  ] as const) {
    it(`is told by the proof that is demanded: ${what}`, () => {
      assert.deepEqual(told(aWorld(hot).edit(HOT_B)), [`Hot Succeeded/${reason}`]);
    });
  }

  it('asks for what the policies say, about whole keys as they are now', () => {
    const other = { port: 'admin', path: '/reload' };
    const policies = [
      proving({ proof: 'Mounted', timeoutMs: 10 * SECOND }, { name: 'a' }),
      proving({ notify: other, timeoutMs: MINUTE }, { name: 'b' }),
      // Neither of them has anything to do with it.
      proving({ notify: { port: 'x', path: '/' } }, { name: 'c', sources: [{ kind: 'ConfigMap', name: 'other' }] }),
      proving({ notify: { port: 'y', path: '/' } }, { name: 'd', observes: true }),
    ];
    const world = new World({ policies }).application('Refuses').edit(HOT_B);
    const order = world.proving();
    assert.deepEqual([order?.proof, order?.effort, order?.startedAt], ['Loaded', 'Pursue', T0]);
    assert.deepEqual(order?.targets, [HTTP, other]);
    assert.deepEqual(order.expected, changed({ hot: 'b' }));
    // The shortest time counts.
    world.advance(10 * SECOND);
    assert.equal(phase(world), 'TimedOut');
  });

  it('is done where no pod runs', () => {
    assert.deepEqual(told(aWorld({}, { replicas: 0 }).edit(HOT_B)), ['Hot Succeeded/NoPods']);
  });

  it('needs no proof where no policy asks for one, and says so as ever', () => {
    const world = new World().edit(HOT_B);
    assert.deepEqual([told(world), world.orders, phase(world)], [['Hot Succeeded/Nudged'], [], undefined]);
  });

  it('expects of a document its present bytes, also while other places of it move', () => {
    const shape: WorldOptions['shape'] = ({ flag = '', hot = '' }) => ({ 'app.yaml': `hot: ${hot}\nflag: ${flag}\n` });
    const policies = [
      proving({}, { rules: [{ keys: ['*.yaml'], paths: ['/flag'], class: 'Restart' }], debounceMs: MINUTE }),
    ];
    const world = new World({ policies, workload: { uses: [aUse()] }, shape }).application('Refuses').edit(HOT_B);
    const before = world.proving();
    assert.deepEqual(before?.expected, changed({ 'app.yaml': 'hot: b\nflag: a\n' }));
    world.edit(BOTH_B);
    assert.deepEqual(world.proving()?.expected, changed({ 'app.yaml': 'hot: b\nflag: b\n' }));
    assert.equal(world.proving()?.digest, before.digest);
  });

  it('is expected to be gone where the key is', () => {
    assert.deepEqual(
      aWorld().application('Refuses').edit({ flag: 'a' }).proving()?.expected,
      changed({ hot: undefined }),
    );
  });
});

describe('a newer hot change', () => {
  it('takes over what is not proven yet, and the latest of each key', () => {
    const three = { ...A, x: 'a' };
    const world = aWorld({}, { content: three })
      .application('Refuses')
      .edit({ ...three, hot: 'b' });
    const first = world.proving();
    world.advance(20 * SECOND).edit({ ...three, hot: 'b', x: 'b' });
    assert.deepEqual(world.proving()?.expected, changed({ hot: 'b', x: 'b' }));
    assert.notEqual(world.proving()?.digest, first?.digest);
    // Its time runs anew.
    world.advance(20 * SECOND);
    assert.equal(phase(world), 'InProgress');
    world.edit({ ...three, hot: 'c', x: 'b' });
    assert.deepEqual(world.proving()?.expected, changed({ hot: 'c', x: 'b' }));
    world.application('Loads');
    assert.deepEqual(told(world), ['Hot Succeeded/Loaded']);
    assert.deepEqual(world.ledger()?.history[0]?.keys, ['ConfigMap/app:hot', 'ConfigMap/app:x']);
  });

  it('takes over what was not proven in time', () => {
    const three = { ...A, x: 'a' };
    const world = aWorld({}, { content: three })
      .application('Refuses')
      .edit({ ...three, hot: 'b' })
      .advance(MINUTE)
      .edit({ ...three, hot: 'b', x: 'b' });
    assert.deepEqual([phase(world), world.proving()?.expected], ['InProgress', changed({ hot: 'b', x: 'b' })]);
  });

  it('of a source that nobody wants proven leaves the other alone', () => {
    const other = aPolicy({ name: 'other', sources: [{ kind: 'ConfigMap', name: 'other' }] });
    const uses = [aUse(), aUse({ source: { kind: 'ConfigMap', name: 'other' } })];
    const world = new World({ sources: { other: { y: 'a' } }, policies: [proving(), other], workload: { uses } })
      .application('Refuses')
      .edit(HOT_B)
      .edit({ y: 'b' }, { name: 'other' });
    assert.deepEqual([phase(world), told(world)], ['InProgress', ['Hot Succeeded/Nudged']]);
    assert.deepEqual(world.proving()?.expected, changed({ hot: 'b' }));
  });

  it('that comes back to the earlier content is one to be proven, too', () => {
    const world = aWorld().application('Refuses').edit(HOT_B).edit(A);
    assert.deepEqual(world.proving()?.expected, changed({ hot: 'a' }));
    world.application('Loads');
    assert.deepEqual([phase(world), told(world)], [undefined, ['Hot Succeeded/Loaded']]);
  });
});

describe('a proof that takes too long', () => {
  const late = (hot: Partial<HotPolicy> = {}): World =>
    aWorld(hot)
      .application('Refuses')
      .edit(HOT_B)
      .advance(30 * SECOND);

  it('is reported once, with the pods and why', () => {
    const world = late();
    assert.deepEqual([standing(world), told(world)], ['TimedOut/ProofTimeout', ['Hot TimedOut/ProofTimeout']]);
    assert.equal(world.verdict?.about, 'Hot');
    const message = 'after 30s 2 of 2 pods not Loaded: web-2: container main: 422; web-3: container main: 422';
    assert.equal(world.verdict.message, message);
    assert.deepEqual(
      world.notices.map(({ severity, reason, note }) => [severity, reason, note]),
      [['Warning', 'ProofTimedOut', `ConfigMap/app:hot: ${message}`]],
    );
    const writes = world.recordWrites;
    world.advance(10 * MINUTE);
    assert.deepEqual(
      [world.nudges, world.restarts.length, world.recordWrites, world.notices.length],
      [1, 0, writes, 1],
    );
  });

  it('is not over a moment before', () => {
    const world = aWorld()
      .application('Refuses')
      .edit(HOT_B)
      .advance(30 * SECOND - 1);
    assert.equal(phase(world), 'InProgress');
    world.application('Loads').advance(MINUTE);
    assert.deepEqual(told(world), ['Hot Succeeded/Loaded']);
  });

  it('goes on to be watched, and heals by itself', () => {
    const world = late();
    assert.equal(world.proving()?.effort, 'Watch');
    world.application('Loads');
    assert.deepEqual(
      [standing(world), phase(world), told(world)],
      ['UpToDate/UpToDate', undefined, ['Hot Succeeded/Loaded', 'Hot TimedOut/ProofTimeout']],
    );
    assert.deepEqual(
      world.notices.map(({ reason }) => reason),
      ['ProofTimedOut', 'HotReloadProven'],
    );
  });

  it('restarts once where a policy says so, and says why', () => {
    const world = late({ onTimeout: 'Restart' });
    assert.deepEqual([world.restarts.length, phase(world), standing(world)], [1, undefined, 'Restarting/Progressing']);
    assert.match(
      world.restarts[0]?.cause ?? '',
      /^ConfigMap\/app:hot: after 30s 2 of 2 pods not Loaded: web-2: container main: 422; /,
    );
    assert.deepEqual(told(world), ['Hot TimedOut/ProofTimeout']);
    assert.match(world.ledger()?.history[0]?.message ?? '', /; restart 1 carries it$/);
    world.finishRollout().advance(10 * MINUTE);
    assert.deepEqual([world.restarts.length, world.nudges, standing(world)], [1, 1, 'UpToDate/UpToDate']);
    assert.equal(told(world)[0], 'Restart Succeeded/Complete');
  });

  it('restarts once though the operator dies of it', () => {
    const world = aWorld({ onTimeout: 'Restart' }).application('Refuses').edit(HOT_B);
    world.dieAfterRestart = true;
    world.advance(30 * SECOND).start();
    assert.deepEqual([world.restarts.length, phase(world), world.proving()], [1, undefined, undefined]);
    assert.equal(told(world)[0], 'Hot InProgress/Superseded');
    world
      .advance(MINUTE)
      .finishRollout()
      .advance(10 * MINUTE);
    assert.deepEqual([world.restarts.length, phase(world), standing(world)], [1, undefined, 'UpToDate/UpToDate']);
  });

  it('waits with its restart for what holds restarts, and is proven meanwhile where it can be', () => {
    const world = aWorld({ onTimeout: 'Restart' }).pause(true).application('Refuses').edit(HOT_B).advance(MINUTE);
    assert.deepEqual([world.restarts.length, standing(world)], [0, 'Blocked/Paused']);
    assert.match(world.verdict?.message ?? '', /restart due since not proven in time: 0 of 2 pods Loaded.*paused/);
    assert.equal(world.verdict?.delivery?.phase, 'TimedOut');
    const writes = world.recordWrites;
    world.advance(10 * MINUTE);
    assert.equal(world.recordWrites, writes);
    world
      .application('Loads')
      .pause(false)
      .advance(10 * MINUTE);
    assert.deepEqual([world.restarts.length, told(world)], [0, ['Hot Succeeded/Loaded']]);
  });

  it('restarts when what held it is gone', () => {
    const world = aWorld({ onTimeout: 'Restart' }).pause(true).application('Refuses').edit(HOT_B).advance(MINUTE);
    world.pause(false);
    assert.equal(world.restarts.length, 1);
  });

  it('does not restart for an edit of the policy after the report', () => {
    const world = late();
    world.policy({ hot: { ...LOADED, onTimeout: 'Restart' } }).advance(MINUTE);
    assert.deepEqual([world.restarts.length, standing(world)], [0, 'TimedOut/ProofTimeout']);
  });

  it('is tried anew when what is demanded changes: the port may have been wrong', () => {
    const world = late().policy({ hot: { ...LOADED, notify: { port: 'admin', path: '/' } } });
    assert.deepEqual(
      [phase(world), world.proving()?.effort, world.proving()?.targets[0]?.port],
      ['InProgress', 'Pursue', 'admin'],
    );
    assert.equal(world.nudges, 1);
  });

  it('says so where pods could not even be listed', () => {
    const world = aWorld();
    world.listable = false;
    world.edit(HOT_B).advance(30 * SECOND);
    assert.match(world.verdict?.message ?? '', /^after 30s not known to be Loaded: the pods could not be listed$/);
  });

  it('lets a rollout come to its end before it does anything', () => {
    const world = aWorld({ onTimeout: 'Restart' })
      .application('Refuses')
      .edit({ flag: 'b', hot: 'a' })
      .advance(500)
      .edit(BOTH_B)
      .advance(MINUTE);
    assert.deepEqual([world.restarts.length, phase(world)], [1, 'InProgress']);
    world.finishRollout().advance(MINUTE);
    assert.deepEqual([world.restarts.length, told(world)[0], phase(world)], [1, 'Hot Succeeded/Loaded', undefined]);
  });
});

describe('an application that accepts without telling', () => {
  it('is asked once more when every kubelet has looked by itself', () => {
    const world = aWorld().application('Accepts').edit(HOT_B);
    assert.deepEqual(
      [phase(world), standing(world), told(world)],
      ['Succeeded', 'UpToDate/UpToDate', ['Hot Succeeded/Loaded']],
    );
    assert.equal(world.proving(), undefined);
    world.advance(94 * SECOND);
    assert.deepEqual([phase(world), world.proving()], ['Succeeded', undefined]);
    world.advance(SECOND);
    assert.deepEqual(
      world.orders.map((order) => order?.effort),
      ['Pursue', undefined, 'AskAgain', undefined],
    );
    assert.deepEqual([phase(world), told(world)], [undefined, ['Hot Succeeded/Loaded']]);
  });

  it('is not waited for for ever, nor reported when it refuses then', () => {
    const world = aWorld()
      .application('Accepts')
      .edit(HOT_B)
      .application('Refuses')
      .advance(95 * SECOND);
    assert.equal(world.proving()?.effort, 'AskAgain');
    world.advance(30 * SECOND);
    assert.deepEqual(
      [phase(world), standing(world), told(world)],
      [undefined, 'UpToDate/UpToDate', ['Hot Succeeded/Loaded']],
    );
  });

  it('is asked though the operator was down at that time', () => {
    const world = aWorld()
      .application('Accepts')
      .edit(HOT_B)
      .crash()
      .advance(10 * MINUTE)
      .start();
    assert.deepEqual(
      world.orders.map((order) => order?.effort),
      ['Pursue', undefined, 'AskAgain', undefined],
    );
    assert.equal(phase(world), undefined);
  });

  it('is not asked again when it accepts so late that every kubelet has looked by itself', () => {
    const world = aWorld()
      .application('Refuses')
      .edit(HOT_B)
      .advance(95 * SECOND)
      .application('Accepts');
    assert.deepEqual([phase(world), told(world)], [undefined, ['Hot Succeeded/Loaded', 'Hot TimedOut/ProofTimeout']]);
    assert.deepEqual(
      world.orders.map((order) => order?.effort),
      ['Pursue', 'Watch', undefined],
    );
  });

  it('is not asked again where a newer change takes its place', () => {
    const world = aWorld().application('Accepts').edit(HOT_B).application('Refuses').edit(HOT_C);
    assert.deepEqual([phase(world), world.proving()?.expected], ['InProgress', changed({ hot: 'c' })]);
  });
});

describe('what was found out', () => {
  const pods: readonly PodProof[] = [{ name: 'web-1', reached: 'Nudged', done: false }];
  const progress = (world: World, more: Partial<ProofProgress>): ProofProgress => ({
    digest: world.ledger()?.delivery?.digest ?? '',
    listed: true,
    pods,
    blind: false,
    askedAgain: false,
    ...more,
  });

  it('about another delivery counts for nothing', () => {
    const world = aWorld().application('Refuses').edit(HOT_B);
    const pod = { name: 'web-1', reached: 'Loaded', done: true } as const;
    const after = (proof: ProofProgress): string | undefined => {
      const plan = decide({ ...world.observed(), proof }, world.now);
      assert.equal(plan.type, 'Act');
      return plan.ledger.delivery?.phase;
    };
    assert.equal(after(progress(world, { digest: 'other', pods: [pod] })), 'InProgress');
    assert.equal(after(progress(world, { pods: [pod] })), undefined);
  });

  it('before it was held is no reason to time out when it goes on', () => {
    const world = aWorld().application('Refuses').edit(HOT_B).policy({ suspended: true });
    const observed = world.observed();
    const policies = observed.policies.map((policy) => ({ ...policy, suspended: false }));
    const plan = decide({ ...observed, policies, proof: progress(world, {}) }, world.now + HOUR);
    assert.equal(plan.type, 'Act');
    const { phase: now, startedAt, message } = plan.ledger.delivery ?? {};
    assert.deepEqual([now, startedAt, message], ['InProgress', world.now + HOUR, undefined]);
  });
});

describe('what is to be proven', () => {
  const open = (hot: Partial<HotPolicy> = {}, more: WorldOptions = {}): World =>
    aWorld(hot, more).application('Refuses').edit(HOT_B);

  it('waits while a policy is suspended, and its time with it', () => {
    const world = open({ onTimeout: 'Restart' }).policy({ suspended: true });
    assert.deepEqual([world.proving(), standing(world)], [undefined, 'Held/Suspended']);
    assert.equal(world.verdict?.hotHold?.message, 'to be Loaded: ConfigMap/app:hot: policy policy is suspended');
    const writes = world.recordWrites;
    world.advance(10 * MINUTE);
    assert.deepEqual([world.recordWrites, world.restarts.length, told(world)], [writes, 0, []]);
    world.policy({ suspended: false }).advance(29 * SECOND);
    assert.deepEqual([world.restarts.length, standing(world)], [0, 'Reloading/Proving']);
    world.advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('waits while content is refused: pods are told nothing then', () => {
    const validation = [{ keys: ['hot'], maxBytes: 1 }];
    const world = aWorld({}, { policies: [proving({}, { validation })] })
      .application('Refuses')
      .edit(HOT_B);
    world.edit({ ...A, hot: 'too long' });
    assert.deepEqual([world.proving(), standing(world)], [undefined, 'Blocked/SourceInvalid']);
    world
      .advance(10 * MINUTE)
      .application('Loads')
      .edit(HOT_C);
    assert.deepEqual(told(world), ['Hot Succeeded/Loaded']);
  });

  it('waits while its source is gone, or can not be read', () => {
    const world = open().remove();
    assert.deepEqual([world.proving(), standing(world)], [undefined, 'Blocked/SourceMissing']);
    world
      .advance(10 * MINUTE)
      .application('Loads')
      .edit(HOT_B);
    assert.deepEqual(told(world), ['Hot Succeeded/Loaded']);
    const unread = open();
    unread.unreadable.add('app');
    unread
      .crash()
      .start()
      .advance(10 * MINUTE);
    assert.deepEqual([unread.proving(), standing(unread)], [undefined, 'Blocked/SourceUnreadable']);
  });

  for (const [what, change] of [
    ['no policy wants it proven any more', { hot: { proof: 'Nudged', timeoutMs: 1_000, onTimeout: 'Report' } }],
    ['its policy only observes', { observes: true }],
    ['its policy names the source no more', { sources: [{ kind: 'ConfigMap', name: 'other' }] }],
  ] as const) {
    it(`is forgotten without a word when ${what}`, () => {
      const world = open().policy(change).advance(MINUTE);
      assert.deepEqual([phase(world), world.proving(), told(world), world.notices], [undefined, undefined, [], []]);
    });
  }

  it('is only said where a policy observes', () => {
    const world = aWorld({}, { policies: [proving({}, { observes: true })] }).edit(HOT_B);
    assert.deepEqual(
      [world.nudges, world.orders, phase(world), told(world)],
      [0, [], undefined, ['Hot Observed/Observed']],
    );
  });

  it('is carried by a restart for other changes, and that is said', () => {
    const world = open().edit(BOTH_B).advance(500);
    assert.deepEqual([world.restarts.length, phase(world), told(world)], [1, undefined, ['Hot InProgress/Superseded']]);
    assert.equal(world.proving(), undefined);
  });

  it('has its whole time again when another process takes over', () => {
    const world = open({ onTimeout: 'Restart' })
      .advance(20 * SECOND)
      .crash()
      .advance(10 * MINUTE)
      .start();
    assert.deepEqual([world.restarts.length, phase(world), world.proving()?.effort], [0, 'InProgress', 'Pursue']);
    world.advance(29 * SECOND);
    assert.equal(world.restarts.length, 0);
    world.advance(SECOND);
    assert.equal(world.restarts.length, 1);
  });

  it('is nothing at first sight', () => {
    const world = aWorld().application('Refuses').advance(MINUTE);
    assert.deepEqual([world.orders, phase(world), standing(world)], [[], undefined, 'Adopted/Adopted']);
  });

  it('is not forgotten while a policy can not be understood', () => {
    const world = open();
    // Whether one that is not among them wants it proven can't be told then.
    const look = (complete: boolean): string | undefined => {
      const plan = decide({ ...world.observed(), policies: [aPolicy()], complete }, world.now + HOUR);
      assert.equal(plan.type, 'Act');
      assert.equal(plan.prove, undefined);
      return plan.ledger.delivery?.phase;
    };
    assert.deepEqual([look(false), look(true)], ['InProgress', undefined]);
  });

  it('goes by the keys that are hot: others are restarted for as ever', () => {
    const world = aWorld({}, { policies: [proving({}, { rules: [rule('flag', 'Restart')] })] })
      .edit(BOTH_B)
      .advance(500);
    assert.deepEqual([world.restarts.length, world.nudges, world.orders], [1, 0, []]);
  });
});
