/** Which of the workloads of a policy goes first. Pure. */

import type { Peer, Standing } from './others.ts';
import type { Policy } from './observed.ts';
import type { WorkloadKind } from './selection.ts';

/** How an order asks a workload to wait: for whom, by standing. */
export interface Earlier {
  readonly failed: readonly Peer[];
  readonly unfinished: readonly Peer[];
}

/** What an order goes by, however its workloads stand. */
type Ranked = Omit<Peer, 'standing'>;

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
export const groupsOf = <P extends Ranked>(policy: Ordering, bound: readonly P[]): readonly (readonly P[])[] => {
  const compare = comparing(policy, bound);
  const groups: P[][] = [];
  for (const peer of [...bound].sort((a, b) => compare(a, b) || compareNames(a, b))) {
    const last = groups.at(-1);
    const [before] = last ?? [];
    if (before !== undefined && compare(before, peer) === 0) last?.push(peer);
    else groups.push([peer]);
  }
  return groups;
};

/** Those that come before a workload and are not done; undefined: none is, or it comes first. */
export const earlierThan = (
  policy: Ordering,
  bound: readonly Peer[],
  { kind, name }: { readonly kind: WorkloadKind; readonly name: string },
): Earlier | undefined => {
  const own = bound.find((peer) => peer.kind === kind && peer.name === name);
  const compare = comparing(policy, bound);
  // Each of them asks that: only what is told of is put in order.
  const earlier = bound
    .filter((peer) => peer.standing !== 'Done' && (own === undefined || compare(peer, own) < 0))
    .sort((a, b) => compare(a, b) || compareNames(a, b));
  if (earlier.length === 0) return undefined;
  return { failed: earlier.filter(is('Failed')), unfinished: earlier.filter(is('Due', 'InProgress', 'Unknown')) };
};

/** How the turns of two peers compare; 0: they go together. */
const comparing = <P extends Ranked>(policy: Ordering, bound: readonly P[]): ((a: P, b: P) => number) => {
  const { workloads = [], gates } = policy;
  const canaries = canariesOf(policy, bound);
  const wave = ({ binding }: P): number => (binding === undefined ? 0 : (workloads[binding]?.wave ?? 0));
  const canary = (peer: P): number => (canaries.has(peer) ? 0 : 1);
  const within = (a: P, b: P): number => (a.binding ?? 0) - (b.binding ?? 0) || compareNames(a, b);
  return (a, b) => canary(a) - canary(b) || wave(a) - wave(b) || (gates.order === 'Sequential' ? within(a, b) : 0);
};

const is =
  (...standings: readonly Standing[]) =>
  ({ standing }: Peer): boolean =>
    standings.includes(standing);

/** A canary that is named but not bound keeps nobody waiting. */
const canariesOf = <P extends Ranked>({ gates: { canary } }: Ordering, bound: readonly P[]): ReadonlySet<P> => {
  if (canary === undefined) return new Set();
  if ('workload' in canary) {
    const { kind, name } = canary.workload;
    return new Set(bound.filter((peer) => peer.kind === kind && peer.name === name));
  }
  return new Set([...bound].sort(compareNames).slice(0, Math.ceil((bound.length * canary.percent) / 100)));
};

const compareNames = (a: Ranked, b: Ranked): number =>
  a.name === b.name ? (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0) : a.name < b.name ? -1 : 1;
