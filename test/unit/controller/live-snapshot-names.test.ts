import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSnapshots } from '../../../src/controller/live/snapshots.ts';
import type { LiveStore, NewObject, RawContent, RawObject, StoredPolicy } from '../../../src/controller/ports.ts';
import { aPolicy } from '../../support/builders.ts';

const { signal } = new AbortController();
const POLICY: StoredPolicy = { ...aPolicy(), resourceVersion: '1', status: {} };
const content = (value: string): RawContent => new Map([['flag', { field: 'data', value }]]);

const stored = (name: string, more: Partial<RawObject> = {}): RawObject => ({
  kind: 'ConfigMap',
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  content: content('theirs'),
  kept: {},
  ...more,
});

const conflict = (): Error => Object.assign(new Error('already exists'), { status: 409 });

/** Objects by name, and what was asked for. @param listed whether lists show what there is */
const storeOf = (
  objects: readonly RawObject[],
  listed = true,
): { readonly store: LiveStore; readonly made: string[] } => {
  const made: string[] = [];
  const known = new Map(objects.map((object) => [object.name, object]));
  const store = {
    get: (_kind: string, _namespace: string, name: string) => Promise.resolve(known.get(name)),
    snapshots: () =>
      Promise.resolve(
        [...known.values()].flatMap(({ name, uid, resourceVersion, rendered }) =>
          listed && rendered?.role === 'snapshot' && rendered.snapshot !== undefined
            ? [{ name, uid, resourceVersion, number: rendered.snapshot }]
            : [],
        ),
      ),
    create: ({ name, rendered, content: of }: NewObject) => {
      if (known.has(name)) return Promise.reject(conflict());
      made.push(name);
      known.set(name, stored(name, { rendered, content: of }));
      return Promise.resolve(stored(name));
    },
    remove: () => Promise.resolve(),
  } as unknown as LiveStore;
  return { store, made };
};

const live = stored('app-live', { rendered: { role: 'live', source: 'ConfigMap/app', snapshot: 1 } });
const take = (store: LiveStore): Promise<number> =>
  createSnapshots(store).take(
    live,
    POLICY,
    { namespace: 'shop', source: 'ConfigMap/app', content: content('b'), needed: new Set() },
    signal,
  );

describe('a snapshot', () => {
  it('has the next number', async () => {
    const { store, made } = storeOf([live]);
    assert.equal(await take(store), 2);
    assert.deepEqual(made, ['app-live-2']);
  });

  it('goes by names that objects of others have, which are left alone', async () => {
    const numbered = stored('app-live-3', { rendered: { role: 'snapshot', source: 'ConfigMap/app', snapshot: 9 } });
    const { store, made } = storeOf([live, stored('app-live-2'), numbered], false);
    assert.equal(await take(store), 4);
    assert.deepEqual(made, ['app-live-4']);
  });

  it('is not made twice where another process has just made it: it is looked for again', async () => {
    const theirs = stored('app-live-2', { rendered: { role: 'snapshot', source: 'ConfigMap/app', snapshot: 2 } });
    const { store, made } = storeOf([live, theirs], false);
    await assert.rejects(take(store), /already exists/);
    assert.deepEqual(made, []);
  });

  it('is given up where no name is free', async () => {
    const taken = Array.from({ length: 40 }, (_, index) => stored(`app-live-${index + 2}`));
    await assert.rejects(take(storeOf([live, ...taken]).store), /already exists/);
  });
});
