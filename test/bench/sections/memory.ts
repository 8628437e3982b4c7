/** Section e: memory beside objects that are nobody's business. */

import { setTimeout as sleep } from 'node:timers/promises';
import * as paths from '../../../src/kube/paths.ts';
import type { Bench } from '../bench.ts';
import type { Memory } from '../child.ts';
import { configMap, numbered } from '../fixtures.ts';
import type { Column, Row, SectionResult } from '../results.ts';

const OF_EACH = 5_000;
const CONTENT = 'x'.repeat(4_000);
const NAMESPACE = 'bench-e-foreign';
const EVERY_MS = 1_000;
/** Steady: within this many bytes over this many looks. */
const STEADY = { bytes: 1_000_000, looks: 10 };
const LONGEST_MS = 60_000;

export async function memory(bench: Bench): Promise<SectionResult> {
  const { api, log } = bench;
  await api.namespace(NAMESPACE);
  try {
    const steps: ReadonlyMap<Column, Settled>[] = [];
    for (const from of [0, OF_EACH]) {
      log(`${from + OF_EACH} ConfigMaps and ${from + OF_EACH} Secrets of 4 KB that no policy names`);
      await fill(bench, from);
      steps.push(await measureAll(bench));
    }
    const [first = new Map<Column, Settled>(), second = new Map<Column, Settled>()] = steps;
    return { rows: rowsOf(first, second), samples: samplesOf(first, second) };
  } finally {
    // Tens of thousands of objects: nobody waits for them to go.
    await api.removeNamespace(NAMESPACE, { wait: false });
  }
}

async function fill({ api }: Bench, from: number): Promise<void> {
  const indexes = Array.from({ length: OF_EACH }, (_, index) => from + index);
  const named = indexes.map((index) => numbered('foreign', index));
  await api.create(
    paths.configMaps(NAMESPACE),
    named.map((name) => configMap(name, { content: CONTENT })),
  );
  await api.create(
    `/api/v1/namespaces/${NAMESPACE}/secrets`,
    named.map((name) => ({ metadata: { name }, stringData: { content: CONTENT } })),
  );
}

interface Settled extends Memory {
  /** Resident, once a second, from readiness on. */
  readonly course: readonly number[];
}

/** Everyone is started anew, now that the objects exist. */
async function measureAll({ api, operator, peer, log }: Bench): Promise<ReadonlyMap<Column, Settled>> {
  const measured = new Map<Column, Settled>();
  await operator.restart();
  measured.set('operator', await settled(() => operator.memory(), api.signal));
  if (peer !== undefined) {
    await peer.restart();
    measured.set('peer', await settled(() => peer.memory(), api.signal));
  }
  for (const [column, { resident }] of measured) log(`the ${column} holds ${(resident / 1e6).toFixed(1)} MB`);
  return measured;
}

async function settled(look: () => Memory | Promise<Memory>, signal: AbortSignal): Promise<Settled> {
  const begun = performance.now();
  const course: number[] = [];
  for (;;) {
    const now = await look();
    course.push(now.resident);
    const latest = course.slice(-STEADY.looks);
    const steady = latest.length === STEADY.looks && Math.max(...latest) - Math.min(...latest) <= STEADY.bytes;
    if (steady || performance.now() - begun > LONGEST_MS) return { ...now, course };
    await sleep(EVERY_MS, undefined, { signal });
  }
}

function rowsOf(first: ReadonlyMap<Column, Settled>, second: ReadonlyMap<Column, Settled>): readonly Row[] {
  const megabytes = (of: (column: Column) => number | undefined): Row['measured'] =>
    Object.fromEntries(
      [...first.keys()].flatMap((column) => {
        const bytes = of(column);
        return bytes === undefined ? [] : [[column, bytes / 1e6]];
      }),
    );
  const more = (column: Column): number | undefined => {
    const [before, after] = [first.get(column), second.get(column)];
    return before === undefined || after === undefined ? undefined : after.resident - before.resident;
  };
  const few = '5,000 + 5,000 foreign objects';
  const many = '10,000 + 10,000';
  return [
    {
      section: 'e',
      what: `memory beside ${few}`,
      unit: 'MB',
      max: 110,
      measured: megabytes((column) => first.get(column)?.resident),
      note: 'VmRSS when steady, in 10⁶ bytes',
    },
    {
      section: 'e',
      what: 'the same at its highest',
      unit: 'MB',
      measured: megabytes((column) => first.get(column)?.highest),
      note: 'VmHWM',
    },
    {
      section: 'e',
      what: `more beside ${many}`,
      unit: 'MB',
      max: 8,
      measured: megabytes(more),
      note: 'VmRSS when steady',
    },
    {
      section: 'e',
      what: `highest beside ${many}`,
      unit: 'MB',
      measured: megabytes((column) => second.get(column)?.highest),
      note: 'VmHWM',
    },
  ];
}

function samplesOf(...steps: readonly ReadonlyMap<Column, Settled>[]): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    steps.flatMap((step, index) =>
      [...step].map(([column, { course }]) => [`${column}, step ${index + 1}, MB`, course.map((bytes) => bytes / 1e6)]),
    ),
  );
}
