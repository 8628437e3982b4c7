/** Measures the operator on a real cluster: `make bench`. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleOperator } from '../../config/bundle/bundle.ts';
import { openCluster, startCluster, type Cluster } from '../cluster/cluster.ts';
import { isRoot } from '../cluster/processes.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { createApi } from './api.ts';
import type { Bench } from './bench.ts';
import { facts } from './machine.ts';
import { startOperator } from './operator.ts';
import { readOptions, SECTIONS, type Options, type SectionId } from './options.ts';
import { startPeer } from './peer.ts';
import {
  json,
  outcomeOf,
  table,
  type Failure,
  type Results,
  type Row,
  type Samples,
  type SectionResult,
} from './results.ts';
import { burst } from './sections/burst.ts';
import { documents } from './sections/documents.ts';
import { fanOut } from './sections/fan-out.ts';
import { files } from './sections/files.ts';
import { idle } from './sections/idle.ts';
import { kloros } from './sections/kloros.ts';
import { memory } from './sections/memory.ts';
import { mounted } from './sections/mounted.ts';
import { oneByOne } from './sections/one-by-one.ts';
import { plan } from './sections/plan.ts';
import { proof } from './sections/proof.ts';
import { watcher } from './sections/watcher.ts';

const SECTION: Readonly<Record<SectionId, (bench: Bench) => Promise<SectionResult>>> = {
  a: files,
  b: oneByOne,
  c: fanOut,
  d: burst,
  e: memory,
  f: idle,
  g: documents,
  h: plan,
  i: proof,
  j: watcher,
  k: kloros,
  l: mounted,
};

const begun = performance.now();
const log = (line: string): void => {
  console.error(`[${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s] ${line}`);
};

/** Things to end, the latest first. */
class Endings {
  readonly #steps: { readonly name: string; readonly end: () => unknown }[] = [];

  add(name: string, end: () => unknown): void {
    this.#steps.push({ name, end });
  }

  async run(): Promise<void> {
    for (const { name, end } of this.#steps.reverse()) {
      try {
        await end();
      } catch (error) {
        log(`could not end ${name}: ${messageOf(error)}`);
      }
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function main(options: Options, signal: AbortSignal): Promise<void> {
  const endings = new Endings();
  try {
    const bench = await setUp(options, endings, signal);
    const results = await measure(bench, options);
    const out =
      options.out ?? join(CHECKOUT, 'bench-results', `${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`);
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, json(results));
    print(results, out);
    if (results.failures.length > 0) process.exitCode = 1;
  } finally {
    await endings.run();
  }
}

async function setUp(options: Options, endings: Endings, signal: AbortSignal): Promise<Bench> {
  const scratch = mkdtempSync(join(tmpdir(), 'reload-bench-'));
  endings.add(`the folder ${scratch}`, () => {
    rmSync(scratch, { recursive: true, force: true });
  });
  log('bundling the operator');
  await bundleOperator();
  const cluster = await clusterFor(options, endings);
  signal.throwIfAborted();
  const api = createApi(cluster.kubeconfig, signal);
  endings.add('the connections', () => api.close());
  const operator = await startOperator({ cluster, api, scratch, log });
  endings.add('the operator', () => operator.stop());
  log(`the operator runs as ${operator.where}`);
  const peer = options.peer === undefined ? undefined : await startPeer(options.peer, cluster.kubeconfig);
  if (peer !== undefined) endings.add('the peer', () => peer.stop());
  return { cluster, api, operator, peer, samples: options.samples, scratch, log };
}

async function clusterFor(options: Options, endings: Endings): Promise<Cluster> {
  if (options.cluster !== undefined) return openCluster(options.cluster, log);
  const cluster = await startCluster({
    name: `bench-${process.pid}`,
    node: isRoot(),
    ownerPid: process.pid,
    log,
    // What users run: with ten times the requests, its work on each restarted Deployment would compete with the restarts.
    throttledControllers: true,
  });
  endings.add('the cluster', () => cluster.stop());
  return cluster;
}

async function measure(bench: Bench, options: Options): Promise<Results> {
  const about = await facts(bench);
  const rows: Row[] = [];
  const failures: Failure[] = [];
  const samples: Record<string, Samples> = {};
  for (const id of options.only) {
    log(`${id}: ${SECTIONS[id]}`);
    try {
      const result = await SECTION[id](bench);
      rows.push(...result.rows);
      if (result.samples !== undefined) samples[id] = result.samples;
    } catch (error) {
      bench.api.signal.throwIfAborted();
      failures.push({ section: id, message: messageOf(error) });
      log(`${id}: ${messageOf(error)}`);
    }
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  return { facts: { ...about, loadAtEnd: loadavg(), seconds }, rows, failures, samples };
}

function print(results: Results, out: string): void {
  const { cores, kernel, node, kubernetes, operator } = results.facts;
  const outcomes = results.rows.map(outcomeOf);
  const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
  console.log(`\n${table(results)}\n`);
  console.log(
    `${String(cores)} cores, kernel ${String(kernel)}, Node ${String(node)}, Kubernetes ${String(kubernetes)}`,
  );
  console.log(`the operator ran as ${String(operator)}`);
  console.log(
    `${count('pass')} pass, ${count('short')} short, ${results.failures.length} not measured; written to ${out}`,
  );
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => {
    log(`${name}: ending everything`);
    interrupted.abort(new Error(`interrupted by ${name}`));
  });
}

try {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') console.log(options);
  else await main(options, interrupted.signal);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
