/** Section b: one edit at a time, one workload for each ConfigMap. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { lineUp, stopAll, type Contender } from '../contenders.ts';
import { numbered } from '../fixtures.ts';
import type { Column, Row, SectionResult } from '../results.ts';
import { percentile } from '../statistics.ts';

const WORKLOADS = 100;
const LONGEST_MS = 10_000;
/** Between two edits: what an edit leaves to do, a ReplicaSet and a record say, is done by then. */
const PAUSE_MS = 120;

const WORKLOAD_LIST = Array.from({ length: WORKLOADS }, (_, index) => ({
  name: numbered('web', index),
  configMap: numbered('web', index),
}));

export async function oneByOne(bench: Bench): Promise<SectionResult> {
  const edits = bench.samples ?? WORKLOADS;
  const contenders = await lineUp(bench, { name: 'b', workloads: WORKLOAD_LIST, debounce: '0s', loop: true });
  try {
    const samples = new Map<Column, number[]>(contenders.map(({ column }) => [column, []]));
    const lost = new Map<Column, number>();
    for (let edit = 0; edit < edits; edit++) {
      // Each in turn, and nobody always first: what the machine does meanwhile meets all alike.
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(edit + turn) % contenders.length];
        if (contender === undefined) continue;
        const { column } = contender;
        const ms = await reaction(bench, contender, edit);
        if (ms === undefined) lost.set(column, (lost.get(column) ?? 0) + 1);
        else samples.get(column)?.push(ms);
        await sleep(PAUSE_MS, undefined, { signal: bench.api.signal });
      }
    }
    return { rows: rowsOf(samples, lost, edits), samples: Object.fromEntries(samples) };
  } finally {
    await stopAll(contenders);
  }
}

/** Milliseconds from before the write is sent to the event of the changed template. */
async function reaction(bench: Bench, { namespace, templates }: Contender, edit: number): Promise<number | undefined> {
  const name = numbered('web', edit % WORKLOADS);
  const from = performance.now();
  await bench.api.edit(namespace, name, { setting: `edit-${edit}` });
  const change = await templates.next(name, from, LONGEST_MS);
  return change === undefined ? undefined : change.at - from;
}

function rowsOf(
  samples: ReadonlyMap<Column, readonly number[]>,
  lost: ReadonlyMap<Column, number>,
  edits: number,
): readonly Row[] {
  const figures = (of: (values: readonly number[]) => number): Row['measured'] =>
    Object.fromEntries(
      [...samples].filter(([, values]) => values.length > 0).map(([column, values]) => [column, of(values)]),
    );
  const p50 = figures((values) => percentile(values, 50));
  const p95 = figures((values) => percentile(values, 95));
  const relative = (of: Row['measured']): Row['measured'] =>
    of.operator !== undefined && of.loop !== undefined ? { operator: of.operator / of.loop } : {};
  const note = `${edits} edits`;
  return [
    { section: 'b', what: 'write → template, one at a time: p50', unit: 'ms', max: 20, measured: p50, note },
    { section: 'b', what: 'write → template, one at a time: p95', unit: 'ms', max: 40, measured: p95, note },
    { section: 'b', what: 'p50, relative to the bare loop', unit: '×', max: 1.3, measured: relative(p50) },
    { section: 'b', what: 'p95, relative to the bare loop', unit: '×', max: 1.3, measured: relative(p95) },
    {
      section: 'b',
      what: 'edits that reached no template',
      unit: '',
      max: 0,
      measured: Object.fromEntries([...samples.keys()].map((column) => [column, lost.get(column) ?? 0])),
    },
  ];
}
