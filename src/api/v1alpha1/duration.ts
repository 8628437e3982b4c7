/** What a duration in a spec looks like, e.g. `1m30s`. Units: `ms`, `s`, `m`, `h`; no fractions, no sign, no spaces. */
export const DURATION_PATTERN = /^([0-9]+(ms|s|m|h))+$/;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration such as `500ms`, `10m` or `1h30m`; units may come in any order and repeat, they add up.
 *
 * @throws RangeError if the text is no duration, or is more than can be counted exactly.
 */
export const parseDuration = (text: string): number => {
  if (!DURATION_PATTERN.test(text)) {
    throw new RangeError(`"${text}" is no duration: write whole numbers with ms, s, m or h, for example 1m30s`);
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? NaN);
  }
  if (!Number.isSafeInteger(total)) throw new RangeError(`duration "${text}" is too long`);
  return total;
};

/** `1h30m`: a duration of whole milliseconds as a spec has it. */
export const formatDuration = (ms: number): string => {
  let left = ms;
  const parts = Object.entries(UNIT_MS)
    .reverse()
    .map(([unit, size]) => {
      const amount = Math.floor(left / size);
      left -= amount * size;
      return amount === 0 ? '' : `${amount}${unit}`;
    });
  return parts.join('') || '0s';
};
