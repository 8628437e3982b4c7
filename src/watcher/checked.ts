/** Options that make no sense are a mistake in the program, and said at once. */

import type { CommonOptions } from './types.ts';

/** The shortest that looking again and again may be apart, in milliseconds. */
const SHORTEST_POLL_MS = 10;

/** @throws RangeError that names the option and what it takes */
export function checkOptions(options: Pick<CommonOptions<never>, 'debounceMs' | 'pollMs' | 'callbackTimeoutMs'>): void {
  const { debounceMs, pollMs, callbackTimeoutMs } = options;
  check('debounceMs', debounceMs, 0);
  check('pollMs', pollMs, SHORTEST_POLL_MS);
  check('callbackTimeoutMs', callbackTimeoutMs, 1);
}

function check(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isFinite(value) && value >= least)) return;
  throw new RangeError(`${name} is ${value}, but takes milliseconds from ${least}`);
}
