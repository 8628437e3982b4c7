/**
 * The detector at work. What it runs on is computed once, when this module is imported, as modules often do with their
 * settings; a callback computes it anew when one of them has changed.
 */

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { settings } from './boot.ts';
import { createDetector } from './detector.ts';
import { readParameters, type Parameters } from './parameters.ts';
import { seedOf } from './random.ts';
import { numberOf } from './settings.ts';
import { createSignal } from './signal.ts';
import { createTally, figuresOf, type Figures } from './tally.ts';

/** What a process runs on, and how it does, since its parameters have changed last. */
export interface Performance {
  readonly process: string;
  readonly experiment: number;
  readonly parameters: Parameters;
  /** RFC 3339 */
  readonly since: string;
  readonly figures: Figures;
}

const begin = () => {
  const parameters = readParameters(process.env);
  return {
    experiment: numberOf(process.env, 'KLR_EXPERIMENT_ID', 0),
    parameters,
    since: new Date().toISOString(),
    tally: createTally(createDetector(parameters)),
  };
};

let running = begin();

settings.onChange((_next, _previous, changedKeys) => {
  if (changedKeys.some((key) => key === 'KLR_EXPERIMENT_ID' || key.startsWith('KLR_DETECTOR_'))) running = begin();
});

export const performanceSoFar = (): Performance => {
  const { experiment, parameters, since, tally } = running;
  return { process: hostname(), experiment, parameters, since, figures: figuresOf(tally.counts()) };
};

/** Never ends. Its pace is read at each step: a setting that nobody caches needs no callback. */
export const observe = async (): Promise<never> => {
  // Every process has a signal of its own.
  const signal = createSignal(seedOf(hostname()));
  for (;;) {
    const samples = numberOf(process.env, 'KLR_OBSERVER_SAMPLES_PER_TICK', 4_000);
    const { tally } = running;
    for (let taken = 0; taken < samples; taken++) tally.take(signal());
    await sleep(numberOf(process.env, 'KLR_OBSERVER_TICK_MS', 100));
  }
};
