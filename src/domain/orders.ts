/** The effects that a decision comes to. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import { formatRestartAnnotation } from './annotation.ts';
import { changedKeys, onlyFrom, type Difference } from './difference.ts';
import { deliveryAfter } from './delivery.ts';
import { bareDigest } from './digest.ts';
import type { Nudge, RestartOrder } from './effects.ts';
import { heldAmong, hotHold, restartHold, type Hold } from './gates.ts';
import { lookAgainMs } from './holding.ts';
import { movedBy } from './managed.ts';
import { listed } from './listed.ts';
import type { Changes, Ledger, Observed } from './observed.ts';
import { changedPlaces } from './places.ts';
import { isByRestartAt, wholeSecondAfter } from './restart-at.ts';
import { questionOf, type Choice, type Situation } from './situation.ts';
import { replacedBy } from './undo.ts';

/** A restart for a hot change that was not proven in time, unless something holds it. */
export const orderForUnproven = (situation: Situation, forced: boolean): RestartOrder | undefined => {
  const { unproven, unsettled } = situation;
  if (unproven === undefined || unsettled !== undefined) return undefined;
  return unprovenHold(situation) === undefined ? orderOf(situation, forced) : undefined;
};

/** One that is held: the record says what for, and when it is to be looked at again. */
export const holdingUnproven = (situation: Situation, ledger: Ledger): Pick<Choice, 'ledger' | 'lookMs'> => {
  const hold = situation.unproven === undefined ? undefined : unprovenHold(situation);
  if (hold === undefined || ledger.delivery === undefined) return { ledger };
  const awaits = { reason: hold.reason, digest: bareDigest(situation.difference.restartDigest) };
  const lookMs = lookAgainMs(hold, situation.now);
  return { ledger: { ...ledger, delivery: { ...ledger.delivery, awaits } }, ...(lookMs !== undefined && { lookMs }) };
};

const unprovenHold = (situation: Situation): Hold | undefined =>
  restartHold({ ...questionOf(situation), changed: new Set(situation.ledger.delivery?.changes.keys()) });

export const orderOf = (situation: Situation, forced: boolean): RestartOrder => {
  const { observed, ledger, difference, unproven, now } = situation;
  const n = Math.max(ledger.restart?.n ?? 0, observed.workload.annotation?.n ?? 0) + 1;
  const keys = changedKeys(difference.restart);
  const places = changedPlaces(observed, ledger.applied, difference.restart);
  const impossible = keys.flatMap((key) => {
    const why = difference.impossible.get(key);
    return why === undefined ? [] : [`${key}: ${why}`];
  });
  // Content that came back while other content is on its way differs from nothing that is applied.
  const live = movedBy(observed, new Map([...difference.carried, ...difference.restart]));
  const held = heldAmong(questionOf(situation), difference.restart);
  const alongside = changedKeys(onlyFrom(difference.restart, (id) => held.has(id)));
  const reasons = [...new Set([...held.values()].map(({ reason }) => reason))];
  const cause = [
    ...(keys.length > 0 ? [`changed: ${listed(places)}`] : []),
    ...(forced && keys.length === 0 ? ['content came back after containers had started on other content'] : []),
    ...(unproven !== undefined ? [`${listed(ledger.delivery?.places ?? [])}: ${unproven}`] : []),
    ...(alongside.length > 0 ? [`carries what is held (${listed(reasons)}): ${listed(alongside)}`] : []),
    ...(impossible.length > 0 ? [`declared Hot, but can't be: ${listed(impossible)}`] : []),
  ].join('; ');
  return {
    n,
    value: formatRestartAnnotation(n, difference.restartDigest),
    digest: bareDigest(difference.restartDigest),
    changes: difference.carried,
    keys: places,
    cause,
    ...replacedBy(observed.workload, ledger),
    ...(isByRestartAt(observed) && { restartAt: wholeSecondAfter(now) }),
    ...(live.length > 0 && { live }),
    ...(unproven !== undefined && { unproven }),
  };
};

const startsByRuns = ({ workload: { kind } }: Observed): boolean => infoOf(kind).restart === 'NextRun';

export const chooseNudge = (
  observed: Observed,
  hot: Changes,
  difference: Difference,
  { applied, delivery: before }: Ledger,
): Nudge | undefined => {
  const free = onlyFrom(hot, (id) => hotHold(observed, new Set([id])) === undefined);
  if (free.size === 0) return undefined;
  const keys = changedPlaces(observed, applied, free);
  const nextRun = startsByRuns(observed);
  const delivery = nextRun ? undefined : deliveryAfter(observed, before, free, keys);
  return {
    digest: bareDigest(difference.hotDigest),
    changes: free,
    keys,
    ...(delivery !== undefined && { delivery }),
    ...(nextRun && { nextRun }),
  };
};
