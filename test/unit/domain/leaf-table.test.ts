import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { changedPaths, encodeLeaves } from '../../../src/domain/leaf-table.ts';

const table = (leaves: Readonly<Record<string, string>>) =>
  encodeLeaves(
    Object.entries(leaves).map(([pointer, text]) => ({ pointer, hash: createHash('sha256').update(text).digest() })),
  );

describe('the places that have changed', () => {
  for (const [what, before, after, expected] of [
    ['none', { '/a': '1' }, { '/a': '1' }, []],
    ['a value', { '/a': '1', '/b': '2' }, { '/a': '1', '/b': '3' }, ['/b']],
    ['a value that came', { '/b': '2' }, { '/a': '1', '/b': '2' }, ['/a']],
    ['a value that went', { '/a': '1', '/b': '2' }, { '/b': '2' }, ['/a']],
    ['all of them', { '/a': '1' }, { '/b': '1' }, ['/a', '/b']],
    [
      'an item at the end of a list',
      { '/l': 'list', '/l/0': '1' },
      { '/l': 'list', '/l/0': '1', '/l/1': '2' },
      ['/l/1'],
    ],
    ['a map that became a list', { '/m/0': '1', '/m/1': '2' }, { '/m': 'list', '/m/0': '1', '/m/1': '2' }, ['/m']],
    ['a map that became a value', { '/m/a/b': '1', '/m/c': '2', '/m!': '3' }, { '/m': '1', '/m!': '3' }, ['/m']],
    [
      'a neighbour whose name begins alike',
      { '/m': '1', '/m!': '1' },
      { '/m': '2', '/m!': '2', '/m/a': '1' },
      ['/m', '/m!'],
    ],
    ['the document itself', { '': 'null' }, { '/a': '1', '/b/c': '2' }, ['']],
    ['names of any characters', { '/é/😀': '1' }, { '/é/😀': '2', '/__proto__': '1' }, ['/__proto__', '/é/😀']],
  ] as const) {
    it(`are named: ${what}`, () => {
      assert.deepEqual(changedPaths(table(before), table(after), 10), { paths: expected, count: expected.length });
    });
  }

  it('are capped, and counted', () => {
    const after = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`/${index}`, 'x']));
    const { paths, count } = changedPaths(table({}), table(after), 3);
    assert.deepEqual([paths, count], [['/0', '/1', '/10'], 30]);
  });

  it('are those that two maps differ in', () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '!', '0'), minLength: 1, maxLength: 4 });
    const leaves = fc.dictionary(
      names.map((name) => `/${name}`),
      fc.constantFrom('1', '2'),
    );
    fc.assert(
      fc.property(leaves, leaves, (before, after) => {
        const expected = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
          (pointer) => before[pointer] !== after[pointer],
        );
        const { paths } = changedPaths(table(before), table(after), 100);
        assert.deepEqual([...paths].sort(), expected.sort());
      }),
    );
  });

  it('take little space, also where pointers are long', () => {
    const prefix = '/very/long/name'.repeat(100);
    const leaves = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${prefix}/${index}`, 'x']));
    assert.ok(table(leaves).length < 20_000);
  });
});
