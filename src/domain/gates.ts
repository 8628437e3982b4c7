/**
 * What can hold a change back, as an ordered list: the first that holds is the reason a user reads. A file each is in
 * the folder of the same name.
 */

import { isCure } from './cure.ts';
import { compare, consumedSources } from './difference.ts';
import { bareDigest } from './digest.ts';
import { approvalGiven } from './gates/approval.ts';
import { budget } from './gates/budget.ts';
import { concurrency } from './gates/concurrency.ts';
import { contentValid, noneRecreated, notRecreated, sourcesUsable } from './gates/content.ts';
import { cooldown } from './gates/cooldown.ts';
import type { Gate, Hold, PlainGate, Question } from './gates/gate.ts';
import { liveDelivered, liveMovable, livePresent, liveRendered } from './gates/live.ts';
import { order } from './gates/order.ts';
import { rolloutPossible } from './gates/rollout.ts';
import { suspended } from './gates/suspended.ts';
import { window } from './gates/window.ts';
import type { Changes, Observed, SourceId } from './observed.ts';
import { failedBefore } from './undo.ts';

export { isContentRefused, notRecreated } from './gates/content.ts';
export { heldState, waitsForOthers, type Hold, type Question } from './gates/gate.ts';

/** What lets a change through a gate that would hold it. */
type Pass =
  /** Somebody has opened every gate once, for exactly this content. */
  | 'Opened'
  /** What the workload was last given has failed, and any other content is a way out (design law 9). */
  | 'Cure';

/** These ask for no time and for no history: what they say of a change is true before it is made, too. */
const PLAIN_GATES: readonly PlainGate[] = [
  suspended,
  liveDelivered,
  sourcesUsable,
  contentValid,
  liveMovable,
  livePresent,
  noneRecreated,
  rolloutPossible,
];

interface Asked {
  readonly gate: Gate;
  readonly passedBy?: readonly Pass[];
}

const RESTART_GATES: readonly Asked[] = [
  ...PLAIN_GATES.map((gate) => ({ gate })),
  // Content that has failed and was undone: no pod is started on it, whatever for.
  { gate: ({ failure }) => failure },
  { gate: approvalGiven, passedBy: ['Opened'] },
  { gate: order, passedBy: ['Opened', 'Cure'] },
  { gate: window, passedBy: ['Opened', 'Cure'] },
  { gate: cooldown, passedBy: ['Opened', 'Cure'] },
  { gate: budget, passedBy: ['Opened', 'Cure'] },
  { gate: concurrency, passedBy: ['Opened'] },
];

/** What else is wrong with a workload keeps no file of a running container from being refreshed. */
const HOT_GATES: readonly PlainGate[] = [suspended, contentValid, liveRendered, notRecreated];

/** A hold of a change that is not made yet. */
export interface HoldAhead extends Hold {
  /** Whether a request to run now lets the change through once it waits. */
  readonly opens: boolean;
}

/**
 * Everything that would hold a restart, in the order in which gates are asked; where nothing does, what holds those that
 * share a live object with it.
 */
export const holdsAhead = (question: Question): readonly HoldAhead[] => {
  const own = RESTART_GATES.flatMap((asked) => {
    const hold = heldBy(asked, question);
    return hold === undefined ? [] : [{ ...hold, opens: asked.passedBy?.includes('Opened') === true }];
  });
  const shared = own.length === 0 ? firstOrShared(question) : undefined;
  return shared === undefined ? own : [{ ...shared.hold, opens: false }];
};

/** The first gate that holds a restart; undefined: all are open. */
export const restartHold = (question: Question): Hold | undefined => firstOrShared(question)?.hold;

/**
 * What holds a restart for these changes. Where one source's change is free to go, it goes, and carries the others
 * (design law 16); where none is, it is the one that is the furthest that counts.
 *
 * @param changes none: the workload's pods are to be replaced whatever has changed
 */
export const holdOf = (question: Omit<Question, 'changed'>, changes: Changes): Hold | undefined => {
  if (changes.size === 0)
    return restartHold({ ...question, changed: new Set(consumedSources(question.observed).keys()) });
  const held = [...changes.keys()].map((id) => firstOrShared({ ...question, changed: new Set([id]) }));
  if (held.includes(undefined)) return undefined;
  return held
    .filter((each) => each !== undefined)
    .reduce((a, b) => (b.place > a.place || (b.place === a.place && isSooner(b.hold, a.hold)) ? b : a)).hold;
};

const isSooner = (a: Hold, b: Hold): boolean => (a.until ?? Infinity) < (b.until ?? Infinity);

/** The sources among changes that would wait by themselves, and what for. */
export const heldAmong = (question: Omit<Question, 'changed'>, changes: Changes): ReadonlyMap<SourceId, Hold> =>
  new Map(
    [...changes.keys()].flatMap((id) => {
      const hold = restartHold({ ...question, changed: new Set([id]) });
      return hold === undefined ? [] : [[id, hold] as const];
    }),
  );

interface Placed {
  readonly hold: Hold;
  readonly place: number;
}

/** Those that share a live object get its content together: none begins before all may (design law 6). */
const firstOrShared = (question: Question): Placed | undefined => {
  const own = firstHold(question);
  if (own !== undefined) return own;
  for (const observed of question.observed.sharers ?? []) {
    const changed = new Set([...question.changed].filter((id) => observed.live?.has(id) === true));
    const { ledger } = observed;
    if (changed.size === 0 || ledger === undefined) continue;
    const difference = compare(observed, ledger);
    const failure = failedBefore(ledger, difference);
    const theirs = firstHold({
      observed,
      changed,
      ledger,
      // What is not made yet is not for them either.
      ...(question.digest !== undefined && { digest: bareDigest(difference.restartDigest) }),
      ...(question.digest !== undefined && failure !== undefined && { failure }),
      now: question.now,
    });
    if (theirs === undefined) continue;
    const { kind, name } = observed.workload;
    return { ...theirs, hold: { ...theirs.hold, message: `${kind} ${name}, which shares it: ${theirs.hold.message}` } };
  }
  return undefined;
};

const firstHold = (question: Question): Placed | undefined => {
  for (const [place, asked] of RESTART_GATES.entries()) {
    const hold = heldBy(asked, question);
    if (hold !== undefined) return { hold, place };
  }
  return undefined;
};

const heldBy = ({ gate, passedBy = [] }: Asked, question: Question): Hold | undefined => {
  const hold = gate(question);
  return hold === undefined || passedBy.some((pass) => PASSES[pass](question)) ? undefined : hold;
};

const PASSES: Readonly<Record<Pass, (question: Question) => boolean>> = {
  Opened: ({ ledger, digest }) => digest !== undefined && ledger.opened?.digest === digest,
  Cure: ({ ledger }) => isCure(ledger),
};

type PlainHold = (observed: Observed, changed: ReadonlySet<SourceId>) => Hold | undefined;

const firstOf =
  (gates: readonly PlainGate[]): PlainHold =>
  (observed, changed) => {
    for (const gate of gates) {
      const hold = gate({ observed, changed });
      if (hold !== undefined) return hold;
    }
    return undefined;
  };

/** The first gate that holds back hot changes of these sources; undefined: all are open. */
export const hotHold = firstOf(HOT_GATES);

/** What would hold a restart for changes of these sources at any time. */
export const plainHold = firstOf(PLAIN_GATES);
