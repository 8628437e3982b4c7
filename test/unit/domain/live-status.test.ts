/** What a policy's status says of the objects that it renders. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reloadPolicyStatusSchema } from '../../../src/api/v1alpha1/schema.ts';
import type { LiveObjectStatus, ReloadPolicyStatus } from '../../../src/api/v1alpha1/types.ts';
import type { Live, LiveObject } from '../../../src/domain/live.ts';
import type { LiveStanding } from '../../../src/domain/live-status.ts';
import { policyStatus } from '../../../src/domain/status.ts';
import { aPolicy, digestsOf, found, MINUTE, T0 } from '../../support/builders.ts';

const OBJECT: LiveObject = {
  name: 'app-live',
  source: { kind: 'ConfigMap', name: 'app' },
  workloads: [{ kind: 'Deployment', name: 'web' }],
};
const POLICY = aPolicy({ delivery: { objects: [OBJECT], snapshots: 5, rollbackSecrets: false } });

const PRESENT: Live = {
  state: 'Present',
  name: 'app-live',
  uid: 'u',
  resourceVersion: '1',
  keys: digestsOf({ flag: 'a' }),
  snapshot: 3,
  ours: true,
};

const statusOf = (
  standing: LiveStanding,
  { before = {}, by }: { readonly before?: ReloadPolicyStatus; readonly by?: string } = {},
): ReloadPolicyStatus => {
  const status = policyStatus({
    policy: POLICY,
    before,
    workloads: [],
    sources: new Map([['ConfigMap/app', found({ flag: 'a' })]]),
    unreadable: [],
    claims: by === undefined ? [] : [{ object: OBJECT, theirs: OBJECT, by }],
    live: new Map([['ConfigMap/app-live', standing]]),
    now: new Date(T0).toISOString(),
  });
  reloadPolicyStatusSchema.parse(JSON.parse(JSON.stringify(status)));
  return status;
};

const told = (standing: LiveStanding, by?: string): LiveObjectStatus | undefined =>
  statusOf(standing, by === undefined ? {} : { by }).liveObjects?.[0];

const NAMED = { kind: 'ConfigMap', name: 'app-live' } as const;
const PUT_BACK = { change: 'Edited', by: 'kubectl-edit', at: T0 - MINUTE, times: 2 } as const;
const SHOWN = { change: 'Edited', by: 'kubectl-edit', time: new Date(T0 - MINUTE).toISOString(), times: 2 } as const;

describe('the status of a live object', () => {
  for (const [what, standing, expected] of [
    ['rendered', { live: PRESENT }, { ...NAMED, state: 'Rendered', snapshot: 3 }],
    ['about to be made', { live: { state: 'Missing', name: 'app-live' } }, { ...NAMED, state: 'Missing' }],
    [
      'unreadable',
      { live: { state: 'Unknown', name: 'app-live', message: 'no' } },
      { ...NAMED, state: 'Blocked', message: 'no' },
    ],
    [
      'of somebody else',
      { live: { ...PRESENT, ours: false }, trouble: { reason: 'NotOurs', message: 'not ours' } },
      { ...NAMED, state: 'Blocked', message: 'not ours' },
    ],
    [
      'fought over',
      { live: PRESENT, trouble: { reason: 'Contested', message: 'again and again' }, putBacks: PUT_BACK },
      { ...NAMED, state: 'Contested', message: 'again and again', snapshot: 3, putBack: SHOWN },
    ],
    ['put back', { live: PRESENT, putBacks: PUT_BACK }, { ...NAMED, state: 'Rendered', snapshot: 3, putBack: SHOWN }],
  ] as const satisfies readonly (readonly [string, LiveStanding, LiveObjectStatus])[])
    it(`tells that it is ${what}`, () => {
      assert.deepEqual(told(standing), expected);
    });

  it('keeps what a process before has seen, and nothing else of what was said', () => {
    const before = statusOf({ live: PRESENT, putBacks: PUT_BACK });
    assert.deepEqual(statusOf({ live: { ...PRESENT, snapshot: 4 } }, { before }).liveObjects, [
      { ...NAMED, state: 'Rendered', snapshot: 4, putBack: SHOWN },
    ]);
    assert.deepEqual(statusOf({ live: PRESENT }, { before }), before);
  });

  it('says that another policy renders it, which stalls this one', () => {
    const status = statusOf({ live: PRESENT }, { by: 'first' });
    const conditions = new Map(status.conditions?.map((each) => [each.type, each]));
    for (const [type, state] of [
      ['Ready', 'False'],
      ['Stalled', 'True'],
    ] as const) {
      assert.equal(conditions.get(type)?.status, state);
      assert.equal(conditions.get(type)?.reason, 'InvalidSpec');
      assert.match(conditions.get(type)?.message ?? '', /^ConfigMap app-live is rendered by ReloadPolicy first, /);
    }
    assert.equal(told({ live: PRESENT }, 'first')?.state, 'Blocked');
    assert.match(told({ live: PRESENT }, 'first')?.message ?? '', /give one of the two another name/);
  });

  it('is not there for a policy that renders nothing', () => {
    const status = policyStatus({
      policy: aPolicy(),
      before: {},
      workloads: [],
      sources: new Map(),
      unreadable: [],
      now: new Date(T0).toISOString(),
    });
    assert.equal('liveObjects' in status, false);
  });
});
