/** Section a: how long until every container's file has what a ConfigMap says. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import * as paths from '../../../src/kube/paths.ts';
import { kubectlFor } from '../../support/kubectl.ts';
import { mountedKey, untilContent } from '../../support/mounted-files.ts';
import type { Bench } from '../bench.ts';
import { configMap, mountingDeployment, policy } from '../fixtures.ts';
import type { Row, SectionResult } from '../results.ts';
import { percentile } from '../statistics.ts';

const BOUND = 'bench-a-operator';
const UNBOUND = 'bench-a-kubelet';
const FEW = { name: 'few', replicas: 3, changes: 50 };
const MANY = { name: 'many', replicas: 80, changes: 5 };
const INSIDE = 5;
/** One pod each, changed at the same time. */
const ALONE = ['alone-1', 'alone-2', 'alone-3'];
const KEY = 'payload';
/** A file that takes longer has been lost, and came by the kubelet's own period if at all. */
const LONGEST_MS = 30_000;
const LONGEST_ALONE_MS = 150_000;
/**
 * Between two changes, in varying lengths: each is a change of its own. The second nudge, after 2 s, is a sync for the
 * kubelet, which takes up the next one only with its relist up to 1 s later; what comes within 3 s pays for that.
 */
const pauseMs = (index: number): number => 3_500 + ((index * 617) % 1_500);
/** Changes that do pay: they follow each other as closely as they can. */
const CLOSE = { changes: 10, pauseMs: 300 };

export async function files(bench: Bench): Promise<SectionResult> {
  const { api, cluster } = bench;
  if (cluster.kubeletRoot === undefined)
    throw new Error('it needs a cluster with a node on this machine: run it as root on Linux');
  try {
    await api.namespace(BOUND);
    await api.namespace(UNBOUND);
    await deploy(
      bench,
      UNBOUND,
      ALONE.map((name) => ({ name, replicas: 1 })),
      false,
    );
    await deploy(bench, BOUND, [FEW], true);
    // The kubelet alone takes a minute and more: that is measured meanwhile.
    const [alone, bound] = await Promise.all([kubeletAlone(bench), withOperator(bench)]);
    return {
      rows: [...bound.rows, aloneRow(alone)],
      samples: { ...bound.samples, 'kubelet alone, ms': alone },
    };
  } finally {
    await api.removeNamespace(BOUND, { wait: true });
    await api.removeNamespace(UNBOUND, { wait: true });
  }
}

interface Size {
  readonly name: string;
  readonly replicas: number;
}

async function deploy(bench: Bench, namespace: string, sizes: readonly Size[], bound: boolean): Promise<void> {
  const { api, cluster, log } = bench;
  const pods = sizes.reduce((sum, { replicas }) => sum + replicas, 0);
  log(`${namespace}: ${pods} pods`);
  await api.create(
    paths.configMaps(namespace),
    sizes.map(({ name }) => configMap(name, { [KEY]: 'initial' })),
  );
  if (bound)
    await api.create(
      paths.policies(namespace),
      sizes.map(({ name }) => policy(name, name, { hot: true })),
    );
  await api.create(
    paths.workloads('Deployment')(namespace),
    sizes.map(({ name, replicas }) => mountingDeployment(name, name, replicas)),
  );
  const kubectl = kubectlFor(cluster);
  for (const { name } of sizes) {
    const args = ['rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=180s'];
    await kubectl.run(args, { timeoutMs: 190_000 });
  }
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

async function podsOf({ api }: Bench, namespace: string, name: string): Promise<readonly Pod[]> {
  const { items } = await api.get<{ items: readonly Pod[] }>(paths.pods(namespace), { labelSelector: `app=${name}` });
  return items;
}

/** What a restart would change. */
const identities = (pods: readonly Pod[]): ReadonlySet<string> =>
  new Set(pods.map(({ metadata, status }) => `${metadata.uid} ${status.containerStatuses?.[0]?.restartCount ?? 0}`));

interface Change {
  /** For each file that got it, milliseconds from before the write was sent. */
  readonly times: readonly number[];
  readonly lost: number;
}

async function change(
  bench: Bench,
  namespace: string,
  name: string,
  pods: readonly Pod[],
  content: string,
  limitMs: number,
): Promise<Change> {
  const { api, cluster } = bench;
  const paths = pods.map(({ metadata }) => mountedKey(cluster.kubeletRoot ?? '', metadata.uid, 'config', KEY));
  const signal = AbortSignal.any([api.signal, AbortSignal.timeout(limitMs)]);
  const seen = untilContent(paths, content, signal);
  const from = performance.now();
  await api.edit(namespace, name, { [KEY]: content });
  const times = [...(await seen).values()].map((at) => at - from);
  api.signal.throwIfAborted();
  return { times, lost: pods.length - times.length };
}

/** Milliseconds until the file of each pod, without any operator. */
async function kubeletAlone(bench: Bench): Promise<readonly number[]> {
  const changes = await Promise.all(
    ALONE.map(async (name) =>
      change(bench, UNBOUND, name, await podsOf(bench, UNBOUND, name), 'changed', LONGEST_ALONE_MS),
    ),
  );
  return changes.flatMap(({ times }) => times);
}

interface Measured {
  /** Milliseconds until the last file of each change. */
  readonly lasts: readonly number[];
  readonly all: readonly number[];
  readonly lost: number;
  /** Pods that are others than before, or whose container is. */
  readonly restarted: number;
}

async function withOperator(bench: Bench): Promise<SectionResult> {
  const few = await measure(bench, FEW, bench.samples ?? FEW.changes);
  const close = await measure(bench, FEW, CLOSE.changes, () => CLOSE.pauseMs);
  const inside = await insideContainer(bench);
  await deploy(bench, BOUND, [MANY], true);
  const many = await measure(bench, MANY, Math.min(bench.samples ?? MANY.changes, MANY.changes));
  return {
    rows: rowsOf({ few, close, inside, many }),
    samples: {
      'few pods, each file, ms': few.all,
      'few pods, changes close together, each file, ms': close.all,
      'inside a container, ms': inside,
      'many pods, each file, ms': many.all,
      'many pods, last file, ms': many.lasts,
    },
  };
}

async function measure(
  bench: Bench,
  { name }: Size,
  changes: number,
  pause: (index: number) => number = pauseMs,
): Promise<Measured> {
  const pods = await podsOf(bench, BOUND, name);
  const before = identities(pods);
  const lasts: number[] = [];
  const all: number[] = [];
  let lost = 0;
  for (let index = 0; index < changes; index++) {
    const { times, lost: missing } = await change(
      bench,
      BOUND,
      name,
      pods,
      `${changes}-${index}-${Date.now()}`,
      LONGEST_MS,
    );
    all.push(...times);
    if (times.length > 0) lasts.push(Math.max(...times));
    lost += missing;
    await sleep(pause(index), undefined, { signal: bench.api.signal });
  }
  const after = identities(await podsOf(bench, BOUND, name));
  const restarted = [...before].filter((identity) => !after.has(identity)).length;
  bench.log(
    `${pods.length} pods: ${changes} changes, last file at ${percentile(lasts, 50).toFixed(0)} ms in the middle`,
  );
  return { lasts, all, lost, restarted };
}

/** Milliseconds until a process in a container reads the new content, its answer to us included. */
async function insideContainer(bench: Bench): Promise<readonly number[]> {
  const [pod] = await podsOf(bench, BOUND, FEW.name);
  if (pod === undefined) throw new Error(`${BOUND} has no pod to look into`);
  const times: number[] = [];
  for (let index = 0; index < INSIDE; index++) {
    const content = `inside-${index}`;
    const script = `echo looking; until [ "$(cat /config/${KEY})" = ${content} ]; do usleep 5000; done; echo seen`;
    const { cluster, api } = bench;
    const args = ['--kubeconfig', cluster.kubeconfig, 'exec', '-n', BOUND, pod.metadata.name, '--', 'sh', '-c', script];
    const signal = AbortSignal.any([api.signal, AbortSignal.timeout(LONGEST_MS)]);
    const child = spawn(cluster.kubectl, args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
    child.on('error', () => undefined);
    let from = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'looking') {
        from = performance.now();
        await api.edit(BOUND, FEW.name, { [KEY]: content });
      } else if (line === 'seen') times.push(performance.now() - from);
    }
    await sleep(pauseMs(index), undefined, { signal: api.signal });
  }
  return times;
}

interface All {
  readonly few: Measured;
  readonly close: Measured;
  readonly inside: readonly number[];
  readonly many: Measured;
}

function rowsOf({ few, close, inside, many }: All): readonly Row[] {
  const fewNote = `${FEW.replicas} pods × ${few.lasts.length} changes, 3.5-5 s apart`;
  const manyNote = `${MANY.replicas} pods × ${many.lasts.length} changes`;
  const all = [few, close, many];
  const total = (of: (measured: Measured) => number): number => all.reduce((sum, each) => sum + of(each), 0);
  const row = (what: string, unit: Row['unit'], operator: number, note: string, max?: number): Row => ({
    section: 'a',
    what,
    unit,
    ...(max !== undefined && { max }),
    measured: { operator },
    note,
  });
  const closeNote = `${close.lasts.length} changes, each ${CLOSE.pauseMs} ms after the last one had arrived`;
  const insideNote = `${inside.length} changes, the way back through kubectl included`;
  return [
    row('write → file, 3 pods: p50', 'ms', percentile(few.all, 50), fewNote, 250),
    row('write → file, 3 pods: p99', 'ms', percentile(few.all, 99), fewNote, 1_000),
    row('changes close together: p50', 'ms', percentile(close.all, 50), closeNote),
    row('write → read by a process inside: p50', 'ms', percentile(inside, 50), insideNote),
    row('write → file, 80 pods: last', 's', Math.max(...many.lasts) / 1000, `${manyNote}; the slowest`, 2),
    row('write → file, 80 pods: last, in the middle', 's', percentile(many.lasts, 50) / 1000, manyNote),
    row(
      'files that never came',
      '',
      total(({ lost }) => lost),
      'of all of them',
      0,
    ),
    row(
      'pods or containers restarted',
      '',
      total(({ restarted }) => restarted),
      'by uids and restart counts',
      0,
    ),
  ];
}

const aloneRow = (alone: readonly number[]): Row => ({
  section: 'a',
  what: 'write → file, the kubelet alone: median',
  unit: 's',
  measured: { operator: percentile(alone, 50) / 1000 },
  note: `no operator; ${alone.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(', ')}`,
});
