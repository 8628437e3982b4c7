/** One round: the winner of an experiment is promoted, live in every process, measured there, and learned from. */

import { learn, tournament, type Search, type Verdict } from './experiment.ts';
import type { Fleet, Observer, Reloaded } from './fleet.ts';
import { toVariables, type Parameters } from './parameters.ts';
import type { Promote } from './promotion.ts';
import { numberOf } from './settings.ts';
import { figuresOf, type Figures } from './tally.ts';

/** What a round works with. */
export interface Surroundings {
  readonly promote: Promote;
  readonly fleet: Fleet;
  /** What the loop's own process has loaded of the env file. */
  readonly own: () => Reloaded;
  /** The settings, as they are at each moment. */
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds, from any moment on. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

export interface Round {
  readonly experiment: number;
  readonly parameters: Parameters;
  readonly outcome: 'Validated' | 'NotLive' | 'NotMeasured' | 'Failed';
  /** Milliseconds from before the promotion until every process had told that it runs on it. */
  readonly liveMs?: number;
  /** Observers that were measured. */
  readonly observers?: number;
  readonly figures?: Figures;
  readonly verdict?: Verdict;
  /** Why it was not validated. */
  readonly why?: string;
}

const LOOK_MS = 20;
const LIST_MS = 500;
const MEASURE_MS = 100;

/** Never throws: what went wrong is its outcome, and the search stays as it was. */
export const runRound = async (
  search: Search,
  experiment: number,
  around: Surroundings,
): Promise<{ readonly search: Search; readonly round: Round }> => {
  const { env, now, promote } = around;
  const parameters = tournament(search, {
    candidates: numberOf(env, 'KLR_EXPERIMENT_CANDIDATES', 8),
    samples: numberOf(env, 'KLR_EXPERIMENT_SAMPLES', 20_000),
    seed: experiment,
  });
  const base = { experiment, parameters };
  const failed = (outcome: Round['outcome'], why: string, more: Partial<Round> = {}) => ({
    search,
    round: { ...base, ...more, outcome, why },
  });
  try {
    const begun = now();
    const sha256 = await promote(new Map([['KLR_EXPERIMENT_ID', String(experiment)], ...toVariables(parameters)]));
    const late = await untilLive(sha256, around);
    if (late !== undefined) return failed('NotLive', late);
    const liveMs = Math.round(now() - begun);
    const measured = await measure(experiment, around);
    if (typeof measured === 'string') return failed('NotMeasured', measured, { liveMs });
    const { figures, observers } = measured;
    const learned = learn(search, parameters, figures.score);
    const { verdict } = learned;
    return { search: learned.search, round: { ...base, outcome: 'Validated', liveMs, observers, figures, verdict } };
  } catch (error) {
    return failed('Failed', error instanceof Error ? error.message : String(error));
  }
};

/** @returns undefined once every process runs on the content, else who does not in time, and why */
const untilLive = async (
  sha256: string,
  { fleet, own, env, now, sleep }: Surroundings,
): Promise<string | undefined> => {
  const deadline = now() + numberOf(env, 'KLR_PROMOTION_LIVE_TIMEOUT_MS', 10_000);
  let observers = await fleet.list();
  let listedAt = now();
  for (;;) {
    const answers = await Promise.all(observers.map(async (each) => [each.name, await whyNot(each, sha256, fleet)]));
    const late = [...answers, ['this process', lacks(own(), sha256)]].filter(([, why]) => why !== undefined);
    const unseen = late.length > 0 || observers.length === 0;
    // One more look for processes that have come meanwhile.
    if (!unseen || now() - listedAt > LIST_MS) {
      const known = new Set(observers.map(({ name }) => name));
      observers = await fleet.list();
      listedAt = now();
      if (!unseen && observers.every(({ name }) => known.has(name))) return undefined;
    }
    if (now() >= deadline)
      return observers.length === 0 ? 'no observer is there' : late.map((each) => each.join(': ')).join('; ');
    await sleep(LOOK_MS);
  }
};

const whyNot = async (observer: Observer, sha256: string, fleet: Fleet): Promise<string | undefined> => {
  try {
    return lacks(await fleet.reloaded(observer), sha256);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const lacks = ({ files: [file] }: Reloaded, sha256: string): string | undefined =>
  file?.sha256 === sha256 ? undefined : (file?.error ?? 'runs on other content');

interface Measured {
  readonly figures: Figures;
  readonly observers: number;
}

/** @returns what all observers together have measured, or who has not in time */
const measure = async (experiment: number, { fleet, env, now, sleep }: Surroundings): Promise<Measured | string> => {
  const deadline = now() + numberOf(env, 'KLR_VALIDATION_TIMEOUT_MS', 30_000);
  const enough = numberOf(env, 'KLR_VALIDATION_SAMPLES', 20_000);
  for (;;) {
    const observers = await fleet.list();
    const answers = await Promise.allSettled(observers.map((each) => fleet.performance(each)));
    const performances = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const ready = performances.filter((each) => each.experiment === experiment && each.figures.samples >= enough);
    if (ready.length === observers.length && ready.length > 0)
      return { figures: figuresOf(...ready.map(({ figures }) => figures)), observers: ready.length };
    if (now() >= deadline)
      return `${ready.length} of ${observers.length} observers have looked at ${enough} samples of experiment ${experiment}`;
    await sleep(MEASURE_MS);
  }
};
