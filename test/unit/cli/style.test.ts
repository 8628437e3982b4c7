import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { age, table } from '../../../src/cli/style.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

describe('text for people', () => {
  it('is aligned, without blanks at the end of lines', () => {
    assert.equal(
      table([
        ['a', 'bb', 'c'],
        ['aaa', ''],
        ['', 'b', 'c'],
      ]),
      'a    bb  c\naaa\n     b   c\n',
    );
  });

  it('is aligned with colours as without', () => {
    const rows = [
      [{ text: 'ok', paint: 'good' as const }, 'x'],
      ['longer', 'y'],
    ];
    assert.equal(table(rows, { colour: true }).replaceAll(/\u001B\[\d+m/g, ''), table(rows));
    assert.match(table(rows, { colour: true }), /^\u001B\[32mok\u001B\[0m {6}x$/m);
  });

  it('never steers the terminal', () => {
    assert.equal(table([['a\u001B[2Jb\nc', '\u009B31m']]), 'a [2Jb c   31m\n');
  });

  const ages: readonly (readonly [ms: number, text: string])[] = [
    [-5 * SECOND, '0s'],
    [4 * SECOND, '4s'],
    [119 * SECOND, '119s'],
    [120 * SECOND, '2m'],
    [2 * HOUR, '2h'],
    [47 * HOUR, '47h'],
    [48 * HOUR, '2d'],
  ];
  for (const [ms, text] of ages) {
    it(`says ${text} of ${ms} ms`, () => assert.equal(age(0, ms), text));
  }
});
