/** Requests that can't be carried out, and what is answered instead. */

import { createHash } from 'node:crypto';
import { checksFor, type KeyInspection, type KeyRequest } from '../domain/inspection.ts';
import { looksInto } from '../domain/rules.ts';
import type { Clock } from '../runtime/clock.ts';
import { DocumentError } from './parse.ts';
import { splitDocument } from './split.ts';

/** A machine that was only busy gets another chance. */
const REMEMBERED_MS = 10 * 60_000;
const MOST_REMEMBERED = 200;

export interface Refusals {
  /** The answer to a request that was refused lately. */
  find(request: KeyRequest): KeyInspection | undefined;
  /** @param reason completes "app.yaml ...", without any content @returns the answer */
  add(request: KeyRequest, reason: string): KeyInspection;
}

export const createRefusals = (clock: Clock): Refusals => {
  const known = new Map<string, { readonly reason: string; readonly until: number }>();
  return {
    find: (request) => {
      // Hashing takes its time, too: mostly there is nothing to find.
      if (known.size === 0) return undefined;
      const digest = digestOf(request);
      const found = known.get(digest);
      if (found === undefined) return undefined;
      if (found.until > clock.now()) return refusal(request, found.reason);
      known.delete(digest);
      return undefined;
    },
    add: (request, reason) => {
      known.set(digestOf(request), { reason, until: clock.now() + REMEMBERED_MS });
      const [oldest] = known.keys();
      if (known.size > MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
      return refusal(request, reason);
    },
  };
};

/** A document that can't be read for those that look into it, and a problem for those that check it. */
const refusal = (request: KeyRequest, reason: string): KeyInspection => {
  const { source, key, policies } = request;
  return {
    ...(policies.some((policy) => looksInto(policy, source, key)) && {
      document: splitDocument(request, new DocumentError(reason)),
    }),
    problems: new Map(
      policies.flatMap((policy) => {
        const [first] = checksFor(policy, key);
        return first === undefined ? [] : [[policy.name, [{ key, rule: first[0], message: reason }]] as const];
      }),
    ),
  };
};

const digestOf = ({ content, scheme, ...rest }: KeyRequest): string =>
  createHash('sha256')
    .update(`${JSON.stringify(rest)}\n${scheme.format}\n`)
    .update(content)
    .digest('base64');
