import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { unifiedDiff } from '../../../src/cli/unified-diff.ts';

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

/** Applies hunks as patch(1) does, and demands that they say what is there. */
const patched = (before: string, hunks: readonly string[]): string => {
  const was = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const is: string[] = [];
  let at = 0;
  hunks.forEach((line, index) => {
    const [, start, length = '1', to, more = '1'] = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line) ?? [];
    if (start !== undefined) {
      const first = length === '0' ? Number(start) : Number(start) - 1;
      is.push(...was.slice(at, first));
      at = first;
      assert.equal(is.length, more === '0' ? Number(to) : Number(to) - 1, line);
      return;
    }
    if (line.startsWith('\\')) return;
    const text = line.slice(1) + (hunks[index + 1]?.startsWith('\\') === true ? '' : '\n');
    if (!line.startsWith('+')) {
      assert.equal(was[at], text);
      at += 1;
    }
    if (!line.startsWith('-')) is.push(text);
  });
  return [...is, ...was.slice(at)].join('');
};

describe('a unified diff', () => {
  const few = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 24 })
    .chain((some) => fc.constantFrom(some.join('\n'), `${some.join('\n')}\n`));

  it('makes the one text of the other', () => {
    fc.assert(
      fc.property(few, few, fc.nat(4), (before, after, context) => {
        const hunks = unifiedDiff(before, after, { context });
        assert.equal(patched(before, hunks), after);
        assert.equal(hunks.length === 0, before === after);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is what diff -u prints', () => {
    const texts: readonly (readonly [string, string])[] = [
      [lines(1, 20), lines(1, 9) + 'ten\n' + lines(11, 20)],
      [lines(1, 20), 'zero\n' + lines(1, 18)],
      [lines(1, 20), lines(1, 5) + lines(8, 20) + 'end'],
      ['a\nb', 'a\nb\n'],
      ['', 'a\n'],
      ['a\n', ''],
    ];
    for (const [before, after] of texts) {
      const folder = mkdtempSync(join(tmpdir(), 'unified-diff-'));
      writeFileSync(join(folder, 'before'), before);
      writeFileSync(join(folder, 'after'), after);
      const { stdout } = spawnSync('diff', ['-u', 'before', 'after'], { cwd: folder, encoding: 'utf8' });
      assert.deepEqual(unifiedDiff(before, after), stdout.trimEnd().split('\n').slice(2));
    }
  });

  it('replaces the one by the other where very many lines differ', () => {
    const [before, after] = [lines(1, 3_000), lines(3_001, 6_000) + '1\n'];
    const hunks = unifiedDiff(before, after);
    assert.equal(patched(before, hunks), after);
    assert.equal(hunks.length, 1 + 3_000 + 3_001);
  });
});
