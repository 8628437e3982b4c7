import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { json, outcomeOf, table, type Row } from '../../bench/results.ts';
import { readOptions } from '../../bench/options.ts';
import { percentile } from '../../bench/statistics.ts';

const aRow = (measured: Row['measured'], max?: number): Row => ({
  section: 'b',
  what: 'write → template: p50',
  unit: 'ms',
  measured,
  ...(max !== undefined && { max }),
});

describe('percentiles', () => {
  it('are samples, by nearest rank', () => {
    const samples = [50, 15, 40, 20, 35];
    assert.deepEqual(
      [5, 30, 40, 50, 100].map((p) => percentile(samples, p)),
      [15, 20, 20, 35, 50],
    );
  });

  it('have at least that share of the samples at or below them, and are the least such sample', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (samples, p) => {
        const value = percentile(samples, p);
        const count = (limit: (sample: number) => boolean): number => samples.filter(limit).length * 100;
        assert.ok(count((sample) => sample <= value) >= p * samples.length);
        assert.ok(count((sample) => sample < value) < p * samples.length);
      }),
    );
  });

  it('of nothing are refused', () => {
    assert.throws(() => percentile([], 50), RangeError);
  });
});

describe('a row of the bench', () => {
  it('passes up to its limit, and is short above', () => {
    assert.equal(outcomeOf(aRow({ operator: 20 }, 20)), 'pass');
    assert.equal(outcomeOf(aRow({ operator: 20.01 }, 20)), 'short');
  });

  it("is judged by the operator's figure alone, and only where something was asked", () => {
    assert.equal(outcomeOf(aRow({ operator: 1, peer: 99 }, 20)), 'pass');
    assert.equal(outcomeOf(aRow({ peer: 1 }, 20)), '');
    assert.equal(outcomeOf(aRow({ operator: 99 })), '');
  });
});

describe('the table of the bench', () => {
  const failures = [{ section: 'c' as const, message: 'no node' }];

  it('has a column for everyone who was measured, and names what was not', () => {
    const text = table({ rows: [aRow({ operator: 18.26, peer: 32 }, 20)], failures });
    assert.match(text, /operator +peer/);
    assert.doesNotMatch(text, /bare loop/);
    assert.match(text, /≤ 20 ms +18\.3 ms +32\.0 ms +pass/);
    assert.match(text, /c {2}not measured: no node/);
  });

  it('becomes JSON with outcomes and raw samples', () => {
    const text = json({ facts: {}, rows: [aRow({ operator: 18.26 }, 20)], failures, samples: { b: { ms: [1.234] } } });
    const { rows, samples } = JSON.parse(text) as { rows: { outcome: string }[]; samples: unknown };
    assert.deepEqual([rows[0]?.outcome, samples], ['pass', { b: { ms: [1.23] } }]);
  });
});

describe('the options of the bench', () => {
  it('name sections in their own order, all by default', () => {
    assert.deepEqual(readOptions(['--only', 'c, a']), { only: ['a', 'c'] });
    assert.deepEqual(readOptions([]), { only: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'] });
  });

  it('refuse what can not be meant, with the way out', () => {
    assert.throws(() => readOptions(['--only', 'x']), /names x: there are a, b/);
    assert.throws(() => readOptions(['--samples', '0']), /whole number/);
    assert.throws(() => readOptions(['--peer', 'run']), /belong together/);
  });

  it('take a peer with the annotation that binds it', () => {
    assert.deepEqual(readOptions(['--only=b', '--peer', 'run it', '--peer-annotation', 'a.b/auto=true']), {
      only: ['b'],
      peer: { command: 'run it', annotation: { key: 'a.b/auto', value: 'true' } },
    });
  });
});
