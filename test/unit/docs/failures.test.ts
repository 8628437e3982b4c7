/** What the page about failed rollouts says happens to its example does. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { resolvePolicy } from '../../../src/api/v1alpha1/defaults.ts';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { aPolicy, HOUR, MINUTE } from '../../support/builders.ts';
import { World } from '../../support/world.ts';
import { blocksOf, read, rowsOf, sectionOf, spansOf } from './pages.ts';

describe('docs/failures.md', () => {
  const page = read('docs/failures.md');
  const [example] = blocksOf(page).filter(({ language }) => language === 'yaml');
  const { spec } = parse(example?.text ?? '') as { readonly spec: unknown };
  const { gates, debounceMs, progressTimeoutMs } = resolvePolicy(reloadPolicySpecSchema.parse(spec));
  const rows = rowsOf(sectionOf(page, 'An example'), 4);

  it('has its rows', () => {
    assert.ok(rows.length >= 6);
  });

  it('is right about each of them', () => {
    const world = new World({
      content: { flag: '30' },
      policies: [aPolicy({ gates, debounceMs, progressTimeoutMs })],
    });
    for (const [what = '', state = '', restarts = '', annotation = ''] of rows) {
      const [edit = ''] = spansOf(what);
      const [, value] = /^cooldown-period: (-?[0-9]+)$/.exec(edit) ?? [];
      if (value === undefined) world.advance(HOUR);
      else {
        world.edit({ flag: value }).advance(MINUTE);
        if (value === '-1') world.failRollout();
        else world.finishRollout();
        world.advance(MINUTE);
      }
      const [is, reason = is] = spansOf(state);
      const said = [world.state(), world.reason(), world.restarts.length, world.observed().workload.annotation?.n];
      assert.deepEqual(said, [is, reason, Number(restarts), Number(/[0-9]+/.exec(annotation)?.[0])], what);
    }
  });

  it('names what follows a failure, each with what is done', () => {
    const named = rowsOf(sectionOf(page, 'What is done'), 2).map(([mode = '']) => spansOf(mode)[0]);
    assert.deepEqual(
      named.filter((mode) => mode !== undefined),
      ['Report', 'Undo', 'Rollback'],
    );
  });
});
