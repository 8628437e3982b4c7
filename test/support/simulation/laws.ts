/**
 * The laws (design §4) that every history is held against, each by what really happened in the cluster: what pods run
 * on, when templates were changed, what people have said. Nothing in here asks the decisions how they came about.
 */

import type { RestartOrder, UndoOrder } from '../../../src/domain/effects.ts';
import type { Policy } from '../../../src/domain/observed.ts';
import { isDown, isPresent, isRolledOut, type Cluster, type Deployed, type RunningPod } from './cluster.ts';
import type { Told } from './operator.ts';
import { isOpen, nextOpen } from './windows.ts';

export const LAWS = {
  difference: 'nothing without a difference',
  once: 'one change, at most one rollout',
  burst: 'a burst of edits is one change',
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
  adoption: 'first adoption writes what the source holds',
  begun: 'what takes a restart is in a live object from the moment its restart begins, and no sooner',
  snapshot: 'a live object is one snapshot and the hot keys',
  invalid: 'invalid content never enters a live object',
  enters: 'hot keys enter a live object at once',
  back: 'what others do to a live object is put back',
  good: 'a failed rollout goes back to what was good before, and its pods run on it',
  shared: 'those that share a live object begin together',
  applied: 'what has not got through is not recorded as applied',
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
  readonly restarts: {
    readonly at: number;
    readonly elapsed: number;
    readonly value: string;
    readonly content: string;
  }[];
  /** Changes of what it must be restarted for, since its last restart: by their times. */
  changes: number[];
  /** Somebody wants a restart without a change. */
  wished: boolean;
  /** Something has been the matter with its containers or its rollout since the last restart. */
  troubled: boolean;
  /** Contents that somebody has approved, and those for which somebody has opened every gate; as text. */
  readonly approved: Set<string>;
  readonly opened: Set<string>;
  /** The last restart was a way out: as long as nobody has heard of it, the next is one, too. */
  cure: boolean;
  /** The last restart is not through, or has been put back and that is not. */
  rolling: boolean;
  /** It was said to have failed since its last restart, and is not well again. */
  saidToFail: boolean;
  /** Hot keys have been held, too, or only a process that died knew what it had sent. */
  hotHeld: boolean;
  /** A restart was issued by a process that died before it recorded it: when, is only known to be before that was found. */
  lost: boolean;
  /** What the names of contents, as they were held, stood for. */
  readonly digests: Map<string, string>;
  /** Content that was undone, since when nothing has changed. */
  undone: string | undefined;
  budgetFrom: number;
  /** What was in the annotation before the last restart. */
  replaced: string | undefined;
  /** The template that it was issued on. */
  template: string | undefined;
  /** The number that was in the annotation when its restarts were first counted. */
  base: number;
  /** What all its pods ran on when it was last rolled out, and what that was when the last restart was issued. */
  proven: string | undefined;
  /** By source, what takes a restart as all of its pods were started on it, or as it was adopted. */
  readonly ran: Map<string, ReadonlySet<string>>;
  /** The same as any of its pods was started on it, since it was last rolled out. */
  readonly tried: Map<string, ReadonlySet<string>>;
  good: string | undefined;
}

export const anAccount = (): Account => ({
  restarts: [],
  changes: [],
  wished: false,
  troubled: false,
  approved: new Set(),
  opened: new Set(),
  cure: false,
  rolling: false,
  saidToFail: false,
  hotHeld: false,
  lost: false,
  digests: new Map(),
  undone: undefined,
  budgetFrom: -Infinity,
  replaced: undefined,
  template: undefined,
  base: 0,
  proven: undefined,
  ran: new Map(),
  tried: new Map(),
  good: undefined,
});

/**
 * Takes note of what has got through: what all its pods run on and, once its rollout is complete, whatever pods have been
 * started on meanwhile: a container that ends in the middle of it reads newer content. Where there are no pods it is what is
 * delivered.
 */
export const noteRun = (cluster: Cluster, workload: Deployed, { ran, tried }: Account): void => {
  for (const source of workload.sources) {
    const flags = new Set(workload.pods.map(({ started }) => started.get(source)?.['flag'] ?? ''));
    if (flags.size === 0) flags.add(deliveredFlag(cluster, workload, source) ?? '');
    const all = new Set([...(tried.get(source) ?? []), ...flags]);
    const isThrough = isRolledOut(workload);
    tried.set(source, isThrough ? new Set() : all);
    if (isThrough || flags.size === 1)
      ran.set(source, new Set([...(ran.get(source) ?? []), ...(isThrough ? all : flags)]));
  }
};

/** At first sight what is delivered counts, and where nothing is, what the source holds. */
export const noteAdopted = (cluster: Cluster, workload: Deployed, { ran }: Account): void => {
  for (const source of workload.sources) {
    const present = cluster.sources.get(source)?.content['flag'] ?? '';
    ran.set(source, new Set([deliveredFlag(cluster, workload, source) ?? present, present]));
  }
};

/** @param isRecorded whether it is what is recorded as applied of a source */
export const judgeApplied = (
  workload: Deployed,
  { ran }: Account,
  isRecorded: (source: string, flag: string) => boolean,
): void => {
  for (const source of workload.sources) {
    const flags = [...(ran.get(source) ?? [])];
    hold(
      'applied',
      flags.length === 0 || flags.some((flag) => isRecorded(source, flag)),
      () => `of ${source}, for ${workload.name}, something else than ${flags.join()}`,
    );
  }
};

/** What a workload must be restarted for, as it is now. */
export const contentOf = (cluster: Cluster, { sources }: Deployed): string =>
  sources.map((name) => `${name}=${cluster.sources.get(name)?.content['flag'] ?? ''}`).join(' ');

/** The same as it is delivered to it: by its live objects, where it reads any. */
export const deliveredTo = (cluster: Cluster, workload: Deployed): string =>
  workload.sources.map((name) => `${name}=${deliveredFlag(cluster, workload, name) ?? ''}`).join(' ');

/** The same as a pod was started on it. */
export const startedOn = ({ sources }: Deployed, { started }: RunningPod): string =>
  sources.map((name) => `${name}=${started.get(name)?.['flag'] ?? ''}`).join(' ');

export const deliveredFlag = (
  { sources, objects }: Cluster,
  { live }: Deployed,
  source: string,
): string | undefined => {
  const object = live.get(source);
  return (object === undefined ? sources.get(source) : objects.get(object))?.content['flag'];
};

const LONGEST_DEBOUNCE_MS = 3_000;

/**
 * Sources of which some container runs, or may run, on other content than there is now.
 * @param presentOf what that is; absent: what the source holds
 */
export const differing = (
  cluster: Cluster,
  { sources, pods }: Deployed,
  changes: readonly number[],
  presentOf: (source: string) => string | undefined = (name) => cluster.sources.get(name)?.content['flag'],
): readonly string[] =>
  sources.filter((name) => {
    const { changedAt = 0 } = cluster.sources.get(name) ?? {};
    const present = presentOf(name);
    // Starts are known by the second, and changes by the source: what came later than all of them is proven to be new.
    const unclear = ({ startedAt }: RunningPod): boolean =>
      startedAt <= changedAt + 2_000 ||
      // A burst is waited out after the last look at pods.
      startedAt >= cluster.now - LONGEST_DEBOUNCE_MS ||
      changes.some((at) => Math.abs(startedAt - at) <= 2_000);
    // Where there is no pod, a restart touches none.
    return pods.length === 0 || pods.some((pod) => pod.started.get(name)?.['flag'] !== present || unclear(pod));
  });

export interface Scene {
  readonly cluster: Cluster;
  readonly policies: readonly Policy[];
  readonly account: Account;
  readonly accounts: ReadonlyMap<string, Account>;
  /** How many may roll out at a time, whatever policies say; 0: as many as like. */
  readonly limit: number;
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
export const isFree = (scene: Scene, workload: Deployed, lets: (policy: Policy) => boolean): boolean =>
  gating(scene, workload).some((policies) => policies.every(lets));

/** Its last restart has failed, or took too long. */
export const hasFailed = ({ cluster, policies, accounts }: Scene, workload: Deployed): boolean => {
  const {
    troubled: isTroubledItself = false,
    lost = false,
    cure = false,
    restarts = [],
  } = accounts.get(workload.name) ?? {};
  const troubled = isTroubledItself || (lost && cure);
  const since = cluster.now - (restarts.at(-1)?.at ?? cluster.now);
  return troubled || (!isRolledOut(workload) && policies.some(({ progressTimeoutMs }) => since >= progressTimeoutMs));
};

type GateLaw = 'suspended' | 'window' | 'cooldown' | 'budget' | 'approval' | 'order' | 'concurrency';

/** Whether every gate of a policy would let a change go, by the laws of time, of people and of others. */
export const lets = (scene: Scene, workload: Deployed): Readonly<Record<GateLaw, (policy: Policy) => boolean>> => {
  const { cluster, account } = scene;
  const { now } = cluster;
  const times = account.restarts.map(({ at }) => at);
  const content = contentOf(cluster, workload);
  const opened = account.opened.has(content);
  const passes = opened || hasFailed(scene, workload);
  return {
    suspended: ({ suspended }) => !suspended,
    window: ({ gates }) => passes || isOpen(gates.windows, now),
    cooldown: ({ gates }) => passes || times.every((at) => now - at >= gates.cooldownMs),
    budget: ({ gates: { budget } }) =>
      passes ||
      budget === undefined ||
      times.filter((at) => at > now - budget.periodMs && at > account.budgetFrom).length < budget.restarts,
    order: (policy) => passes || earlier(scene, policy, workload).every((each) => isDone(scene, each)),
    concurrency: ({ gates: { maxConcurrent = Infinity }, sources }) =>
      opened ||
      rolling(scene, workload, (each) => sources.some(({ name }) => each.sources.includes(name))) < maxConcurrent,
    approval: ({ gates }) => opened || gates.approval === 'Automatic' || account.approved.has(content),
  };
};

/** Those that come before a workload in a policy's order: its canary, lower waves, and earlier ones of the same wave. */
const earlier = ({ cluster }: Scene, { workloads = [], gates }: Policy, { name }: Deployed): readonly Deployed[] => {
  const rank = (each: string): readonly [number, number, number] => {
    const place = workloads.findIndex((binding) => 'name' in binding && binding.name === each);
    const canary = gates.canary !== undefined && 'workload' in gates.canary && gates.canary.workload.name === each;
    return [canary ? 0 : 1, workloads[place]?.wave ?? 0, gates.order === 'Sequential' ? Math.max(0, place) : 0];
  };
  const [canary, wave, place] = rank(name);
  return cluster.workloads.filter((other) => {
    const [itsCanary, itsWave, itsPlace] = rank(other.name);
    return itsCanary !== canary ? itsCanary < canary : itsWave !== wave ? itsWave < wave : itsPlace < place;
  });
};

/** Nothing is left to do for it: no change waits that its pods do not run on, and nothing is on its way. */
const isDone = ({ cluster, accounts }: Scene, workload: Deployed): boolean => {
  const { changes = [], rolling: isRolling = false } = accounts.get(workload.name) ?? {};
  const runsOther = workload.pods.some(({ started }) =>
    workload.sources.some((name) => started.get(name)?.['flag'] !== cluster.sources.get(name)?.content['flag']),
  );
  return !isRolling && !(changes.length > 0 && runsOther);
};

/** How many others roll out for us. What has failed is not over, but a way out of a failure does not wait for it. */
const rolling = (scene: Scene, workload: Deployed, counts: (workload: Deployed) => boolean): number =>
  scene.cluster.workloads.filter((each) => {
    const { rolling: isRolling = false, lost = false } = scene.accounts.get(each.name) ?? {};
    // What nobody has heard of, and was to be replaced at once, has no place of its own.
    if (each === workload || each.paused || !isRolling || lost || !counts(each)) return false;
    return !(hasFailed(scene, each) && hasFailed(scene, workload));
  }).length;

/** Edits that come one after the other are one change, which a process that knows nothing more can't see. */
const judgeBurst = (scene: Scene, workload: Deployed, order: RestartOrder, what: string): void => {
  const { cluster, account } = scene;
  const [first, last] = [account.changes[0], account.changes.at(-1)];
  if (first === undefined || last === undefined || account.hotHeld || account.lost) return;
  if (order.cause.includes('came back')) return;
  const debounceMs = Math.min(
    ...gating(scene, workload).map((policies) => Math.max(...policies.map((policy) => policy.debounceMs))),
  );
  const isOver = cluster.now - last >= debounceMs || cluster.now - first >= 10 * debounceMs;
  hold('burst', isOver, () => `${what}: only ${cluster.now - last} ms after the last of it`);
};

const restartWords = ({ cluster }: Scene, workload: Deployed, order: RestartOrder): string =>
  `${workload.name} restart ${order.n} (${order.cause}) on ${contentOf(cluster, workload)} at ${new Date(cluster.now).toISOString()}`;

export const judgeRestart = (scene: Scene, workload: Deployed, order: RestartOrder): void => {
  judgeChange(scene, workload, order);
  judgeGates(scene, workload, order);
};

/** A rollback keeps pods of which a container may have started on what failed, within the seconds that are told of it. */
const sweeps = ({ account }: Scene, { pods }: Deployed, { cause }: RestartOrder): boolean => {
  const since = (account.restarts.at(-1)?.at ?? 0) - 2_000;
  return cause.includes('content that was rolled back') && pods.some(({ startedAt }) => startedAt >= since);
};

/** Something has changed that the restart brings. */
export const judgeChange = (scene: Scene, workload: Deployed, order: RestartOrder): void => {
  const { cluster, account } = scene;
  const what = restartWords(scene, workload, order);
  const delivered = deliveredTo(cluster, workload);
  const isSweep = sweeps(scene, workload, order);
  hold(
    'once',
    account.changes.length > 0 || account.wished || isSweep,
    () => `${what}: nothing has changed since the last`,
  );
  const differ = differing(cluster, workload, account.changes, (name) => deliveredFlag(cluster, workload, name));
  hold(
    'difference',
    account.wished || account.lost || isSweep || differ.length > 0,
    () => `${what}: all containers run on ${delivered}`,
  );
  hold('failed', account.undone !== delivered || account.wished, () => `${what}: it was undone`);
  const count = account.base + account.restarts.length;
  hold('numbers', order.n === count + 1, () => `${what}: after ${count} of them`);
  hold(
    'numbers',
    account.restarts.every(({ value }) => value !== order.value),
    () => `${what}: ${order.value} once more`,
  );
};

/** Each gate by itself, and all of them together for one source's change. */
export const judgeGates = (scene: Scene, workload: Deployed, order: RestartOrder): void => {
  const { cluster, account } = scene;
  const what = restartWords(scene, workload, order);
  const last = account.restarts.at(-1);
  judgeBurst(scene, workload, order, what);
  const gates = lets(scene, workload);
  for (const law of ['suspended', 'window', 'cooldown', 'budget', 'approval', 'order', 'concurrency'] as const)
    hold(
      law,
      isFree(scene, workload, gates[law]),
      () => `${what}, the last at ${last === undefined ? 'no time' : new Date(last.at).toISOString()}`,
    );
  const others = rolling(scene, workload, (each) => !hasFailed(scene, each));
  const {
    limit,
    account: { opened },
  } = scene;
  hold(
    'concurrency',
    limit === 0 || others < limit || opened.has(contentOf(cluster, workload)),
    () => `${what}: ${others} others roll out`,
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

/** Gates that time or a person opens. */
const TIMELY: ReadonlySet<string> = new Set(['OutsideWindow', 'Cooldown', 'ApprovalPending']);

/** At the latest so long after the last look there is another: clocks are set. */
const LONGEST_MS = 60_000;

/** What is said to hold a change holds it, and for as long as is said. */
export const judgeHeld = (scene: Scene, workload: Deployed, told: Told, until: number | undefined): void => {
  const { state, reason, at } = told;
  if (state !== 'Held') return;
  const { cluster, policies, account, elapsed } = scene;
  const says = (): string =>
    `${workload.name} is ${state} (${reason}: ${told.message}) since ${new Date(at).toISOString()}, ${elapsed - told.elapsed} ms ago`;
  const suspended = policies.filter((policy) => policy.suspended);
  const isNew = (name: string, files: RunningPod['files']): boolean =>
    files.get(name)?.['hot'] === cluster.sources.get(name)?.content['hot'];
  // A rollout under way may carry it; and what was held may have come by itself, and have gone again.
  if (isRolledOut(workload) && !account.hotHeld && !account.lost)
    hold(
      'hot',
      workload.pods.every(({ files }) => workload.sources.every((name) => isNew(name, files))),
      says,
    );
  // What holds another that shares a live object is its own to say.
  if (told.message.includes('which shares it: ')) return;
  // Somebody's word for all gates may have been refused.
  if (at === cluster.now && TIMELY.has(reason) && !hasFailed(scene, workload) && account.opened.size === 0) {
    const gates = lets(scene, workload);
    const free = workload.sources.filter((name) => {
      const naming = policies.filter(({ sources }) => sources.some((each) => each.name === name));
      const isDue = workload.pods.every(
        ({ started }) => started.get(name)?.['flag'] !== cluster.sources.get(name)?.content['flag'],
      );
      return (
        isDue &&
        workload.pods.length > 0 &&
        naming.every((policy) => Object.values(gates).every((goes) => goes(policy)))
      );
    });
    hold('reason', account.lost || free.length === 0, () => `${says()}, but ${free.join(' ')} is free`);
  }
  const times = account.restarts.map((restart) => restart.at);
  switch (reason) {
    case 'Suspended':
      hold('reason', suspended.length > 0, says);
      return;
    case 'OutsideWindow': {
      hold(
        'reason',
        policies.some(({ gates }) => !isOpen(gates.windows, at)),
        says,
      );
      const openings = policies.map(({ gates }) => nextOpen(gates.windows, at));
      const isSo = policies.length > 1 || until === openings[0];
      hold('reason', isSo, () => `${says()} until ${until ?? 0}, not ${openings[0] ?? 0}`);
      break;
    }
    case 'Cooldown': {
      if (account.lost) break;
      const isRecent = ({ gates: { cooldownMs } }: Policy): boolean =>
        times.some((time) => at - time < cooldownMs + LONGEST_MS);
      hold('reason', policies.some(isRecent), says);
      break;
    }
    case 'BudgetExhausted': {
      if (account.lost) break;
      const isSpent = ({ gates: { budget } }: Policy): boolean =>
        budget !== undefined &&
        times.filter((time) => time > at - budget.periodMs - LONGEST_MS).length >= budget.restarts;
      hold('reason', policies.some(isSpent), says);
      break;
    }
    case 'ApprovalPending':
      hold(
        'reason',
        policies.some(({ gates }) => gates.approval === 'Manual'),
        says,
      );
      return;
    default:
      return;
  }
  hold('cure', !(account.saidToFail && isFailing(workload)), says);
  hold('reason', elapsed - told.elapsed <= LONGEST_MS, says);
};

/** Something is visibly the matter with a rollout. */
export const isTroubled = (workload: Deployed): boolean =>
  workload.deadlineExceeded || (!isRolledOut(workload) && workload.pods.some(isDown));

/** And with pods of the present template. */
const isFailing = (workload: Deployed): boolean =>
  workload.deadlineExceeded || workload.pods.some((pod) => isPresent(workload)(pod) && isDown(pod));
