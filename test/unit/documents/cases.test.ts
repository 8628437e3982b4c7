import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { looksInto } from '../../../src/domain/rules.ts';
import { changedPaths } from '../../../src/domain/leaf-table.ts';
import { declaredClass } from '../../../src/domain/rules.ts';
import { cases } from '../../documents/cases.ts';
import { changedClasses, NO_LEAVES, split } from './parts.ts';

const source = { kind: 'ConfigMap', name: 'app' } as const;

describe('a real document', () => {
  for (const each of cases) {
    describe(each.name, () => {
      for (const { what, edit, classes, paths, broken = false } of each.edits) {
        it(`${what}: ${classes.length === 0 ? 'nothing' : classes.join(' and ')}`, () => {
          const after = edit(each.text);
          assert.notEqual(after, each.text);
          const policy = { name: 'policy', rules: each.rules, defaultClass: each.defaultClass };
          if (!looksInto(policy, source, each.key)) {
            assert.deepEqual(classes, [declaredClass(policy, source, each.key)]);
            return;
          }
          const [was, is] = [each.text, after].map((text) => split(each.key, text, [policy]));
          assert.ok(was && is);
          assert.equal(was.error, undefined);
          assert.equal(is.error !== undefined, broken);
          if (broken) {
            assert.deepEqual(classes, [declaredClass(policy, source, each.key)]);
            return;
          }
          assert.deepEqual(is.fingerprints, was.fingerprints);
          assert.deepEqual(changedClasses(was, is), [...classes].sort());
          assert.deepEqual(changedPaths(was.leaves ?? NO_LEAVES, is.leaves ?? NO_LEAVES, 20), {
            paths,
            count: paths?.length,
          });
        });
      }
    });
  }
});

describe('what is said of a document that does not parse', () => {
  it('holds none of its content', () => {
    for (const { key, text, rules, defaultClass, edits } of cases) {
      const policy = { name: 'policy', rules, defaultClass };
      for (const { edit } of edits.filter(({ broken }) => broken)) {
        const { error = '' } = split(key, edit(text), [policy]);
        assert.match(error, /^(line \d+, column \d+: )?[a-zA-Z0-9 ,:='-]+$/);
        for (const word of text.match(/[\w-]{6,}/g) ?? []) assert.ok(!error.includes(word), `${error}: ${word}`);
      }
    }
  });
});
