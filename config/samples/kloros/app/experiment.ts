/**
 * Experiments: candidates around the best parameters known compete on a signal of their own, and the winner is to be
 * promoted. What the running system then measures decides where the next experiment looks.
 */

import { createDetector } from './detector.ts';
import { mapParameters, sameParameters, type Parameters } from './parameters.ts';
import { gaussian, seeded } from './random.ts';
import { createSignal } from './signal.ts';
import { createTally, figuresOf, type Figures } from './tally.ts';

export interface Search {
  /** The best parameters known. */
  readonly best: Parameters;
  /** What the running system measured with them; absent before it has. */
  readonly score?: number;
  /** How far around them candidates lie: the standard deviation of the natural logarithm of each parameter's change. */
  readonly step: number;
}

export interface Settings {
  readonly candidates: number;
  readonly samples: number;
  readonly seed: number;
}

export type Verdict = 'Confirmed' | 'Rejected';

const FIRST_STEP = 0.4;
const SMALLEST_STEP = 0.05;
const LARGEST_STEP = 0.8;

export const startSearch = (best: Parameters): Search => ({ best, step: FIRST_STEP });

/** How parameters do on the signal of a seed. */
export const trial = (parameters: Parameters, { samples, seed }: Omit<Settings, 'candidates'>): Figures => {
  const signal = createSignal(seed);
  const tally = createTally(createDetector(parameters));
  for (let taken = 0; taken < samples; taken++) tally.take(signal());
  return figuresOf(tally.counts());
};

/** The best so far is a candidate, too: where nothing does better, it stays. */
export const tournament = ({ best, step }: Search, settings: Settings): Parameters => {
  const random = seeded(settings.seed ^ 0x5bd1e995);
  const others = Array.from({ length: settings.candidates - 1 }, () =>
    // One more, so that what is 0 can become more.
    mapParameters(best, (value, name) =>
      name === 'holdSamples'
        ? (value + 1) * Math.exp(step * gaussian(random)) - 1
        : value * Math.exp(step * gaussian(random)),
    ),
  );
  return [best, ...others]
    .map((parameters) => ({ parameters, score: trial(parameters, settings).score }))
    .reduce((winner, each) => (each.score > winner.score ? each : winner)).parameters;
};

/**
 * What the running system measured decides. The best is measured again whenever it stays, since chance has its part in
 * every figure; and the search widens on success and narrows without it.
 */
export const learn = (search: Search, promoted: Parameters, measured: number): { search: Search; verdict: Verdict } => {
  const { best, score, step } = search;
  if (score === undefined || sameParameters(best, promoted)) {
    const averaged = score === undefined ? measured : (score + measured) / 2;
    return { search: { best: promoted, score: averaged, step: narrower(step) }, verdict: 'Confirmed' };
  }
  return measured > score
    ? { search: { best: promoted, score: measured, step: Math.min(LARGEST_STEP, step * 1.3) }, verdict: 'Confirmed' }
    : { search: { best, score, step: narrower(step) }, verdict: 'Rejected' };
};

const narrower = (step: number): number => Math.max(SMALLEST_STEP, step * 0.85);
