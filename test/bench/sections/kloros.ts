/** Section k: how long until every process of a system that tunes itself runs on what was promoted, as it says itself. */

import { join } from 'node:path';
import type { Round } from '../../../config/samples/kloros/app/round.ts';
import * as paths from '../../../src/kube/paths.ts';
import { ensureKlorosImage } from '../../cluster/samples.ts';
import { CHECKOUT } from '../../cluster/state.ts';
import { loopOf, SAMPLE } from '../../support/kloros.ts';
import { kubectlFor, type Kubectl } from '../../support/kubectl.ts';
import { eventually } from '../../support/wait.ts';
import type { Bench } from '../bench.ts';
import type { SectionResult } from '../results.ts';
import { percentile } from '../statistics.ts';

const NAMESPACE = 'bench-k';
const ROUNDS = 20;
/** Until 20 rounds are over, which pause for 3 s each. */
const LONGEST_MS = 10 * 60_000;
/** A second, and the watcher's debounce. */
const ASKED_MS = 1_500;

export async function kloros(bench: Bench): Promise<SectionResult> {
  const { api, cluster, log } = bench;
  if (cluster.kubeletRoot === undefined)
    throw new Error('it needs a cluster with a node on this machine: run it as root on Linux');
  const kubectl = kubectlFor(cluster);
  try {
    await cluster.importImage((await ensureKlorosImage(log)).archive);
    await api.namespace(NAMESPACE);
    await deploy(kubectl);
    const before = await incarnations(bench);
    const rounds = await untilRounds(bench, kubectl, bench.samples ?? ROUNDS);
    const after = await incarnations(bench);
    return result(rounds, [...before].filter((each) => !after.has(each)).length);
  } finally {
    await api.removeNamespace(NAMESPACE, { wait: true });
  }
}

async function deploy(kubectl: Kubectl): Promise<void> {
  await kubectl.run(['-n', NAMESPACE, 'apply', '-k', join(CHECKOUT, SAMPLE)]);
  for (const name of ['kloros-observer', 'kloros-loop']) {
    const args = ['-n', NAMESPACE, 'rollout', 'status', `deployment/${name}`, '--timeout=180s'];
    await kubectl.run(args, { timeoutMs: 190_000 });
  }
}

const untilRounds = ({ api, log }: Bench, kubectl: Kubectl, wanted: number): Promise<readonly Round[]> =>
  eventually(
    async () => {
      api.signal.throwIfAborted();
      const { rounds } = await loopOf({ kubectl, namespace: NAMESPACE });
      log(`${NAMESPACE}: ${rounds.length} of ${wanted} rounds`);
      return rounds.length >= wanted ? rounds.slice(0, wanted) : undefined;
    },
    { what: `${wanted} rounds`, timeoutMs: LONGEST_MS, intervalMs: 5_000 },
  );

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

/** What a restart would change. */
const incarnations = async ({ api }: Bench): Promise<ReadonlySet<string>> => {
  const { items } = await api.get<{ readonly items: readonly Pod[] }>(paths.pods(NAMESPACE));
  return new Set(
    items.map(({ metadata, status }) => `${metadata.uid} ${String(status.containerStatuses?.[0]?.restartCount)}`),
  );
};

function result(rounds: readonly Round[], restarted: number): SectionResult {
  const times = rounds.flatMap(({ liveMs }) => (liveMs === undefined ? [] : [liveMs]));
  const note = `${rounds.length} rounds, 3 processes, a debounce of 500 ms among them`;
  const base = { section: 'k' } as const;
  return {
    rows: [
      {
        ...base,
        what: 'promotion → live in every process: p50',
        unit: 'ms',
        max: ASKED_MS,
        measured: { operator: percentile(times, 50) },
        note,
      },
      { ...base, what: 'promotion → live: the slowest', unit: 'ms', measured: { operator: Math.max(...times) }, note },
      {
        ...base,
        what: 'rounds that were not validated',
        unit: '',
        max: 0,
        measured: { operator: rounds.filter(({ outcome }) => outcome !== 'Validated').length },
        note: 'not live in time, or not measured',
      },
      {
        ...base,
        what: 'pods or containers restarted',
        unit: '',
        max: 0,
        measured: { operator: restarted },
        note: 'by uids and restart counts',
      },
    ],
    samples: { 'promotion to live, ms': times },
  };
}
