/** Requests that could not be carried out lately, and why. */

import { createHash } from 'node:crypto';
import type { KeyRequest } from '../domain/inspection.ts';
import type { Clock } from '../runtime/clock.ts';

/** A machine that was only busy gets another chance. */
const REMEMBERED_MS = 10 * 60_000;
const MOST_REMEMBERED = 200;

export interface Refused {
  /** Why this very request was refused lately; undefined: it was not. */
  reason(request: KeyRequest): string | undefined;
  add(request: KeyRequest, reason: string): void;
}

export const createRefused = (clock: Clock): Refused => {
  const known = new Map<string, { readonly reason: string; readonly until: number }>();
  return {
    reason: (request) => {
      // Hashing takes its time, too: mostly there is nothing to find.
      if (known.size === 0) return undefined;
      const digest = digestOf(request);
      const found = known.get(digest);
      if (found === undefined || found.until > clock.now()) return found?.reason;
      known.delete(digest);
      return undefined;
    },
    add: (request, reason) => {
      known.set(digestOf(request), { reason, until: clock.now() + REMEMBERED_MS });
      const [oldest] = known.keys();
      if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
    },
  };
};

const digestOf = ({ content, scheme, ...rest }: KeyRequest): string =>
  createHash('sha256')
    .update(`${JSON.stringify(rest)}\n${scheme.format}\n`)
    .update(content)
    .digest('base64');
