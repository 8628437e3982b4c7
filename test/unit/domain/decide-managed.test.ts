import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide } from '../../../src/domain/decide.ts';
import { digestKeys, macKey, macScheme, type Digest } from '../../../src/domain/digest.ts';
import type { Plan } from '../../../src/domain/effects.ts';
import type { Live } from '../../../src/domain/live.ts';
import type { Failed, Ledger, Observed } from '../../../src/domain/observed.ts';
import {
  aGate,
  aLedger,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  changed,
  deployment,
  digestsOf,
  edited,
  observing,
  rule,
  SECOND,
  T0,
  type Content,
} from '../../support/builders.ts';

type Act = Extract<Plan, { readonly type: 'Act' }>;

const act = (observed: Observed): Act => {
  const plan = decide(observed, T0);
  assert.equal(plan.type, 'Act');
  return plan;
};

const live = (content: Content, more: Partial<Extract<Live, { readonly state: 'Present' }>> = {}): Live => ({
  state: 'Present',
  name: 'app-live',
  uid: 'uid-live',
  resourceVersion: '1',
  keys: digestsOf(content),
  snapshot: 1,
  ours: true,
  ...more,
});

const managed = (source: Content, is: Live, more: Partial<Observed> = {}): Observed => ({
  ...observing(edited(source, T0 - 10 * SECOND)),
  live: new Map([['ConfigMap/app', is]]),
  ledger: aLedger({ flag: 'a', hot: 'a' }),
  ...more,
});

/** One that has gone back to snapshot 1 from content that failed. */
const goneBack = (content: Content, more: Partial<Failed> = {}): Ledger => {
  const failed: Failed = {
    n: 1,
    digest: 'digest-1',
    at: T0 - 2 * SECOND,
    reason: 'CrashLoopBackOff',
    undo: {
      mode: 'Rollback',
      phase: 'InProgress',
      at: T0 - SECOND,
      snapshots: [{ source: 'ConfigMap/app', object: 'app-live', number: 1 }],
    },
    changes: changed({ flag: 'b' }),
    ...more,
  };
  const restart = aRestart({ phase: 'Failed', reason: failed.reason, changes: new Map() });
  return aLedger(content, { failed, restart });
};

const begun: Ledger = aLedger(
  { flag: 'a', hot: 'a' },
  {
    intent: {
      n: 1,
      digest: 'digest-b',
      at: T0 - SECOND,
      snapshots: [{ source: 'ConfigMap/app', object: 'app-live', number: 2 }],
      keys: ['ConfigMap/app:flag'],
      changes: changed({ flag: 'b' }),
    },
  },
);

const UNREAD: Live = { state: 'Unknown', name: 'app-live', message: 'forbidden' };

describe('a workload that reads a live object', () => {
  it('is nudged for a hot key when the live object has it, and not before', () => {
    const source = { flag: 'a', hot: 'b' };
    assert.equal(act(managed(source, live({ flag: 'a', hot: 'a' }))).nudge, undefined);
    assert.deepEqual(act(managed(source, live(source))).nudge?.changes, changed({ hot: 'b' }));
  });

  it('takes its live object along with a restart', () => {
    const plan = act(managed({ flag: 'b', hot: 'a' }, live({ flag: 'a', hot: 'a' })));
    assert.deepEqual(plan.restart?.live, ['ConfigMap/app']);
  });

  it('completes what has begun with its own content, whatever holds and whatever has changed since', () => {
    const policies = [aPolicy({ suspended: true })];
    const plan = act(managed({ flag: 'c', hot: 'a' }, live({ flag: 'a', hot: 'a' }), { ledger: begun, policies }));
    assert.equal(plan.restart?.value, 'v1.1.digest-b');
    assert.deepEqual(plan.restart.changes, changed({ flag: 'b' }));
    assert.deepEqual(plan.restart.begun, begun.intent);
  });

  it('has begun it no second time where the template shows it already', () => {
    const annotation = { n: 1, digest: 'digest-b', ours: true };
    const workload = aWorkload({ annotation, annotationValue: 'v1.1.digest-b' });
    const plan = act(
      managed({ flag: 'b', hot: 'a' }, live({ flag: 'b', hot: 'a' }, { snapshot: 2 }), { ledger: begun, workload }),
    );
    assert.equal(plan.restart, undefined);
    assert.equal(plan.ledger.intent, undefined);
    assert.equal(plan.ledger.restart?.n, 1);
  });

  it('takes what its live object holds as applied where nothing is recorded', () => {
    const { ledger: _none, ...observed } = managed({ flag: 'b', hot: 'a' }, live({ flag: 'a', hot: 'a' }));
    assert.deepEqual(act(observed).ledger.applied.get('ConfigMap/app'), digestsOf({ flag: 'a', hot: 'a' }));
  });

  describe('where what is recorded can not be compared any more', () => {
    const DB = { kind: 'Secret', name: 'db' } as const;
    const macs = (key: number, content: Content): ReadonlyMap<string, Digest> =>
      digestKeys(content, {}, macScheme(macKey(new Uint8Array(32).fill(key)), 'shop', 'Secret', 'db'));
    const rekeyed = (is: Live, more: Partial<Observed> = {}): Observed => ({
      ...managed({}, is),
      workload: aWorkload({ uses: [aUse({ source: DB, key: 'flag', way: 'Env' })] }),
      policies: [aPolicy({ sources: [DB] })],
      sources: new Map([['Secret/db', edited({}, T0 - 10 * SECOND, { keys: macs(2, { flag: 'b' }) })]]),
      live: new Map([['Secret/db', is]]),
      ledger: aLedger({}, { applied: new Map([['Secret/db', macs(1, { flag: 'a' })]]) }),
      ...more,
    });

    it('goes by what its live object holds', () => {
      const plan = act(rekeyed(live({}, { keys: macs(2, { flag: 'a' }) })));
      assert.deepEqual(plan.restart?.changes.get('Secret/db'), macs(2, { flag: 'b' }));
      assert.deepEqual(plan.ledger.applied.get('Secret/db'), macs(2, { flag: 'a' }));
    });

    it('leaves all as it is until that has been read', () => {
      for (const is of [live({}, { keys: macs(1, { flag: 'a' }) }), UNREAD]) {
        const plan = act(rekeyed(is));
        assert.equal(plan.restart, undefined);
        assert.deepEqual(plan.ledger.applied.get('Secret/db'), macs(1, { flag: 'a' }));
      }
    });

    it('takes nothing over where nothing is recorded and it can not be read', () => {
      const { ledger: _none, ...observed } = rekeyed(UNREAD);
      assert.equal(act(observed).ledger.applied.has('Secret/db'), false);
    });
  });

  it('is blocked where the object is not ours', () => {
    const trouble = { reason: 'NotOurs', message: 'app-live is not ours' } as const;
    const plan = act(managed({ flag: 'b', hot: 'b' }, live({ flag: 'x' }, { ours: false, trouble })));
    assert.deepEqual(
      [plan.restart, plan.nudge, plan.verdict.state, plan.verdict.reason],
      [undefined, undefined, 'Blocked', 'NotOurs'],
    );
  });

  it('follows another that shares the object and has begun, though its own gates are shut by now', () => {
    const ahead = live({ flag: 'b', hot: 'a' }, { snapshot: 2 });
    const first = managed({ flag: 'b', hot: 'a' }, ahead, { ledger: begun });
    const policies = [aPolicy({ suspended: true })];
    const plan = act(managed({ flag: 'b', hot: 'a' }, ahead, { sharers: [first], policies }));
    assert.deepEqual(plan.restart?.changes, changed({ flag: 'b' }));
    // By itself an object that is ahead is somebody's edit.
    assert.equal(act(managed({ flag: 'b', hot: 'a' }, ahead, { policies })).restart, undefined);
  });

  it('takes its live object along when content comes back while other content is on its way', () => {
    const restart = aRestart({ changes: changed({ flag: 'b' }) });
    const ledger = aLedger({ flag: 'a', hot: 'a' }, { restart });
    const is = live({ flag: 'b', hot: 'a' }, { snapshot: 2 });
    const back = managed({ flag: 'a', hot: 'a' }, is, { ledger, pods: [], reports: [] });
    assert.deepEqual(act(back).restart?.live, ['ConfigMap/app']);
  });

  it('follows nobody who has put something into the object, though another that shares it is ahead by a hot key', () => {
    const source = { flag: 'b', hot: 'b' };
    const theirs = live({ flag: 'theirs', hot: 'b' });
    const policies = [aPolicy({ suspended: true })];
    const sharer = managed(source, theirs, { ledger: aLedger({ flag: 'a', hot: 'b' }) });
    assert.equal(act(managed(source, theirs, { sharers: [sharer], policies })).restart, undefined);
  });

  it('goes back when its restart fails, and does not follow another that still has what failed on its way', () => {
    const restart = aRestart({ phase: 'Failed', reason: 'CrashLoopBackOff', changes: changed({ flag: 'b' }) });
    const annotation = { n: 1, digest: 'digest-1', ours: true };
    const failing = deployment({ status: { replicas: 3, updated: 1, available: 2 } });
    const own: Partial<Observed> = {
      policies: [aPolicy({ gates: aGate({ onFailure: 'Rollback' }) })],
      workload: aWorkload({ annotation, annotationValue: 'v1.1.digest-1', rollout: failing }),
      ledger: aLedger({ flag: 'a', hot: 'a' }, { restart }),
      pods: [],
      reports: [],
    };
    const is = live({ flag: 'b', hot: 'a' }, { snapshot: 2 });
    const { phase: _failed, reason: _crash, ...issued } = restart;
    const under = aLedger({ flag: 'a', hot: 'a' }, { restart: { ...issued, phase: 'InProgress' } });
    const sharer = managed({ flag: 'b', hot: 'a' }, is, { ledger: under });
    const plan = act(managed({ flag: 'b', hot: 'a' }, is, { ...own, sharers: [sharer] }));
    assert.deepEqual([plan.restart, plan.undo?.live], [undefined, ['ConfigMap/app']]);
  });

  it('follows another that shares the object and has gone back, though its own restart is still under way', () => {
    const restart = aRestart({ issuedAt: T0 - SECOND, changes: changed({ flag: 'b' }) });
    const annotation = { n: 1, digest: 'digest-1', ours: true };
    const is = live({ flag: 'a', hot: 'a' });
    const plan = act(
      managed({ flag: 'b', hot: 'a' }, is, {
        workload: aWorkload({
          annotation,
          annotationValue: 'v1.1.digest-1',
          rollout: deployment({ status: { replicas: 3, updated: 1, available: 2 } }),
        }),
        ledger: aLedger({ flag: 'a', hot: 'a' }, { restart }),
        sharers: [managed({ flag: 'b', hot: 'a' }, is, { ledger: goneBack({ flag: 'a', hot: 'a' }) })],
      }),
    );
    assert.equal(plan.restart?.n, 2);
    assert.deepEqual(plan.restart.begun?.snapshots, [{ source: 'ConfigMap/app', object: 'app-live', number: 1 }]);
  });

  it('does not follow what somebody has put back to what another that shares it still runs on', () => {
    const restart = aRestart({ issuedAt: T0 - SECOND, changes: changed({ flag: 'b' }) });
    const workload = aWorkload({
      annotation: { n: 1, digest: 'digest-1', ours: true },
      annotationValue: 'v1.1.digest-1',
      rollout: deployment({ status: { replicas: 3, updated: 1, available: 2 } }),
    });
    const is = live({ flag: 'a', hot: 'a' }, { snapshot: 2 });
    const source = { flag: 'b', hot: 'a' };
    const ledger = aLedger({ flag: 'a', hot: 'a' }, { restart });
    assert.equal(act(managed(source, is, { workload, ledger, sharers: [managed(source, is)] })).restart, undefined);
  });

  it('does not follow another onto what failed here', () => {
    const is = live({ flag: 'b', hot: 'a' }, { snapshot: 2 });
    const source = { flag: 'b', hot: 'a' };
    // As the record names it: by the content that it was restarted for.
    const { digest = '' } = act(managed(source, live({ flag: 'a', hot: 'a' }))).restart ?? {};
    const ledger = goneBack({ flag: 'a', hot: 'a' }, { digest });
    const sharers = [managed(source, is, { ledger: begun })];
    const plan = act(managed(source, is, { ledger, sharers, pods: [], reports: [] }));
    assert.equal(plan.restart, undefined);
  });

  it('gives up what has begun where another that shares the object goes back from it', () => {
    const is = live({ flag: 'b', hot: 'a' }, { snapshot: 2 });
    const source = { flag: 'b', hot: 'a' };
    const sharer = (ledger: Ledger): Observed => managed(source, is, { ledger });
    const cases: readonly (readonly [string, Ledger, boolean])[] = [
      ['from the same content', goneBack({ flag: 'a', hot: 'a' }, { at: T0 - 5 * SECOND }), true],
      [
        'later, from other content',
        goneBack({ flag: 'a', hot: 'a' }, { at: T0, changes: changed({ flag: 'x' }) }),
        true,
      ],
      [
        'before, from other content',
        goneBack({ flag: 'a', hot: 'a' }, { at: T0 - 5 * SECOND, changes: changed({ flag: 'x' }) }),
        false,
      ],
      ['not at all', aLedger({ flag: 'a', hot: 'a' }), false],
    ];
    for (const [what, ledger, isVoid] of cases) {
      const plan = act(managed(source, is, { ledger: begun, sharers: [sharer(ledger)] }));
      assert.equal(plan.ledger.intent === undefined, isVoid, what);
    }
  });

  it('keeps what it delivers while policies only observe, and lets the change go through the gates when they enforce', () => {
    const is = live({ flag: 'a', hot: 'a' });
    const source = { flag: 'b', hot: 'a' };
    const observes = { policies: [aPolicy({ observes: true })] };
    const observed = act(managed(source, is, observes));
    assert.deepEqual([observed.restart, observed.ledger.held?.reason], [undefined, 'Observing']);
    assert.match(observed.ledger.held?.message ?? '', /only observes: app-live stays as it is until mode is Enforce/);
    assert.deepEqual(observed.ledger.applied.get('ConfigMap/app'), digestsOf({ flag: 'a', hot: 'a' }));
    // Said once.
    const again = act(managed(source, is, { ...observes, ledger: observed.ledger }));
    assert.deepEqual([again.ledger, again.notices], [observed.ledger, []]);
    const world = managed(source, is, { ledger: observed.ledger });
    const enforced = act(world);
    assert.equal(enforced.restart ?? enforced.requeueAfterMs, 500, 'a debounce from when it was let go');
    const { pending } = enforced;
    const later = decide({ ...world, ledger: enforced.ledger, ...(pending !== undefined && { pending }) }, T0 + SECOND);
    assert.equal(later.type === 'Act' && later.restart?.n, 1);
  });

  it('is held by its own policy alone: one that observes beside it moves nothing of what it delivers', () => {
    const is = live({ flag: 'a', hot: 'a' });
    const other = { kind: 'ConfigMap', name: 'other' } as const;
    const policies = [
      aPolicy({ name: 'observing', observes: true }),
      aPolicy({ name: 'enforcing', sources: [other], rules: [rule('*', 'Restart')] }),
    ];
    const plan = act(managed({ flag: 'b', hot: 'a' }, is, { policies }));
    assert.deepEqual([plan.restart, plan.notices], [undefined, []]);
  });

  it('waits for the gates of another that shares the object', () => {
    const now = live({ flag: 'a', hot: 'a' });
    const paused = managed({ flag: 'b', hot: 'a' }, now, { policies: [aPolicy({ suspended: true })] });
    const plan = act(managed({ flag: 'b', hot: 'a' }, now, { sharers: [paused] }));
    assert.equal(plan.restart, undefined);
    assert.match(plan.ledger.held?.message ?? '', /Deployment web, which shares it: .*suspended/);
  });
});
