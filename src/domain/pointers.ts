/** JSON Pointers (RFC 6901). */

/** Nothing deeper is looked into. */
export const MOST_DEPTH = 100;

export const escapeToken = (name: string): string =>
  name.includes('~') || name.includes('/') ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name;
