import type { Clock } from '../runtime/clock.ts';
import { statusOf } from '../runtime/errors.ts';
import type { Reflector, ReflectorStatus } from '../runtime/reflector.ts';

/** An answer to "are you well?"; each problem is one line that names what is unwell. */
export interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

/** Bounds of what counts as well, in ms. */
export interface HealthLimits {
  /** The event loop may be this late. */
  readonly loopLagMs: number;
  /** A watch without a sign of life for so long isn't ready; longer than the idle time-out of a watch, with its retry. */
  readonly staleMs: number;
  /** A watch without a sign of life for so long is suspected to be dead. */
  readonly deadMs: number;
  /** A suspect is dead if the API has answered probes for so long, more than any pause and time-out of a retry. */
  readonly reachableMs: number;
}

export const HEALTH_LIMITS: HealthLimits = { loopLagMs: 5_000, staleMs: 180_000, deadMs: 300_000, reachableMs: 60_000 };

/** What is known at one moment; times in ms since the epoch. */
export interface Vitals {
  readonly now: number;
  readonly startedAt: number;
  /** How late the last tick of the event loop was. */
  readonly loopLagMs: number;
  readonly watches: readonly ReflectorStatus[];
  /** For suspected watches: since when the API has answered their probes, without a failure in between. */
  readonly reachableSince: ReadonlyMap<string, number>;
}

/**
 * Should the process live on? Not if its event loop hangs, nor if a watch stays dead although the API answers the same
 * question: a restart may cure both. An API server that is away, or that refuses, is no reason: a restart cures neither.
 */
export function judgeLiveness(vitals: Vitals, limits: HealthLimits): Verdict {
  const problems: string[] = [];
  if (vitals.loopLagMs > limits.loopLagMs) problems.push(`event loop: ${seconds(vitals.loopLagMs)} late`);
  for (const watch of suspectedWatches(vitals, limits)) {
    const since = vitals.reachableSince.get(watch.name);
    if (since === undefined || vitals.now - since < limits.reachableMs) continue;
    problems.push(`watch ${watch.name}: no sign of life for ${silence(watch, vitals)}, although the API answers`);
  }
  return { ok: problems.length === 0, problems };
}

/** Can the operator be relied on? Not before every store is filled, nor while a watch shows no sign of life. */
export function judgeReadiness(vitals: Vitals, limits: HealthLimits): Verdict {
  const problems = vitals.watches.flatMap((watch) => {
    const why = watch.error === undefined ? '' : `: ${watch.error.message}`;
    if (!watch.synced) return [`watch ${watch.name}: not listed yet${why}`];
    if (silenceMs(watch, vitals) <= limits.staleMs) return [];
    return [`watch ${watch.name}: no sign of life for ${silence(watch, vitals)}${why}`];
  });
  if (vitals.watches.length === 0) problems.push('no watch has been started yet');
  return { ok: problems.length === 0, problems };
}

/** Watches worth a probe: silent for long, and not because the server says no. */
export function suspectedWatches(vitals: Vitals, limits: HealthLimits): readonly ReflectorStatus[] {
  return vitals.watches.filter((watch) => silenceMs(watch, vitals) > limits.deadMs && !isRefused(watch.error));
}

/** Missing rights or a missing resource definition: the server was reached and said no. Too many requests is no such no. */
function isRefused(error: Error | undefined): boolean {
  const status = statusOf(error);
  return status !== undefined && status >= 403 && status < 500 && status !== 408 && status !== 410 && status !== 429;
}

function silenceMs(watch: ReflectorStatus, { now, startedAt }: Vitals): number {
  return now - (watch.aliveAt ?? startedAt);
}

function silence(watch: ReflectorStatus, vitals: Vitals): string {
  return seconds(silenceMs(watch, vitals));
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

export interface Health {
  live(): Verdict;
  ready(): Verdict;
  /** Measures the event loop and probes suspected watches until the abort. Resolves then; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export interface HealthOptions {
  readonly clock: Clock;
  /** Read anew each time: watches come and go. */
  readonly watches: () => readonly Pick<Reflector, 'status' | 'probe'>[];
  /**
   * Watches of what users name: one that stays dead counts, too; that one is new, or refused, is said where it is named
   * and leaves the operator ready.
   */
  readonly optionalWatches?: () => readonly Pick<Reflector, 'status' | 'probe'>[];
  readonly limits?: HealthLimits;
}

const TICK_MS = 1_000;
const PROBE_EVERY_MS = 10_000;

/** Keeps the vitals up to date, so that a question about them is answered at once. */
export function createHealth(options: HealthOptions): Health {
  const { clock, watches, optionalWatches = () => [], limits = HEALTH_LIMITS } = options;
  const startedAt = clock.now();
  const reachableSince = new Map<string, number>();
  let loopLagMs = 0;

  const allWatches = (): readonly Pick<Reflector, 'status' | 'probe'>[] => [...watches(), ...optionalWatches()];
  const vitals = (of: readonly Pick<Reflector, 'status'>[]): Vitals => ({
    now: clock.now(),
    startedAt,
    loopLagMs,
    watches: of.map((watch) => watch.status()),
    reachableSince,
  });

  async function probe(signal: AbortSignal): Promise<void> {
    const suspected = new Set(suspectedWatches(vitals(allWatches()), limits).map(({ name }) => name));
    for (const name of reachableSince.keys()) if (!suspected.has(name)) reachableSince.delete(name);
    for (const watch of allWatches()) {
      const { name } = watch.status();
      if (!suspected.has(name)) continue;
      try {
        await watch.probe(signal);
        if (!reachableSince.has(name)) reachableSince.set(name, clock.now());
      } catch {
        // Whatever the reason: the API doesn't answer this question, so the watch is not to blame.
        reachableSince.delete(name);
      }
    }
  }

  async function tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const dueAt = clock.now() + TICK_MS;
      if (!(await slept(clock, TICK_MS, signal))) return;
      loopLagMs = Math.max(0, clock.now() - dueAt);
    }
  }

  async function probeRegularly(signal: AbortSignal): Promise<void> {
    while (await slept(clock, PROBE_EVERY_MS, signal)) await probe(signal);
  }

  return {
    live: () => judgeLiveness(vitals(allWatches()), limits),
    ready: () => judgeReadiness(vitals(watches()), limits),
    run: async (signal) => {
      await Promise.all([tick(signal), probeRegularly(signal)]);
    },
  };
}

/** False when the abort came first. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
