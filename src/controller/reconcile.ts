/** One look at one workload: observe, decide, act, and remember the verdict for the report. */

import { decide, isFailing } from '../domain/decide.ts';
import { consumedSources } from '../domain/difference.ts';
import type { Plan, Verdict } from '../domain/effects.ts';
import type { Observed } from '../domain/observed.ts';
import { troubleVerdict } from '../domain/verdict.ts';
import type { Clock } from '../runtime/clock.ts';
import { statusOf, toError, WaitingError } from '../runtime/errors.ts';
import type { Store } from '../runtime/store.ts';
import type { Worker } from '../runtime/workqueue.ts';
import type { Act } from './act.ts';
import type { Ledgers } from './ledgers.ts';
import type { LiveObjects } from './live.ts';
import type { Memory } from './memory.ts';
import type { Observe } from './observe.ts';
import type { Nudger } from './nudger.ts';
import type { OthersRoom } from './others.ts';
import type { Pods, StoredWorkload } from './ports.ts';
import type { Prover } from './prover.ts';

export interface ReconcileOptions {
  readonly workloads: Store<StoredWorkload>;
  readonly pods: Pods;
  readonly observe: Observe;
  readonly act: Act;
  readonly live: Pick<LiveObjects, 'asked'>;
  readonly ledgers: Ledgers;
  readonly nudger: Nudger;
  readonly prover: Pick<Prover, 'forget'>;
  readonly memory: Memory;
  readonly others: OthersRoom;
  readonly clock: Clock;
  /** Whether everything has been listed that a decision stands on. */
  readonly ready: (workload: StoredWorkload) => boolean;
  /** It is still to be found out which sources the policies of a namespace select. */
  readonly selecting: (namespace: string) => boolean;
  /** The verdict may be another than before: whoever reports should look. */
  readonly onVerdict: (workload: StoredWorkload) => void;
}

export const createReconcile = (rooms: ReconcileOptions): Worker => {
  const ownTurn = createTurns(rooms.clock);
  const look = (key: string): Observed | undefined => {
    const workload = rooms.workloads.get(key);
    return workload === undefined || !rooms.ready(workload) ? undefined : rooms.observe(workload);
  };
  return async (key, signal) => {
    let observed = look(key);
    if (observed !== undefined && isLarge(observed)) {
      await ownTurn(signal);
      observed = look(key);
    }
    if (observed === undefined) return;
    const { workload } = observed;
    if (rooms.selecting(workload.namespace) || isStillReading(observed)) return { requeueAfterMs: READING_MS };
    if (observed.policies.length === 0 && !observed.complete) return;
    let plan: Plan | undefined;
    try {
      plan = await planFor(rooms, observed, signal);
      if (plan.type === 'LookAtPods') throw new Error(`no decision for ${key} though its pods are known`);
      if (plan.type === 'Forget') {
        rooms.ledgers.forget(workload);
        rooms.nudger.forget(workload);
        rooms.prover.forget(workload);
      } else await rooms.act(observed, plan, signal);
      if (plan.type === 'Act' && hasEffects(plan)) return { requeueAfterMs: AFTER_EFFECT_MS };
      conclude(rooms, workload, plan.verdict);
      if (plan.type === 'Act' && plan.requeueAfterMs !== undefined) return { requeueAfterMs: plan.requeueAfterMs };
    } catch (thrown) {
      if (plan?.type === 'Act' && plan.restart !== undefined && isRefusal(thrown)) rooms.others.refused(workload);
      if (!(thrown instanceof WaitingError)) {
        const known = rooms.memory.verdict(workload);
        conclude(rooms, workload, troubleVerdict(known, toError(thrown).message, statusOf(thrown) === 403));
      }
      throw thrown;
    }
  };
};

/** The server has not done it; of a request without an answer nobody knows. */
const isRefusal = (thrown: unknown): boolean => {
  const status = statusOf(thrown);
  return status !== undefined && status >= 400 && status < 500;
};

/** Others that wait for their effects go first. */
const AFTER_EFFECT_MS = 100;

/** After an effect the verdict is found by another look. */
const hasEffects = ({ nudge, restart, undo }: Extract<Plan, { type: 'Act' }>): boolean =>
  nudge !== undefined || restart !== undefined || undo !== undefined;

const planFor = async (rooms: ReconcileOptions, seenFirst: Observed, signal: AbortSignal): Promise<Plan> => {
  const { pods, memory, clock } = rooms;
  const observed = await rooms.live.asked(seenFirst, signal);
  const plan = decideAndNote(rooms, observed, clock.now());
  if (plan.type !== 'LookAtPods') return plan;
  const seen = await pods.look(observed.workload, signal);
  const podsSeenAt = clock.now();
  memory.setPodsSeenAt(observed.workload, podsSeenAt);
  // Others have gone on meanwhile.
  const { others: _others, ...rest } = observed;
  const others = rooms.others.of(observed.workload);
  const known = { ...rest, ...seen, podsSeenAt, ...(others !== undefined && { others }) };
  if (!isFailing(known, podsSeenAt)) return decideAndNote(rooms, known, podsSeenAt);
  const warnings = await pods.warnings(observed.workload, seen.reports, signal);
  const latest = rooms.others.of(observed.workload);
  return decideAndNote(rooms, { ...known, ...warnings, ...(latest !== undefined && { others: latest }) }, podsSeenAt);
};

/** In one turn: whoever decides next knows of it. */
const decideAndNote = ({ others }: ReconcileOptions, observed: Observed, now: number): Plan => {
  const plan = decide(observed, now);
  if (plan.type !== 'LookAtPods') others.decided(observed, plan);
  return plan;
};

const conclude = ({ memory, onVerdict }: ReconcileOptions, workload: StoredWorkload, verdict: Verdict): void => {
  memory.setVerdict(workload, verdict);
  onVerdict(workload);
};

/** One after the other, each in a turn of the event loop of its own: what others wait for goes in between. */
const createTurns = (clock: Clock): ((signal: AbortSignal) => Promise<void>) => {
  let latest = Promise.resolve();
  return (signal) => {
    latest = latest.catch(() => undefined).then(() => clock.sleep(0, signal));
    return latest;
  };
};

/** So many keys take a while to decide on. */
const LARGE = 1_000;

const isLarge = ({ sources }: Observed): boolean =>
  [...sources.values()].reduce((sum, source) => sum + (source.state === 'Present' ? source.keys.size : 0), 0) >= LARGE;

/** A source that has not been read yet calls for another look when it has been; the delay is a second way there. */
const READING_MS = 250;

const isStillReading = (observed: Observed): boolean =>
  [...(observed.live?.values() ?? [])].some((live) => live.state === 'Unknown' && live.message === undefined) ||
  [...consumedSources(observed).keys()].some((id) => {
    const source = observed.sources.get(id);
    return source?.state === 'Unknown' && source.message === undefined;
  });
