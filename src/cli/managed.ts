/** kubectl reload rollback and diff: what live objects hold, beside their sources and their snapshots. */

import { createLiveStore } from '../kube/live.ts';
import { listWatch } from '../kube/listwatch.ts';
import { policies as policiesPath } from '../kube/paths.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import type { LiveStore, RawContent, StoredPolicy } from '../controller/ports.ts';
import { liveObjectsFor, type LiveObject } from '../domain/live.ts';
import type { AskFlags } from './ask.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { checkName, parseWorkloadName } from './names.ts';
import { ask } from './request.ts';
import { plain } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface RollbackFlags extends AskFlags {
  /** The number of a snapshot; without it, the latest before the present one. */
  readonly to?: number;
}

/** @param of a workload, or the name of a live object */
export const rollback = (of: string, flags: RollbackFlags, terminal: Terminal): Promise<number> => {
  const named = of.includes('/') ? parseWorkloadName(of) : undefined;
  const name = named === undefined ? checkName(of, 'live object') : undefined;
  return withCluster(flags, terminal, async (cluster) => {
    const policies = await policiesIn(cluster, terminal.signal);
    const objects =
      named === undefined
        ? policies.flatMap(({ delivery }) => delivery.objects.filter((each) => each.name === name))
        : liveObjectsFor(policies, named);
    const [object] = objects;
    if (object === undefined)
      throw new Failure(`no policy of namespace ${cluster.namespace} renders a live object for ${of}`);
    const workload = named ?? object.workloads[0];
    if (workload === undefined) throw new Failure(`no workload reads ${object.name}`);
    const store = createLiveStore(cluster.client);
    const { kind } = object.source;
    const [live, snapshots] = await Promise.all([
      store.get(kind, cluster.namespace, object.name, terminal.signal),
      store.snapshots(kind, cluster.namespace, object.name, terminal.signal),
    ]);
    const present = live?.rendered?.snapshot ?? 0;
    const numbers = snapshots.map(({ number }) => number);
    const to = flags.to ?? numbers.find((number) => number < present);
    if (to === undefined || !numbers.includes(to)) {
      const there = numbers.map((number) => (number === present ? `${number} (present)` : String(number))).join(', ');
      const wanted = to === undefined ? 'no earlier snapshot' : `no snapshot ${to}`;
      throw new Failure(`${object.name} has ${wanted}; there are: ${there === '' ? 'none' : there}`);
    }
    return ask([{ type: 'Rollback', snapshot: to, workload }], cluster, terminal, { timeoutMs: flags.timeout });
  });
};

/** @param of a policy; absent: all of the namespace */
export const diff = (of: string | undefined, flags: ClusterFlags, terminal: Terminal): Promise<number> => {
  const name = of === undefined ? undefined : checkName(of, 'policy');
  return withCluster(flags, terminal, async (cluster) => {
    const all = await policiesIn(cluster, terminal.signal);
    const policies = all.filter((policy) => name === undefined || policy.name === name);
    if (policies.length === 0) throw new Failure(`there is no such policy in namespace ${cluster.namespace}`);
    const store = createLiveStore(cluster.client);
    let differs = false;
    for (const object of policies.flatMap(({ delivery }) => delivery.objects)) {
      const lines = await differenceOf(object, store, cluster, terminal.signal);
      differs ||= lines.length > 0;
      for (const line of lines) terminal.out(`${plain(line)}\n`);
    }
    if (!differs) terminal.out('every live object holds what its source does\n');
    return EXIT.ok;
  });
};

const policiesIn = async ({ client, namespace }: Cluster, signal: AbortSignal): Promise<readonly StoredPolicy[]> => {
  const source = listWatch<RawPolicy>(client, { path: policiesPath(namespace) });
  const { items } = await source.list({ limit: 500 }, signal);
  return items.map(parsePolicy);
};

const differenceOf = async (
  { name, source }: LiveObject,
  store: LiveStore,
  { namespace }: Cluster,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  const [live, from] = await Promise.all([
    store.get(source.kind, namespace, name, signal),
    store.get(source.kind, namespace, source.name, signal),
  ]);
  const [is, wanted]: RawContent[] = [live?.content ?? new Map(), from?.content ?? new Map()];
  const keys = [...new Set([...(is?.keys() ?? []), ...(wanted?.keys() ?? [])])].sort();
  const moved = keys.filter((key) => is?.get(key)?.value !== wanted?.get(key)?.value);
  if (moved.length === 0) return [];
  const head = [`--- ${source.kind}/${name}`, `+++ ${source.kind}/${source.name}`];
  // Of Secrets only the names of keys are told.
  if (source.kind === 'Secret') return [...head, ...moved.map((key) => `@@ ${key} @@ differs`)];
  return [
    ...head,
    ...moved.flatMap((key) => [
      `@@ ${key} @@`,
      ...changedLines(is?.get(key)?.value.split('\n') ?? [], wanted?.get(key)?.value.split('\n') ?? []),
    ]),
  ];
};

/** The lines between what two texts begin and end with alike. */
const changedLines = (a: readonly string[], b: readonly string[]): readonly string[] => {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [
    ...a.slice(start, a.length - end).map((line) => `-${line}`),
    ...b.slice(start, b.length - end).map((line) => `+${line}`),
  ];
};
