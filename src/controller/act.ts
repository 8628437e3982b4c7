/** Performs a plan's effects through the ports, and records what they brought about. */

import type { Plan } from '../domain/effects.ts';
import { RECOVERED } from '../domain/failure-words.ts';
import { listed } from '../domain/listed.ts';
import { changedKeys } from '../domain/difference.ts';
import type { Ledger, Observed } from '../domain/observed.ts';
import { nudged, restartIssued } from '../domain/outcomes.ts';
import { undone } from '../domain/undo.ts';
import { desiredPods } from '../domain/rollout.ts';
import type { Clock } from '../runtime/clock.ts';
import { toError } from '../runtime/errors.ts';
import type { Store } from '../runtime/store.ts';
import type { Ledgers } from './ledgers.ts';
import type { LiveObjects } from './live.ts';
import type { Memory } from './memory.ts';
import type { Nudger } from './nudger.ts';
import { workloadKey, type EventPublisher, type StoredWorkload, type WorkloadWriter } from './ports.ts';
import type { Prover } from './prover.ts';
import type { Requests } from './requests.ts';

export type Act = (observed: Observed, plan: Extract<Plan, { type: 'Act' }>, signal: AbortSignal) => Promise<void>;

/** What counts for metrics. */
export interface ActObserver {
  /** @param seconds since the source's change was seen; undefined where it was found at the start */
  nudged(seconds: number | undefined): void;
  /** Some pod of a workload could not be told: it is tried again. */
  nudgeFailed(): void;
  /** It is known how far a hot change has got that was to be proven. @param seconds since the source's change was seen, as above */
  proofEnded(proof: string, outcome: string, seconds: number | undefined): void;
  /** A gate holds a restart that it did not hold before. */
  held(reason: string): void;
  restartIssued(kind: string): void;
  /** A restart of ours has ended. @param seconds since it was issued */
  restartEnded(kind: string, outcome: string, seconds: number): void;
}

export interface ActOptions {
  readonly workloads: WorkloadWriter;
  readonly store: Store<StoredWorkload>;
  readonly nudger: Nudger;
  readonly prover: Prover;
  readonly ledgers: Ledgers;
  readonly live: Pick<LiveObjects, 'begin' | 'goBack'>;
  readonly requests: Pick<Requests, 'answer'>;
  readonly memory: Memory;
  readonly events: EventPublisher;
  readonly clock: Clock;
  readonly observer: ActObserver;
}

export const createAct =
  (options: ActOptions): Act =>
  async (observed, plan, signal) => {
    const { workload, policies } = observed;
    const { ledgers, memory, events, nudger, prover } = options;
    // Kept until the effects have succeeded: a failed restart is still the change that was waited for.
    memory.setPending(workload, plan.pending);
    if (plan.recordFirst === true) await ledgers.store(workload, plan.ledger, signal);
    observeEnd(options, observed, plan.ledger);
    observeProof(options, observed, plan);
    const { held } = plan.ledger;
    if (held !== undefined && held.reason !== observed.ledger?.held?.reason) options.observer.held(held.reason);
    // What is recorded now is no news any more if an effect fails.
    const tell = (): void => {
      for (const notice of plan.notices) events.publish(workload, policies, notice);
    };
    if (plan.recordFirst === true) tell();
    const untold = await answering(options, observed, plan.ledger, signal);

    let ledger = plan.ledger;
    if (plan.undo !== undefined) {
      // Before anything else: pods go on failing until then.
      ledger = await undo(options, observed, ledger, plan.undo, signal);
    }
    if (plan.nudge !== undefined) {
      ledger = await nudge(options, observed, ledger, plan.nudge, signal);
    }
    if (plan.restart !== undefined) {
      ledger = await restart(options, observed, ledger, plan.restart, signal);
    }
    ledgers.put(workload, ledger);
    if (plan.recordFirst !== true) tell();

    if (plan.leavePods) nudger.forget(workload);
    const isThere = options.store.get(workloadKey(workload))?.uid === workload.uid;
    if (plan.prove !== undefined && isThere && !plan.leavePods) prover.pursue(workload, plan.prove);
    else if (plan.leavePods || !isThere || plan.restart !== undefined || isOpen(ledger)) prover.forget(workload);
    else prover.release(workload);
    if (plan.followPods && isThere && hasFiles(observed) && desiredPods(workload.rollout) > 0)
      nudger.follow(workload, plan.hotDigest);
    else if (!plan.followPods) nudger.unfollow(workload);
    if (untold !== undefined) throw untold;
  };

/** Whoever asked is told what the record says by now. That they can't be told keeps nothing else from being done. */
const answering = async (
  { requests }: ActOptions,
  { workload, requests: asked }: Observed,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<Error | undefined> => {
  if (asked === undefined) return undefined;
  try {
    await requests.answer(workload, ledger, signal);
    return undefined;
  } catch (thrown) {
    return toError(thrown);
  }
};

const undo = async (
  { workloads, store, clock, ledgers, live }: ActOptions,
  observed: Observed,
  before: Ledger,
  order: NonNullable<Extract<Plan, { type: 'Act' }>['undo']>,
  signal: AbortSignal,
): Promise<Ledger> => {
  const { workload } = observed;
  const ledger = order.live === undefined ? before : await live.goBack(observed, before, order.live, signal);
  if (ledger.failed?.undo === undefined) return ledger;
  store.offer(await workloads.undo(workload, order.value, signal));
  const next = undone(ledger, clock.now());
  ledgers.put(workload, next);
  return next;
};

const nudge = async (
  { nudger, clock, events, observer, ledgers }: ActOptions,
  observed: Observed,
  ledger: Ledger,
  order: NonNullable<Extract<Plan, { type: 'Act' }>['nudge']>,
  signal: AbortSignal,
): Promise<Ledger> => {
  const { workload, policies } = observed;
  const tell = async (): Promise<number> =>
    nudger.nudge(workload, order.digest, signal).catch((error: unknown) => {
      if (!signal.aborted) observer.nudgeFailed();
      throw error;
    });
  const pods = order.nextRun === true ? 0 : await tell();
  const now = clock.now();
  const next = nudged(ledger, order, pods, now);
  ledgers.put(workload, next);
  if (order.nextRun !== true) observer.nudged(secondsSince(observed, changedKeys(order.changes), now));
  const note =
    order.nextRun === true
      ? `the next run starts on it: ${listed(order.keys)}`
      : `nudged ${pods} pods to refresh their files: ${listed(order.keys)}`;
  events.publish(workload, policies, { severity: 'Normal', reason: 'HotReloaded', action: 'HotReload', note });
  return next;
};

const restart = async (
  { workloads, store, memory, clock, events, observer, live }: ActOptions,
  observed: Observed,
  before: Ledger,
  order: NonNullable<Extract<Plan, { type: 'Act' }>['restart']>,
  signal: AbortSignal,
): Promise<Ledger> => {
  const { workload, policies } = observed;
  const ledger =
    order.live === undefined ? before : await live.begin(observed, before, { ...order, live: order.live }, signal);
  if (ledger === undefined) {
    const { intent: _void, ...rest } = before;
    return rest;
  }
  store.offer(await workloads.restart(workload, order, signal));
  memory.setPending(workload, undefined);
  const now = clock.now();
  observer.restartIssued(workload.kind);
  events.publish(workload, policies, {
    severity: 'Normal',
    reason: 'RestartIssued',
    action: 'Restart',
    note: `restart ${order.n}: ${order.cause}`,
  });
  return restartIssued(ledger, order, workload, now);
};

const observeEnd = (
  { observer, clock }: ActOptions,
  { workload, ledger: before }: Observed,
  { restart }: Ledger,
): void => {
  if (restart === undefined || restart.phase === 'InProgress' || restart.phase === before?.restart?.phase) return;
  // One of others is theirs, and what was taken over at first sight is not of this process's making.
  if (before === undefined || restart.origin === 'Foreign' || restart.reason === RECOVERED) return;
  observer.restartEnded(workload.kind, restart.phase, (clock.now() - restart.issuedAt) / 1_000);
};

/** It is to be proven, but not now: something holds it. */
const isOpen = ({ delivery }: Ledger): boolean => delivery !== undefined && delivery.phase !== 'Succeeded';

/** What is proven is in the history alone; for what is restarted for, the entry comes with the restart. */
const observeProof = (
  { observer, clock }: ActOptions,
  observed: Observed,
  { ledger: { history }, restart }: Extract<Plan, { type: 'Act' }>,
): void => {
  const before = observed.ledger?.delivery;
  if (before?.phase !== 'InProgress') return;
  const [latest] = history;
  const ended = latest?.action === 'Hot' && latest !== observed.ledger?.history[0] ? latest.outcome : undefined;
  const outcome = restart?.unproven === undefined ? ended : 'TimedOut';
  if (outcome !== 'Succeeded' && outcome !== 'TimedOut') return;
  observer.proofEnded(before.proof, outcome, secondsSince(observed, changedKeys(before.changes), clock.now()));
};

/** Only a workload that mounts a source as files has new pods worth nudging. */
const hasFiles = ({ workload, sources }: Observed): boolean =>
  workload.uses.some(({ way, source }) => way === 'File' && sources.has(`${source.kind}/${source.name}`));

const secondsSince = ({ sources }: Observed, keys: readonly string[], now: number): number | undefined => {
  const times = [...sources].flatMap(([id, source]) =>
    source.state === 'Present' && source.seenToChange && keys.some((key) => key.startsWith(`${id}:`))
      ? [source.changedAt]
      : [],
  );
  return times.length === 0 ? undefined : (now - Math.max(...times)) / 1_000;
};
