/** What a page shows of a sample is what the sample has. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { CHECKOUT, PAGES, read } from './pages.ts';
import { stepsOf } from './walk.ts';

const SAMPLES = 'config/samples';
/** Each with a page of its own, which shows its policy. */
const SOFTWARE = ['nginx', 'opa', 'prometheus'];

describe('what pages show of the samples', () => {
  const shown = PAGES.flatMap((page) =>
    stepsOf(read(page)).flatMap((step) =>
      step.type === 'File' && step.name.startsWith(`${SAMPLES}/`) ? [{ page, name: step.name, text: step.text }] : [],
    ),
  );

  for (const { page, name, text } of shown) {
    it(`${page}: ${name}`, () => {
      assert.equal(text, read(name));
    });
  }

  it('has the policy of each software', () => {
    for (const name of SOFTWARE)
      assert.ok(
        shown.some((each) => each.page === `docs/software/${name}.md` && each.name === `${SAMPLES}/${name}/policy.yaml`),
        name,
      );
  });
});

describe('the policies of the samples', () => {
  const files = readdirSync(join(CHECKOUT, SAMPLES), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(^|\/)policy\.yaml$/.test(file),
  );

  for (const file of files) {
    it(file, () => {
      for (const document of parseAllDocuments(read(join(SAMPLES, file)))) {
        const { kind, spec } = document.toJS() as { readonly kind: string; readonly spec: unknown };
        if (kind === 'ReloadPolicy') reloadPolicySpecSchema.strict().parse(spec);
      }
    });
  }

  it('are found', () => {
    assert.ok(files.length > SOFTWARE.length);
  });
});
