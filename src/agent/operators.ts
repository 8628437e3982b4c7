/** Who may ask: the operator's accounts, by tokens that were made for this very agent. */

import { createHash } from 'node:crypto';
import type { Clock } from '../runtime/clock.ts';

/** Whose token it is, as the API server says; undefined: of nobody, or not for this audience. */
export type ReviewToken = (token: string, audience: string) => Promise<{ readonly username: string } | undefined>;

export type Admission =
  'Allowed' | 'Refused' /** The API server can't be asked, or is not to be asked so often. */ | 'Unknown';

export interface OperatorsOptions {
  readonly review: ReviewToken;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly usernames: ReadonlySet<string>;
  /** Bound to this agent's certificate. */
  readonly audience: string;
  readonly clock: Clock;
}

export interface Operators {
  admit(token: string): Promise<Admission>;
}

/** So long a token is taken without asking again, at the most: a right that is taken away counts after it. */
const REMEMBER_MS = 300_000;
/** Tokens kept in mind; an operator has one at a time. */
const REMEMBERED = 64;
/** Who shows tokens that turn out to be none makes us ask the API server: not more often than this. */
const REFUSALS = { most: 20, withinMs: 60_000 };
const LONGEST_TOKEN = 16_384;

export const createOperators = ({ review, usernames, audience, clock }: OperatorsOptions): Operators => {
  const allowed = new Map<string, { readonly verdict: Promise<Admission>; readonly until: number }>();
  let refusals: readonly number[] = [];
  let underWay = 0;

  const ask = async (token: string): Promise<Admission> => {
    underWay += 1;
    try {
      const reviewed = await review(token, audience);
      if (reviewed !== undefined && usernames.has(reviewed.username)) return 'Allowed';
    } catch {
      return 'Unknown';
    } finally {
      underWay -= 1;
    }
    refusals = [...refusals, clock.now()];
    return 'Refused';
  };

  return {
    admit: (token) => {
      const now = clock.now();
      const claims = claimsOf(token);
      // What isn't even meant for us costs nobody a request.
      if (claims === undefined || !claims.audiences.includes(audience) || !usernames.has(claims.subject))
        return Promise.resolve('Refused');
      if (claims.expiresAt <= now) return Promise.resolve('Refused');
      const id = createHash('sha256').update(token).digest('base64');
      const known = allowed.get(id);
      if (known !== undefined && known.until > now) return known.verdict;
      allowed.delete(id);
      refusals = refusals.filter((at) => at > now - REFUSALS.withinMs);
      if (refusals.length + underWay >= REFUSALS.most) return Promise.resolve('Unknown');
      const verdict = ask(token);
      allowed.set(id, { verdict, until: Math.min(claims.expiresAt, now + REMEMBER_MS) });
      const [oldest] = allowed.keys();
      if (allowed.size > REMEMBERED && oldest !== undefined) allowed.delete(oldest);
      void verdict.then((admission) => {
        if (admission !== 'Allowed') allowed.delete(id);
      });
      return verdict;
    },
  };
};

interface Claims {
  readonly audiences: readonly unknown[];
  readonly subject: string;
  /** ms since the epoch */
  readonly expiresAt: number;
}

/** What a token says of itself, unproven; undefined: it is no token of a service account. */
const claimsOf = (token: string): Claims | undefined => {
  if (token.length > LONGEST_TOKEN) return undefined;
  const [, payload, ...rest] = token.split('.');
  if (payload === undefined || rest.length !== 1) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown> | null;
    const { aud, sub, exp } = claims ?? {};
    if (typeof sub !== 'string' || typeof exp !== 'number') return undefined;
    return { audiences: Array.isArray(aud) ? aud : [aud], subject: sub, expiresAt: exp * 1_000 };
  } catch {
    return undefined;
  }
};
