/** What the figures were measured on. */

import { cpus, loadavg, release, totalmem } from 'node:os';
import { runCommand } from '../cluster/commands.ts';
import { CHECKOUT } from '../cluster/state.ts';
import type { Bench } from './bench.ts';

export async function facts({ api, cluster, operator }: Bench): Promise<Readonly<Record<string, unknown>>> {
  const { gitVersion } = await api.get<{ gitVersion: string }>('/version');
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    commit: await commit(),
    cores: cpus().length,
    cpu: cpu?.model.trim() ?? 'unknown',
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    kubernetes: gitVersion,
    form: cluster.hasNode ? 'control plane and one node on this machine' : 'control plane only',
    operator: operator.where,
    // Others at work on the same cores make every figure worse.
    loadAtStart: loadavg(),
  };
}

/** With a mark where files differ from it; undefined outside a checkout. */
async function commit(): Promise<string | undefined> {
  try {
    return (await runCommand('git', ['-C', CHECKOUT, 'describe', '--always', '--dirty'])).trim();
  } catch {
    return undefined;
  }
}
