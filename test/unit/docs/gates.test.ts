/** What the tables of the pages about gates say is tried, row by row. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { resolvePolicy, type ResolvedPolicySpec } from '../../../src/api/v1alpha1/defaults.ts';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import { groupsOf } from '../../../src/domain/order.ts';
import type { Peer } from '../../../src/domain/others.ts';
import { bindingOf, type WorkloadKind } from '../../../src/domain/selection.ts';
import { windowsAt } from '../../../src/domain/windows.ts';
import { aPolicy, HOUR, MINUTE, SECOND, T0 } from '../../support/builders.ts';
import { World } from '../../support/world.ts';
import { blocksOf, read, rowsOf, sectionOf, spansOf } from './pages.ts';

/** The policy of a page's example. */
const policyOf = (page: string): ResolvedPolicySpec => {
  const [example] = blocksOf(page).filter(({ language }) => language === 'yaml');
  const { spec } = parse(example?.text ?? '') as { readonly spec: unknown };
  return resolvePolicy(reloadPolicySpecSchema.parse(spec));
};

describe('docs/windows.md', () => {
  const page = read('docs/windows.md');
  const { windows } = policyOf(page).gates;
  for (const section of ['An example', 'When clocks change']) {
    const rows = rowsOf(sectionOf(page, section), 3);
    it(`has its rows: ${section}`, () => {
      assert.ok(rows.length >= 4);
    });
    for (const [at = '', open = '', until = ''] of rows) {
      it(`is right about ${at}`, () => {
        const answer = windowsAt(windows, Date.parse(spansOf(at)[0] ?? ''));
        assert.equal(answer.open, open === 'yes');
        assert.equal(answer.until, Date.parse(spansOf(until)[0] ?? ''));
      });
    }
  }
});

describe('docs/budget.md', () => {
  const page = read('docs/budget.md');
  const rows = rowsOf(sectionOf(page, 'An example'), 2);
  const minutes = (text: string): number => {
    const [hours = 0, rest = 0] = text.split(':').map(Number);
    return hours * 60 + rest;
  };

  it('is right about each row', () => {
    assert.ok(rows.length >= 8);
    const { gates, debounceMs } = policyOf(page);
    const world = new World({ policies: [aPolicy({ gates, debounceMs })] });
    let restarts = 0;
    for (let minute = 0; minute < 3 * 60; minute++) {
      if (minute % 5 === 0 && minute <= 55) world.edit({ flag: String(minute), hot: 'a' });
      world.advance(3 * SECOND).finishRollout();
      const [, said = ''] = rows.find(([at = '']) => minutes(spansOf(at)[0] ?? '') === minute) ?? [];
      if (said === 'restart') restarts += 1;
      assert.equal(world.restarts.length, restarts, `at minute ${minute}`);
      const [reason, until] = spansOf(said);
      if (reason !== undefined && until !== undefined) {
        assert.equal(world.reason(), reason);
        // Within the seconds of debounces that the page leaves out.
        const after = (world.verdict?.until ?? 0) - T0 - minutes(until) * MINUTE;
        assert.ok(after >= 0 && after < 10 * SECOND, `${said}: ${after} ms after it`);
      }
      world.advance(MINUTE - 3 * SECOND);
    }
    assert.equal(world.podsRun('flag').started, true);
    assert.ok(world.now >= T0 + 3 * HOUR);
  });
});

describe('docs/order.md', () => {
  const page = read('docs/order.md');
  const rows = rowsOf(sectionOf(page, 'An example'), 4);
  const { workloads, gates } = policyOf(page);
  const { canary: _canary, ...plain } = gates;
  const bound = (
    [
      ['Deployment', 'web'],
      ['Deployment', 'api'],
      ['StatefulSet', 'cache'],
      ['Deployment', 'batch-a'],
      ['Deployment', 'batch-b'],
    ] as const
  ).map(([kind, name]: readonly [WorkloadKind, string]): Peer => {
    const labels: Readonly<Record<string, string>> = name.startsWith('batch') ? { tier: 'batch' } : {};
    const binding = bindingOf({ workloads }, { kind, name, labels });
    assert.ok(binding !== undefined, name);
    return { kind, name, standing: 'Due', binding };
  });
  const columns = [gates, plain, { ...plain, order: 'Parallel' }] as const;
  for (const [index, each] of columns.entries()) {
    it(`is right about column ${index + 1}`, () => {
      const policy = { gates: each, ...(workloads !== undefined && { workloads }) };
      const groups = groupsOf(policy, bound).map((group) => group.map(({ name }) => name));
      const said = rows.map((row) => spansOf(row[index + 1] ?? '')).filter((names) => names.length > 0);
      assert.deepEqual(groups, said);
    });
  }
});
