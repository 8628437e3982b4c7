/**
 * What people ask for takes effect in the record, once each: the answer is recorded together with the effect, and before
 * the request is told, so that a request that is met again has had its effect.
 */

import { RECORD_LIMITS } from '../api/v1alpha1/limits.ts';
import { compare, consumedSources } from './difference.ts';
import { bareDigest } from './digest.ts';
import { reasonOf } from './failure-words.ts';
import { holdOf } from './gates.ts';
import type { Ledger, Observed } from './observed.ts';
import type { Answer, Request } from './requests.ts';
import { wayBack } from './roll-back.ts';
import { questionOf } from './situation.ts';
import { undoMode } from './undo.ts';

/** What is known when a request is taken up. */
export interface Asked {
  readonly observed: Observed;
  readonly ledger: Ledger;
  /** A restart is due whatever the sources hold: pods may run on other content than they hold now. */
  readonly forced: boolean;
  /** A hot change was not proven in time, and a restart is wanted for it. */
  readonly unproven: boolean;
  readonly now: number;
}

/** What comes of a request: the record with its effect, and what is said of it. */
export interface Outcome extends Omit<Answer, 'uid' | 'at'> {
  readonly ledger: Ledger;
}

/** Undefined: it can't be told yet, and the request waits. */
type Take = (asked: Asked, request: Request) => Outcome | undefined;

export interface TakenUp {
  readonly ledger: Ledger;
  /** Some request is to be told what the record says: the record has to be stored before that. */
  readonly recordFirst: boolean;
}

export const takeUp = (asked: Asked): TakenUp => {
  const requests = asked.observed.requests ?? [];
  let { ledger } = asked;
  const open = requests.filter((request) => !isAnswered(ledger, request));
  // What has been answered and not been told is not forgotten for more of them: the rest has its turn when it has been.
  let room = RECORD_LIMITS.answers - (requests.length - open.length);
  for (const request of open.slice(0, MOST_TRIED)) {
    if (room <= 0) break;
    const outcome = TAKES[request.type]({ ...asked, ledger }, request);
    if (outcome === undefined) continue;
    room -= 1;
    const { ledger: next, ...answer } = outcome;
    ledger = { ...next, answers: withAnswer(ledger, { ...answer, uid: request.uid, at: asked.now }, requests) };
  }
  return { ledger, recordFirst: requests.some((request) => isAnswered(ledger, request)) };
};

/** Whoever asks a thousand times for what can't be answered yet is not listened to a thousand times at each look. */
const MOST_TRIED = 50;

const isAnswered = ({ answers = [] }: Ledger, { uid }: Request): boolean => answers.some((each) => each.uid === uid);

/** Newest first; those that have been told, or whose requests are gone, make room. */
const withAnswer = ({ answers = [] }: Ledger, answer: Answer, requests: readonly Request[]): readonly Answer[] => {
  const room = RECORD_LIMITS.answers - 1;
  const untold = answers.filter(({ uid }) => requests.some((request) => request.uid === uid));
  const told = answers.filter((each) => !untold.includes(each)).slice(0, Math.max(0, room - untold.length));
  return [answer, ...answers.filter((each) => untold.includes(each) || told.includes(each))];
};

const done = (ledger: Ledger, message: string): Outcome => ({ ledger, phase: 'Done', message });
const refused = (ledger: Ledger, reason: string, message: string): Outcome => ({
  ledger,
  phase: 'Refused',
  reason,
  message,
});

/** The content that a restart would carry now, and whether one is due for it. Undefined: not all of it can be read. */
const waiting = ({
  observed,
  ledger,
  forced,
  unproven,
}: Asked): { readonly digest: string; readonly due: boolean } | undefined => {
  const isUnread = ([id]: readonly [string, unknown]): boolean =>
    (observed.sources.get(id) ?? { state: 'Unknown' }).state === 'Unknown';
  if ([...consumedSources(observed)].some(isUnread)) return undefined;
  const difference = compare(observed, ledger);
  const digest = bareDigest(difference.restartDigest);
  // Content that came back may still call for a restart: what is held says so.
  const due = difference.restart.size > 0 || forced || unproven || ledger.held?.digest === digest;
  return { digest, due };
};

/** For a content other than what waits now, somebody's word counts for nothing. */
const meant =
  (take: (asked: Asked, digest: string) => Outcome): Take =>
  (asked, { digest: wanted = '' }) => {
    const present = waiting(asked);
    if (present === undefined) return undefined;
    const { digest, due } = present;
    if (!due) return refused(asked.ledger, 'NothingWaits', 'no restart waits: there is nothing to let through');
    return digest === wanted
      ? take(asked, digest)
      : refused(asked.ledger, 'Superseded', `the content has changed since: what waits now is ${digest}`);
  };

const approve = meant(({ ledger, now }, digest) =>
  done({ ...ledger, approved: { digest, at: now } }, `content ${digest} is approved`),
);

const runNow = meant(({ observed, ledger, now }, digest) => {
  const opened: Ledger = { ...ledger, opened: { digest, at: now } };
  // What holds though every gate that can be opened is open.
  const difference = compare(observed, opened);
  const hold = holdOf(questionOf({ observed, ledger: opened, difference, now }), difference.restart);
  return hold === undefined
    ? done(opened, `every gate is open for content ${digest}`)
    : refused(ledger, hold.reason, `a restart is not possible: ${hold.message}`);
});

/** What has failed is tried once more: it differs again from what is applied, and is no longer what was given up. */
const retry: Take = (asked, { digest: wanted = '' }) => {
  const present = waiting(asked);
  const { failed, ...ledger } = asked.ledger;
  // What is being undone, or is about to be, is not begun again meanwhile.
  const isUndoing = failed?.undo?.phase === 'Intended' || failed?.undo?.phase === 'InProgress';
  if (present === undefined || isUndoing || undoMode(asked.observed, asked.ledger) !== undefined) return undefined;
  const known = [failed?.digest, hasFailed(ledger) ? ledger.restart?.digest : undefined].filter(
    (digest) => digest !== undefined,
  );
  const [first] = known;
  if (first === undefined)
    return refused(asked.ledger, 'NothingFailed', 'no content has failed: there is nothing to try again');
  if (!known.includes(wanted))
    return refused(asked.ledger, 'Superseded', `another content has failed since: what can be tried again is ${first}`);
  if (present.digest !== wanted)
    return refused(asked.ledger, 'Superseded', `the content has changed since: it is ${present.digest} now`);
  return done(
    {
      ...ledger,
      ...(ledger.restart !== undefined &&
        hasFailed(ledger) && {
          restart: {
            ...ledger.restart,
            ...(failed?.undo !== undefined && failed.n === ledger.restart.n && { reason: reasonOf(failed.undo) }),
            changes: new Map(),
          },
        }),
    },
    `content ${wanted} is tried again`,
  );
};

const hasFailed = ({ restart }: Ledger): boolean => restart?.phase === 'Failed' || restart?.phase === 'TimedOut';

/** As the API server dates its objects. */
const SECOND = 1_000;

/** By the time of the request and not of the answer: whoever answers it again changes nothing. */
const resetBudget: Take = ({ ledger }, { createdAt }) => {
  const budgetFrom = Math.max(ledger.budgetFrom ?? 0, createdAt + SECOND - 1);
  const message = `restarts before ${new Date(budgetFrom).toISOString()} count for no budget any more`;
  return done({ ...ledger, budgetFrom }, message);
};

const rollback: Take = ({ observed, ledger, now }, { snapshot = 0, object }) => {
  const way = wayBack(observed, ledger, { snapshot, ...(object !== undefined && { object }) }, now);
  if (way.type === 'Waits') return undefined;
  return way.type === 'Begun' ? done(way.ledger, way.message) : refused(ledger, way.reason, way.message);
};

const TAKES: Readonly<Record<Request['type'], Take>> = {
  Approve: approve,
  RunNow: runNow,
  Retry: retry,
  ResetBudget: resetBudget,
  Rollback: rollback,
};
