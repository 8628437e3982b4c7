/** Restarts with managed delivery: what begins with them, and what has begun is completed. */

import { compare, onItsWay, onlyFrom, type Difference } from './difference.ts';
import type { RestartOrder } from './effects.ts';
import { RECOVERED, ROLLBACK_REQUESTED } from './failure-words.ts';
import { expectedOf } from './key-change.ts';
import { listed } from './listed.ts';
import { hasArrived, keysIn, liveOf } from './live.ts';
import type { Changes, Failed, Intent, Ledger, Observed, Restart, Source, SourceId } from './observed.ts';
import { carried, counted } from './outcomes.ts';
import { isByRestartAt, wholeSecondAfter } from './restart-at.ts';
import { failedBefore, replacedBy, replacedByUnrecorded } from './undo.ts';
import { keyOfUnit } from './units.ts';

/** The part of some changes that pods find in what they mount: hot keys count as sent only then. */
export const arrivedOf = (observed: Observed, changes: Changes): Changes =>
  observed.live === undefined ? changes : onlyUnits(changes, (id, key) => hasArrived(observed, id, key));

const onlyUnits = (changes: Changes, accept: (id: SourceId, key: string) => boolean): Changes =>
  new Map(
    [...changes].flatMap(([id, units]) => {
      const left = [...units].filter(([name]) => accept(id, keyOfUnit(name)));
      return left.length === 0 ? [] : [[id, new Map(left)] as const];
    }),
  );

/** The sources whose live objects go forward with a restart for these changes. */
export const movedBy = (observed: Observed, changes: Changes): readonly SourceId[] =>
  [...changes.keys()].filter((id) => liveOf(observed, id) !== undefined);

/** What others started may carry only what was there to be read. */
export const mayBeCarriedByOthers = (observed: Observed, changes: Changes): boolean =>
  [...changes].every(([id, units]) => [...units.keys()].every((name) => hasArrived(observed, id, keyOfUnit(name))));

/**
 * Whether those that share a live object have gone on from what a restart that has begun would deliver: they go back from
 * that content, or from what came into it after this one had begun, or have begun with another snapshot since. What a
 * person has asked for is not given up for the latter.
 */
export const isGivenUp = (
  { live, ledger }: Pick<Observed, 'live' | 'ledger'>,
  intent: Intent,
  sharers: readonly Observed[],
): boolean => {
  const isWish = ledger?.failed?.reason === ROLLBACK_REQUESTED && ledger.failed.at === intent.at;
  return intent.snapshots.some(({ source, object, number }) => {
    const present = live?.get(source);
    const isElsewhere = present?.state === 'Present' && present.snapshot !== undefined && present.snapshot !== number;
    return sharers
      .filter((sharer) => sharer.live?.get(source)?.name === object)
      .some((sharer) => {
        const { failed, restart } = sharer.ledger ?? {};
        const isOvertaken = isElsewhere && !isWish && restart?.origin === 'Issued' && restart.issuedAt > intent.at;
        return isOvertaken || isUndone(failed, intent, source);
      });
  });
};

/** Whether a rollback goes back from what came in after the intent, or of the keys that both move, all to the same content. */
const isUndone = (failed: Failed | undefined, { at, changes }: Intent, source: SourceId): boolean => {
  const given = failed?.undo?.mode === 'Rollback' ? failed.changes.get(source) : undefined;
  if (failed === undefined || given === undefined) return false;
  const own = changes.get(source);
  const both = [...given].filter(([name]) => own?.has(name) === true);
  return at <= failed.at || (both.length > 0 && both.every(([name, digest]) => own?.get(name) === digest));
};

/**
 * A restart whose beginning is recorded, and that is in the template by now, is issued; one that others overtook, or went
 * back from, is void.
 */
export const settleIntent = (observed: Observed, ledger: Ledger, now: number): Ledger => {
  const { intent, ...rest } = ledger;
  const { annotation, templateHash } = observed.workload;
  if (intent === undefined) return ledger;
  if (annotation === undefined || annotation.n < intent.n)
    return isGivenUp({ ...observed, ledger }, intent, observed.sharers ?? []) ? rest : ledger;
  if (annotation.n > intent.n || annotation.digest !== intent.digest) return rest;
  const restart: Restart = {
    n: intent.n,
    digest: intent.digest,
    origin: 'Issued',
    issuedAt: now,
    templateHash,
    phase: 'InProgress',
    ...replacedByUnrecorded(`v1.${intent.n}.${intent.digest}`, observed.workload, ledger),
    changes: intent.changes,
  };
  return { ...counted(carried(rest, restart, now), now), restart };
};

/** What completes a restart that has begun, with what it began with. */
export const orderToComplete = (observed: Observed, ledger: Ledger, intent: Intent, now: number): RestartOrder => ({
  n: intent.n,
  value: `v1.${intent.n}.${intent.digest}`,
  digest: intent.digest,
  changes: intent.changes,
  keys: intent.keys,
  cause:
    intent.changes.size === 0
      ? `containers had started on content that was rolled back: ${intent.keys.join(', ')}`
      : `changed: ${intent.keys.join(', ')}; it had begun`,
  live: intent.snapshots.map(({ source }) => source),
  begun: intent,
  ...replacedBy(observed.workload, ledger),
  ...(isByRestartAt(observed) && { restartAt: wholeSecondAfter(now) }),
});

/**
 * What the live objects hold and this workload's pods were not started on, since another workload that shares them has
 * begun its restart: this one follows, whatever its gates say by now. Undefined: nothing.
 */
export const behindLive = (observed: Observed, ledger: Ledger): Difference | undefined => {
  const ahead = new Map([...(observed.live?.keys() ?? [])].map((id) => [id, keysAhead(observed, id)] as const));
  const shared = [...ahead].filter(([, keys]) => keys.size > 0);
  if (shared.length === 0) return undefined;
  const difference = compare(asDelivered(observed, new Map(shared)), ledger);
  // What others put into a live object nobody follows: it is about to be put back.
  const isOfSharers = (id: SourceId, keys: ReadonlySet<string>): boolean =>
    [...keysIn(difference.restart.get(id))].every((key) => keys.has(key));
  const ids = new Set(
    shared.flatMap(([id, keys]) => (difference.restart.has(id) && isOfSharers(id, keys) ? [id] : [])),
  );
  // What failed here is followed by nobody: it is about to be gone from there.
  if (ids.size === 0 || failedBefore(ledger, difference) !== undefined) return undefined;
  // What is in other live objects, or is not, is a matter of their own.
  const reaches = (id: SourceId): boolean => ids.has(id) || liveOf(observed, id) === undefined;
  return {
    ...difference,
    restart: onlyFrom(difference.restart, reaches),
    carried: onlyFrom(difference.carried, reaches),
  };
};

/** Such a restart, begun: it delivers what is there already. */
export const orderToFollow = (observed: Observed, order: RestartOrder, now: number): RestartOrder => {
  const snapshots = [...(observed.live ?? [])].flatMap(([source, live]) =>
    order.live?.includes(source) === true && live.state === 'Present' && live.snapshot !== undefined
      ? [{ source, object: live.name, number: live.snapshot }]
      : [],
  );
  const { n, digest, keys, changes } = order;
  return {
    ...order,
    cause: `changed: ${listed(keys)}; those that share a live object get it together`,
    live: snapshots.map(({ source }) => source),
    begun: { n, digest, at: now, snapshots, keys, changes },
  };
};

/** A workload as if these sources held what their live objects do, where there are any. */
export const asDelivered = (observed: Observed, ids: ReadonlyMap<SourceId, unknown>): Observed => {
  const sources = new Map(observed.sources);
  for (const id of ids.keys()) {
    const [source, live] = [sources.get(id), liveOf(observed, id)];
    if (source?.state === 'Present' && live?.state === 'Present') sources.set(id, asLive(source, live.keys));
  }
  return { ...observed, sources };
};

/** A source as if it held what a live object or a snapshot holds. */
export const asLive = (source: Extract<Source, { readonly state: 'Present' }>, keys: typeof source.keys): Source => {
  const { documents, ...rest } = source;
  return {
    ...rest,
    keys,
    ...(documents !== undefined && {
      documents: new Map([...documents].filter(([key]) => keys.get(key) === source.keys.get(key))),
    }),
  };
};

/**
 * The keys of which a live object holds what a sharer was started on, or is about to be, and this workload was not, and is
 * not: also what a sharer has gone back to, while this one's restart is still under way.
 */
const keysAhead = ({ sharers = [], ledger, ...observed }: Observed, id: SourceId): ReadonlySet<string> => {
  const live = liveOf(observed, id);
  const others = sharers.flatMap((sharer) => (sharer.ledger?.applied.has(id) === true ? [sharer.ledger] : []));
  if (live?.state !== 'Present' || !live.ours || others.length === 0) return new Set();
  const keys = new Set([...live.keys.keys(), ...keysIn(ledger?.applied.get(id))]);
  return new Set(
    [...keys].filter((key) => {
      const is = live.keys.get(key);
      const mayLead = (other: Ledger): boolean =>
        !isSent(ledger, id, key) || isSent(other, id, key) || isLater(other, ledger, id);
      return (
        awaited(ledger, id, key) !== is && others.some((other) => awaited(other, id, key) === is && mayLead(other))
      );
    }),
  );
};

/** What a key holds for a workload once its restart has arrived. */
const awaited = (ledger: Ledger | undefined, id: SourceId, key: string): string | undefined =>
  expectedOf(onItsWay(ledger)?.get(id), key, ledger?.applied.get(id)?.get(key));

const isSent = (ledger: Ledger | undefined, id: SourceId, key: string): boolean =>
  keysIn(onItsWay(ledger)?.get(id)).has(key);

/** Whether what is applied there came after what is on its way here, and not before it: by a rollback, or a later restart. */
const isLater = ({ failed, restart }: Ledger, own: Ledger | undefined, id: SourceId): boolean =>
  (failed?.undo?.mode === 'Rollback' && failed.changes.has(id)) ||
  restart?.reason === RECOVERED ||
  (restart?.issuedAt ?? -Infinity) > (own?.intent?.at ?? own?.restart?.issuedAt ?? Infinity);
