/** Section f: what the operator asks and writes when nothing happens. */

import { setTimeout as sleep } from 'node:timers/promises';
import { CONSUMER_KINDS } from '../../../src/api/v1alpha1/kinds.ts';
import * as paths from '../../../src/kube/paths.ts';
import type { Bench } from '../bench.ts';
import { lineUp, stopAll } from '../contenders.ts';
import { numbered } from '../fixtures.ts';
import type { SectionResult } from '../results.ts';

const WORKLOADS = 100;
const IDLE_MS = 60_000;
/** Long enough for a start to have looked at everything and written what it would. */
const AFTER_START_MS = 15_000;
const REST_MS = 6_000;
const LONGEST_REST_LOOKS = 15;
const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE'];

export async function idle(bench: Bench): Promise<SectionResult> {
  const { operator, api } = bench;
  const workloads = Array.from({ length: WORKLOADS }, (_, index) => ({
    name: numbered('web', index),
    configMap: numbered('web', index),
  }));
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal: api.signal });
  const contenders = await lineUp({ ...bench, peer: undefined }, { name: 'f', workloads, loop: false });
  try {
    const [contender] = contenders;
    const namespace = contender?.namespace ?? '';
    await untilWritten(bench, wait);
    const versions = await versionsIn(bench, namespace);
    const before = await requests(bench);
    await wait(IDLE_MS);
    const after = await requests(bench);
    const movedIdle = moved(versions, await versionsIn(bench, namespace));
    await operator.restart();
    await wait(AFTER_START_MS);
    const fresh = await requests(bench);
    const movedByStart = moved(versions, await versionsIn(bench, namespace));
    return {
      rows: [
        {
          section: 'f',
          what: 'requests in 60 idle seconds',
          unit: '',
          measured: { operator: after.all - before.all },
          note: `${WORKLOADS} bound workloads; by the operator's own metrics, watches included`,
        },
        {
          section: 'f',
          what: 'writes in 60 idle seconds',
          unit: '',
          max: 0,
          measured: { operator: after.writes - before.writes },
          note: "by the operator's own metrics",
        },
        {
          section: 'f',
          what: 'objects that moved meanwhile',
          unit: '',
          max: 0,
          measured: { operator: movedIdle },
          note: 'resourceVersions of all bound objects, records and events',
        },
        {
          section: 'f',
          what: 'requests of a restart with nothing changed',
          unit: '',
          measured: { operator: fresh.all },
          note: `the first ${AFTER_START_MS / 1000} s`,
        },
        {
          section: 'f',
          what: 'writes of a restart with nothing changed',
          unit: '',
          max: 0,
          measured: { operator: fresh.writes },
          note: "by the operator's own metrics",
        },
        {
          section: 'f',
          what: 'objects that moved by then',
          unit: '',
          max: 0,
          measured: { operator: movedByStart },
          note: 'as above',
        },
      ],
    };
  } finally {
    await stopAll(contenders);
  }
}

/** What came before has left its records and events to be written: waits until nothing is any more. */
async function untilWritten(bench: Bench, wait: (ms: number) => Promise<void>): Promise<void> {
  for (let look = 0, writes = -1; look < LONGEST_REST_LOOKS; look++) {
    const now = (await requests(bench)).writes;
    if (now === writes) return;
    writes = now;
    await wait(REST_MS);
  }
  throw new Error(`the operator did not stop writing within ${(LONGEST_REST_LOOKS * REST_MS) / 1000} s`);
}

/** Requests since the operator's start. Source: client-go's metric of that name, which ours takes over. */
async function requests({ operator }: Bench): Promise<{ readonly all: number; readonly writes: number }> {
  const counted = [...(await operator.metrics()).matchAll(/^rest_client_requests_total\{(.*)\} (\d+)$/gm)].map(
    ([, labels = '', value = '0']) => ({ method: /method="([A-Z]+)"/.exec(labels)?.[1] ?? '', count: Number(value) }),
  );
  const total = (of: typeof counted): number => of.reduce((sum, { count }) => sum + count, 0);
  return { all: total(counted), writes: total(counted.filter(({ method }) => WRITES.includes(method))) };
}

type Versions = ReadonlyMap<string, string>;

/** The resourceVersion of every object that the operator might touch, by uid. */
async function versionsIn({ api }: Bench, namespace: string): Promise<Versions> {
  const collections = [
    paths.configMaps(namespace),
    ...CONSUMER_KINDS.map((kind) => paths.workloads(kind)(namespace)),
    paths.policies(namespace),
    paths.records(namespace),
    paths.events(namespace),
    paths.pods(namespace),
  ];
  const lists = await Promise.all(
    collections.map((path) =>
      api.get<{ items: readonly { metadata: { uid: string; resourceVersion: string } }[] | null }>(path),
    ),
  );
  return new Map(
    lists.flatMap(({ items }) =>
      (items ?? []).map(({ metadata }) => [metadata.uid, metadata.resourceVersion] as const),
    ),
  );
}

const moved = (before: Versions, after: Versions): number =>
  [...new Set([...before.keys(), ...after.keys()])].filter((uid) => before.get(uid) !== after.get(uid)).length;
