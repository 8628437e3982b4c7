/**
 * The decision: what is known of one workload and what time it is go in, a plan comes out. Pure.
 *
 * The order is the policy: adopt what is new, recognise what a crash left behind, follow what is under way, find out
 * what differs, let others' rollouts count, wait for the burst to end, ask the gates, then act.
 */

import { adopt, emptyLedger } from './adoption.ts';
import { formatRestartAnnotation } from './annotation.ts';
import { allRunSince, someMayHaveStartedSince } from './containers.ts';
import {
  changedKeys,
  compare,
  consumedSources,
  onlyFrom,
  overlay,
  signatureOf,
  type Difference,
} from './difference.ts';
import { bareDigest } from './digest.ts';
import type { Nudge, Plan, RestartOrder } from './effects.ts';
import { follow } from './follow.ts';
import { hotHold, restartHold, suspended, type Hold } from './gates.ts';
import { noticesOf } from './notices.ts';
import {
  sourceId,
  type Changes,
  type Held,
  type Ledger,
  type Observed,
  type Pending,
  type Restart,
} from './observed.ts';
import { withEntry } from './outcomes.ts';
import { desiredPods } from './rollout.ts';
import { ignoredVerdict, verdictOf } from './verdict.ts';

/** A burst that never pauses is acted on after this many debounces. */
const LONGEST_BURST = 10;

export const decide = (observed: Observed, now: number): Plan => {
  if (observed.workload.ignored || observed.policies.length === 0)
    return { type: 'Forget', verdict: ignoredVerdict(observed) };

  const adopted = adopt(observed, observed.ledger ?? emptyLedger(observed, now));
  if (adopted === undefined) return { type: 'LookAtPods' };
  const recognised = recogniseIssued(observed, adopted, now);
  const followed = followRestart(observed, recognised.ledger, now);
  if (followed === undefined) return { type: 'LookAtPods' };

  const difference = compare(observed, followed);
  const ledger: Ledger = { ...followed, applied: difference.applied, immutable: difference.immutable };
  const next = chooseRestart({ observed, ledger, difference, forced: recognised.forced, now });
  if (next === 'LookAtPods') return { type: 'LookAtPods' };

  const nudge = chooseNudge(observed, next.hotWaits ? new Map() : next.difference.hot, next.difference);
  const requeueAfterMs = earliest(next.waitMs, progressDeadline(observed, next.ledger.restart, now));
  return {
    type: 'Act',
    ledger: next.ledger,
    ...(next.pending !== undefined && { pending: next.pending }),
    ...(nudge !== undefined && { nudge }),
    ...(next.order !== undefined && { restart: next.order }),
    followPods: next.order !== undefined || next.ledger.restart?.phase === 'InProgress',
    hotDigest: bareDigest(difference.hotDigest),
    notices: noticesOf(observed.ledger, next.ledger),
    ...(requeueAfterMs !== undefined && { requeueAfterMs }),
    verdict: verdictOf({
      observed,
      ledger: next.ledger,
      difference: next.difference,
      waits: next.waitMs !== undefined,
    }),
  };
};

/**
 * A restart that was issued right before a crash is in the annotation but not in the record (design law 10). With the
 * present content in it, it is taken as issued; with other content, the pods may run on that: one more restart is due.
 */
const recogniseIssued = (
  observed: Observed,
  ledger: Ledger,
  now: number,
): { readonly ledger: Ledger; readonly forced: boolean } => {
  const { annotation, templateHash } = observed.workload;
  if (annotation === undefined || !annotation.ours || annotation.n <= (ledger.restart?.n ?? 0))
    return { ledger, forced: false };
  const difference = compare(observed, ledger);
  if (annotation.digest !== bareDigest(difference.restartDigest)) return { ledger, forced: true };
  const restart: Restart = {
    n: annotation.n,
    digest: annotation.digest,
    origin: 'Issued',
    issuedAt: now,
    templateHash,
    phase: 'InProgress',
    changes: difference.carried,
  };
  return { ledger: { ...ledger, restart }, forced: false };
};

const followRestart = (observed: Observed, ledger: Ledger, now: number): Ledger | undefined => {
  if (ledger.restart === undefined) return ledger;
  const restart = follow(observed, ledger.restart, progressTimeout(observed), now);
  if (restart === undefined) return undefined;
  if (restart.phase === ledger.restart.phase && restart.finishedAt === ledger.restart.finishedAt)
    return { ...ledger, restart };
  const entry = {
    time: restart.finishedAt ?? now,
    action: 'Restart',
    outcome: restart.phase,
    ...(restart.reason !== undefined && { reason: restart.reason }),
    ...(restart.message !== undefined && { message: restart.message }),
    keys: changedKeys(restart.changes),
    pods: restart.pods ?? 0,
  } as const;
  // A rollout of others that proves nothing is no outcome of ours: what it left undone is done next.
  const succeeded = restart.phase === 'Succeeded';
  return {
    ...(restart.reason === 'NotCarried' ? ledger : withEntry(ledger, entry)),
    // A restart that succeeded needs to remember only how far the count has got.
    restart: succeeded ? { ...restart, changes: new Map() } : restart,
    applied: succeeded ? overlay(ledger.applied, restart.changes) : ledger.applied,
  };
};

interface Situation {
  readonly observed: Observed;
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly forced: boolean;
  readonly now: number;
}

interface Choice {
  readonly ledger: Ledger;
  readonly difference: Difference;
  readonly pending?: Pending;
  readonly order?: RestartOrder;
  /** The hot part goes with a restart that is due. */
  readonly hotWaits: boolean;
  readonly waitMs?: number;
}

const chooseRestart = (situation: Situation): Choice | 'LookAtPods' => {
  const { observed, ledger, difference, now } = situation;
  let forced = situation.forced;
  const since = firstDifferedAt(situation);
  if (difference.restart.size === 0 && !forced && since !== undefined) {
    // In Direct mode content that came back is clean only if no container started on what was there in between.
    if (observed.pods === undefined) return 'LookAtPods';
    forced = someMayHaveStartedSince(observed.workload, observed.pods, since);
  }
  if (difference.restart.size === 0 && !forced) {
    return { ledger: withoutHeld(ledger), difference, hotWaits: false };
  }

  const pending = pendingOf(observed, difference.restart, since, now);
  const carried = carriedByOthers(situation);
  if (carried === 'LookAtPods') return 'LookAtPods';
  if (carried !== undefined) return { ...carried, hotWaits: false };

  const hold = holdFor(observed, difference.restart);
  if (hold !== undefined) return holding(situation, pending, hold);

  const dueAt = Math.min(
    pending.lastAt + debounce(observed, difference.restart),
    pending.firstAt + LONGEST_BURST * debounce(observed, difference.restart),
  );
  if (now < dueAt && !forced) return { ledger, difference, pending, hotWaits: true, waitMs: dueAt - now };
  return { ledger: withoutHeld(ledger), difference, pending, order: orderOf(situation, forced), hotWaits: true };
};

/** Since when the content has differed from what is applied, where it no longer does by having come back. */
const firstDifferedAt = ({ observed, ledger }: Situation): number | undefined => {
  const { pending, sources } = observed;
  const returned = (changes: Changes): boolean =>
    changes.size === 0 ||
    [...changes].some(([id, keys]) => {
      const source = sources.get(id);
      return (
        source?.state === 'Present' &&
        [...keys.keys()].some((key) => source.keys.get(key) === observed.ledger?.applied.get(id)?.get(key))
      );
    });
  const times = [
    ...(pending !== undefined && returned(pending.changes) ? [pending.firstAt] : []),
    ...(ledger.held !== undefined && returned(ledger.held.changes) ? [ledger.held.since] : []),
  ];
  return times.length === 0 ? undefined : Math.min(...times);
};

const pendingOf = (observed: Observed, changes: Changes, since: number | undefined, now: number): Pending => {
  const before = observed.pending;
  const firstBefore = before?.firstAt ?? observed.ledger?.held?.since ?? since;
  if (before !== undefined && signatureOf(before.changes) === signatureOf(changes)) return before;
  const seen = [...changes.keys()].flatMap((id) => {
    const source = observed.sources.get(id);
    return source?.state === 'Present' && source.seenToChange ? [source.changedAt] : [];
  });
  const lastAt = seen.length === 0 ? now : Math.min(now, Math.max(...seen));
  return { changes, firstAt: firstBefore ?? lastAt, lastAt };
};

/**
 * A rollout of others that provably carries the change counts (design law 4): it is followed instead of adding ours;
 * and content that changed while nobody watched may be in all containers already.
 */
const carriedByOthers = ({
  observed,
  ledger,
  difference,
  now,
}: Situation):
  { readonly ledger: Ledger; readonly difference: Difference; readonly waitMs?: number } | 'LookAtPods' | undefined => {
  const { workload, pods } = observed;
  const changed = [...difference.restart.keys()].flatMap((id) => {
    const source = observed.sources.get(id);
    return source?.state === 'Present' ? [source] : [];
  });
  if (changed.length === 0) return undefined;
  const lastChange = Math.max(...changed.map(({ changedAt }) => changedAt));

  const watched = changed.every(({ seenToChange }) => seenToChange);

  if (watched && !isOnDelete(observed)) {
    const disproved = ledger.restart?.reason === 'NotCarried' && ledger.restart.templateHash === workload.templateHash;
    if (observed.templateSeenAt <= lastChange || disproved) return undefined;
    const restart: Restart = {
      n: Math.max(ledger.restart?.n ?? 0, workload.annotation?.n ?? 0),
      digest: bareDigest(difference.restartDigest),
      origin: 'Foreign',
      issuedAt: lastChange,
      templateHash: workload.templateHash,
      phase: 'InProgress',
      changes: difference.carried,
    };
    const next = { ...withoutHeld(ledger), restart };
    // It may be complete already: look at once.
    return { ledger: next, difference: compare(observed, next), waitMs: 0 };
  }
  // Content that changed while nobody watched, or pods that are restarted by hand: only the containers tell. When a
  // key was removed unwatched can't be told: managed fields don't date it.
  const removed = [...difference.restart.values()].some((keys) => [...keys.values()].includes(''));
  if (desiredPods(workload.rollout) === 0 || (removed && !watched)) return undefined;
  if (pods === undefined) return 'LookAtPods';
  // The second of the change itself proves nothing: a container that started in it may have started before.
  return pods.length >= desiredPods(workload.rollout) && allRunSince(workload, pods, lastChange + 1_000)
    ? arrived({ observed, ledger, difference, now }, pods.length)
    : undefined;
};

/** All pods provably run on the change: it is applied without our doing anything. */
const arrived = (
  { observed, ledger, difference, now }: Omit<Situation, 'forced'>,
  pods: number,
): { readonly ledger: Ledger; readonly difference: Difference } => {
  const next = withEntry(
    { ...withoutHeld(ledger), applied: overlay(ledger.applied, difference.restart) },
    {
      time: now,
      action: 'Restart',
      outcome: 'Succeeded',
      reason: 'AlreadyCarried',
      message: 'every container had started since',
      keys: changedKeys(difference.restart),
      pods,
    },
  );
  return { ledger: next, difference: compare(observed, next) };
};

const holdFor = (observed: Observed, changes: Changes): Hold | undefined => {
  const free = onlyFrom(changes, (id) => suspended(observed, new Set([id])) === undefined);
  return restartHold(
    observed,
    new Set((free.size > 0 ? free : changes.size > 0 ? changes : consumedSources(observed)).keys()),
  );
};

const holding = ({ ledger, difference }: Situation, pending: Pending, hold: Hold): Choice => {
  const before = ledger.held;
  const held: Held = { since: before?.since ?? pending.firstAt, ...hold, changes: difference.restart };
  const same =
    before?.reason === held.reason &&
    before.message === held.message &&
    signatureOf(before.changes) === signatureOf(held.changes);
  return { ledger: { ...ledger, held: same ? before : held }, difference, pending, hotWaits: false };
};

const orderOf = ({ observed, ledger, difference }: Situation, forced: boolean): RestartOrder => {
  const n = Math.max(ledger.restart?.n ?? 0, observed.workload.annotation?.n ?? 0) + 1;
  const keys = changedKeys(difference.restart);
  const alongside = changedKeys(onlyFrom(difference.restart, (id) => suspended(observed, new Set([id])) !== undefined));
  const cause = [
    ...(keys.length > 0 ? [`changed: ${list(keys)}`] : []),
    ...(forced && keys.length === 0 ? ['content came back after containers had started on other content'] : []),
    ...(alongside.length > 0 ? [`carries what a suspended policy holds: ${list(alongside)}`] : []),
    ...difference.impossible
      .filter((line) => keys.some((key) => line.startsWith(`${key}: `)))
      .map((line) => `declared Hot, but can't be: ${line}`),
  ].join('; ');
  return {
    n,
    value: formatRestartAnnotation(n, difference.restartDigest),
    digest: bareDigest(difference.restartDigest),
    changes: difference.carried,
    cause,
  };
};

const chooseNudge = (observed: Observed, hot: Changes, difference: Difference): Nudge | undefined => {
  const free = onlyFrom(hot, (id) => hotHold(observed, new Set([id])) === undefined);
  return free.size === 0 ? undefined : { digest: bareDigest(difference.hotDigest), changes: free };
};

const isOnDelete = ({ workload }: Observed): boolean =>
  workload.rollout.kind !== 'Deployment' && workload.rollout.onDelete;

const withoutHeld = ({ held: _held, ...ledger }: Ledger): Ledger => ledger;

/** The strictest limits of all policies hold: the longest debounce of those that name a changed source. */
const debounce = (observed: Observed, changes: Changes): number =>
  Math.max(
    0,
    ...observed.policies
      .filter(({ sources }) => sources.some((source) => changes.has(sourceId(source))))
      .map(({ debounceMs }) => debounceMs),
  );

const progressTimeout = ({ policies }: Observed): number =>
  Math.min(...policies.map(({ progressTimeoutMs }) => progressTimeoutMs));

const progressDeadline = (observed: Observed, restart: Restart | undefined, now: number): number | undefined =>
  // One that is blocked waits for a person, not for a time.
  restart?.phase === 'InProgress' && restart.reason === undefined
    ? Math.max(0, restart.issuedAt + progressTimeout(observed) - now) + 1
    : undefined;

const earliest = (...waits: readonly (number | undefined)[]): number | undefined => {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

const list = (keys: readonly string[]): string =>
  keys.length <= 5 ? keys.join(', ') : `${keys.slice(0, 5).join(', ')} and ${keys.length - 5} more`;
