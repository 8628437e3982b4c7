/** Keeps the score of a detector: what it found, what it missed, and how long it took. */

import type { Detector } from './detector.ts';
import type { Sample } from './signal.ts';

export interface Counts {
  readonly samples: number;
  readonly anomalies: number;
  readonly detected: number;
  readonly falseAlarms: number;
  /** Samples from the beginning of each detected anomaly to its alarm, added up. */
  readonly delays: number;
}

export interface Figures extends Counts {
  /** Of the alarms, how many were right. */
  readonly precision: number;
  /** Of the anomalies, how many were found. */
  readonly recall: number;
  /** Samples from the beginning of an anomaly to its alarm. */
  readonly delay: number;
  /** The harmonic mean of precision and recall, less a price for the delay: what experiments try to raise. */
  readonly score: number;
}

const PRICE_OF_DELAY = 0.002;

export interface Tally {
  take(sample: Sample): void;
  counts(): Counts;
}

export const createTally = (detector: Detector): Tally => {
  const counts = { samples: 0, anomalies: 0, detected: 0, falseAlarms: 0, delays: 0 };
  let latest = 0;
  let latestBegan = 0;
  let latestFound = false;
  /** Whether some sample of this batch belongs to an anomaly. */
  let anomalous = false;
  return {
    take: ({ value, anomaly }) => {
      counts.samples += 1;
      if (anomaly > 0) {
        anomalous = true;
        if (anomaly !== latest) {
          latest = anomaly;
          latestBegan = counts.samples;
          latestFound = false;
          counts.anomalies += 1;
        }
      }
      const seen = detector.observe(value);
      if (seen === 'Filling') return;
      if (seen === 'Alarm' && !anomalous) counts.falseAlarms += 1;
      if (seen === 'Alarm' && anomalous && !latestFound) {
        latestFound = true;
        counts.detected += 1;
        counts.delays += counts.samples - latestBegan;
      }
      anomalous = false;
    },
    counts: () => ({ ...counts }),
  };
};

/** Of one tally, or of those of several processes together. */
export const figuresOf = (...tallies: readonly Counts[]): Figures => {
  const total = (of: keyof Counts): number => tallies.reduce((sum, each) => sum + each[of], 0);
  const samples = total('samples');
  const anomalies = total('anomalies');
  const detected = total('detected');
  const falseAlarms = total('falseAlarms');
  const delays = total('delays');
  const precision = share(detected, detected + falseAlarms);
  const recall = share(detected, anomalies);
  const delay = share(delays, detected);
  const harmonic = share(2 * precision * recall, precision + recall);
  const score = harmonic - PRICE_OF_DELAY * delay;
  return { samples, anomalies, detected, falseAlarms, delays, precision, recall, delay, score };
};

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
