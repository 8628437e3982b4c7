/** Section l: how long until the operator knows, by the node's agent, that 80 pods have the files. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import * as paths from '../../../src/kube/paths.ts';
import { CHECKOUT } from '../../cluster/state.ts';
import { AGENT_NAMESPACE, agentsReady } from '../../support/agents.ts';
import { kubectlFor } from '../../support/kubectl.ts';
import { mountedKey, untilContent } from '../../support/mounted-files.ts';
import { eventually } from '../../support/wait.ts';
import type { Bench } from '../bench.ts';
import { configMap, mountingDeployment, policy } from '../fixtures.ts';
import type { SectionResult } from '../results.ts';
import { percentile } from '../statistics.ts';

const NAMESPACE = 'bench-l';
const REPLICAS = 80;
const CHANGES = 10;
const KEY = 'payload';
const LONGEST_MS = 60_000;
/** As in section a: changes that follow each other closely pay for the kubelet's relist. */
const pauseMs = (index: number): number => 3_500 + ((index * 617) % 1_500);

export async function mounted(bench: Bench): Promise<SectionResult> {
  const { api, cluster, operator } = bench;
  if (cluster.kubeletRoot === undefined)
    throw new Error('it needs a cluster with a node on this machine: run it as root on Linux');
  const kubectl = kubectlFor(cluster);
  try {
    await kubectl.run(['apply', '-k', join(CHECKOUT, 'config/with-agent')]);
    await operator.restart();
    await agentsReady(cluster);
    await api.namespace(NAMESPACE);
    const uids = await deploy(bench);
    const changes: Change[] = [];
    for (let index = 0; index < (bench.samples ?? CHANGES); index++) {
      await sleep(pauseMs(index), undefined, { signal: api.signal });
      changes.push(await change(bench, uids, index));
    }
    return resultOf(changes);
  } finally {
    await api.removeNamespace(NAMESPACE, { wait: true });
    await kubectl.run(['delete', 'namespace', AGENT_NAMESPACE, '--ignore-not-found', '--wait=false']);
    await kubectl.run(['apply', '-k', join(CHECKOUT, 'config/default')]);
    await operator.restart();
  }
}

/** @returns the uids of the pods */
async function deploy({ api, cluster, log }: Bench): Promise<readonly string[]> {
  log(`${NAMESPACE}: ${REPLICAS} pods`);
  await api.create(paths.configMaps(NAMESPACE), [configMap('app', { [KEY]: 'initial' })]);
  const base = policy('app', 'app', { hot: true }) as { readonly spec: object };
  await api.create(paths.policies(NAMESPACE), [
    { ...base, spec: { ...base.spec, hot: { proof: 'Mounted', timeout: '60s' } } },
  ]);
  await api.create(paths.workloads('Deployment')(NAMESPACE), [mountingDeployment('web', 'app', REPLICAS)]);
  const args = ['rollout', 'status', 'deployment/web', '-n', NAMESPACE, '--timeout=180s'];
  await kubectlFor(cluster).run(args, { timeoutMs: 190_000 });
  const { items } = await api.get<{ items: readonly { readonly metadata: { readonly uid: string } }[] }>(
    paths.pods(NAMESPACE),
    { labelSelector: 'app=web' },
  );
  return items.map(({ metadata }) => metadata.uid);
}

interface Change {
  /** Until the last file was there, as this machine sees it; ms. */
  readonly lastFile: number;
  /** Until the record said that all are proven; ms. */
  readonly proven: number;
}

async function change({ api, cluster }: Bench, uids: readonly string[], index: number): Promise<Change> {
  const path = `${paths.records(NAMESPACE)}/deployment-web`;
  const count = async (): Promise<number> => {
    const { status } = await api.get<{ readonly status?: ReloadRecordStatus }>(path);
    const entries = status?.history ?? [];
    const last = entries.find(({ outcome, reason }) => outcome === 'Succeeded' && reason === 'Mounted');
    return last === undefined ? 0 : Date.parse(last.time);
  };
  const before = await count();
  const files = uids.map((uid) => mountedKey(cluster.kubeletRoot ?? '', uid, 'config', KEY));
  const content = `${index}-${Date.now()}`;
  const seen = untilContent(files, content, AbortSignal.any([api.signal, AbortSignal.timeout(LONGEST_MS)]));
  const from = performance.now();
  await api.edit(NAMESPACE, 'app', { [KEY]: content });
  await eventually(async () => (await count()) > before, {
    what: 'the record to say Mounted',
    timeoutMs: LONGEST_MS,
    intervalMs: 20,
  });
  const proven = performance.now() - from;
  return { lastFile: Math.max(...(await seen).values()) - from, proven };
}

function resultOf(changes: readonly Change[]): SectionResult {
  const proven = changes.map((each) => each.proven);
  const after = changes.map((each) => each.proven - each.lastFile);
  const note = `${REPLICAS} pods of one node × ${changes.length} changes, 3.5-5 s apart, by its agent`;
  const row = (
    what: string,
    samples: readonly number[],
    percent: number,
    max?: number,
  ): SectionResult['rows'][number] => ({
    section: 'l',
    what,
    unit: 's',
    ...(max !== undefined && { max }),
    measured: { operator: percentile(samples, percent) / 1_000 },
    note,
  });
  return {
    rows: [
      row('write → Mounted in 80 pods: p50', proven, 50, 2.5),
      row('write → Mounted in 80 pods: slowest', proven, 100),
      row('last file → record says Mounted: p50', after, 50),
    ],
    samples: {
      'write → Mounted in 80 pods, ms': proven,
      'write → last file of 80, ms': changes.map((each) => each.lastFile),
    },
  };
}
