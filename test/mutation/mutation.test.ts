/** The laws find out every one of the mutants, and none where there is no mutant. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { mutated, type Law } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

/** Of each law: most mutants are found out by the first hundred. */
const HISTORIES = 2_000;
/** Where there is no mutant, the laws are held against as many as they usually are by their own tests, and these here. */
const WITHOUT = 100;

interface Found {
  /** The test that failed first. */
  readonly law: string;
  readonly runs: number;
  readonly why: string;
}

/** @returns what was found out; undefined: nothing */
const run = async ({ file, test }: Law, histories: number, mutant?: string): Promise<Found | undefined> => {
  const { NODE_TEST_CONTEXT: _context, MUTANT: _mutant, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [
      ...['--import', './test/mutation/mutate.ts', '--test-reporter=dot', `--test-name-pattern=${test}`],
      `test/unit/domain/${file}.test.ts`,
    ],
    {
      env: { ...env, SIMULATION_RUNS: String(histories), ...(mutant !== undefined && { MUTANT: mutant }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, out, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code === 0) return undefined;
  const line = out.split('\n').findLast((each) => each.startsWith('{"law"'));
  // What does not load, or throws in some other way, is not found out by a law.
  assert.ok(code === 3 && line !== undefined, `${file} ended with ${code} and without a law:\n${out}\n${errors}`);
  return JSON.parse(line) as Found;
};

const TWO = { concurrency: 2 };

describe('without a mutant', TWO, () => {
  for (const file of new Set(MUTANTS.flatMap(({ by }) => by.map((law) => law.file)))) {
    it(`${file} finds nothing`, async () => {
      assert.equal(await run({ file, test: '.' }, WITHOUT), undefined);
    });
  }
});

describe('a mutant is found out', TWO, () => {
  it('there are as many as have names, and each changes something', () => {
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
    for (const mutant of MUTANTS) assert.ok(mutated(mutant).includes(mutant.replace), mutant.name);
  });

  for (const { name, by } of MUTANTS) {
    it(name, async (test) => {
      for (const each of by) {
        const found = await run(each, HISTORIES, name);
        if (found === undefined) continue;
        test.diagnostic(`by "${found.law}" after ${found.runs} histories: ${found.why.split('\n')[0] ?? ''}`);
        return;
      }
      assert.fail(`no law is broken where ${name}: ${JSON.stringify(by)}`);
    });
  }
});
