/** Sources that policies find by label. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aStoredPolicy, inSourcesScene, presentIn } from '../../support/sources-scene.ts';

const LABELS = { team: 'a' };
const SELECTING = {
  sources: [],
  sourceSelectors: [{ kind: 'ConfigMap', selector: { matchLabels: LABELS } }],
} as const;
const SECRETS = { sources: [], sourceSelectors: [{ kind: 'Secret', selector: { matchLabels: LABELS } }] } as const;

describe('a selector of sources', () => {
  const namesIn = (policy: ReturnType<typeof aStoredPolicy>): readonly string[] =>
    policy.sources.map(({ kind, name }) => `${kind}/${name}`);

  it(
    'finds what was there before the policy, which no watch shows again',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, { labels: LABELS }).store({ a: '1' }, { name: 'other' });
      await scene.show();
      await scene.show({ name: 'other' });
      assert.deepEqual(scene.asked, []);
      const policy = aStoredPolicy(SELECTING);
      scene.sources.bind(undefined, policy);
      assert.equal(scene.sources.resolving('shop'), true);
      await scene.look();
      assert.equal(scene.sources.resolving('shop'), false);
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), ['ConfigMap/app']);
      assert.equal(presentIn(scene.get('ConfigMap/app')).seenToChange, false);
      assert.deepEqual(scene.asked, ['find ConfigMap', 'get ConfigMap app']);
      assert.deepEqual(scene.told, ['found ConfigMap/app', 'selection', 'change ConfigMap/app']);
    }),
  );

  it(
    'takes in what comes later and lets go of what loses the label',
    inSourcesScene(async (scene) => {
      const policy = aStoredPolicy(SELECTING);
      await scene.bind(SELECTING);
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), []);
      scene.store({ a: '1' }, { labels: LABELS });
      await scene.show();
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), ['ConfigMap/app']);
      assert.equal(presentIn(scene.get('ConfigMap/app')).seenToChange, false, 'what is first seen is adopted');
      scene.store({ a: '1' });
      await scene.show();
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), []);
      assert.deepEqual(scene.get('ConfigMap/app'), { state: 'Unknown' });
    }),
  );

  it(
    'gives the same policy as long as it finds the same, and another one when it does not',
    inSourcesScene(async (scene) => {
      const policy = aStoredPolicy(SELECTING);
      const plain = aStoredPolicy();
      assert.equal(scene.sources.withFound(plain), plain);
      scene.store({ a: '1' }, { labels: LABELS });
      await scene.bind(SELECTING);
      const whole = scene.sources.withFound(policy);
      scene.store({ a: '2' }, { labels: LABELS });
      await scene.show();
      assert.equal(scene.sources.withFound(policy), whole);
      scene.store({ a: '1' }, { name: 'more', labels: LABELS });
      await scene.show({ name: 'more' });
      assert.notEqual(scene.sources.withFound(policy), whole);
    }),
  );

  it(
    'keeps what is named, too, when it loses the label',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, { labels: LABELS });
      const both = { ...SELECTING, sources: [{ kind: 'ConfigMap', name: 'app' }] } as const;
      await scene.bind(both);
      scene.store({ a: '1' });
      await scene.show();
      assert.equal(scene.get('ConfigMap/app').state, 'Present');
      assert.deepEqual(namesIn(scene.sources.withFound(aStoredPolicy(both))), ['ConfigMap/app']);
      await scene.bind(SELECTING, both);
      assert.deepEqual(scene.get('ConfigMap/app'), { state: 'Unknown' });
    }),
  );

  it(
    'believes the watch, not a list that is older',
    inSourcesScene(async (scene) => {
      scene.store({ a: '1' }, { labels: LABELS });
      const policy = aStoredPolicy(SELECTING);
      scene.sources.bind(undefined, policy);
      // The list is under way, and has the label; the watch is ahead of it.
      scene.configMaps.upsert({ key: 'ConfigMap/shop/app', uid: 'uid-app', resourceVersion: '9', labels: {} });
      await scene.look();
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), []);
    }),
  );

  it(
    'lets go of one that is deleted, but not while a workload uses it: its coming back is a change then',
    inSourcesScene(async (scene) => {
      const policy = aStoredPolicy(SELECTING);
      scene.store({ a: '1' }, { labels: LABELS }).store({ a: '1' }, { name: 'unused', labels: LABELS });
      scene.used.add('shop/ConfigMap/app');
      await scene.bind(SELECTING);
      await scene.show();
      await scene.show({ name: 'unused' });
      scene.store(undefined).store(undefined, { name: 'unused' });
      await scene.show();
      await scene.show({ name: 'unused' });
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), ['ConfigMap/app']);
      assert.deepEqual(scene.get('ConfigMap/app'), { state: 'Missing' });
      scene.store({ a: '2' }, { labels: LABELS });
      await scene.show();
      assert.equal(presentIn(scene.get('ConfigMap/app')).seenToChange, true);

      scene.store(undefined);
      await scene.show();
      scene.used.clear();
      scene.sources.reconsider('shop', 'ConfigMap/app');
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), []);
    }),
  );

  it(
    'that can not be asked for says why, holds nobody up, and is asked for again',
    inSourcesScene(async (scene) => {
      scene.failure = new Error('away');
      scene.store({ a: '1' }, { labels: LABELS });
      const policy = aStoredPolicy(SELECTING);
      await scene.bind(SELECTING);
      assert.equal(scene.sources.selectionProblem(policy), 'away');
      assert.deepEqual([scene.sources.resolving('shop'), scene.sources.complete('shop')], [false, false]);
      scene.failure = undefined;
      await scene.clock.advance(10_000);
      assert.equal(scene.sources.selectionProblem(policy), undefined);
      assert.deepEqual([scene.sources.resolving('shop'), scene.sources.complete('shop')], [false, true]);
      assert.deepEqual(namesIn(scene.sources.withFound(policy)), ['ConfigMap/app']);
    }),
  );

  it(
    'that is edited finds others, and what both find is not met anew',
    inSourcesScene(async (scene) => {
      scene
        .store({ a: '1' }, { labels: { team: 'a', tier: 'x' } })
        .store({ a: '1' }, { name: 'second', labels: LABELS })
        .store({ a: '1' }, { name: 'third', labels: { tier: 'x' } });
      await scene.bind(SELECTING);
      await scene.show();
      scene.store({ a: '2' }, { labels: { team: 'a', tier: 'x' } });
      await scene.show();
      const edited = {
        ...SELECTING,
        generation: 2,
        sourceSelectors: [{ kind: 'ConfigMap', selector: { matchLabels: { tier: 'x' } } }],
      } as const;
      await scene.bind(edited, SELECTING);
      assert.deepEqual(namesIn(scene.sources.withFound(aStoredPolicy(edited))), ['ConfigMap/app', 'ConfigMap/third']);
      assert.equal(presentIn(scene.get('ConfigMap/app')).seenToChange, true);
      await scene.bind(undefined, edited);
      assert.deepEqual(scene.get('ConfigMap/app'), { state: 'Unknown' });
      assert.equal(scene.sources.complete('shop'), true);
    }),
  );

  it(
    'of Secrets is refused where not all of them may be watched, and the rest goes on',
    inSourcesScene(async (scene) => {
      const both = { ...SECRETS, sources: [{ kind: 'ConfigMap', name: 'app' }] } as const;
      scene.store({ a: '1' }).store({ a: '1' }, { kind: 'Secret', name: 'db', labels: LABELS });
      await scene.bind(both);
      assert.match(scene.sources.selectionProblem(aStoredPolicy(both)) ?? '', /Secrets of shop .*--secrets-namespaces/);
      assert.deepEqual([scene.sources.resolving('shop'), scene.sources.complete('shop')], [false, false]);
      assert.equal(scene.get('ConfigMap/app').state, 'Present');
      assert.deepEqual(scene.asked, ['get ConfigMap app']);
      assert.equal(scene.watches.size, 0);
    }),
  );

  it(
    'of Secrets has one watch of them all where they may be watched',
    inSourcesScene(
      async (scene) => {
        scene.store({ a: '1' }, { kind: 'Secret', name: 'db', labels: LABELS });
        await scene.bind(SECRETS);
        assert.equal(presentIn(scene.get('Secret/db')).seenToChange, false);
        scene.store({ a: '1' }, { kind: 'Secret', name: 'later', labels: LABELS });
        await scene.show({ kind: 'Secret', name: 'later' });
        assert.equal(scene.get('Secret/later').state, 'Present');
        assert.deepEqual([...scene.watches.keys()], ['Secret/shop/', 'Secret/system/digest-key']);
        await scene.bind(undefined, SECRETS);
        assert.equal(scene.watches.size, 0);
      },
      { secretsNamespaces: ['shop'] },
    ),
  );
});
