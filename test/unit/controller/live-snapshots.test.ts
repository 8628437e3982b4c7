/** What is kept of what live objects were given, and what goes. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawContent, RawObject, StoredPolicy } from '../../../src/controller/ports.ts';
import { createSnapshots } from '../../../src/controller/live/snapshots.ts';
import { aPolicy, type Content } from '../../support/builders.ts';
import { Cluster } from '../../support/simulation/cluster.ts';
import { createLiveStore } from '../../support/simulation/live-store.ts';

const { signal } = new AbortController();
const SOURCE = 'ConfigMap/app';
const NONE: ReadonlySet<number> = new Set();
const policy = aPolicy({ delivery: { objects: [], snapshots: 2, rollbackSecrets: false } }) as StoredPolicy;

const raw = (content: Content): RawContent =>
  new Map(Object.entries(content).map(([key, value]) => [key, { field: 'data', value }]));

/** A live object of one snapshot, and what is done to its snapshots. */
const scene = async () => {
  const cluster = new Cluster({ web: ['app'] });
  const store = createLiveStore(cluster, {
    guard: (_what, write) => {
      write();
    },
    witness: () => undefined,
  });
  const snapshots = createSnapshots(store);
  const of = { kind: 'ConfigMap', namespace: 'shop', name: 'app-live' } as const;
  let live = await store.create(
    { ...of, content: raw({ flag: 'a' }), rendered: { role: 'live', source: SOURCE, snapshot: 1 } },
    [],
    signal,
  );
  const keep = async (number: number, good = NONE): Promise<void> => {
    const needs = { needed: NONE, good: () => Promise.resolve(good), source: SOURCE };
    const content = (): Promise<RawObject> => Promise.resolve(live);
    await snapshots.keep({ ...of, uid: live.uid, number }, policy, { ...needs, content }, signal);
  };
  const take = async (content: Content): Promise<number> => {
    const taking = { namespace: 'shop', source: SOURCE, content: raw(content), needed: NONE };
    const number = await snapshots.take(live, policy, taking, signal);
    live = await store.replace(live, raw(content), { role: 'live', source: SOURCE, snapshot: number }, signal);
    return number;
  };
  await keep(1);
  const numbers = async (): Promise<readonly number[]> =>
    (await store.snapshots('ConfigMap', 'shop', 'app-live', signal)).map(({ number }) => number);
  return { keep, take, numbers };
};

describe('snapshots', () => {
  it('are taken once of the same content: those that share a live object begin with the same one', async () => {
    const { take, numbers } = await scene();
    assert.deepEqual([await take({ flag: 'b' }), await take({ flag: 'b' })], [2, 2]);
    assert.deepEqual(await numbers(), [2, 1]);
  });

  it('go when there are more than the policy wants, but for the one that holds what is good', async () => {
    const { take, keep, numbers } = await scene();
    await take({ flag: 'b' });
    await take({ flag: 'c' });
    await keep(3, new Set([1]));
    assert.deepEqual(await numbers(), [3, 2, 1]);
    // Nothing else moves when the restart ends that it was kept for.
    await keep(3);
    assert.deepEqual(await numbers(), [3, 2]);
    await take({ flag: 'd' });
    await keep(4);
    assert.deepEqual(await numbers(), [4, 3]);
  });
});
