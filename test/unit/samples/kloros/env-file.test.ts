import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { withVariables } from '../../../../config/samples/kloros/app/env-file.ts';
import { parseEnvFile } from '../../../../src/watcher/index.ts';

const name = fc.stringMatching(/^KLR_[A-Z]{1,3}$/);
const value = fc.stringMatching(/^[a-z0-9.]{0,5}$/);
const line = fc.oneof(
  fc.tuple(name, value).map(([each, text]) => `${each}=${text}`),
  fc.tuple(name, value).map(([each, text]) => `  export ${each} = "${text}" # a comment`),
  fc.stringMatching(/^# [a-z=]{0,8}$/),
  fc.constant(''),
);

describe('variables that are set in an env file', () => {
  for (const { what, text, expected } of [
    { what: 'stand where they stood', text: 'A=1\nKLR_X=1\nB=2\n', expected: 'A=1\nKLR_X=9\nB=2\n' },
    { what: 'are added at the end', text: 'A=1\n', expected: 'A=1\nKLR_X=9\n' },
    { what: 'are added to a last line without an end', text: 'A=1', expected: 'A=1\nKLR_X=9\n' },
    { what: 'are all there is of an empty file', text: '', expected: 'KLR_X=9\n' },
    { what: 'are set wherever they stand', text: 'KLR_X=1\nKLR_X=2\n', expected: 'KLR_X=9\nKLR_X=9\n' },
    { what: 'leave longer names alone', text: 'KLR_XY=1\nA_KLR_X=1\n', expected: 'KLR_XY=1\nA_KLR_X=1\nKLR_X=9\n' },
    { what: 'leave comments alone', text: '# KLR_X=1\n', expected: '# KLR_X=1\nKLR_X=9\n' },
    { what: 'leave lines alone that are none', text: 'no assignment\n', expected: 'no assignment\nKLR_X=9\n' },
  ]) {
    it(what, () => {
      assert.equal(withVariables(text, new Map([['KLR_X', '9']])), expected);
    });
  }

  it('are read back, and nothing else has changed', () => {
    fc.assert(
      fc.property(fc.array(line), fc.dictionary(name, value), (lines, set) => {
        const text = lines.map((each) => `${each}\n`).join('');
        const next = parseEnvFile(withVariables(text, new Map(Object.entries(set))));
        assert.deepEqual(Object.fromEntries(next), { ...Object.fromEntries(parseEnvFile(text)), ...set });
      }),
    );
  });

  it('make no difference the second time', () => {
    fc.assert(
      fc.property(fc.array(line), fc.dictionary(name, value), (lines, set) => {
        const once = withVariables(lines.join('\n'), new Map(Object.entries(set)));
        assert.equal(withVariables(once, new Map(Object.entries(set))), once);
      }),
    );
  });
});
