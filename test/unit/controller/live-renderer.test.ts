/** What has begun is rendered or waited for, and never passed over: a pod template that moves on without it loses the change. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRenderer, type Renderer, type RendererOptions } from '../../../src/controller/live/renderer.ts';
import { createTargets, type Target } from '../../../src/controller/live/targets.ts';
import { workloadKey, type StoredPolicy, type StoredWorkload } from '../../../src/controller/ports.ts';
import { digestKeys, macKey, macScheme, type Digest } from '../../../src/domain/digest.ts';
import type { Live } from '../../../src/domain/live.ts';
import type { Observed } from '../../../src/domain/observed.ts';
import { WaitingError } from '../../../src/runtime/errors.ts';
import type { Store } from '../../../src/runtime/store.ts';
import { aLedger, aPolicy, aWorkload, digestsOf, found, observing } from '../../support/builders.ts';

const { signal } = new AbortController();

const OBJECT = {
  name: 'app-live',
  source: { kind: 'ConfigMap', name: 'app' },
  workloads: [
    { kind: 'Deployment', name: 'web' },
    { kind: 'ReplicaSet', name: 'owned' },
  ],
} as const;
const POLICY: StoredPolicy = {
  ...aPolicy({ delivery: { objects: [OBJECT], snapshots: 5, rollbackSecrets: false } }),
  resourceVersion: '1',
  status: {},
};
const TARGET: Target = {
  key: 'ConfigMap/shop/app-live',
  namespace: 'shop',
  object: OBJECT,
  policy: POLICY,
  source: 'ConfigMap/app',
};

const macs = (key: number): ReadonlyMap<string, Digest> =>
  digestKeys({ flag: 'a' }, {}, macScheme(macKey(new Uint8Array(32).fill(key)), 'shop', 'ConfigMap', 'app'));

const present = (keys: ReadonlyMap<string, Digest>): Live => ({
  state: 'Present',
  name: 'app-live',
  uid: 'uid-live',
  resourceVersion: '1',
  keys,
  snapshot: 1,
  ours: true,
});

const KNOWN = observing(found({ flag: 'b' }), { ledger: aLedger({ flag: 'a' }) });
const { ledger: _none, ...NEW } = KNOWN;

interface Scene {
  readonly live?: Live;
  readonly members?: readonly Observed[] | undefined;
  readonly source?: ReadonlyMap<string, Digest>;
}

/** A renderer that may ask for nothing but what it decides by. */
const rendererOf = ({ live = present(digestsOf({ flag: 'a' })), members, source }: Scene): Renderer =>
  createRenderer({
    sources: { get: () => found({ flag: 'b' }, source === undefined ? {} : { keys: source }) },
    targets: { live: () => live, members: () => members },
    troubles: { get: () => undefined, settle: () => undefined },
    listed: () => true,
  } as unknown as RendererOptions);

describe('a live object', () => {
  for (const [what, scene] of [
    ['not all of its readers are known', { members: undefined }],
    ['a reader has no record yet', { members: [KNOWN, NEW] }],
    ['it was digested by another key than its source', { live: present(macs(1)), source: macs(2), members: [KNOWN] }],
    ['it has not been read', { live: { state: 'Unknown', name: 'app-live' }, members: [KNOWN] }],
  ] as const satisfies readonly (readonly [string, Scene])[]) {
    it(`is left as it is, and what has begun waits, while ${what}`, async () => {
      await rendererOf(scene).render(TARGET, false, signal);
      await assert.rejects(rendererOf(scene).render(TARGET, true, signal), WaitingError);
    });
  }

  it('is read by no workload that is not bound for itself: it never has a record', () => {
    const web = aWorkload();
    const owned = aWorkload({ kind: 'ReplicaSet', name: 'owned', uid: 'uid-owned', notItsOwn: 'bind its owner' });
    const stored = new Map([web, owned].map((each) => [workloadKey(each), each]));
    const targets = createTargets({
      bindings: { rendering: () => [{ policy: POLICY, object: OBJECT }] },
      sources: { live: () => present(digestsOf({})) },
      workloads: {
        syncedFor: () => true,
        get: (key: string) => stored.get(key),
      } as unknown as Store<StoredWorkload>,
      observe: (workload) => ({ ...KNOWN, workload }),
    });
    assert.deepEqual(
      targets.members(TARGET)?.map(({ workload }) => workload.name),
      ['web'],
    );
  });
});
