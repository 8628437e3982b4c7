/**
 * Whether a key matches a glob of `*` (any run of characters, also none, dots too) and `?` (exactly one).
 * Policies come from tenants, so the time is bounded by the product of the two lengths, whatever the pattern:
 * only the latest `*` is ever gone back to.
 */
export const matchesGlob = (glob: string, key: string): boolean => {
  let g = 0;
  let k = 0;
  let star = -1;
  let resumeAt = 0;
  while (k < key.length) {
    if (g < glob.length && (glob[g] === '?' || (glob[g] === key[k] && glob[g] !== '*'))) {
      g++;
      k++;
    } else if (glob[g] === '*') {
      star = g++;
      resumeAt = k;
    } else if (star >= 0) {
      g = star + 1;
      k = ++resumeAt;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
};
