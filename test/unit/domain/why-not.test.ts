/** Why a workload did not reload, and what to do about it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Delivery } from '../../../src/domain/proof.ts';
import { recordStatusOf } from '../../../src/domain/record.ts';
import type { Ledger } from '../../../src/domain/observed.ts';
import { whyNot, type NotReloaded } from '../../../src/domain/why-not.ts';
import { aDelivery, aLedger, aPolicy, aRestart, aUse, aWorkload, changed, rule, T0 } from '../../support/builders.ts';

const NOW = new Date(T0).toISOString();
const DONE = {
  time: T0,
  action: 'Restart',
  outcome: 'Succeeded',
  reason: 'Complete',
  keys: ['ConfigMap/app:flag'],
  pods: 2,
} as const;

const recorded = (more: Partial<Ledger> = {}) =>
  recordStatusOf(aLedger({ flag: 'a', hot: 'a' }, { history: [DONE], ...more }));

const known = (more: Partial<NotReloaded> = {}): NotReloaded => ({
  workload: aWorkload(),
  policies: [aPolicy()],
  sources: new Map([['ConfigMap/app', { state: 'Present', keys: ['flag', 'hot'] }]]),
  record: recorded(),
  ...more,
});

const held = (reason: string, message: string) =>
  known({ record: recorded({ held: { since: T0, reason, message, changes: changed({ flag: 'b' }) } }) });
const restarted = (more: Parameters<typeof aRestart>[0]) => known({ record: recorded({ restart: aRestart(more) }) });
const source = (facts: Partial<ReturnType<typeof known>['sources'] extends ReadonlyMap<string, infer F> ? F : never>) =>
  known({ sources: new Map([['ConfigMap/app', { state: 'Present', keys: ['flag', 'hot'], ...facts }]]) });

const sent = (more: Partial<Delivery>) => {
  const delivery = aDelivery(more);
  return known({ record: recorded({ delivery }) });
};

describe('why a workload did not reload', () => {
  const { record: _record, ...unrecorded } = known();
  const cases: readonly (readonly [what: string, known: NotReloaded, sentences: readonly string[]])[] = [
    ['nothing stands in the way', known(), []],
    [
      'it is to be proven',
      sent({}),
      [`ConfigMap/app:hot was sent at ${NOW}; whether every pod is Loaded is being found out`],
    ],
    [
      'it is to be proven later',
      sent({ message: 'policy p is suspended' }),
      [
        `ConfigMap/app:hot was sent at ${NOW}; that every pod is Loaded is not found out for now: policy p is suspended`,
      ],
    ],
    [
      'it was not proven in time',
      sent({ phase: 'TimedOut', message: 'after 30s 1 of 2 pods not Loaded: web-1: 422' }),
      [
        `ConfigMap/app:hot was sent at ${NOW}, but after 30s 1 of 2 pods not Loaded: web-1: 422; it is looked at on and on, and tried anew when content or what hot demands changes`,
      ],
    ],
    ['applications are to be asked again', sent({ phase: 'Succeeded', askAgainAt: T0 }), []],
    [
      'it is opted out',
      known({ workload: aWorkload({ ignored: true }) }),
      [
        'Deployment web carries reload-operator.dev/ignore: "true": nothing is done for it; take the annotation away to have it followed',
      ],
    ],
    [
      'no policy binds it',
      known({ policies: [aPolicy({ workloads: [{ kind: 'Deployment', name: 'other' }] })] }),
      [
        'no policy of namespace shop binds Deployment web: name what it reads (ConfigMap/app) in the sources of one and, where that lists workloads, the workload too',
      ],
    ],
    [
      'it reads nothing',
      known({ workload: aWorkload({ uses: [] }) }),
      ['Deployment web reads no ConfigMap and no Secret: there is nothing to reload'],
    ],
    [
      'its policy is wrong',
      known({ policies: [{ ...aPolicy({ name: 'p', workloads: [] }), invalid: 'rules: too many' }] }),
      [
        "policy p can't be used: rules: too many: correct its spec",
        'no policy of namespace shop binds Deployment web: name what it reads (ConfigMap/app) in the sources of one and, where that lists workloads, the workload too',
      ],
    ],
    [
      'its policy is suspended',
      known({ policies: [aPolicy({ suspended: true })] }),
      ['policy policy is suspended: set its suspend to false, and what has changed meanwhile is acted on'],
    ],
    [
      'its policy only observes',
      known({ policies: [aPolicy({ observes: true })] }),
      ['policy policy only observes: its status says what it would have done; set its mode to Enforce to have it done'],
    ],
    [
      'a source is missing',
      source({ state: 'Missing', keys: [] }),
      ['ConfigMap/app does not exist, and a deletion is not acted on: make it again'],
    ],
    [
      'a source is invalid',
      source({ state: 'Invalid', problems: ['hot: is not YAML'] }),
      [
        'ConfigMap/app is not what validation demands: hot: is not YAML: nothing is done with it until its content is put right',
      ],
    ],
    [
      "a source can't be read",
      source({ state: 'Unreadable', problems: ['forbidden'] }),
      ["ConfigMap/app can't be read: forbidden: what was known of it is kept until it can"],
    ],
    ['a source is not read yet', source({ state: 'Unknown' }), ['ConfigMap/app has not been read yet']],
    [
      'a source is opted out',
      source({ state: 'Ignored' }),
      [
        'ConfigMap/app carries reload-operator.dev/ignore: "true": its changes are left alone; take the annotation away',
        'of its 2 keys none is hot, and none calls for a restart: see why for each',
      ],
    ],
    [
      'a source lacks a required key',
      { ...source({ keys: ['hot'] }), workload: aWorkload({ uses: [aUse(), aUse({ key: 'flag', way: 'Env' })] }) },
      ["ConfigMap/app lacks the key flag that container main requires: pods can't start without it; add the key"],
    ],
    [
      'it reads what no policy names',
      known({ workload: aWorkload({ uses: [aUse(), aUse({ source: { kind: 'Secret', name: 'db' } })] }) }),
      ['no policy that binds it names Secret/db: changes there are left alone; add what matters to the sources of one'],
    ],
    [
      'it reads its source and not what is rendered from that',
      known({
        policies: [
          aPolicy({
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
          }),
        ],
      }),
      [
        'no container reads ConfigMap app-live, which is rendered for it: mount it in the place of ConfigMap/app, which kubelets deliver whatever the operator decides',
      ],
    ],
    [
      'it is a pod, which is given a certificate',
      known({
        workload: aWorkload({ uses: [aUse(), aUse({ source: { kind: 'ConfigMap', name: 'kube-root-ca.crt' } })] }),
      }),
      [],
    ],
    [
      'there is no record',
      unrecorded,
      [
        'the operator has no record of Deployment web yet: see whether it runs, and whether its account may watch namespace shop',
      ],
    ],
    [
      'its Deployment is paused',
      held('Paused', 'the Deployment is paused'),
      [
        `a restart for ConfigMap/app:flag waits since ${NOW}: the Deployment is paused; kubectl -n shop rollout resume deployment/web`,
      ],
    ],
    [
      'something new holds it',
      held('OutsideWindow', 'opens at noon'),
      [
        `a restart for ConfigMap/app:flag waits since ${NOW}: opens at noon; at once by kubectl reload now deploy/web -n shop`,
      ],
    ],
    [
      'a restart is under way',
      restarted({ n: 3, issuedAt: T0 }),
      [`restart 3 is under way since ${NOW}: kubectl -n shop rollout status deployment/web follows it`],
    ],
    [
      'a restart was stopped',
      restarted({ n: 3, reason: 'Paused', message: 'the Deployment is paused' }),
      ['restart 3 has come to a stop: the Deployment is paused; kubectl -n shop rollout resume deployment/web'],
    ],
    [
      'a restart failed',
      restarted({ n: 3, phase: 'Failed', reason: 'ProgressDeadlineExceeded', message: 'no progress' }),
      [
        'restart 3 failed: no progress; it is not tried again until content or pod template change, or somebody asks for it: kubectl reload retry deploy/web -n shop',
      ],
    ],
    [
      'a restart timed out',
      restarted({ n: 3, phase: 'TimedOut', reason: 'ProgressTimeout', message: 'after 10m' }),
      [
        'restart 3 timed out: after 10m; it is not tried again until content or pod template change, or somebody asks for it: kubectl reload retry deploy/web -n shop',
      ],
    ],
    ['a rollout of others carried nothing', restarted({ phase: 'Failed', reason: 'NotCarried' }), []],
    [
      'no key calls for anything',
      known({ policies: [aPolicy({ rules: [], defaultClass: 'Ignore' })] }),
      ['of its 2 keys none is hot, and none calls for a restart: see why for each'],
    ],
    [
      'it gets secrets by a CSI volume',
      known({ workload: aWorkload({ unfollowed: ['volume v is not followed'] }) }),
      ['volume v is not followed'],
    ],
    [
      'it was only adopted',
      known({ record: recorded({ history: [], adoptedAt: T0 }) }),
      [
        `it was taken over as it ran at ${NOW}, and nothing has changed since; if its pods started on older content: kubectl -n shop rollout restart deployment/web`,
      ],
    ],
  ];
  for (const [what, facts, sentences] of cases) {
    it(what, () => {
      assert.deepEqual(whyNot(facts), sentences);
    });
  }
});

describe('why a key did nothing', () => {
  const uses = [aUse({ key: 'hot', at: '/etc/app/hot' }), aUse({ key: 'flag', way: 'Env', at: 'FLAG' })];
  const asked = (key: string, more: Partial<Parameters<typeof aPolicy>[0]> = {}): readonly string[] =>
    whyNot(
      { ...source({ keys: ['flag', 'hot', 'README.md'] }), workload: aWorkload({ uses }), policies: [aPolicy(more)] },
      key,
    );

  for (const [what, told, expected] of [
    ['it calls for a restart', asked('flag'), []],
    [
      'it is hot',
      asked('hot'),
      [
        'ConfigMap/app:hot is hot, its files are refreshed without a restart: policy policy declares Hot by default, and container main reads it from files',
      ],
    ],
    [
      'a rule ignores it',
      asked('hot', { rules: [rule('hot', 'Ignore')] }),
      [
        'ConfigMap/app:hot is ignored: policy policy declares Ignore by rule 1; another class in that rule has it acted on',
      ],
    ],
    [
      'a rule ignores most of it',
      asked('hot', { rules: [rule('hot', 'Hot', { paths: ['/a'] }), rule('hot', 'Ignore')] }),
      [],
    ],
    [
      "it can't be hot, which is only reported",
      asked('ConfigMap/app:flag', { rules: [], onImpossible: 'Report' }),
      [
        "ConfigMap/app:flag is only reported: policy policy declares Hot by default, but it can't be hot: env of container main (onImpossible is Report: nothing is done); onImpossible Restart has it restarted for",
      ],
    ],
    ['nobody reads it', asked('README.md'), ['ConfigMap/app:README.md changes nothing: no container reads it']],
    [
      'there is none',
      asked('gone'),
      ['no source that counts for Deployment web has a key gone, and none is asked for it'],
    ],
  ] as const) {
    it(what, () => {
      assert.deepEqual(told, expected);
    });
  }
});
