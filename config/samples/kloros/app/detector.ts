/** Finds batches of samples whose mean is too far from the baseline, which follows what is quiet. */

import type { Parameters } from './parameters.ts';

export interface Detector {
  /** @returns Quiet or Alarm at the end of a batch, Filling before */
  observe(value: number): 'Filling' | 'Quiet' | 'Alarm';
}

/** What is an alarm goes into the baseline, too, or a lasting change would be one for ever; but slowly. */
const ALARMING = 0.1;

export const createDetector = ({ threshold, batchSize, smoothing, holdSamples }: Parameters): Detector => {
  let mean: number | undefined;
  let variance = 1;
  let sum = 0;
  let squares = 0;
  let count = 0;
  /** Samples until alarms are raised again. */
  let held = 0;

  const follow = (batchMean: number, batchVariance: number, share: number): void => {
    mean = mean === undefined ? batchMean : mean + share * (batchMean - mean);
    variance += share * (batchVariance - variance);
  };

  return {
    observe: (value) => {
      // Around the baseline as it was when the batch began: a mean apart from it is part of the spread.
      const offset = value - (mean ?? value);
      sum += value;
      squares += offset * offset;
      count += 1;
      held = Math.max(0, held - 1);
      if (count < batchSize) return 'Filling';
      const batchMean = sum / count;
      const distance =
        mean === undefined ? 0 : Math.abs(batchMean - mean) / Math.sqrt(Math.max(variance, 1e-9) / count);
      const far = distance > threshold;
      const share = 1 - (1 - smoothing) ** count;
      follow(batchMean, squares / count, far ? share * ALARMING : share);
      sum = 0;
      squares = 0;
      count = 0;
      if (!far || held > 0) return 'Quiet';
      held = holdSamples;
      return 'Alarm';
    },
  };
};
