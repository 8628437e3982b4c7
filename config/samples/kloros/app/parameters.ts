/** What experiments vary: the detector's parameters, each a variable of the env file. */

import type { Range } from './setting-kinds.ts';

export interface Parameters {
  /** Standard deviations of a batch's mean from the baseline, above which it is an alarm. */
  readonly threshold: number;
  /** Samples that are looked at together: more find weaker anomalies, but later. */
  readonly batchSize: number;
  /** How much of each sample goes into the baseline. */
  readonly smoothing: number;
  /** Samples after an alarm in which no other is raised. */
  readonly holdSamples: number;
}

interface Parameter extends Range {
  readonly variable: `KLR_DETECTOR_${string}`;
  /** Decimal places. */
  readonly places: number;
}

export const PARAMETERS: Readonly<Record<keyof Parameters, Parameter>> = {
  threshold: { variable: 'KLR_DETECTOR_THRESHOLD', from: 0.5, to: 20, places: 2 },
  batchSize: { variable: 'KLR_DETECTOR_BATCH_SIZE', from: 1, to: 256, places: 0 },
  smoothing: { variable: 'KLR_DETECTOR_SMOOTHING', from: 0.0001, to: 0.5, places: 4 },
  holdSamples: { variable: 'KLR_DETECTOR_HOLD_SAMPLES', from: 0, to: 1000, places: 0 },
};

/** Derives each parameter from its description. */
const each = (of: (parameter: Parameter, name: keyof Parameters) => number): Parameters => ({
  threshold: of(PARAMETERS.threshold, 'threshold'),
  batchSize: of(PARAMETERS.batchSize, 'batchSize'),
  smoothing: of(PARAMETERS.smoothing, 'smoothing'),
  holdSamples: of(PARAMETERS.holdSamples, 'holdSamples'),
});

/** Of an environment that holds settings which were found valid. */
export const readParameters = (env: NodeJS.ProcessEnv): Parameters => each(({ variable }) => Number(env[variable]));

/** Changes every parameter; what it becomes lies in its range, with no more places than are written down. */
export const mapParameters = (
  parameters: Parameters,
  change: (value: number, name: keyof Parameters) => number,
): Parameters =>
  each(({ from, to, places }, name) => {
    const next = Number(change(parameters[name], name).toFixed(places));
    return Math.min(to, Math.max(from, next));
  });

/** As they stand in the env file. */
export const toVariables = (parameters: Parameters): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(PARAMETERS).map(([name, { variable, places }]) => [
      variable,
      parameters[name as keyof Parameters].toFixed(places),
    ]),
  );

export const sameParameters = (a: Parameters, b: Parameters): boolean =>
  a.threshold === b.threshold &&
  a.batchSize === b.batchSize &&
  a.smoothing === b.smoothing &&
  a.holdSamples === b.holdSamples;
