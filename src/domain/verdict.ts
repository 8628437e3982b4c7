/** How a workload stands, in one word, a reason and a sentence: what its policies' status says of it. */

import { WorkloadReason } from '../api/v1alpha1/conditions.ts';
import { infoOf } from '../api/v1alpha1/kinds.ts';
import { STATUS_LIMITS } from '../api/v1alpha1/limits.ts';
import { deliveryHold } from './delivery.ts';
import { changedKeys, onlyFrom, type Difference } from './difference.ts';
import type { DeliveryVerdict, Verdict } from './effects.ts';
import { heldState, hotHold, restartHold, type Hold } from './gates.ts';
import { liveTrouble } from './live.ts';
import { listed } from './listed.ts';
import { restartByHand } from './by-hand.ts';
import type { Ledger, Observed, Restart } from './observed.ts';
import { deliveryVerdict, goalOf, progressWords } from './proof-words.ts';
import type { Delivery } from './proof.ts';
import { rolloutProgress } from './rollout.ts';
import { questionOf } from './situation.ts';
import { whyNoRollback } from './undo.ts';

interface Known {
  readonly observed: Observed;
  readonly ledger: Ledger;
  readonly difference: Difference;
  /** A debounce is running. */
  readonly waits: boolean;
  /** A hot change was not proven in time, and a restart is wanted for it. */
  readonly unproven: boolean;
  /** What holds a restart, in the words of this moment; absent: as it is recorded. */
  readonly hold?: Hold;
  readonly now: number;
}

export const verdictOf = (known: Known): Verdict => {
  const { observed, difference } = known;
  const { counts, impossible } = difference;
  const hold = heldHot(observed, difference) ?? heldProof(known);
  const delivery = deliveryOf(known);
  return {
    ...standing(known, hold, delivery),
    ...(hold !== undefined && { hotHold: hold }),
    ...(delivery !== undefined && { delivery }),
    counts,
    impossible: [...impossible].slice(0, STATUS_LIMITS.impossible).map(([key, why]) => `${key}: ${why}`),
    impossibleCount: impossible.size,
    ...(difference.conflicts.size > 0 && { conflicts: [...difference.conflicts].slice(0, STATUS_LIMITS.conflicts) }),
  };
};

export const ignoredVerdict = ({ workload }: Observed): Verdict => ({
  state: 'Ignored',
  reason: 'Ignored',
  message: `${workload.kind} ${workload.name} is opted out by annotation`,
  ...NOTHING_KNOWN,
});

/** Whoever reads it is told what to bind. */
export const notItsOwnVerdict = (message: string): Verdict => ({
  state: 'Blocked',
  reason: WorkloadReason.NotItsOwn,
  message,
  ...NOTHING_KNOWN,
});

/** A verdict without a look at what the sources hold. */
const NOTHING_KNOWN = { counts: { hot: 0, restart: 0 }, impossible: [], impossibleCount: 0 } as const;

type Standing = Pick<Verdict, 'state' | 'reason' | 'message' | 'about' | 'until'>;

const heldHot = (observed: Observed, { hot }: Difference): Verdict['hotHold'] => {
  if (hot.size === 0) return undefined;
  const hold = hotHold(observed, new Set(hot.keys()));
  if (hold === undefined) return undefined;
  const held = onlyFrom(hot, (id) => hotHold(observed, new Set([id])) !== undefined);
  return { reason: hold.reason, message: `${listed(changedKeys(held))}: ${hold.message}` };
};

/** What keeps it from being found out how far a hot change has got. */
const heldProof = ({ observed, ledger: { delivery } }: Known): Verdict['hotHold'] => {
  if (delivery?.phase !== 'InProgress') return undefined;
  const hold = deliveryHold(observed, delivery);
  return hold === undefined
    ? undefined
    : { reason: hold.reason, message: `to be ${goalOf(delivery)}: ${listed(delivery.places)}: ${hold.message}` };
};

/** One that has succeeded needs no words, though applications are to be asked again. */
const deliveryOf = ({ observed, ledger: { delivery }, unproven }: Known): Verdict['delivery'] =>
  delivery === undefined || delivery.phase === 'Succeeded'
    ? undefined
    : deliveryVerdict(delivery, observed.proof, unproven ? 'TimedOut' : delivery.phase);

const standing = (known: Known, hotHeld: Verdict['hotHold'], delivery: Verdict['delivery']): Standing => {
  const { observed, ledger, difference, waits } = known;
  const trouble = liveTrouble(observed);
  if (trouble !== undefined) return { state: 'Blocked', ...trouble };
  const { held, restart } = ledger;
  if (held !== undefined) {
    return {
      state: heldState(held.reason),
      reason: held.reason,
      message: `${listed(changedKeys(held.changes))}: ${known.hold?.message ?? held.message ?? ''}`,
      ...(held.until !== undefined && { until: held.until }),
    };
  }
  if (restart !== undefined) {
    const standing = restartStanding(observed, restart);
    if (standing !== undefined) return standing;
  }
  if (waits)
    return {
      state: 'Pending',
      reason: 'Debouncing',
      message: `restart due for ${listed(changedKeys(difference.restart))}`,
    };
  if (hotHeld !== undefined) {
    return { state: heldState(hotHeld.reason), ...hotHeld, about: 'Hot' };
  }
  if (difference.hot.size > 0) {
    return { state: 'Reloading', reason: 'Nudging', message: listed(changedKeys(difference.hot)) };
  }
  if (ledger.delivery !== undefined && delivery !== undefined) {
    return deliveryStanding(known, ledger.delivery, delivery);
  }
  const [latest] = ledger.history;
  if (latest?.outcome === 'Observed') {
    const would = latest.action === 'Hot' ? 'would have been sent' : 'would have been restarted';
    return { state: 'UpToDate', reason: 'Observed', message: `${would}: ${listed(latest.keys)}` };
  }
  return ledger.history.length > 0 ? { state: 'UpToDate', reason: 'UpToDate', message: '' } : adoptedStanding(observed);
};

const deliveryStanding = (
  known: Known,
  { phase, changes, message = '' }: Delivery,
  delivery: DeliveryVerdict,
): Standing => {
  if (phase === 'TimedOut') return { state: 'TimedOut', reason: 'ProofTimeout', message, about: 'Hot' };
  const words = progressWords(delivery);
  const hold = known.unproven ? restartHold({ ...questionOf(known), changed: new Set(changes.keys()) }) : undefined;
  if (hold === undefined) return { state: 'Reloading', reason: 'Proving', message: words };
  return {
    state: heldState(hold.reason),
    reason: hold.reason,
    message: `restart due since not proven in time: ${words}; but ${hold.message}`,
    ...(hold.until !== undefined && { until: hold.until }),
  };
};

const restartStanding = ({ workload, policies }: Observed, restart: Restart): Standing | undefined => {
  const why = restart.phase === 'InProgress' ? undefined : whyNoRollback(policies, restart.changes);
  const message = `restart ${restart.n}: ${restart.message ?? ''}${why === undefined ? '' : `; ${why}`}`;
  switch (restart.phase) {
    case 'InProgress':
      // The rollout was stopped by a person while it was under way.
      return restart.reason === undefined
        ? {
            state: 'Restarting',
            reason: 'Progressing',
            message: `restart ${restart.n}: ${rolloutProgress(workload.rollout).message}`,
          }
        : { state: 'Blocked', reason: restart.reason, message };
    case 'Failed':
      return restart.reason === 'NotCarried'
        ? undefined
        : { state: 'Failed', reason: restart.reason ?? 'Failed', message };
    case 'TimedOut':
      return { state: 'TimedOut', reason: restart.reason ?? 'TimedOut', message };
    case 'Succeeded':
      return undefined;
  }
};

/** What can't be known is said, with the way out: the pods may be older than the content. */
const adoptedStanding = ({ workload }: Observed): Standing => ({
  state: 'Adopted',
  reason: 'Adopted',
  message:
    infoOf(workload.kind).restart === 'NextRun'
      ? 'taken over as it was; the next run starts on what its sources hold'
      : `taken over as it ran; if its pods started on older content: ${restartByHand({ kind: workload.kind, name: workload.name })}`,
});

/** Something stands in the way of an effect or of a record; it is tried again. */
export const troubleVerdict = (known: Verdict | undefined, message: string, forbidden: boolean): Verdict => ({
  ...(known ?? NOTHING_KNOWN),
  state: 'Error',
  reason: forbidden ? WorkloadReason.Forbidden : 'Error',
  message,
});
