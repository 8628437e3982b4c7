// The test cluster from a shell: see README.md.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findCluster, startCluster, stopCluster } from './cluster.ts';
import { ensureOperatorImage } from './images.ts';
import { CHECKOUT } from './state.ts';

const USAGE = `usage: node test/cluster/main.ts COMMAND [options]

  up [--name NAME] [--no-node]   start a cluster that stays up (default name: dev)
  down [--name NAME]             stop it and remove everything of it
  status                         list the clusters of this checkout
  image                          build the image of the operator, print where its archive lies`;

const begun = performance.now();

function log(line: string): void {
  console.error(`[${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s] ${line}`);
}

async function up(name: string, node: boolean): Promise<void> {
  const running = findCluster(name);
  if (running) {
    if (running.phase !== 'ready') throw new Error(`cluster ${name} is ${running.phase}: run "down", then "up" again`);
    log(`cluster ${name} is already up`);
    printNext(running);
    return;
  }
  const cluster = await startCluster({ name, node, log });
  log(`cluster ${name} is up at ${cluster.server}`);
  printNext(cluster);
}

function printNext({ kubeconfig, kubectl }: { kubeconfig: string; kubectl: string }): void {
  console.log(`export KUBECONFIG=${kubeconfig}`);
  console.log(`alias kubectl=${kubectl}`);
}

async function down(name: string): Promise<void> {
  const found = await stopCluster(name);
  log(found ? `cluster ${name} is gone` : `there was no cluster ${name}`);
}

function status(): void {
  const names = namesIn(join(CHECKOUT, '.cluster'));
  if (names.length === 0) console.log('no clusters');
  for (const name of names) {
    const state = findCluster(name);
    const form = state?.node ? 'with a node' : 'control plane only';
    const description = state ? `${state.phase}, ${form}, ${state.server ?? 'no address yet'}` : 'crashed: run down';
    console.log(`${name}: ${description}`);
    if (state?.reason !== undefined) console.log(state.reason);
  }
}

function namesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
}

async function image(): Promise<void> {
  const { name, archive } = await ensureOperatorImage(log);
  log(`${name} is an OCI archive at`);
  console.log(archive);
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { name: { type: 'string', default: 'dev' }, 'no-node': { type: 'boolean', default: false } },
  });
  switch (positionals.join(' ')) {
    case 'up':
      return up(values.name, !values['no-node']);
    case 'down':
      return down(values.name);
    case 'status':
      status();
      return;
    case 'image':
      return image();
    default:
      throw new Error(`unknown command "${positionals.join(' ')}"\n${USAGE}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
