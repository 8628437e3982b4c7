/**
 * The laws (design §4) that every history is held against, each by what really happened in the cluster: what pods run
 * on, when templates were changed, what people have said. Nothing in here asks the decisions how they came about.
 */

import type { RestartOrder, UndoOrder } from '../../../src/domain/effects.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { isBad, isRolledOut, type Cluster, type Deployed, type RunningPod } from './cluster.ts';
import { isOpen } from './windows.ts';

export const LAWS = {
  difference: 'nothing without a difference',
  once: 'one change, at most one rollout',
  numbers: 'every restart has a number and a value of its own',
  suspended: 'no effect of any kind while suspended',
  window: 'none outside a window',
  cooldown: 'none before the cooldown is over',
  budget: 'budget never exceeded but by a cure',
  approval: 'none without approval of exactly this content',
  failed: 'what has failed is not tried again by itself',
  order: 'none before its turn',
  concurrency: 'no more at once than allowed',
  undo: 'only what has failed is undone, once, to exactly what was there, and recorded first',
  hot: 'while a restart is held the hot part goes out',
  cure: 'a cure is not held by window, cooldown or budget',
  reason: 'what holds a change is what is said to hold it',
  converges: 'the pods run on what the sources hold in the end',
  rest: 'looking once more changes nothing',
} as const;

export type Law = keyof typeof LAWS;

export class LawBroken extends Error {
  constructor(law: Law, why: string) {
    super(`${LAWS[law]}: ${why}`);
    this.name = 'LawBroken';
  }
}

export const hold = (law: Law, holds: boolean, why: () => string): void => {
  if (!holds) throw new LawBroken(law, why());
};

/** What has happened to one workload, as whoever stands beside it knows. */
export interface Account {
  readonly restarts: { readonly at: number; readonly elapsed: number; readonly value: string }[];
  /** Changes of what it must be restarted for, since its last restart: by their times. */
  changes: number[];
  /** Somebody wants a restart without a change. */
  wished: boolean;
  /** Something has been the matter with its containers or its rollout since the last restart. */
  troubled: boolean;
  /** Contents that somebody has approved, and those for which somebody has opened every gate; as text. */
  readonly approved: Set<string>;
  readonly opened: Set<string>;
  /** Content that was undone, since when nothing has changed. */
  undone: string | undefined;
  budgetFrom: number;
  /** What was in the annotation before the last restart. */
  replaced: string | undefined;
}

export const anAccount = (): Account => ({
  restarts: [],
  changes: [],
  wished: false,
  troubled: false,
  approved: new Set(),
  opened: new Set(),
  undone: undefined,
  budgetFrom: -Infinity,
  replaced: undefined,
});

/** What a workload must be restarted for, as it is now. */
export const contentOf = (cluster: Cluster, { sources }: Deployed): string =>
  sources.map((name) => `${name}=${cluster.sources.get(name)?.content['flag'] ?? ''}`).join(' ');

/** Sources of which some container runs, or may run, on other content than there is now. */
export const differing = (
  cluster: Cluster,
  { sources, pods }: Deployed,
  changes: readonly number[],
): readonly string[] =>
  sources.filter((name) => {
    const { content, changedAt = 0 } = cluster.sources.get(name) ?? {};
    const present = content?.['flag'];
    // Starts are known by the second, and changes by the source: what came later than all of them is proven to be new.
    const unclear = ({ startedAt }: RunningPod): boolean =>
      startedAt <= changedAt + 2_000 || changes.some((at) => Math.abs(startedAt - at) <= 2_000);
    // Where there is no pod, a restart touches none.
    return pods.length === 0 || pods.some((pod) => pod.started.get(name)?.['flag'] !== present || unclear(pod));
  });

export interface Scene {
  readonly cluster: Cluster;
  readonly policies: readonly Policy[];
  readonly account: Account;
  readonly elapsed: number;
}

/** The policies whose gates count: those that name a source which differs; where one source is free, the change goes. */
const gating = ({ cluster, policies, account }: Scene, workload: Deployed): readonly (readonly Policy[])[] => {
  const changed = differing(cluster, workload, account.changes);
  const names = changed.length === 0 ? workload.sources : changed;
  const of = (name: string): readonly Policy[] =>
    policies.filter(({ sources }) => sources.some((each) => each.name === name));
  return names.map(of).filter((each) => each.length > 0);
};

/** Some source's change is free by all policies that name it. */
const isFree = (scene: Scene, workload: Deployed, lets: (policy: Policy) => boolean): boolean =>
  gating(scene, workload).some((policies) => policies.every(lets));

/** Whether every gate of a policy would let a change go, by the laws of time and of people. */
const lets = (
  scene: Scene,
  workload: Deployed,
): Readonly<Record<'suspended' | 'window' | 'cooldown' | 'budget' | 'approval', (policy: Policy) => boolean>> => {
  const { cluster, account } = scene;
  const { now } = cluster;
  const times = account.restarts.map(({ at }) => at);
  const content = contentOf(cluster, workload);
  const opened = account.opened.has(content);
  const passes = opened || account.troubled;
  return {
    suspended: ({ suspended }) => !suspended,
    window: ({ gates }) => passes || isOpen(gates.windows, now),
    cooldown: ({ gates }) => passes || times.every((at) => now - at >= gates.cooldownMs),
    budget: ({ gates: { budget } }) =>
      passes ||
      budget === undefined ||
      times.filter((at) => at > now - budget.periodMs && at >= account.budgetFrom).length < budget.restarts,
    approval: ({ gates }) => opened || gates.approval === 'Automatic' || account.approved.has(content),
  };
};

/** Each gate by itself, and all of them together for one source's change. */
export const judgeRestart = (scene: Scene, workload: Deployed, order: RestartOrder): void => {
  const { cluster, account } = scene;
  const what = `${workload.name} restart ${order.n} (${order.cause}) on ${contentOf(cluster, workload)} at ${new Date(cluster.now).toISOString()}`;
  const last = account.restarts.at(-1);
  hold('once', account.changes.length > 0 || account.wished, () => `${what}: nothing has changed since the last`);
  hold(
    'difference',
    account.wished || differing(cluster, workload, account.changes).length > 0,
    () => `${what}: all containers run on that`,
  );
  hold('failed', account.undone === undefined || account.wished, () => `${what}: it was undone`);
  hold('numbers', order.n === account.restarts.length + 1, () => `${what}: after ${account.restarts.length} of them`);
  hold(
    'numbers',
    account.restarts.every(({ value }) => value !== order.value),
    () => `${what}: ${order.value} once more`,
  );
  const gates = lets(scene, workload);
  for (const law of ['suspended', 'window', 'cooldown', 'budget', 'approval'] as const)
    hold(
      law,
      isFree(scene, workload, gates[law]),
      () => `${what}, the last at ${last === undefined ? 'no time' : new Date(last.at).toISOString()}`,
    );
  hold(
    'reason',
    isFree(scene, workload, (policy) => Object.values(gates).every((let_) => let_(policy))),
    () => `${what}: no source's change passes all gates`,
  );
};

export const judgeUndo = ({ account }: Scene, workload: Deployed, order: UndoOrder, recorded: boolean): void => {
  const last = account.restarts.length;
  hold('undo', order.n === last, () => `${workload.name}: undoes restart ${order.n}, not the last of ${last}`);
  hold(
    'undo',
    order.value === account.replaced,
    () => `${workload.name}: back to ${order.value ?? 'nothing'}, not ${account.replaced ?? 'nothing'}`,
  );
  hold('undo', account.troubled, () => `${workload.name}: undoes what has not failed`);
  hold('undo', recorded, () => `${workload.name}: undoes what is not recorded`);
};

/** Something is visibly the matter with a rollout. */
export const isTroubled = (workload: Deployed): boolean =>
  workload.deadlineExceeded ||
  (!isRolledOut(workload) &&
    workload.pods.some(({ started }) => [...started.values()].some(({ flag }) => isBad(flag))));
