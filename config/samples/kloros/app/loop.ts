/**
 * The loop that runs by itself: winner, promoted, live in every process, validated, next winner. All that it needs to
 * go on after a restart stands in the env file.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { settings } from './boot.ts';
import { startSearch } from './experiment.ts';
import { fleetOf } from './fleet.ts';
import { inCluster } from './kube.ts';
import { readParameters, sameParameters } from './parameters.ts';
import { promoter } from './promotion.ts';
import { runRound, type Round } from './round.ts';
import { serve } from './serve.ts';
import { numberOf } from './settings.ts';

const KEPT_ROUNDS = 100;
const IDLE_MS = 200;

const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
};

const wordsOf = ({ experiment, outcome, liveMs, observers = 0, figures, verdict, why }: Round): string =>
  [
    `experiment ${experiment}: ${outcome}`,
    ...(liveMs === undefined ? [] : [`live after ${liveMs} ms`]),
    ...(figures === undefined ? [] : [`score ${figures.score.toFixed(3)} of ${observers} observers`]),
    verdict ?? why ?? '',
  ].join(', ');

const kube = await inCluster(process.env);
const around = {
  promote: promoter(kube),
  fleet: fleetOf(kube),
  own: () => settings.status(),
  env: process.env,
  now: () => performance.now(),
  sleep,
};
const rounds: Round[] = [];
let search = startSearch(readParameters(process.env));
let promoted = search.best;
let experiment = 0;

serve({ '/': () => ({ enabled: process.env['KLR_LOOP_ENABLED'] === 'true', search, rounds }) });
for (;;) {
  if (process.env['KLR_LOOP_ENABLED'] !== 'true') {
    await sleep(IDLE_MS);
    continue;
  }
  const live = readParameters(process.env);
  // Somebody has set other ones: the search begins anew from them.
  if (!sameParameters(live, promoted)) search = startSearch(live);
  experiment = Math.max(experiment, numberOf(process.env, 'KLR_EXPERIMENT_ID', 0)) + 1;
  const ended = await runRound(search, experiment, around);
  search = ended.search;
  promoted = readParameters(process.env);
  rounds.push(ended.round);
  rounds.splice(0, rounds.length - KEPT_ROUNDS);
  say(wordsOf(ended.round));
  // A shorter pause counts at once, also where a longer one has begun.
  const endedAt = performance.now();
  while (performance.now() - endedAt < numberOf(process.env, 'KLR_LOOP_PAUSE_MS', 5_000)) await sleep(IDLE_MS);
}
