import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { changedPaths } from '../../../src/domain/leaf-table.ts';
import { changedClasses, NO_LEAVES, split } from './parts.ts';
import { chooser, container, seed, value, withOneChange, writeJson, writeYaml } from './written.ts';

const policy = {
  name: 'policy',
  rules: [{ keys: ['*'], paths: ['/0/**', '/*/a/**', '/**/x'], class: 'Hot' }],
  defaultClass: 'Restart',
} as const;

const isHot = (pointer: string): boolean => /^\/0(?:\/|$)|^\/[^/]*\/a(?:\/|$)|\/x$/.test(pointer);

for (const [key, write] of [
  ['app.yaml', writeYaml],
  ['app.json', writeJson],
] as const) {
  describe(`a random document in ${key}`, () => {
    it('has the same digests however it is written', () => {
      fc.assert(
        fc.property(value, seed, seed, (content, one, other) => {
          const [a, b] = [one, other].map((each) => split(key, write(content, chooser(each)), [policy]));
          assert.ok(a && b);
          assert.equal(a.error, undefined);
          assert.deepEqual(b, a);
        }),
        { numRuns: 600 },
      );
    });

    it('changes exactly where one value does, and only in the part of its class', () => {
      fc.assert(
        fc.property(container, seed, seed, (content, one, other) => {
          const change = withOneChange(content, chooser(one ^ other));
          fc.pre(change !== undefined);
          const { changed, pointer } = change;
          const before = split(key, write(content, chooser(one)), [policy]);
          const after = split(key, write(changed, chooser(other)), [policy]);
          assert.equal(after.error, undefined);
          assert.deepEqual(changedPaths(before.leaves ?? NO_LEAVES, after.leaves ?? NO_LEAVES, 5), {
            paths: [pointer],
            count: 1,
          });
          assert.deepEqual(changedClasses(before, after), [isHot(pointer) ? 'Hot' : 'Restart']);
        }),
        { numRuns: 600 },
      );
    });
  });
}
