/** Section i: how long until three applications run on what a ConfigMap says, and the operator knows that they do. */

import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, RELOAD_POLICY } from '../../../src/api/v1alpha1/names.ts';
import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import * as paths from '../../../src/kube/paths.ts';
import { kubectlFor } from '../../support/kubectl.ts';
import { applicationCode, applicationTemplate, CODE, importNode } from '../../support/proof/deploy.ts';
import { eventually } from '../../support/wait.ts';
import type { Bench } from '../bench.ts';
import { configMap } from '../fixtures.ts';
import type { SectionResult } from '../results.ts';
import { percentile } from '../statistics.ts';

const NAMESPACE = 'bench-i';
const REPLICAS = 3;
const CHANGES = 30;
/** As in section a: changes that follow each other closely pay for the kubelet's relist. */
const pauseMs = (index: number): number => 3_500 + ((index * 617) % 1_500);

export async function proof(bench: Bench): Promise<SectionResult> {
  const { api, cluster } = bench;
  if (cluster.kubeletRoot === undefined)
    throw new Error('it needs a cluster with a node on this machine: run it as root on Linux');
  try {
    await api.namespace(NAMESPACE);
    await deploy(bench);
    const times: number[] = [];
    for (let index = 0; index < (bench.samples ?? CHANGES); index++) {
      times.push(await change(bench, index));
      await sleep(pauseMs(index), undefined, { signal: api.signal });
    }
    const note = `${REPLICAS} pods × ${times.length} changes, 3.5-5 s apart; as the record says it, without node agents`;
    const row = (what: string, percent: number, max?: number): SectionResult['rows'][number] => ({
      section: 'i',
      what,
      unit: 'ms',
      ...(max !== undefined && { max }),
      measured: { operator: percentile(times, percent) },
      note,
    });
    return {
      rows: [row('write → Loaded in 3 pods: p50', 50, 500), row('write → Loaded in 3 pods: p95', 95)],
      samples: { 'write → Loaded, ms': times },
    };
  } finally {
    await api.removeNamespace(NAMESPACE, { wait: true });
  }
}

async function deploy({ api, cluster, log }: Bench): Promise<void> {
  log(`${NAMESPACE}: ${REPLICAS} pods with an application`);
  await importNode(cluster);
  await api.create(paths.configMaps(NAMESPACE), [
    configMap('app', { 'llm.yaml': contentOf(-1) }),
    configMap(CODE, await applicationCode()),
  ]);
  await api.create(paths.policies(NAMESPACE), [
    {
      apiVersion: API_VERSION,
      kind: RELOAD_POLICY.kind,
      metadata: { name: 'app' },
      spec: {
        sources: [{ kind: 'ConfigMap', name: 'app' }],
        defaultClass: 'Hot',
        hot: { proof: 'Loaded', notify: { http: { port: 'http' } } },
      },
    },
  ]);
  await api.create(paths.workloads('Deployment')(NAMESPACE), [
    {
      metadata: { name: 'web' },
      spec: { replicas: REPLICAS, selector: { matchLabels: { app: 'web' } }, template: applicationTemplate() },
    },
  ]);
  const args = ['rollout', 'status', 'deployment/web', '-n', NAMESPACE, '--timeout=180s'];
  await kubectlFor(cluster).run(args, { timeoutMs: 190_000 });
}

const contentOf = (index: number): string => `provider: openai\nmodel: model-${index}\n`;

/** Milliseconds from before the write was sent until the record tells of one change more that is loaded. */
async function change({ api }: Bench, index: number): Promise<number> {
  const path = `${paths.records(NAMESPACE)}/deployment-web`;
  const latest = async (): Promise<string> => {
    const { status } = await api.get<{ readonly status?: ReloadRecordStatus }>(path);
    // What is applied moves when pods are told; the delivery goes when it is proven.
    return status?.delivery === undefined ? JSON.stringify(status?.sources ?? []) : '';
  };
  const before = await latest();
  const from = performance.now();
  await api.edit(NAMESPACE, 'app', { 'llm.yaml': contentOf(index) });
  await eventually(
    async () => {
      const now = await latest();
      return now !== '' && now !== before;
    },
    { what: 'the record to have nothing open', timeoutMs: 60_000, intervalMs: 5 },
  );
  return performance.now() - from;
}
