import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'dotenv';
import fc from 'fast-check';
import { parseEnvFile } from '../../../src/watcher/index.ts';

describe('an env file', () => {
  const accepted: readonly (readonly [text: string, variables: Readonly<Record<string, string>>])[] = [
    ['', {}],
    ['A=1', { A: '1' }],
    ['A=1\nB=2\n', { A: '1', B: '2' }],
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['A=1\rB=2', { A: '1', B: '2' }],
    ['\uFEFFA=1', { A: '1' }],
    ['# a comment\n\n  A = 1  # another\n', { A: '1' }],
    ['export A=1\nexport  B=2', { A: '1', B: '2' }],
    ['A=', { A: '' }],
    ['A=\nB=2', { A: '', B: '2' }],
    ['A=\'it # is\'\nB="so # too"\nC=`or # so`', { A: 'it # is', B: 'so # too', C: 'or # so' }],
    ['A="one\\ntwo"\nB=\'one\\ntwo\'', { A: 'one\ntwo', B: 'one\\ntwo' }],
    ['A="one\ntwo" # both\nB=3', { A: 'one\ntwo', B: '3' }],
    ['A="{\\"a\\": 1}"', { A: '{\\"a\\": 1}' }],
    ['A=a "b" c', { A: 'a "b" c' }],
    ['A="a"b', { A: '"a"b' }],
    ['A=${B}$B', { A: '${B}$B' }],
    ['A=1\nA=2', { A: '2' }],
    ['KLR_TEMP.max-2: 0.5', { 'KLR_TEMP.max-2': '0.5' }],
    ['A==b=', { A: '=b=' }],
  ];
  for (const [text, variables] of accepted)
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(Object.fromEntries(parseEnvFile(text)), variables);
      assert.deepEqual({ ...parse(text) }, variables, 'dotenv reads it otherwise');
    });

  const refused: readonly (readonly [text: string, message: string])[] = [
    ['A=1\nsecret value', 'line 2 is no assignment: NAME=value'],
    ['A=1\r\n\r\nsecret', 'line 3 is no assignment: NAME=value'],
    ['=secret', 'line 1 is no assignment: NAME=value'],
    ['A B=secret', 'line 1 is no assignment: NAME=value'],
    ['A=1\nB="secret\nC=2', 'line 2 has a quote without an end'],
    ["B='secret", 'line 1 has a quote without an end'],
    ['A="one\ntwo"\n\nsecret', 'line 4 is no assignment: NAME=value'],
    ['A=secret\0', 'line 1 has a NUL in its value'],
    ['\uFEFF!', 'line 1 is no assignment: NAME=value'],
  ];
  for (const [text, message] of refused)
    it(`refuses ${JSON.stringify(text)} without its value`, () => {
      assert.throws(() => parseEnvFile(text), { message });
    });

  it('means what dotenv makes of it, wherever it is taken', () => {
    const pieces = [
      'A',
      'B_1',
      'export ',
      '=',
      ': ',
      ' ',
      '\n',
      '\r\n',
      '#',
      '"',
      "'",
      '`',
      '\\',
      '\\n',
      'x',
      '$',
      'é',
    ];
    const value = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((all) => all.join(''));
    const line = fc
      .tuple(fc.constantFrom('A=', 'export B=', ' C = ', '', '#', 'D: '), value)
      .map((all) => all.join(''));
    const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'));
    let taken = 0;
    fc.assert(
      fc.property(text, (source) => {
        // Where a quote behind a backslash is the only one that could end a value, dotenv ends it there; here it is an error.
        fc.pre(!/\\["'`]/.test(source));
        let variables: ReadonlyMap<string, string>;
        try {
          variables = parseEnvFile(source);
        } catch {
          return;
        }
        taken += 1;
        assert.deepEqual(Object.fromEntries(variables), { ...parse(source) });
      }),
      { numRuns: 5_000 },
    );
    assert.ok(taken > 500, `only ${taken} texts were taken`);
  });

  it('is read in linear time', () => {
    for (const piece of ['A="', "A='x\n", 'A="x"y\n', 'A=`\\`', ' ', 'A', 'A=#', '\\']) {
      const text = piece.repeat(1_000_000 / piece.length);
      const begun = performance.now();
      try {
        parseEnvFile(text);
      } catch {
        // Whether it is taken is not the question.
      }
      assert.ok(performance.now() - begun < 2_000, JSON.stringify(piece));
    }
  });
});
