/** What observers look at: noise around a slow drift, and now and then an anomaly, weak or strong, for a while. */

import { gaussian, seeded } from './random.ts';

export interface Sample {
  readonly value: number;
  /** The number of the anomaly that it belongs to; 0: of none. Known to who keeps the score, not to the detector. */
  readonly anomaly: number;
}

const DRIFT_PERIOD = 6_000;
/** A chance for each quiet sample. */
const ANOMALIES = 1 / 400;
const SHORTEST = 30;
const LONGEST = 90;
const WEAKEST = 1;
const STRONGEST = 4;

/** @returns one sample after the other, without an end */
export const createSignal = (seed: number): (() => Sample) => {
  const random = seeded(seed);
  let at = 0;
  let anomalies = 0;
  let left = 0;
  let strength = 0;
  return () => {
    at += 1;
    if (left > 0) left -= 1;
    else if (random() < ANOMALIES) {
      anomalies += 1;
      left = SHORTEST + Math.floor(random() * (LONGEST - SHORTEST));
      strength = (WEAKEST + random() * (STRONGEST - WEAKEST)) * (random() < 0.5 ? -1 : 1);
    }
    const drift = Math.sin((2 * Math.PI * at) / DRIFT_PERIOD);
    return { value: drift + gaussian(random) + (left > 0 ? strength : 0), anomaly: left > 0 ? anomalies : 0 };
  };
};
