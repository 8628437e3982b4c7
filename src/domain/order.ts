/** Which of the workloads of a policy goes first. Pure. */

import type { Peer, Standing } from './others.ts';
import type { Policy } from './observed.ts';
import type { WorkloadKind } from './selection.ts';

/** How an order asks a workload to wait: for whom, by standing. */
export interface Earlier {
  readonly failed: readonly Peer[];
  readonly unfinished: readonly Peer[];
}

type Ordering = Pick<Policy, 'workloads' | 'gates'>;

/** Whether a policy wants any order at all. */
export const isOrdered = ({ workloads = [], gates: { order, canary } }: Ordering): boolean =>
  order === 'Sequential' || canary !== undefined || workloads.some(({ wave = 0 }) => wave !== 0);

/** Whether a policy's gates must know how others stand. */
export const asksForOthers = (policy: Ordering & Pick<Policy, 'observes'>): boolean =>
  policy.observes !== true && (policy.gates.maxConcurrent !== undefined || isOrdered(policy));

/**
 * Peers in the order in which they go: those of a group together, a group after the earlier ones. The canary comes
 * first, then wave after wave; in a wave all at once, or one after the other.
 */
export const groupsOf = (policy: Ordering, bound: readonly Peer[]): readonly (readonly Peer[])[] => {
  const { workloads = [], gates } = policy;
  const canaries = canariesOf(policy, bound);
  const rank = (peer: Peer): readonly number[] => {
    const canary = canaries.has(peer) ? 0 : 1;
    const wave = peer.binding === undefined ? 0 : (workloads[peer.binding]?.wave ?? 0);
    return [canary, wave, ...(gates.order === 'Sequential' ? [peer.binding ?? 0] : [])];
  };
  const ranked = bound
    .map((peer) => ({ peer, rank: rank(peer) }))
    .sort((a, b) => compareRanks(a.rank, b.rank) || compareNames(a.peer, b.peer));
  const groups: { readonly rank: readonly number[]; readonly peers: Peer[] }[] = [];
  for (const { peer, rank: own } of ranked) {
    const last = groups.at(-1);
    if (last !== undefined && gates.order === 'Parallel' && compareRanks(last.rank, own) === 0) last.peers.push(peer);
    else groups.push({ rank: own, peers: [peer] });
  }
  return groups.map(({ peers }) => peers);
};

/** Those that come before a workload and are not done; undefined: none is, or it comes first. */
export const earlierThan = (
  policy: Ordering,
  bound: readonly Peer[],
  { kind, name }: { readonly kind: WorkloadKind; readonly name: string },
): Earlier | undefined => {
  const earlier: Peer[] = [];
  for (const group of groupsOf(policy, bound)) {
    if (group.some((peer) => peer.kind === kind && peer.name === name)) break;
    earlier.push(...group);
  }
  const [failed, unfinished] = [earlier.filter(is('Failed')), earlier.filter(is('Due', 'InProgress', 'Unknown'))];
  return failed.length + unfinished.length === 0 ? undefined : { failed, unfinished };
};

const is =
  (...standings: readonly Standing[]) =>
  ({ standing }: Peer): boolean =>
    standings.includes(standing);

/** A canary that is named but not bound keeps nobody waiting. */
const canariesOf = ({ gates: { canary } }: Ordering, bound: readonly Peer[]): ReadonlySet<Peer> => {
  if (canary === undefined) return new Set();
  if ('workload' in canary) {
    const { kind, name } = canary.workload;
    return new Set(bound.filter((peer) => peer.kind === kind && peer.name === name));
  }
  return new Set([...bound].sort(compareNames).slice(0, Math.ceil((bound.length * canary.percent) / 100)));
};

const compareRanks = (a: readonly number[], b: readonly number[]): number => {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

const compareNames = (a: Peer, b: Peer): number =>
  a.name === b.name ? (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0) : a.name < b.name ? -1 : 1;
