/** Section g: a source as large as one may be, of which one value changes. */

import type { ReloadRecordStatus } from '../../../src/api/v1alpha1/types.ts';
import { API_VERSION, RELOAD_POLICY } from '../../../src/api/v1alpha1/names.ts';
import * as paths from '../../../src/kube/paths.ts';
import { recordName } from '../../../src/kube/records.ts';
import { hotEdit, LARGE_RULES, largeSource } from '../../documents/large.ts';
import { sampleSum } from '../../support/prometheus.ts';
import { eventually } from '../../support/wait.ts';
import type { Bench } from '../bench.ts';
import { configMap, mountingDeployment } from '../fixtures.ts';
import type { SectionResult } from '../results.ts';
import { median } from '../statistics.ts';

const ROUNDS = 30;
const NAMESPACE = 'bench-g';
const NAME = 'large';
const LONGEST_MS = 60_000;
/** The event loop's lag is sampled by a timer of so many milliseconds, which the samples contain. */
const RESOLUTION_MS = 10;

export async function documents(bench: Bench): Promise<SectionResult> {
  const { api, samples = ROUNDS } = bench;
  await api.namespace(NAMESPACE);
  try {
    await populate(bench);
    await change(bench, 0);
    const [acted, held]: [number[], number[]] = [[], []];
    for (let round = 1; round <= samples; round++) {
      const took = await change(bench, round);
      acted.push(took.actedMs);
      held.push(took.heldMs);
    }
    const note = (of: readonly number[]): string =>
      `${samples} changes, the fastest ${Math.min(...of).toFixed(0)} ms; by the operator's own metrics`;
    return {
      rows: [
        {
          section: 'g',
          what: '1 MiB of documents: event to nudge, p50',
          unit: 'ms',
          max: 400,
          measured: { operator: median(acted) },
          note: note(acted),
        },
        {
          section: 'g',
          what: '1 MiB of documents: event loop held, p50',
          unit: 'ms',
          max: 20,
          measured: { operator: median(held) },
          note: `the longest of each change; ${note(held)}`,
        },
      ],
      samples: { actedMs: acted, heldMs: held },
    };
  } finally {
    await api.removeNamespace(NAMESPACE, { wait: true });
  }
}

async function populate({ api }: Bench): Promise<void> {
  await api.create(paths.configMaps(NAMESPACE), [configMap(NAME, largeSource)]);
  await api.create(paths.workloads('Deployment')(NAMESPACE), [mountingDeployment(NAME, NAME, 0)]);
  const spec = { sources: [{ kind: 'ConfigMap', name: NAME }], rules: LARGE_RULES };
  await api.create(paths.policies(NAMESPACE), [
    { apiVersion: API_VERSION, kind: RELOAD_POLICY.kind, metadata: { name: NAME }, spec },
  ]);
  await eventually(() => recordIn(api), { what: 'the workload to be adopted', timeoutMs: LONGEST_MS });
}

async function change(
  { api, operator }: Bench,
  round: number,
): Promise<{ readonly actedMs: number; readonly heldMs: number }> {
  const latest = (await recordIn(api)).history?.[0]?.time;
  const before = await operator.metrics();
  await api.edit(NAMESPACE, NAME, hotEdit(round + 1));
  await eventually(
    async () => {
      const [entry] = (await recordIn(api)).history ?? [];
      return entry !== undefined && entry.time !== latest;
    },
    { what: `change ${round} to be acted on`, timeoutMs: LONGEST_MS },
  );
  const after = await operator.metrics();
  const more = (name: string): number => sampleSum(after, name) - sampleSum(before, name);
  return {
    actedMs: (more('reload_hot_seconds_sum') / more('reload_hot_seconds_count')) * 1_000,
    // Of the time since the last scrape.
    heldMs: Math.max(0, sampleSum(after, 'nodejs_eventloop_lag_max_seconds') * 1_000 - RESOLUTION_MS),
  };
}

async function recordIn(api: Bench['api']): Promise<ReloadRecordStatus> {
  const path = `${paths.records(NAMESPACE)}/${recordName({ kind: 'Deployment', name: NAME })}`;
  return (await api.get<{ readonly status: ReloadRecordStatus }>(path)).status;
}
