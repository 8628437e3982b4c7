/** Order statistics of measured samples. */

/**
 * The nearest-rank percentile: the smallest sample that at least `p` percent of the samples don't exceed.
 *
 * @param p 0 < p ≤ 100
 * @throws RangeError without samples
 */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((p * sorted.length) / 100) - 1)];
  if (value === undefined) throw new RangeError('there are no samples to take a percentile of');
  return value;
}

export const median = (samples: readonly number[]): number => percentile(samples, 50);

/** Rounded to so many decimals. */
export const rounded = (value: number, decimals: number): number => Number(value.toFixed(decimals));
