import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  learn,
  startSearch,
  tournament,
  trial,
  type Search,
} from '../../../../config/samples/kloros/app/experiment.ts';
import { PARAMETERS, toVariables, type Parameters } from '../../../../config/samples/kloros/app/parameters.ts';
import { validateSettings } from '../../../../config/samples/kloros/app/settings.ts';
import { figuresOf } from '../../../../config/samples/kloros/app/tally.ts';

/** Those of configmap.yaml. */
const FIRST: Parameters = { threshold: 2.2, batchSize: 48, smoothing: 0.05, holdSamples: 10 };
const OTHER: Parameters = { ...FIRST, threshold: 4 };
const SETTINGS = { candidates: 8, samples: 20_000, seed: 1 };

const anyParameters: fc.Arbitrary<Parameters> = fc.record({
  threshold: fc.double({ min: PARAMETERS.threshold.from, max: PARAMETERS.threshold.to, noNaN: true }),
  batchSize: fc.integer({ min: PARAMETERS.batchSize.from, max: PARAMETERS.batchSize.to }),
  smoothing: fc.double({ min: PARAMETERS.smoothing.from, max: PARAMETERS.smoothing.to, noNaN: true }),
  holdSamples: fc.integer({ min: PARAMETERS.holdSamples.from, max: PARAMETERS.holdSamples.to }),
});

describe('an experiment', () => {
  it('gives the same winner for the same seed', () => {
    assert.deepEqual(tournament(startSearch(FIRST), SETTINGS), tournament(startSearch(FIRST), SETTINGS));
  });

  it('has a winner that does at least as well as the best so far, on the signal that decides', () => {
    for (let seed = 0; seed < 10; seed++) {
      const winner = tournament(startSearch(FIRST), { ...SETTINGS, seed });
      assert.ok(trial(winner, { samples: 20_000, seed }).score >= trial(FIRST, { samples: 20_000, seed }).score);
    }
  });

  it('never has a winner that a process would refuse', () => {
    fc.assert(
      fc.property(anyParameters, fc.double({ min: 0.05, max: 0.8, noNaN: true }), fc.nat(), (best, step, seed) => {
        // What is only read from the file has no more places than stand in it.
        const written = new Map(toVariables(best));
        const start = { best: { ...best, threshold: Number(written.get('KLR_DETECTOR_THRESHOLD')) }, step };
        const winner = tournament(start, { candidates: 5, samples: 1_000, seed });
        validateSettings(new Map([['KLR_EXPERIMENT_ID', '1'], ...toVariables(winner)]));
      }),
      { numRuns: 50 },
    );
  });

  it('leads to parameters that do much better, whatever the signals', () => {
    const examination = { samples: 100_000, seed: 4_711 };
    assert.ok(trial(FIRST, examination).score < 0.55);
    const reached = Array.from({ length: 5 }, (_, run) => {
      let search: Search = startSearch(FIRST);
      for (let round = 1; round <= 20; round++) {
        const seed = run * 1_000 + round;
        const winner = tournament(search, { ...SETTINGS, seed });
        search = learn(search, winner, trial(winner, { samples: 40_000, seed: seed + 500 }).score).search;
      }
      return trial(search.best, examination).score;
    });
    assert.ok(Math.min(...reached) > 0.65, String(reached));
    assert.ok(reached.reduce((sum, each) => sum + each) / reached.length > 0.8, String(reached));
  });
});

describe('what is learned', () => {
  const known = { best: FIRST, score: 0.5, step: 0.4 };
  for (const { what, search, promoted, measured, verdict, best, score } of [
    {
      what: 'the first figure counts, whatever it is',
      search: startSearch(FIRST),
      promoted: OTHER,
      measured: 0.1,
      verdict: 'Confirmed',
      best: OTHER,
      score: 0.1,
    },
    {
      what: 'what does better takes over',
      search: known,
      promoted: OTHER,
      measured: 0.6,
      verdict: 'Confirmed',
      best: OTHER,
      score: 0.6,
    },
    {
      what: 'what does worse does not',
      search: known,
      promoted: OTHER,
      measured: 0.4,
      verdict: 'Rejected',
      best: FIRST,
      score: 0.5,
    },
    {
      what: 'what does as well does not, either',
      search: known,
      promoted: OTHER,
      measured: 0.5,
      verdict: 'Rejected',
      best: FIRST,
      score: 0.5,
    },
    {
      what: 'the best, measured again, has the mean of both',
      search: known,
      promoted: FIRST,
      measured: 0.3,
      verdict: 'Confirmed',
      best: FIRST,
      score: 0.4,
    },
  ] as const) {
    it(what, () => {
      const learned = learn(search, promoted, measured);
      assert.equal(learned.verdict, verdict);
      assert.deepEqual({ best: learned.search.best, score: learned.search.score }, { best, score });
    });
  }

  it('widens the search on success, and narrows it without, within bounds', () => {
    assert.ok(learn(known, OTHER, 0.6).search.step > known.step);
    assert.ok(learn(known, OTHER, 0.4).search.step < known.step);
    let search: Search = known;
    for (let round = 0; round < 100; round++) search = learn(search, OTHER, 0).search;
    assert.ok(search.step >= 0.05);
  });
});

describe('figures', () => {
  it('of several processes are those of all that they have counted', () => {
    const first = { samples: 100, anomalies: 4, detected: 2, falseAlarms: 2, delays: 20 };
    const second = { samples: 300, anomalies: 4, detected: 4, falseAlarms: 0, delays: 10 };
    const { precision, recall, delay, score, samples } = figuresOf(first, second);
    assert.deepEqual({ precision, recall, delay, samples }, { precision: 0.75, recall: 0.75, delay: 5, samples: 400 });
    assert.ok(Math.abs(score - (0.75 - 0.01)) < 1e-12);
  });

  it('of nothing are zero', () => {
    const { precision, recall, delay, score } = figuresOf();
    assert.deepEqual({ precision, recall, delay, score }, { precision: 0, recall: 0, delay: 0, score: 0 });
  });
});
