import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SECRET_SETTLES_MS, standings, type LiveSource, type WaitInput } from '../../../src/cli/wait-state.ts';
import type { StoredPolicy, StoredRecord } from '../../../src/controller/ports.ts';
import { combineDigests } from '../../../src/domain/digest.ts';
import type { Ledger, Workload } from '../../../src/domain/observed.ts';
import type { Delivery } from '../../../src/domain/proof.ts';
import { recordStatusOf } from '../../../src/domain/record.ts';
import {
  aLedger,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  aDelivery,
  changed,
  digestsOf,
  found,
  rule,
  T0,
} from '../../support/builders.ts';

const OLD = { flag: 'a', hot: 'a' };
const NEW = { flag: 'b', hot: 'b' };
const LIVE: LiveSource = {
  kind: 'ConfigMap',
  name: 'app',
  namespace: 'shop',
  labels: { tier: 'front' },
  ignored: false,
  stateFor: () => found(NEW),
  changedBefore: T0,
};

const policy = (more: Partial<StoredPolicy> = {}): StoredPolicy => ({
  ...aPolicy(),
  resourceVersion: '1',
  status: {},
  ...more,
});

const record = (ledger: Ledger, of: Workload = aWorkload()): StoredRecord => ({
  namespace: 'shop',
  name: 'deployment-web',
  uid: 'uid-record',
  resourceVersion: '1',
  workloadUid: of.uid,
  workload: of,
  status: recordStatusOf(ledger),
});

const seen = (more: Partial<WaitInput> = {}): readonly string[] =>
  standings({
    sources: [LIVE],
    policies: [policy()],
    workloads: [aWorkload()],
    records: [record(aLedger(OLD))],
    now: T0,
    ...more,
  }).map(({ state, message }) => `${state} ${message}`);

const withLedger = (more: Partial<Ledger>, content = OLD): readonly string[] =>
  seen({ records: [record(aLedger(content, more))] });

describe('the wait for the content of a ConfigMap', () => {
  it('is over when every record has exactly that', () => {
    assert.deepEqual(withLedger({}, NEW), ['Done done']);
    assert.deepEqual(withLedger({ restart: aRestart({ phase: 'Succeeded' }) }, NEW), ['Done done']);
  });

  it('looks through a live object to the source', () => {
    const rendering = policy({
      delivery: {
        ...aPolicy().delivery,
        objects: [
          {
            name: 'app-live',
            source: { kind: 'ConfigMap', name: 'app' },
            workloads: [{ kind: 'Deployment', name: 'web' }],
          },
        ],
      },
    });
    const workload = aWorkload({
      uses: aWorkload().uses.map((use) => ({ ...use, source: { kind: 'ConfigMap', name: 'app-live' } })),
    });
    const found = (more: Partial<WaitInput>): readonly string[] => seen({ workloads: [workload], ...more });
    assert.deepEqual(found({ policies: [rendering] }), ['Waiting not applied yet']);
    assert.deepEqual(found({ policies: [rendering], records: [record(aLedger(NEW))] }), ['Done done']);
    assert.deepEqual(found({}), []);
  });

  it('goes on while nothing is known of it, or a part of it is not done', () => {
    assert.deepEqual(seen({ records: [] }), ['Waiting the operator has not recorded it yet']);
    assert.deepEqual(withLedger({}), ['Waiting not applied yet']);
    assert.deepEqual(withLedger({}, { ...NEW, flag: 'a' }), ['Waiting not applied yet']);
    assert.deepEqual(withLedger({ applied: new Map() }), ['Waiting the operator has not recorded the source yet']);
    const recreated = record(aLedger(NEW), aWorkload({ uid: 'earlier' }));
    assert.deepEqual(seen({ records: [recreated] }), ['Waiting the operator has not recorded it yet']);
  });

  it('goes on while a restart is under way, with it or before it', () => {
    assert.deepEqual(withLedger({ restart: aRestart({ changes: changed(NEW) }) }), ['Waiting restart 1 is under way']);
    assert.deepEqual(withLedger({ restart: aRestart({ changes: changed({ flag: 'c' }) }) }, NEW), [
      'Waiting restart 1 is under way',
    ]);
    assert.deepEqual(withLedger({ restart: aRestart({ changes: changed({ x: 'c' }, 'ConfigMap/other') }) }, NEW), [
      'Done done',
    ]);
  });

  it('ends when that restart has failed, or is stopped by somebody', () => {
    const changes = changed(NEW);
    const failed = aRestart({ phase: 'TimedOut', reason: 'ProgressTimeout', message: '1 of 2', changes });
    assert.deepEqual(withLedger({ restart: failed }), ['Failed restart 1: ProgressTimeout: 1 of 2']);
    assert.deepEqual(withLedger({ restart: aRestart({ reason: 'Paused', message: 'paused', changes }) }), [
      'Held restart 1: Paused: paused',
    ]);
    const foreign = aRestart({ phase: 'Failed', reason: 'NotCarried', message: 'no', changes });
    assert.deepEqual(withLedger({ restart: foreign }), ['Waiting not applied yet']);
  });

  it('goes on after the failure of other content', () => {
    assert.deepEqual(withLedger({ restart: aRestart({ phase: 'Failed', changes: changed({ flag: 'x' }) }) }), [
      'Waiting not applied yet',
    ]);
  });

  it('goes on after the failure of a part of it: the rest asks for another restart', () => {
    const two = [aPolicy({ rules: [], defaultClass: 'Restart' })].map((each) => policy(each));
    const failed = aRestart({ phase: 'Failed', reason: 'ProgressDeadlineExceeded', changes: changed({ flag: 'b' }) });
    assert.deepEqual(seen({ policies: two, records: [record(aLedger(OLD, { restart: failed }))] }), [
      'Waiting not applied yet',
    ]);
  });

  it('is not about what nobody acts on', () => {
    const careless = [policy({ rules: [rule('flag', 'Ignore')] })];
    const records = [record(aLedger({ ...NEW, flag: 'a' }))];
    assert.deepEqual(seen({ policies: careless, records }), ['Done done']);
  });

  it('ends when exactly it is held', () => {
    const held = {
      since: T0,
      reason: 'Suspended',
      message: 'policy app is suspended',
      changes: changed({ flag: 'b' }),
    };
    assert.deepEqual(withLedger({ held }), ['Held Suspended: policy app is suspended']);
    assert.deepEqual(withLedger({ held: { ...held, changes: changed({ flag: 'x' }) } }), ['Waiting not applied yet']);
  });

  it('goes on where it waits for others, which are about to get on, and ends at what they failed of', () => {
    const held = { since: T0, message: 'x', changes: changed({ flag: 'b' }) };
    const cases = [
      ['WaitingForEarlier', 'Waiting'],
      ['ConcurrencyLimit', 'Waiting'],
      ['EarlierFailed', 'Held'],
      ['OutsideWindow', 'Held'],
      ['BudgetExhausted', 'Held'],
    ] as const;
    for (const [reason, state] of cases)
      assert.deepEqual(withLedger({ held: { ...held, reason } }), [`${state} ${reason}: x`]);
  });

  it('ends when a hot change is held, as far as the status is about it', () => {
    const status = {
      observedGeneration: 1,
      sources: [{ kind: 'ConfigMap', name: 'app', state: 'Present', digest: combineDigests(digestsOf(NEW)) }],
      workloads: [
        {
          group: 'apps',
          kind: 'Deployment',
          name: 'web',
          state: 'Blocked',
          reason: 'ImmutableRecreated',
          message: 'why',
        },
      ],
    } as const;
    assert.deepEqual(
      seen({
        policies: [policy({ status: { ...status, sources: [...status.sources], workloads: [...status.workloads] } })],
      }),
      ['Held ImmutableRecreated: why'],
    );
    const earlier = [{ ...status.sources[0], digest: combineDigests(digestsOf(OLD)) }];
    assert.deepEqual(
      seen({ policies: [policy({ status: { ...status, sources: earlier, workloads: [...status.workloads] } })] }),
      ['Waiting not applied yet'],
    );
  });

  it('ends when the content is invalid, and not while the report is about earlier content', () => {
    const invalid = (content: typeof OLD): StoredPolicy =>
      policy({
        status: {
          sources: [
            {
              kind: 'ConfigMap',
              name: 'app',
              state: 'Invalid',
              digest: combineDigests(digestsOf(content)),
              problems: ['flag is no number'],
            },
          ],
        },
      });
    assert.deepEqual(seen({ policies: [invalid(NEW)] }), ['Held its content is invalid: flag is no number']);
    assert.deepEqual(seen({ policies: [invalid(OLD)] }), ['Waiting not applied yet']);
  });

  it('goes on until what was sent is proven, and ends when it was not in time', () => {
    const open = aDelivery();
    const withDelivery = (more: Partial<Delivery>): readonly string[] =>
      withLedger({ delivery: { ...open, ...more } }, NEW);
    assert.deepEqual(withDelivery({}), ['Waiting not known to be Loaded in every pod yet']);
    assert.deepEqual(withDelivery({ message: 'policy app is suspended' }), [
      'Held to be Loaded: policy app is suspended',
    ]);
    assert.deepEqual(withDelivery({ phase: 'TimedOut', message: '1 of 2 pods not Loaded' }), [
      'Failed ProofTimeout: 1 of 2 pods not Loaded',
    ]);
    assert.deepEqual(withDelivery({ phase: 'Succeeded', askAgainAt: T0 }), ['Done done']);
    assert.deepEqual(withDelivery({ changes: changed({ x: 'c' }, 'ConfigMap/other') }), ['Done done']);
    // It is about content that is not even sent.
    assert.deepEqual(withLedger({ delivery: open }), ['Waiting not applied yet']);
  });

  it('goes on while a restart replaces pods that run on other content', () => {
    assert.deepEqual(withLedger({ restart: aRestart() }, NEW), ['Waiting restart 1 is under way']);
    assert.deepEqual(withLedger({ restart: aRestart({ phase: 'Failed', reason: 'Reverted', message: 'why' }) }, NEW), [
      'Failed restart 1: Reverted: why',
    ]);
    const foreign = aRestart({ phase: 'Failed', reason: 'NotCarried' });
    assert.deepEqual(withLedger({ restart: foreign }, NEW), ['Done done']);
  });

  it('is about bound workloads that read it, and policies that name it', () => {
    const other = aWorkload({
      name: 'other',
      uid: 'other',
      uses: [aUse({ source: { kind: 'ConfigMap', name: 'x' } })],
    });
    const ignored = aWorkload({ name: 'ignored', uid: 'ignored', ignored: true });
    assert.deepEqual(seen({ workloads: [other, ignored] }), []);
    const unbound = [policy({ sources: [{ kind: 'Secret', name: 'app' }] })];
    assert.deepEqual(seen({ policies: unbound }), [
      'Unbound no policy of the namespace names it: nothing will ever be done',
    ]);
    const bySelector = policy({
      sources: [],
      sourceSelectors: [{ kind: 'ConfigMap', selector: { matchLabels: { tier: 'front' } } }],
    });
    assert.deepEqual(seen({ policies: [bySelector] }), ['Waiting not applied yet']);
    assert.deepEqual(seen({ sources: [{ ...LIVE, ignored: true }] }), ['Held it is opted out by annotation']);
  });
});

describe('the wait for the content of a Secret', () => {
  const { stateFor: _, ...secret } = { ...LIVE, kind: 'Secret' as const };
  const names = [{ kind: 'Secret' as const, name: 'app' }];
  const uses = [aUse({ source: names[0] ?? LIVE })];
  const reported = (content: typeof OLD): StoredPolicy =>
    policy({
      sources: names,
      status: {
        sources: [{ kind: 'Secret', name: 'app', state: 'Present', digest: combineDigests(digestsOf(content)) }],
      },
    });
  const asked = (content: typeof OLD, more: Partial<WaitInput> = {}): readonly string[] =>
    seen({
      sources: [secret],
      policies: [reported(content)],
      workloads: [aWorkload({ uses })],
      records: [record(aLedger(OLD, { applied: new Map([['Secret/app', digestsOf(NEW)]]) }))],
      now: T0 + SECRET_SETTLES_MS,
      ...more,
    });

  it('is over when the records have what the operator reported, once it has had the time to', () => {
    assert.deepEqual(asked(NEW), ['Done done']);
    assert.deepEqual(asked(OLD), ['Waiting not applied yet']);
    assert.deepEqual(asked(NEW, { now: T0 + SECRET_SETTLES_MS - 1 }), ['Waiting the operator has not reported it yet']);
    assert.deepEqual(asked(NEW, { policies: [reported(NEW), reported(OLD)] }), [
      'Waiting the operator has not reported it yet',
    ]);
  });
});
