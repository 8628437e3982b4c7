/** Section d: a burst of edits at the default debounce. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import { digestContent } from '../../../src/domain/digest.ts';
import * as paths from '../../../src/kube/paths.ts';
import { recordName } from '../../../src/kube/records.ts';
import { eventually } from '../../support/wait.ts';
import type { Bench } from '../bench.ts';
import { lineUp, stopAll, type Contender } from '../contenders.ts';
import type { Column, SectionResult } from '../results.ts';
import { median } from '../statistics.ts';

const EDITS = 20;
const EVERY_MS = 50;
const ROUNDS = 3;
const WORKLOAD = { name: 'web', configMap: 'web' };
const LONGEST_MS = 30_000;
/** A rollout later than this after the latest one is not waited for. */
const QUIET_MS = 4_000;

export async function burst(bench: Bench): Promise<SectionResult> {
  const rounds = bench.samples ?? ROUNDS;
  const contenders = await lineUp(bench, { name: 'd', workloads: [WORKLOAD], loop: false });
  try {
    const rollouts = new Map<Column, number[]>();
    const stale = new Map<Column, number>();
    for (let round = 0; round < rounds; round++) {
      for (const contender of contenders) {
        const { column } = contender;
        const { count, carriesLast } = await measureRound(bench, contender, round);
        rollouts.set(column, [...(rollouts.get(column) ?? []), count]);
        stale.set(column, (stale.get(column) ?? 0) + (carriesLast ? 0 : 1));
      }
    }
    return {
      rows: [
        {
          section: 'd',
          what: `rollouts for ${EDITS} edits in 1 s`,
          unit: '',
          max: 1,
          measured: Object.fromEntries(
            [...rollouts].map(([column, counts]) => [
              column,
              column === 'operator' ? Math.max(...counts) : median(counts),
            ]),
          ),
          note: `${rounds} rounds; default debounce; the operator's worst round`,
        },
        {
          section: 'd',
          what: 'rounds whose last rollout lacks the last data',
          unit: '',
          max: 0,
          measured: Object.fromEntries(stale),
          note: "by the digest in the record; a peer's by its time",
        },
      ],
      samples: Object.fromEntries(rollouts),
    };
  } finally {
    await stopAll(contenders);
  }
}

async function measureRound(
  bench: Bench,
  contender: Contender,
  round: number,
): Promise<{ readonly count: number; readonly carriesLast: boolean }> {
  const { namespace, templates } = contender;
  const begun = performance.now();
  let setting = '';
  let lastAt = begun;
  for (let edit = 0; edit < EDITS; edit++) {
    setting = `round-${round}-edit-${edit}`;
    lastAt = performance.now();
    await bench.api.edit(namespace, WORKLOAD.configMap, { setting });
    await sleep(Math.max(0, begun + (edit + 1) * EVERY_MS - performance.now()), undefined, {
      signal: bench.api.signal,
    });
  }
  await templates.next(WORKLOAD.name, lastAt, LONGEST_MS);
  await templates.quiet(QUIET_MS);
  const changes = templates.changes.filter(({ at }) => at >= begun);
  const carriesLast =
    contender.column === 'operator'
      ? await recordsContent(bench, namespace, setting)
      : (changes.at(-1)?.at ?? 0) >= lastAt;
  return { count: changes.length, carriesLast };
}

/** Whether the record says, by a digest made here, that exactly this content is applied. */
async function recordsContent({ api }: Bench, namespace: string, setting: string): Promise<boolean> {
  const path = `${paths.records(namespace)}/${recordName({ kind: 'Deployment', name: WORKLOAD.name })}`;
  const wanted = digestContent(setting);
  try {
    return await eventually(
      async () => {
        const { status } = await api.get<{ readonly status?: ReloadRecordStatus }>(path);
        const source = status?.sources.find(({ name }) => name === WORKLOAD.configMap);
        return source?.keys['setting'] === wanted;
      },
      { what: 'the record to name the last content', timeoutMs: 10_000 },
    );
  } catch {
    return false;
  }
}
