/** What policies ask of content beyond digests: asked once for each content, and not decided on before it is answered. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyInspection } from '../../../src/domain/inspection.ts';
import type { Rule } from '../../../src/domain/rules.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { inSourcesScene, presentIn } from '../../support/sources-scene.ts';

const rules = (...paths: readonly string[]): readonly Rule[] => [{ keys: ['*.yaml'], paths, class: 'Hot' }];
const POLICY: Partial<Policy> = { rules: rules('/a') };
const ID = 'ConfigMap/app';

describe('the content of a source', () => {
  it(
    'is looked into only where a policy asks, and only when it moves',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1', 'b.yaml': 'b: 1', text: 'x' });
      await scene.bind(POLICY);
      assert.deepEqual(
        scene.inspected.map(({ key, content }) => [key, content]),
        [
          ['a.yaml', 'a: 1'],
          ['b.yaml', 'b: 1'],
        ],
      );
      await scene.show();
      scene.store({ 'a.yaml': 'a: 1', 'b.yaml': 'b: 2', text: 'y' });
      await scene.show();
      assert.deepEqual(
        scene.inspected.slice(2).map(({ key }) => key),
        ['b.yaml'],
      );
    }),
  );

  it(
    'that takes long keeps others of its namespace waiting that are looked into, and no others',
    inSourcesScene(async (scene) => {
      const slow = Promise.withResolvers<KeyInspection>();
      scene.inspect = ({ source }) =>
        source.name.startsWith('slow') ? slow.promise : Promise.resolve({ problems: new Map() });
      for (const name of ['slow-1', 'slow-2', 'other', 'plain']) scene.store({ 'a.yaml': 'a: 1' }, { name });
      const named = (name: string) => [{ kind: 'ConfigMap', name }] as const;
      for (const name of ['slow-1', 'slow-2', 'other']) await scene.bind({ ...POLICY, name, sources: named(name) });
      await scene.bind({ name: 'plain', sources: named('plain') });
      await scene.clock.advance(1_000);
      assert.deepEqual(
        ['slow-1', 'other', 'plain'].map((name) => scene.get(`ConfigMap/${name}`).state),
        ['Unknown', 'Unknown', 'Present'],
      );
      slow.resolve({ problems: new Map() });
      await scene.clock.advance(1_000);
      assert.deepEqual(
        ['slow-1', 'slow-2', 'other'].map((name) => scene.get(`ConfigMap/${name}`).state),
        ['Present', 'Present', 'Present'],
      );
    }),
  );

  it(
    'is looked into by no policy that only names classes of keys',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind({});
      assert.deepEqual(scene.inspected, []);
    }),
  );

  it(
    'has its problems by policy, together with the keys that are missing',
    inSourcesScene(async (scene) => {
      const problem = { key: 'port', rule: 1, message: 'must be a number' };
      scene.inspect = () => Promise.resolve({ problems: new Map([['strict', [problem]]]) });
      scene.store({ port: 'x' });
      await scene.bind({
        name: 'strict',
        validation: [
          { keys: ['port'], format: 'Number' },
          { keys: ['host'], required: true },
        ],
      });
      await scene.bind({ name: 'lenient' });
      assert.deepEqual(
        presentIn(scene.get(ID)).problems,
        new Map([['strict', [{ key: 'host', rule: 2, message: 'is required, but there is none' }, problem]]]),
      );
    }),
  );

  it(
    'is asked about anew when a policy asks something else, and unknown until that is answered',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind(POLICY);
      await scene.show();
      const before = presentIn(scene.get(ID));
      const { promise, resolve } = Promise.withResolvers<undefined>();
      scene.inspect = async () => {
        await promise;
        return { problems: new Map() };
      };
      const told = scene.told.length;
      await scene.bind({ rules: rules('/b'), generation: 2 }, POLICY);
      assert.deepEqual(scene.get(ID), { state: 'Unknown' });
      resolve(undefined);
      await scene.look();
      const after = presentIn(scene.get(ID));
      assert.equal(after.keys, before.keys);
      assert.deepEqual([after.changedAt, after.seenToChange], [before.changedAt, before.seenToChange]);
      assert.deepEqual(scene.told.slice(told), [`change ${ID}`]);
    }),
  );

  it(
    'is not asked about anew when a policy is edited in other ways',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind(POLICY);
      const asked = scene.asked.length;
      await scene.bind({ ...POLICY, rules: rules('/a'), generation: 2, suspended: true }, POLICY);
      assert.equal(scene.asked.length, asked);
      assert.equal(scene.get(ID).state, 'Present');
    }),
  );

  it(
    'is asked about anew when another policy that looks into it names the source, or no longer',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind(POLICY);
      const other = { name: 'other', rules: rules('/b') };
      await scene.bind(other);
      assert.deepEqual(
        scene.inspected.map(({ policies }) => policies.map(({ name }) => name)),
        [['policy'], ['other', 'policy']],
      );
      await scene.bind(undefined, other);
      assert.deepEqual(
        scene.inspected.at(-1)?.policies.map(({ name }) => name),
        ['policy'],
      );
      assert.equal(scene.get(ID).state, 'Present');
    }),
  );

  it(
    'that can not be asked about says so, and is asked about again',
    inSourcesScene(async (scene) => {
      scene.inspect = () => Promise.reject(new Error('the worker has ended'));
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind(POLICY);
      assert.deepEqual(scene.get(ID), { state: 'Unknown', message: 'the worker has ended' });
      scene.inspect = () => Promise.resolve({ problems: new Map() });
      await scene.clock.advance(10_000);
      assert.equal(scene.get(ID).state, 'Present');
    }),
  );

  it(
    'that is asked about anew in vain is not decided on by the old answers',
    inSourcesScene(async (scene) => {
      scene.store({ 'a.yaml': 'a: 1' });
      await scene.bind(POLICY);
      scene.failure = new Error('away');
      await scene.bind({ rules: rules('/b'), generation: 2 }, POLICY);
      assert.deepEqual(scene.get(ID), { state: 'Unknown', message: 'away' });
    }),
  );

  it(
    'keeps the leaves of earlier versions, four of each key',
    inSourcesScene(async (scene) => {
      scene.inspect = ({ content }) =>
        Promise.resolve({
          problems: new Map(),
          document: {
            policies: ['policy'],
            fingerprints: ['f'],
            parts: new Map(),
            residues: new Map(),
            leaves: Buffer.from(String(content)),
          },
        });
      scene.store({ 'a.yaml': 'a: 0' });
      await scene.bind(POLICY);
      await scene.show();
      assert.equal(presentIn(scene.get(ID)).earlier, undefined);
      for (const n of [1, 2, 3, 4, 5, 6]) {
        scene.store({ 'a.yaml': `a: ${n}` });
        await scene.show();
      }
      assert.deepEqual([...(presentIn(scene.get(ID)).earlier?.values() ?? [])].map(String), [
        'a: 2',
        'a: 3',
        'a: 4',
        'a: 5',
      ]);
    }),
  );

  it(
    'of a Secret meets schemas only where its owner allows it',
    inSourcesScene(async (scene) => {
      const db = { kind: 'Secret', name: 'db' } as const;
      const policy: Partial<Policy> = { sources: [db], validation: [{ keys: ['*'], schema: '{}' }] };
      scene.store({ a: '1' }, db);
      await scene.bind(policy);
      await scene.show(db);
      scene.store({ a: '1' }, { ...db, schemasAllowed: true });
      await scene.show(db);
      assert.deepEqual(
        scene.inspected.map(({ schemas, scheme }) => [schemas, scheme.format.slice(0, 3)]),
        [
          [false, 'm1-'],
          [true, 'm1-'],
        ],
      );
    }),
  );
});
