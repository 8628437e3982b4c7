/** A policy's status: what its workloads, records and sources come to. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DocumentParts } from '../../../src/domain/documents.ts';
import { STATUS_LIMITS } from '../../../src/api/v1alpha1/limits.ts';
import { reloadPolicyStatusSchema } from '../../../src/api/v1alpha1/schema.ts';
import type { ReloadPolicyStatus } from '../../../src/api/v1alpha1/types.ts';
import type { DeliveryVerdict, Verdict } from '../../../src/domain/effects.ts';
import type { HistoryEntry, Policy, Source } from '../../../src/domain/observed.ts';
import type { Delivery, PodProof, ProofProgress } from '../../../src/domain/proof.ts';
import { deliveryVerdict } from '../../../src/domain/proof-words.ts';
import { policyStatus, type PolicyReport, type WorkloadReport } from '../../../src/domain/status.ts';
import {
  aLedger,
  aPolicy,
  aRestart,
  aUse,
  aWorkload,
  aDelivery,
  aGate,
  changed,
  found,
  MINUTE,
  SECOND,
  T0,
} from '../../support/builders.ts';

const NOW = new Date(T0).toISOString();
const PRESENT = found({ flag: 'a', hot: 'a' });

/** All that the source holds, and in an init container a key that it lacks. */
const NEEDING = [aUse(), aUse({ key: 'gone', way: 'Env', container: 'setup', init: true })];

const verdict = (state: Verdict['state'], reason: string = state, more: Partial<Verdict> = {}): Verdict => ({
  state,
  reason,
  message: '',
  counts: { hot: 1, restart: 1 },
  impossible: [],
  impossibleCount: more.impossible?.length ?? 0,
  ...more,
});

const aReport = (standing: Verdict = verdict('UpToDate'), more: Partial<WorkloadReport> = {}): WorkloadReport => ({
  workload: aWorkload(),
  verdict: standing,
  ledger: aLedger({ flag: 'a', hot: 'a' }),
  ...more,
});

const statusOf = (
  more: Partial<Omit<PolicyReport, 'sources' | 'policy'>> & {
    readonly source?: Source;
    readonly policy?: Partial<Policy> & { readonly invalid?: string };
  } = {},
): ReloadPolicyStatus => {
  const { source = PRESENT, policy = {}, ...rest } = more;
  const status = policyStatus({
    policy: aPolicy(policy),
    before: {},
    workloads: [aReport()],
    sources: new Map([['ConfigMap/app', source]]),
    unreadable: [],
    now: NOW,
    ...rest,
    ...('invalid' in policy && { policy: { ...aPolicy(policy), invalid: policy.invalid ?? '' } }),
  });
  reloadPolicyStatusSchema.parse(JSON.parse(JSON.stringify(status)));
  return status;
};

/** `Ready=True/UpToDate`, for the conditions that a case is about. */
const told = ({ conditions = [] }: ReloadPolicyStatus, ...types: readonly string[]): readonly string[] =>
  conditions
    .filter(({ type }) => types.length === 0 || types.includes(type))
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`);

const entry = (more: Partial<HistoryEntry> = {}): HistoryEntry => ({
  time: T0,
  action: 'Restart',
  outcome: 'Succeeded',
  reason: 'Complete',
  keys: ['ConfigMap/app:flag'],
  pods: 2,
  ...more,
});

const REFUSED = { key: 'app.yaml', path: '/port', rule: 2, message: 'must be at most 65535 (schema: maximum)' };
const UNREAD: DocumentParts = {
  policies: ['policy'],
  fingerprints: ['x'],
  parts: new Map(),
  residues: new Map(),
  error: 'line 1, column 2: not closed',
};

describe('what is wrong with content', () => {
  const invalid = statusOf({ source: found({}, { problems: new Map([['policy', [REFUSED]]]) }) });
  const sentence = 'app.yaml at /port must be at most 65535 (schema: maximum) (validation 2)';

  it('is one readable sentence, with key, place and rule, and stalls the policy', () => {
    const message = invalid.conditions?.find(({ type }) => type === 'SourcesValid')?.message;
    assert.equal(message, `ConfigMap/app: ${sentence}`);
    assert.deepEqual(told(invalid, 'Ready', 'Stalled'), ['Ready=False/SourceInvalid', 'Stalled=True/SourceInvalid']);
    assert.deepEqual(
      invalid.sources?.map(({ state, problems }) => [state, problems]),
      [['Invalid', [sentence]]],
    );
  });

  it('tells how a document counts that does not parse, and is no reason to stop', () => {
    const status = statusOf({ source: found({}, { documents: new Map([['a.yaml', UNREAD]]) }) });
    const problem = 'a.yaml counts as a whole until it parses: line 1, column 2: not closed';
    assert.deepEqual(
      status.sources?.map(({ state, problems }) => [state, problems]),
      [['Present', [problem]]],
    );
    assert.deepEqual(told(status, 'Ready'), ['Ready=True/UpToDate']);
  });

  it('can not be told by a schema that the owner of a Secret has not allowed: that is said', () => {
    const source = found({}, { schemasBarred: true });
    const said = (validation: NonNullable<Policy['validation']>): string =>
      statusOf({ source, policy: { validation } }).conditions?.find(({ type }) => type === 'SourcesValid')?.message ??
      '';
    assert.match(
      said([{ keys: ['*'], schema: '{}' }]),
      /no schema is applied to ConfigMap\/app without the annotation/,
    );
    assert.doesNotMatch(said([{ keys: ['*'], format: 'JSON' }]), /schema/);
  });

  it('stands beside what policies disagree about, as many as fit', () => {
    const conflicts = Array.from(
      { length: 30 },
      (_, index) => `ConfigMap/app:${index}: Hot by policy a, Restart by policy b`,
    );
    const status = statusOf({ workloads: [aReport(verdict('UpToDate', 'UpToDate', { conflicts }))] });
    assert.deepEqual(status.workloads?.[0]?.conflicts, conflicts.slice(0, STATUS_LIMITS.conflicts));
  });
});

describe('the conditions of a policy', () => {
  const SUMMARY = ['Ready', 'Reconciling', 'Stalled'];
  const missingWorkload = { workloads: [{ kind: 'Deployment', name: 'gone' }] } as const;
  for (const [what, status, expected] of [
    ['everything is up to date', statusOf(), ['Ready=True/UpToDate']],
    ['nothing is bound', statusOf({ workloads: [] }), ['Ready=True/NoWorkloads']],
    [
      'a change is debounced',
      statusOf({ workloads: [aReport(verdict('Pending', 'Debouncing'))] }),
      ['Ready=False/Progressing', 'Reconciling=True/Debouncing'],
    ],
    [
      'pods are nudged',
      statusOf({ workloads: [aReport(verdict('Reloading', 'Nudging'))] }),
      ['Ready=False/Progressing', 'Reconciling=True/Nudging'],
    ],
    [
      'a rollout is under way',
      statusOf({ workloads: [aReport(verdict('Restarting', 'Progressing'))] }),
      ['Ready=False/Progressing', 'Reconciling=True/Progressing'],
    ],
    ['the policy is suspended', statusOf({ policy: { suspended: true } }), ['Ready=True/Suspended']],
    [
      'another policy holds the change',
      statusOf({ workloads: [aReport(verdict('Held', 'Suspended'))] }),
      ['Ready=True/Held'],
    ],
    [
      'a window is waited for',
      statusOf({ workloads: [aReport(verdict('Held', 'OutsideWindow'))] }),
      ['Ready=True/Held'],
    ],
    [
      'a budget is used up',
      statusOf({ workloads: [aReport(verdict('Held', 'BudgetExhausted'))] }),
      ['Ready=False/BudgetExhausted', 'Stalled=True/BudgetExhausted'],
    ],
    ['a restart is blocked', statusOf({ workloads: [aReport(verdict('Blocked', 'Paused'))] }), ['Ready=True/Blocked']],
    [
      'a rollout failed',
      statusOf({ workloads: [aReport(verdict('Failed', 'ProgressDeadlineExceeded'))] }),
      ['Ready=False/RolloutFailed', 'Stalled=True/RolloutFailed'],
    ],
    [
      'a rollout timed out',
      statusOf({ workloads: [aReport(verdict('TimedOut', 'ProgressTimeout'))] }),
      ['Ready=False/RolloutTimedOut', 'Stalled=True/RolloutTimedOut'],
    ],
    [
      'one failed while another is under way',
      statusOf({
        workloads: [
          aReport(verdict('Restarting')),
          aReport(verdict('Failed'), { workload: aWorkload({ name: 'other' }) }),
        ],
      }),
      ['Ready=False/RolloutFailed', 'Stalled=True/RolloutFailed'],
    ],
    [
      'one is blocked while another is under way',
      statusOf({
        workloads: [
          aReport(verdict('Blocked')),
          aReport(verdict('Restarting'), { workload: aWorkload({ name: 'other' }) }),
        ],
      }),
      ['Ready=False/Progressing', 'Reconciling=True/Progressing'],
    ],
    ['the source is missing', statusOf({ source: { state: 'Missing' } }), ['Ready=False/SourceMissing']],
    [
      'the source can not be read',
      statusOf({ source: { state: 'Unknown', message: 'no' } }),
      ['Ready=False/SourceUnreadable'],
    ],
    ['a workload is missing', statusOf({ policy: missingWorkload, workloads: [] }), ['Ready=False/WorkloadMissing']],
    [
      'a right is missing',
      statusOf({ unreadable: ['statefulsets: no'] }),
      ['Ready=False/Forbidden', 'Stalled=True/Forbidden'],
    ],
    [
      'a right to restart is missing',
      statusOf({ workloads: [aReport(verdict('Error', 'Forbidden'))] }),
      ['Ready=False/Forbidden', 'Stalled=True/Forbidden'],
    ],
    [
      'something else went wrong',
      statusOf({ workloads: [aReport(verdict('Error', 'Error'))] }),
      ['Ready=False/Error', 'Reconciling=True/Retrying'],
    ],
    [
      'the stored spec is none',
      statusOf({ policy: { invalid: 'bad' }, workloads: [] }),
      ['Ready=False/InvalidSpec', 'Stalled=True/InvalidSpec'],
    ],
  ] as const) {
    it(`sum up: ${what}`, () => {
      assert.deepEqual(told(status, ...SUMMARY), expected);
    });
  }

  it('say that a bound workload reads none of the sources, which is no failure', () => {
    const status = statusOf({ workloads: [aReport(verdict('Adopted'), { workload: aWorkload({ uses: [] }) })] });
    assert.deepEqual(told(status, ...SUMMARY), ['Ready=True/UpToDate']);
    assert.deepEqual(
      status.workloads?.map(({ state, reason }) => [state, reason]),
      [['Unmatched', 'NotConsuming']],
    );
  });

  for (const [what, status, expected] of [
    ['valid', statusOf(), 'SourcesValid=True/Valid'],
    ['missing', statusOf({ source: { state: 'Missing' } }), 'SourcesValid=False/SourceMissing'],
    ['unreadable', statusOf({ source: { state: 'Unknown', message: 'no' } }), 'SourcesValid=False/SourceUnreadable'],
    ['opted out', statusOf({ source: { state: 'Ignored' } }), 'SourcesValid=False/SourceIgnored'],
    [
      'lacking a key',
      statusOf({ workloads: [aReport(verdict('UpToDate'), { workload: aWorkload({ uses: NEEDING }) })] }),
      'SourcesValid=False/RequiredKeyMissing',
    ],
    [
      'refused by the policy',
      statusOf({ source: found({}, { problems: new Map([['policy', [REFUSED]]]) }) }),
      'SourcesValid=False/SourceInvalid',
    ],
    [
      'refused by another policy alone',
      statusOf({ source: found({}, { problems: new Map([['other', [REFUSED]]]) }) }),
      'SourcesValid=True/Valid',
    ],
    [
      'a document that does not parse',
      statusOf({ source: found({}, { documents: new Map([['a.yaml', UNREAD]]) }) }),
      'SourcesValid=False/DocumentUnreadable',
    ],
    [
      'recreated though immutable',
      statusOf({ workloads: [aReport(verdict('Blocked', 'ImmutableRecreated'))] }),
      'SourcesValid=False/ImmutableRecreated',
    ],
  ] as const) {
    it(`tell of the sources: ${what}`, () => {
      assert.deepEqual(told(status, 'SourcesValid'), [expected]);
    });
  }

  describe('tell what pods will not start without, though nothing is due', () => {
    const needing = (more: Parameters<typeof statusOf>[0] = {}, standing = verdict('UpToDate')): ReloadPolicyStatus =>
      statusOf({ workloads: [aReport(standing, { workload: aWorkload({ uses: NEEDING }) })], ...more });
    const messageOf = ({ conditions = [] }: ReloadPolicyStatus): string | undefined =>
      conditions.find(({ type }) => type === 'SourcesValid')?.message;

    it('with workload, container and key, and without a look of being blocked', () => {
      const status = needing();
      assert.equal(
        messageOf(status),
        "Deployment/web: ConfigMap/app lacks the key gone that init container setup requires: pods can't start without it",
      );
      assert.deepEqual(told(status, 'Ready', 'RolledOut'), ['Ready=True/UpToDate', 'RolledOut=True/NoChange']);
      assert.equal(status.workloads?.[0]?.state, 'UpToDate');
    });

    it('where the source is gone', () => {
      assert.equal(
        messageOf(needing({ source: { state: 'Missing' } })),
        'ConfigMap/app: not found in this namespace; ' +
          "Deployment/web: ConfigMap/app is missing, which container main requires: pods can't start without it",
      );
    });

    it('not of a workload that is opted out, of another source, or of one of which nothing is known', () => {
      assert.deepEqual(told(needing({}, verdict('Ignored')), 'SourcesValid'), ['SourcesValid=True/Valid']);
      assert.deepEqual(told(needing({ source: { state: 'Ignored' } }), 'SourcesValid'), [
        'SourcesValid=False/SourceIgnored',
      ]);
      assert.deepEqual(told(needing({ source: { state: 'Unknown', message: 'no' } }), 'SourcesValid'), [
        'SourcesValid=False/SourceUnreadable',
      ]);
      const uses = [aUse(), aUse({ source: { kind: 'Secret', name: 'app' }, key: 'gone' })];
      const other = statusOf({ workloads: [aReport(verdict('UpToDate'), { workload: aWorkload({ uses }) })] });
      assert.deepEqual(told(other, 'SourcesValid'), ['SourcesValid=True/Valid']);
    });

    it('not of what is optional', () => {
      const uses = [aUse({ optional: true }), aUse({ key: 'gone', way: 'Env', optional: true })];
      const workloads = [aReport(verdict('UpToDate'), { workload: aWorkload({ uses }) })];
      assert.deepEqual(told(statusOf({ workloads }), 'SourcesValid'), ['SourcesValid=True/Valid']);
      assert.equal(
        messageOf(statusOf({ workloads, source: { state: 'Missing' } })),
        'ConfigMap/app: not found in this namespace',
      );
    });

    it('a few of many', () => {
      const uses = ['a', 'b', 'c', 'd', 'e'].map((key) => aUse({ key, way: 'Env' }));
      const status = statusOf({
        source: found({}),
        workloads: [aReport(verdict('UpToDate'), { workload: aWorkload({ uses }) })],
      });
      assert.match(messageOf(status) ?? '', /key a .*key b .*key c .* and 2 more$/);
    });
  });

  const managed = aPolicy({
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
  const readyMessage = ({ conditions = [] }: ReloadPolicyStatus): string =>
    conditions.find(({ type }) => type === 'Ready')?.message ?? '';

  it('say which workload does not mount what is rendered for it, however well it stands', () => {
    const said =
      'no container reads ConfigMap app-live, which is rendered for it: mount it in the place of ConfigMap/app, which kubelets deliver whatever the operator decides';
    const status = statusOf({ policy: managed });
    assert.deepEqual(status.workloads?.[0]?.notes, [said]);
    assert.equal(readyMessage(status), `1 workload up to date; Deployment/web: ${said}`);
    const mounting = aReport(undefined, {
      workload: aWorkload({ live: new Map([['ConfigMap/app-live', 'ConfigMap/app']]) }),
    });
    const mounted = statusOf({ policy: managed, workloads: [mounting] });
    assert.equal(mounted.workloads?.[0]?.notes, undefined);
    assert.equal(readyMessage(mounted), '1 workload up to date');
  });

  it('say that what nobody mounts yet can not be made', () => {
    const message = 'ConfigMap app-live may not be written by the operator: install config/managed';
    const live = { name: 'app-live', state: 'Missing' } as const;
    const standing = { live, trouble: { reason: 'Forbidden', message } } as const;
    const status = statusOf({ policy: managed, live: new Map([['ConfigMap/app-live', standing]]) });
    assert.deepEqual(told(status, 'Ready'), ['Ready=True/Blocked']);
    assert.equal(readyMessage(status), message);
  });

  it('name a canary that is not bound: nothing would go first', () => {
    const canary = (name: string): ReloadPolicyStatus =>
      statusOf({ policy: { gates: aGate({ canary: { workload: { kind: 'Deployment', name } } }) } });
    assert.deepEqual(told(canary('web'), 'Ready'), ['Ready=True/UpToDate']);
    const status = canary('wbe');
    assert.deepEqual(told(status, 'Ready'), ['Ready=False/WorkloadMissing']);
    assert.equal(
      readyMessage(status),
      'Deployment/wbe: it is the canary, and this policy binds no such workload: nothing goes first',
    );
  });

  it('carry what is not followed as notes of the workload, as many as fit', () => {
    const unfollowed = Array.from({ length: 7 }, (_, index) => `volume ${index} is not followed`);
    const status = statusOf({ workloads: [aReport(verdict('UpToDate'), { workload: aWorkload({ unfollowed }) })] });
    assert.deepEqual(status.workloads?.[0]?.notes, unfollowed.slice(0, STATUS_LIMITS.notes));
    assert.equal(statusOf().workloads?.[0]?.notes, undefined);
  });

  const withHistory = (...history: readonly HistoryEntry[]): ReloadPolicyStatus =>
    statusOf({ workloads: [aReport(verdict('UpToDate'), { ledger: aLedger({}, { history }) })] });
  for (const [what, status, expected] of [
    ['nothing yet', statusOf(), ['HotReloaded=True/NoChange', 'RolledOut=True/NoChange']],
    ['a restart that succeeded', withHistory(entry()), ['HotReloaded=True/NoChange', 'RolledOut=True/Complete']],
    [
      'a restart without replicas',
      withHistory(entry({ reason: 'NoReplicas' })),
      ['HotReloaded=True/NoChange', 'RolledOut=True/NoReplicas'],
    ],
    [
      'a nudge',
      withHistory(entry({ action: 'Hot', reason: 'Nudged' })),
      ['HotReloaded=True/Nudged', 'RolledOut=True/NoChange'],
    ],
    [
      'a nudge of no pod',
      withHistory(entry({ action: 'Hot', reason: 'NoPods', pods: 0 })),
      ['HotReloaded=True/NoPods', 'RolledOut=True/NoChange'],
    ],
    [
      'a nudge under way',
      statusOf({ workloads: [aReport(verdict('Reloading', 'Nudging'))] }),
      ['HotReloaded=False/Nudging', 'RolledOut=True/NoChange'],
    ],
    [
      'a nudge that is held',
      statusOf({
        workloads: [
          aReport(verdict('Held', 'Suspended', { about: 'Hot', hotHold: { reason: 'Suspended', message: 'x' } })),
        ],
      }),
      ['HotReloaded=False/Suspended', 'RolledOut=True/NoChange'],
    ],
    [
      'a nudge and a restart that are held',
      statusOf({
        workloads: [aReport(verdict('Held', 'Suspended', { hotHold: { reason: 'Suspended', message: 'x' } }))],
      }),
      ['HotReloaded=False/Suspended', 'RolledOut=False/Suspended'],
    ],
    [
      'a key that can not be hot',
      statusOf({
        workloads: [
          aReport(verdict('UpToDate', 'UpToDate', { impossible: ['ConfigMap/app:x: env of container main'] })),
        ],
      }),
      ['HotReloaded=False/Impossible', 'RolledOut=True/NoChange'],
    ],
    [
      'what an observing policy would have done',
      withHistory(entry({ outcome: 'Observed' }), entry({ action: 'Hot', outcome: 'Observed' })),
      ['HotReloaded=False/Observed', 'RolledOut=False/Observed'],
    ],
    [
      'a restart that is held',
      statusOf({ workloads: [aReport(verdict('Held', 'Suspended'))] }),
      ['HotReloaded=True/NoChange', 'RolledOut=False/Suspended'],
    ],
    [
      'a restart that is blocked',
      statusOf({ workloads: [aReport(verdict('Blocked', 'OnDelete'))] }),
      ['HotReloaded=True/NoChange', 'RolledOut=False/OnDelete'],
    ],
    [
      'a rollout that failed',
      statusOf({ workloads: [aReport(verdict('Failed', 'ProgressDeadlineExceeded'))] }),
      ['HotReloaded=True/NoChange', 'RolledOut=False/ProgressDeadlineExceeded'],
    ],
  ] as const) {
    it(`tell of what was done: ${what}`, () => {
      assert.deepEqual(told(status, 'HotReloaded', 'RolledOut'), expected);
    });
  }

  it('name the workload and its reason in their messages', () => {
    const status = statusOf({ workloads: [aReport(verdict('Blocked', 'Paused', { message: 'resume it' }))] });
    const messages = status.conditions
      ?.filter(({ type }) => ['Ready', 'RolledOut'].includes(type))
      .map(({ message }) => message);
    assert.deepEqual(messages, ['Deployment/web: resume it', 'Deployment/web: resume it']);
  });
});

describe('a hot change that is to be proven', () => {
  const delivery: DeliveryVerdict = {
    digest: 'x',
    proof: 'Loaded',
    phase: 'InProgress',
    what: 'ConfigMap/app:hot',
    counts: { pods: 3, done: 2, mounted: 3, notified: 2, loaded: 2 },
    missing: ['web-x: container main: 422'],
  };
  const under = (more: Partial<DeliveryVerdict>, standing: Partial<Verdict>): ReloadPolicyStatus =>
    statusOf({
      workloads: [aReport(verdict('Reloading', 'Proving', { delivery: { ...delivery, ...more }, ...standing }))],
    });
  const late = under(
    { phase: 'TimedOut' },
    { state: 'TimedOut', reason: 'ProofTimeout', about: 'Hot', message: 'after 30s 1 of 3 pods not Loaded' },
  );
  const messageOf = ({ conditions = [] }: ReloadPolicyStatus, type: string): string | undefined =>
    conditions.find((condition) => condition.type === type)?.message;

  it('is work in progress', () => {
    const status = under({}, {});
    assert.deepEqual(told(status, 'Ready', 'Reconciling', 'Stalled', 'HotReloaded', 'RolledOut'), [
      'HotReloaded=False/Proving',
      'Ready=False/Progressing',
      'Reconciling=True/Proving',
      'RolledOut=True/NoChange',
    ]);
    assert.equal(
      messageOf(status, 'HotReloaded'),
      'Deployment/web: 2 of 3 pods Loaded: ConfigMap/app:hot; web-x: container main: 422',
    );
    assert.deepEqual(status.workloads?.[0]?.delivery, {
      digest: 'x',
      proof: 'Loaded',
      phase: 'InProgress',
      pods: 3,
      mounted: 3,
      notified: 2,
      loaded: 2,
      missing: ['web-x: container main: 422'],
    });
  });

  it('stalls the policy when it was not in time, and is no rollout', () => {
    assert.deepEqual(told(late, 'Ready', 'Reconciling', 'Stalled', 'HotReloaded', 'RolledOut'), [
      'HotReloaded=False/ProofTimeout',
      'Ready=False/ProofTimeout',
      'RolledOut=True/NoChange',
      'Stalled=True/ProofTimeout',
    ]);
    assert.equal(messageOf(late, 'Ready'), 'Deployment/web: after 30s 1 of 3 pods not Loaded');
  });

  it('that was not in time is not hidden by what else there is about the workload', () => {
    const status = under({ phase: 'TimedOut' }, { state: 'Blocked', reason: 'Paused', message: 'resume it' });
    assert.deepEqual(told(status, 'Ready', 'HotReloaded', 'RolledOut'), [
      'HotReloaded=False/ProofTimeout',
      'Ready=False/ProofTimeout',
      'RolledOut=False/Paused',
    ]);
    assert.match(messageOf(status, 'Ready') ?? '', /2 of 3 pods Loaded/);
  });

  it('keeps the counts that were told while a new process does not know them yet', () => {
    const { counts: _, ...unknown } = { ...delivery, phase: 'TimedOut' as const };
    const again = (of: Partial<DeliveryVerdict>): ReloadPolicyStatus =>
      statusOf({
        before: late,
        workloads: [aReport(verdict('TimedOut', 'ProofTimeout', { delivery: { ...unknown, ...of }, about: 'Hot' }))],
      });
    assert.deepEqual(again({}).workloads?.[0]?.delivery, late.workloads?.[0]?.delivery);
    assert.equal(again({ digest: 'y' }).workloads?.[0]?.delivery, undefined);
  });

  for (const [reason, pods] of [
    ['Mounted', 2],
    ['Loaded', 2],
    ['Notified', 2],
    ['NoPods', 0],
  ] as const) {
    it(`is told by its proof once it is: ${reason}`, () => {
      const history = [entry({ action: 'Hot', reason, pods })];
      const status = statusOf({ workloads: [aReport(verdict('UpToDate'), { ledger: aLedger({}, { history }) })] });
      assert.deepEqual(told(status, 'HotReloaded'), [`HotReloaded=True/${reason}`]);
    });
  }

  it('that a restart carried counts as done', () => {
    const history = [entry(), entry({ action: 'Hot', outcome: 'TimedOut', reason: 'ProofTimeout', pods: 0 })];
    const status = statusOf({ workloads: [aReport(verdict('UpToDate'), { ledger: aLedger({}, { history }) })] });
    assert.deepEqual(told(status, 'Ready', 'HotReloaded'), ['HotReloaded=True/Restarted', 'Ready=True/UpToDate']);
  });

  it('is the last action while it is under way', () => {
    const open = aDelivery({ places: [] });
    const last = (more: Partial<Delivery>): unknown =>
      statusOf({
        workloads: [aReport(verdict('Reloading'), { ledger: aLedger({}, { delivery: { ...open, ...more } }) })],
      }).last;
    assert.deepEqual(last({}), { action: 'Hot', outcome: 'InProgress', pods: 0, time: NOW });
    assert.deepEqual(last({ message: 'suspended' }), { action: 'Hot', outcome: 'Held', pods: 0, time: NOW });
    assert.equal(last({ phase: 'Succeeded' }), undefined);
  });
});

describe('how far pods have got', () => {
  const delivery = aDelivery();
  const pod = (at: number, done: boolean, why?: string): PodProof => ({
    name: `web-${at}`,
    reached: done ? 'Loaded' : 'Mounted',
    notified: done,
    done,
    ...(why !== undefined && { why }),
  });
  const told = (
    done: number,
    of: number,
    phase: DeliveryVerdict['phase'],
    more: Partial<ProofProgress> = {},
  ): unknown => {
    const pods = Array.from({ length: of }, (_, at) => pod(at, at < done, at === done ? '422' : undefined));
    const progress = { digest: 'x', listed: true, pods, blind: false, askedAgain: false, ...more };
    const { counts, missing } = deliveryVerdict(delivery, progress, phase);
    return { counts, missing: missing.length };
  };

  it('is counted pod by pod where there are few, and when it is over', () => {
    const counts = { pods: 3, done: 2, mounted: 3, notified: 2, loaded: 2 };
    assert.deepEqual(told(2, 3, 'InProgress'), { counts, missing: 1 });
    assert.deepEqual(told(57, 80, 'TimedOut'), {
      counts: { pods: 80, done: 57, mounted: 80, notified: 57, loaded: 57 },
      missing: STATUS_LIMITS.missing,
    });
  });

  it('moves in tenths where there are many, and names those that something stands in the way of', () => {
    const counts = { pods: 80, done: 56, mounted: 80, notified: 56, loaded: 56 };
    for (const done of [56, 57, 63]) assert.deepEqual(told(done, 80, 'InProgress'), { counts, missing: 1 });
  });

  it('does not claim files that nobody saw', () => {
    assert.deepEqual(told(2, 3, 'InProgress', { blind: true }), {
      counts: { pods: 3, done: 2, notified: 2, loaded: 2 },
      missing: 1,
    });
  });

  it('is not known before pods are listed, nor of another delivery', () => {
    for (const more of [{ listed: false }, { digest: 'y' }])
      assert.deepEqual(told(2, 3, 'InProgress', more), { counts: undefined, missing: 0 });
  });
});

describe('the rest of the status', () => {
  it('says until when a workload waits', () => {
    const { workloads = [] } = statusOf({ workloads: [aReport(verdict('Held', 'Cooldown', { until: T0 + 1_000 }))] });
    assert.equal(workloads[0]?.until, new Date(T0 + 1_000).toISOString());
  });

  it('is the same for the same facts, in whatever order they come', () => {
    const reports = ['b', 'a', 'c'].map((name) => aReport(verdict('UpToDate'), { workload: aWorkload({ name }) }));
    assert.deepEqual(statusOf({ workloads: reports }), statusOf({ workloads: [...reports].reverse() }));
    const before = statusOf({ workloads: reports });
    assert.deepEqual(statusOf({ workloads: reports, before, now: new Date(T0 + MINUTE).toISOString() }), before);
  });

  it('lists sources with a digest and how many keys they have, never their values', () => {
    const [source] = statusOf({ source: found({ password: 'hunter2' }) }).sources ?? [];
    assert.deepEqual([source?.kind, source?.name, source?.state, source?.keys], ['ConfigMap', 'app', 'Present', 1]);
    assert.match(source?.digest ?? '', /^v1:/);
    assert.ok(!JSON.stringify(statusOf({ source: found({ password: 'hunter2' }) })).includes('hunter2'));
  });

  it('lists what needs attention first where not all workloads fit in', () => {
    const fine = Array.from({ length: STATUS_LIMITS.workloads + 5 }, (_, at) =>
      aReport(verdict('UpToDate'), { workload: aWorkload({ name: `a-${at}` }) }),
    );
    const status = statusOf({
      workloads: [...fine, aReport(verdict('Failed'), { workload: aWorkload({ name: 'z' }) })],
    });
    assert.equal(status.workloads?.length, STATUS_LIMITS.workloads);
    assert.equal(status.workloadCount, STATUS_LIMITS.workloads + 6);
    assert.ok(status.workloads.some(({ name }) => name === 'z'));
  });

  it('has the newest history of all workloads, newest first and capped', () => {
    const reports = ['a', 'b', 'c'].map((name, at) =>
      aReport(verdict('UpToDate'), {
        workload: aWorkload({ name }),
        ledger: aLedger(
          {},
          { history: Array.from({ length: 5 }, (_, age) => entry({ time: T0 - age * MINUTE - at })) },
        ),
      }),
    );
    const { history = [] } = statusOf({ workloads: reports });
    assert.equal(history.length, STATUS_LIMITS.history);
    assert.deepEqual(
      history.slice(0, 4).map(({ workload }) => workload),
      ['Deployment/a', 'Deployment/b', 'Deployment/c', 'Deployment/a'],
    );
    assert.deepEqual(
      [...history].sort((a, b) => (a.time < b.time ? 1 : -1)),
      history,
    );
  });

  it('counts what one change did to many workloads as one action, with the worst outcome', () => {
    const done = (name: string, more: Partial<HistoryEntry>): WorkloadReport =>
      aReport(verdict('UpToDate'), { workload: aWorkload({ name }), ledger: aLedger({}, { history: [entry(more)] }) });
    const { last } = statusOf({
      workloads: [
        done('a', { pods: 2 }),
        done('b', { pods: 3, time: T0 - SECOND, outcome: 'Failed' }),
        done('c', { pods: 7, time: T0 - 60 * MINUTE }),
        done('d', { pods: 1, time: T0 - SECOND, action: 'Hot' }),
      ],
    });
    assert.deepEqual(last, { action: 'Restart', outcome: 'Failed', pods: 5, time: NOW });
  });

  it('names what is under way or waits as the last action', () => {
    const last = (more: Parameters<typeof aLedger>[1]): unknown =>
      statusOf({ workloads: [aReport(verdict('Restarting'), { ledger: aLedger({}, more) })] }).last;
    assert.deepEqual(last({ restart: aRestart({ issuedAt: T0 }) }), {
      action: 'Restart',
      outcome: 'InProgress',
      pods: 0,
      time: NOW,
    });
    assert.deepEqual(last({ restart: aRestart({ issuedAt: T0, reason: 'Paused' }) }), {
      action: 'Restart',
      outcome: 'Blocked',
      pods: 0,
      time: NOW,
    });
    const held = { since: T0, changes: changed({ flag: 'b' }) };
    assert.deepEqual(last({ held: { ...held, reason: 'Suspended' } }), {
      action: 'Restart',
      outcome: 'Held',
      pods: 0,
      time: NOW,
    });
    assert.deepEqual(last({ held: { ...held, reason: 'Paused' } }), {
      action: 'Restart',
      outcome: 'Blocked',
      pods: 0,
      time: NOW,
    });
    assert.equal(last({}), undefined);
  });

  it('is cut down to what the API takes', () => {
    const long = 'x'.repeat(40_000);
    const keys = Array.from({ length: 100 }, (_, at) => `ConfigMap/app:${at}`);
    statusOf({
      workloads: [
        aReport(verdict('Error', 'Error', { message: long, impossible: keys.map((key) => `${key}: ${long}`) }), {
          ledger: aLedger({}, { history: [entry({ message: long, keys: [long, ...keys] })] }),
        }),
      ],
      unreadable: [long],
    });
  });

  it('tells which named workloads are not there', () => {
    const status = statusOf({
      policy: {
        workloads: [
          { kind: 'Deployment', name: 'web' },
          { kind: 'DaemonSet', name: 'web' },
        ],
      },
      workloads: [aReport(verdict('UpToDate'), { workload: aWorkload({ uses: [aUse()] }) })],
    });
    assert.deepEqual(
      status.workloads?.map(({ kind, state }) => [kind, state]),
      [
        ['DaemonSet', 'Unmatched'],
        ['Deployment', 'UpToDate'],
      ],
    );
    assert.equal(status.workloadCount, 1);
  });
});
