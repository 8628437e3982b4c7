/** What the pages have typed is run, and prints what they show. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PAGES, read } from './pages.ts';
import { beginWalk, stepsOf } from './walk.ts';

/** How many commands each page has at least. */
const EXAMPLES: Readonly<Record<string, number>> = {
  'README.md': 1,
  'docs/applications.md': 1,
  'docs/classify-keys.md': 3,
  'docs/cli.md': 2,
  'docs/kinds.md': 1,
  'docs/paths.md': 1,
  'docs/plan-in-ci.md': 4,
  'docs/prove-hot-changes.md': 2,
  'docs/software/nginx.md': 1,
  'docs/software/opa.md': 1,
  'docs/software/prometheus.md': 1,
  'docs/validate.md': 1,
};

for (const path of PAGES) {
  const steps = stepsOf(read(path));
  const commands = steps.filter(({ type }) => type === 'Command');
  if (commands.length === 0 && EXAMPLES[path] === undefined) continue;

  describe(path, () => {
    const walk = beginWalk();

    it('has its examples', () => {
      assert.ok(commands.length >= (EXAMPLES[path] ?? 1), `${commands.length} commands`);
    });

    for (const step of steps) {
      if (step.type === 'File') {
        it(`has ${step.name}`, () => {
          walk.write(step);
        });
        continue;
      }
      it(`is right about ${step.command}`, async () => {
        const { code, stdout, stderr } = await walk.run(step.command);
        assert.equal(stderr, '');
        assert.equal(stdout, step.printed);
        assert.equal(code, step.code ?? 0);
      });
    }
  });
}
