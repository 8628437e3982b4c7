/** The ways in which an API server does not do what it is asked, or does it without saying so. */

import type { Interference } from '../interfering-proxy.ts';

export const RETRY_AFTER_SECONDS = 2;

export const ANSWERS: readonly (readonly [string, Interference])[] = [
  ['409', { type: 'Answer', code: 409 }],
  ['422', { type: 'Answer', code: 422 }],
  ['429', { type: 'Answer', code: 429, retryAfterSeconds: RETRY_AFTER_SECONDS }],
  ['500', { type: 'Answer', code: 500 }],
  ['silence', { type: 'Silence' }],
];
