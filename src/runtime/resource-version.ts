/**
 * Orders two resourceVersions of the same resource: negative, zero or positive as `a` is older, the same or newer.
 * Undefined when they can't be compared: only decimal ones have an order (KEP-5504), any others can merely be equal.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!isDecimal(a) || !isDecimal(b)) return undefined;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function isDecimal(version: string): boolean {
  return /^[0-9]{1,40}$/.test(version);
}
