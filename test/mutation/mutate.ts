/**
 * Preloaded into a process that runs tests of properties: the decision code comes with one mutant in it, the one that
 * MUTANT names, and the process ends with the first property that fails, saying which in one line of JSON.
 *
 *   MUTANT=NAME node --import ./test/mutation/mutate.ts FILE.test.ts
 */

import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { beforeEach } from 'node:test';
import fc from 'fast-check';
import { MUTANTS } from './mutants.ts';
import { mutated, urlOf } from './mutant.ts';

const chosen = process.env['MUTANT'];
const mutant = MUTANTS.find(({ name }) => name === chosen);
if (chosen !== undefined && mutant === undefined) throw new Error(`there is no mutant "${chosen}"`);

if (mutant !== undefined) {
  const [url, source] = [urlOf(mutant), mutated(mutant)];
  registerHooks({
    load: (from, context, next) =>
      from === url ? { format: 'module-typescript', source, shortCircuit: true } : next(from, context),
  });
}

let law = '';
beforeEach((test) => {
  law = 'fullName' in test ? test.fullName : '';
});

const endAtFirst: fc.Plugin<unknown> = () => ({
  onAllRunsComplete: ({ failed, numRuns, errorInstance }) => {
    if (!failed) return;
    const why = errorInstance instanceof Error ? errorInstance.message.slice(0, 500) : 'no error';
    writeSync(1, `\n${JSON.stringify({ law, runs: numRuns, why })}\n`);
    process.exit(3);
  },
});

/** The same histories each time, and none is made shorter: nobody reads them. */
const once = { seed: 6, endOnFailure: true, plugins: [endAtFirst] };
fc.configureGlobal(once);
