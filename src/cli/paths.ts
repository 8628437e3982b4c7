/** Places in objects, as kubectl writes them. */

import type * as z from 'zod';
import { PATH_PATTERN } from '../api/v1alpha1/documents.ts';
import { DURATION_PATTERN } from '../api/v1alpha1/duration.ts';

const MOST_FAULTS = 3;

/** Where and what, never what stands there: it may be a Secret's. */
export const faults = (issues: readonly z.core.$ZodIssue[]): string =>
  issues
    .slice(0, MOST_FAULTS)
    .map((issue) => `${pathOf(issue.path)}: ${wordsOf(issue)}`)
    .join('; ');

const wordsOf = (issue: z.core.$ZodIssue): string =>
  (issue.code === 'invalid_format' && issue.pattern !== undefined ? WORDS.get(issue.pattern) : undefined) ??
  issue.message.replace(/^Invalid (?:input|string): /, '');

/** What a pattern means, for people. */
const WORDS: ReadonlyMap<string, string> = new Map([
  [String(PATH_PATTERN), 'is no path: write it as /logging/level or /logging/**; * and ** stand for whole steps'],
  [String(DURATION_PATTERN), 'is no duration: write it as 500ms or 1h30m'],
]);

/** `spec.rules[0].keys` */
export const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
