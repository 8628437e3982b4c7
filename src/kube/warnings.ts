/** What the cluster has warned of about single objects, as its events tell it. */

import type { Warnings } from '../controller/ports.ts';
import type { Workload } from '../domain/observed.ts';
import type { ClusterWarning, PodReport } from '../domain/rollout-cause.ts';
import { ofTemplate } from '../domain/rollout-cause.ts';
import type { KubeClient } from './connect.ts';
import { events } from './paths.ts';

/** Pods of one rollout fail alike: so many are asked about. */
const MOST_PODS = 3;
/** Warnings of one object; the API server gives the latest of a series once. */
const MOST_EVENTS = 50;

interface RawEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly eventTime?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
  readonly regarding?: { readonly fieldPath?: string };
  readonly reportingController?: string;
}

export const warningsOf = async (
  client: KubeClient,
  workload: Workload,
  reports: readonly PodReport[],
  signal: AbortSignal,
): Promise<Warnings> => {
  const about = async (uid: string | undefined): Promise<readonly ClusterWarning[]> => {
    if (uid === undefined) return [];
    try {
      const { items } = await client.request<{ readonly items: readonly RawEvent[] }>({
        method: 'GET',
        path: events(workload.namespace),
        query: { fieldSelector: `regarding.uid=${uid},type=Warning`, limit: String(MOST_EVENTS) },
        signal,
      });
      return items.map(parseWarning);
    } catch (error) {
      // They only explain: who may not read them, or can't now, goes without.
      if (signal.aborted) throw error;
      return [];
    }
  };
  const asked = ofTemplate(reports, workload.annotation)
    .filter(({ containers }) => containers.length === 0 || containers.some(({ ready }) => !ready))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, MOST_PODS);
  const [own, ...found] = await Promise.all([workload.uid, ...asked.map(({ uid }) => uid)].map(about));
  const byPod = new Map(asked.map((report, index) => [report, found[index] ?? []] as const));
  return {
    reports: reports.map((report) => {
      const warnings = byPod.get(report);
      return warnings === undefined ? report : { ...report, warnings };
    }),
    warnings: own ?? [],
  };
};

const parseWarning = (event: RawEvent): ClusterWarning => {
  const { reason = '', note = '', series, deprecatedLastTimestamp, eventTime } = event;
  const [, container] = /\{(.+)\}$/.exec(event.regarding?.fieldPath ?? '') ?? [];
  const at = Date.parse(series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? '');
  return { reason, message: note, at: Number.isNaN(at) ? 0 : at, ...(container !== undefined && { container }) };
};
