/** What a live object is to hold, as the workloads that read it stand. */

import { compare, onItsWay } from './difference.ts';
import type { Digest } from './digest.ts';
import { isContentRefused } from './gates/content.ts';
import { suspended } from './gates/suspended.ts';
import { keysIn, liveBaseline } from './live.ts';
import { isGivenUp } from './managed.ts';
import type { Observed, Policy, SourceId } from './observed.ts';
import { problemsOf } from './validation.ts';

/** The content of a key that pods may have; the empty string: that there is no such key. */
export type HeldKeys = ReadonlyMap<string, ReadonlySet<Digest | ''>>;

/**
 * The keys that may not have the source's content yet, since for one of the workloads that read them a restart is due,
 * and which content of theirs pods were started on or are about to be. The strictest class of all workloads counts.
 * Undefined: a workload has no record yet, so that nobody can tell.
 */
export const heldKeys = (members: readonly Observed[], id: SourceId): HeldKeys | undefined => {
  const keys = new Set<string>();
  for (const member of members) {
    if (member.ledger === undefined) return undefined;
    for (const key of keysIn(compare(member, member.ledger).restart.get(id))) keys.add(key);
  }
  return new Map([...keys].map((key) => [key, contentOf(members, id, key)]));
};

/** What is on its way to one of them is delivered already; what pods were started on before counts only where nothing is. */
const contentOf = (members: readonly Observed[], id: SourceId, key: string): ReadonlySet<Digest | ''> => {
  const sent = members.flatMap(({ ledger }) => onItsWay(ledger)?.get(id)?.get(key) ?? []);
  if (sent.length > 0) return new Set(sent);
  return new Set(members.map((member) => (member.ledger?.applied.get(id) ?? liveBaseline(member, id))?.get(key) ?? ''));
};

/**
 * The snapshot that a restart which has begun, or a rollback, wants a live object to be of. One that is in the template, and
 * whose record a crash has kept from saying so, wants nothing any more: what it delivers was there before.
 */
export const begunSnapshot = (members: readonly Observed[], id: SourceId, object: string): number | undefined => {
  const numbers = members.flatMap((member) => {
    const intent = member.ledger?.intent;
    if (intent === undefined || (member.workload.annotation?.n ?? 0) >= intent.n) return [];
    const others = members.filter((each) => each !== member);
    if (isGivenUp(member, intent, others)) return [];
    return intent.snapshots.flatMap((each) => (each.source === id && each.object === object ? [each.number] : []));
  });
  if (numbers.length > 0) return Math.max(...numbers);
  return undoneTo(members, id, object);
};

/** A rollback that is under way: the template still carries what failed. */
const undoneTo = (members: readonly Observed[], id: SourceId, object: string): number | undefined => {
  for (const { ledger, workload } of members) {
    const { undo, n } = ledger?.failed ?? {};
    if (undo?.mode !== 'Rollback' || undo.phase !== 'Intended' || workload.annotation?.n !== n) continue;
    const to = undo.snapshots?.find((each) => each.source === id && each.object === object);
    if (to !== undefined) return to.number;
  }
  return undefined;
};

/** Why a live object stays as it is, whatever its source holds. */
export const renderHold = (
  members: readonly Observed[],
  policy: Policy,
  id: SourceId,
  source: Parameters<typeof problemsOf>[0],
): 'Suspended' | 'Refused' | undefined => {
  const ids = new Set([id]);
  if (
    policy.suspended ||
    policy.observes === true ||
    members.some((observed) => suspended({ observed, changed: ids }) !== undefined)
  )
    return 'Suspended';
  if (source?.state !== 'Present' || problemsOf(source, [policy.name]).length > 0 || members.some(isContentRefused))
    return 'Refused';
  return undefined;
};
