/** Section c: one ConfigMap that many workloads share. */

import type { Bench } from '../bench.ts';
import { lineUp, stopAll, type Contender } from '../contenders.ts';
import { numbered } from '../fixtures.ts';
import type { Column, Row, SectionResult } from '../results.ts';
import { median } from '../statistics.ts';

const WORKLOADS = 200;
const ROUNDS = 5;
const LONGEST_MS = 60_000;
/** Deployments count as settled when none has moved for so long. */
const QUIET_MS = 2_000;

export async function fanOut(bench: Bench): Promise<SectionResult> {
  const rounds = bench.samples ?? ROUNDS;
  const workloads = Array.from({ length: WORKLOADS }, (_, index) => ({
    name: numbered('web', index),
    configMap: 'shared',
  }));
  const contenders = await lineUp(bench, { name: 'c', workloads, debounce: '0s', loop: true });
  try {
    const measured = new Map<Column, Round[]>(contenders.map(({ column }) => [column, []]));
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(round + turn) % contenders.length];
        if (contender !== undefined) measured.get(contender.column)?.push(await measureRound(bench, contender, round));
      }
    }
    return { rows: rowsOf(measured, rounds), samples: samplesOf(measured) };
  } finally {
    await stopAll(contenders);
  }
}

interface Round {
  /** Milliseconds from before the write is sent to each workload's event. */
  readonly times: readonly number[];
  readonly lost: number;
}

async function measureRound(bench: Bench, { namespace, templates }: Contender, round: number): Promise<Round> {
  const from = performance.now();
  await bench.api.edit(namespace, 'shared', { setting: `round-${round}` });
  const changes = await templates.count(WORKLOADS, from, LONGEST_MS);
  const firsts = new Map(changes.toReversed().map(({ name, at }) => [name, at - from]));
  await templates.quiet(QUIET_MS);
  return { times: [...firsts.values()], lost: WORKLOADS - firsts.size };
}

function rowsOf(measured: ReadonlyMap<Column, readonly Round[]>, rounds: number): readonly Row[] {
  const figures = (of: (rounds: readonly Round[]) => number): Row['measured'] =>
    Object.fromEntries([...measured].map(([column, each]) => [column, of(each)]));
  const lasts = (each: readonly Round[]): number[] => each.map(({ times }) => Math.max(...times) / 1000);
  const note = `${WORKLOADS} workloads, ${rounds} rounds`;
  return [
    {
      section: 'c',
      what: 'write → template, shared: median',
      unit: 's',
      measured: figures((each) => median(each.flatMap(({ times }) => times)) / 1000),
      note,
    },
    {
      section: 'c',
      what: 'write → template, shared: last',
      unit: 's',
      max: 1,
      measured: figures((each) => median(lasts(each))),
      note: `${note}; the median round`,
    },
    {
      section: 'c',
      what: 'the same, of the slowest round',
      unit: 's',
      measured: figures((each) => Math.max(...lasts(each))),
    },
    {
      section: 'c',
      what: 'templates that never changed',
      unit: '',
      max: 0,
      measured: figures((each) => each.reduce((sum, { lost }) => sum + lost, 0)),
    },
  ];
}

function samplesOf(measured: ReadonlyMap<Column, readonly Round[]>): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    [...measured].flatMap(([column, rounds]) =>
      rounds.map(({ times }, index) => [`${column}, round ${index + 1}, ms`, times.toSorted((a, b) => a - b)]),
    ),
  );
}
