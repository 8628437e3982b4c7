/** Places in objects, as kubectl writes them. */

import type * as z from 'zod';

const MOST_FAULTS = 3;

/** Where and what, never what stands there: it may be a Secret's. */
export const faults = (issues: readonly z.core.$ZodIssue[]): string =>
  issues
    .slice(0, MOST_FAULTS)
    .map(({ path, message }) => `${pathOf(path)}: ${message.replace(/^Invalid input: /, '')}`)
    .join('; ');

/** `spec.rules[0].keys` */
export const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
