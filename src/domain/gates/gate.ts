/** What a gate is asked, and what it answers. */

import { isOfFailure } from '../failure-words.ts';
import type { LiveTrouble } from '../live.ts';
import { sourceId, type Ledger, type Observed, type Policy, type SourceId } from '../observed.ts';

export interface Hold {
  readonly reason:
    | 'Suspended'
    | 'Observing'
    | 'SourceMissing'
    | 'SourceUnreadable'
    | 'RequiredKeyMissing'
    | 'SourceInvalid'
    | 'ImmutableRecreated'
    | 'Paused'
    | 'OnDelete'
    | 'Undone'
    | 'RolledBack'
    | 'NoRollout'
    | 'RollbackRequested'
    | 'ApprovalPending'
    | 'WaitingForEarlier'
    | 'EarlierFailed'
    | 'OutsideWindow'
    | 'Cooldown'
    | 'BudgetExhausted'
    | 'ConcurrencyLimit'
    | LiveTrouble['reason'];
  readonly message: string;
  /** When it goes on by itself; absent: when somebody or something acts, or nobody can tell. */
  readonly until?: number;
}

/** A change that is ready to go. */
export interface Question {
  readonly observed: Observed;
  /** Whose change it is: the gates of every policy that names one of these sources count. */
  readonly changed: ReadonlySet<SourceId>;
  /** As it stands after what was found out in this look. */
  readonly ledger: Ledger;
  /** Names the content that a restart would carry. Absent: the change is not made yet. */
  readonly digest?: string;
  /** It is content that has failed before. */
  readonly failure?: Hold;
  readonly now: number;
}

export type Gate = (question: Question) => Hold | undefined;
/** One that asks no more than whose change it is. */
export type PlainGate = (question: Pick<Question, 'observed' | 'changed'>) => Hold | undefined;

/** The policies whose gates a change waits for: every enforcing one that names a changed source (design law 16). */
export const policiesOf = ({
  observed: { policies },
  changed,
}: Pick<Question, 'observed' | 'changed'>): readonly Policy[] =>
  policies.filter(({ sources }) => sources.some((source) => changed.has(sourceId(source))));

/** What a policy asks for; all else that holds a change needs somebody to put it right. */
const ASKED_FOR: ReadonlySet<string> = new Set<Hold['reason']>([
  'Suspended',
  'Observing',
  'RollbackRequested',
  'ApprovalPending',
  'WaitingForEarlier',
  'EarlierFailed',
  'OutsideWindow',
  'Cooldown',
  'BudgetExhausted',
  'ConcurrencyLimit',
]);

/** Whether a change waits as a policy wants it to, or something stands in its way, or it has failed before. */
export const heldState = (reason: string): 'Held' | 'Blocked' | 'Failed' => {
  if (isOfFailure(reason)) return 'Failed';
  return ASKED_FOR.has(reason) ? 'Held' : 'Blocked';
};

/** It goes on when others have got on, which they are about to; only how they stand moves what is said of it. */
export const waitsForOthers = (reason: string): boolean =>
  reason === 'WaitingForEarlier' || reason === 'ConcurrencyLimit';
