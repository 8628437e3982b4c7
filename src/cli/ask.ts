/** kubectl reload approve, now, retry and reset: what a record says is waiting becomes a request for exactly that. */

import type { ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import { changedKeys } from '../domain/difference.ts';
import { listed } from '../domain/listed.ts';
import type { Changes } from '../domain/observed.ts';
import { ledgerOf } from '../domain/record.ts';
import { listWatch } from '../kube/listwatch.ts';
import { policies as policiesPath, records as recordsPath } from '../kube/paths.ts';
import type { RawPolicy } from '../kube/policies.ts';
import { recordName, type RawRecord } from '../kube/records.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { Failure, usage } from './exit.ts';
import { everyItem } from '../kube/every-item.ts';
import { checkName, parseWorkloadName, type WorkloadName } from './names.ts';
import { ask, type Wish } from './request.ts';
import { plain } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface AskFlags extends ClusterFlags {
  /** In ms. */
  readonly timeout: number;
}

export interface ApproveFlags extends AskFlags {
  readonly digest?: string;
}

export const approve = (of: string, flags: ApproveFlags, terminal: Terminal): Promise<number> => {
  const workload = of.includes('/') ? parseWorkloadName(of) : undefined;
  const policy = workload === undefined ? checkName(of, 'policy') : undefined;
  if (policy !== undefined && flags.digest !== undefined)
    throw usage('--digest names the content of one workload: name it, as deploy/NAME');
  return withCluster(flags, terminal, async (cluster) => {
    const records =
      workload === undefined
        ? await recordsUnder(policy ?? '', cluster, terminal)
        : [await recordOf(workload, cluster, terminal.signal)];
    const waiting = records.flatMap((record) => {
      const waits = record.status === undefined ? undefined : waitingIn(record.status);
      return waits?.reason === 'ApprovalPending' ? [{ workload: workloadIn(record), ...waits }] : [];
    });
    const what = workload === undefined ? `policy ${policy ?? ''}` : nameOf(workload);
    if (waiting.length === 0) {
      const others = records.flatMap((record) => othersIn(record));
      const instead = others.length === 0 ? '' : `; ${listed(others, { most: 3, by: '; ' })}`;
      throw new Failure(
        `nothing of ${what} waits for approval${instead}: see kubectl reload status -n ${cluster.namespace}`,
      );
    }
    const other = waiting.find(({ digest }) => flags.digest !== undefined && digest !== flags.digest);
    if (other !== undefined)
      throw new Failure(`what waits of ${what} is content ${other.digest}, and not ${flags.digest ?? ''}`);
    for (const { workload: each, changes, digest } of waiting)
      terminal.out(plain(`${nameOf(each)}: approving content ${digest}: ${keysOf(changes)}`) + '\n');
    return ask(
      waiting.map(({ workload: each, digest }): Wish => ({ type: 'Approve', workload: each, digest })),
      cluster,
      terminal,
      { timeoutMs: flags.timeout },
    );
  });
};

export const now = (of: string, flags: AskFlags, terminal: Terminal): Promise<number> =>
  forOne(of, flags, terminal, (status, name) => {
    const waits = waitingIn(status);
    if (waits === undefined) throw new Failure(`no restart of ${name} waits: there is nothing to let through`);
    return { type: 'RunNow', digest: waits.digest };
  });

export const retry = (of: string, flags: AskFlags, terminal: Terminal): Promise<number> =>
  forOne(of, flags, terminal, ({ failed, restart }, name) => {
    const ended = restart?.phase === 'Failed' || restart?.phase === 'TimedOut' ? restart : undefined;
    const digest = (failed ?? ended)?.digest;
    if (digest === undefined) throw new Failure(`no restart of ${name} has failed: there is nothing to try again`);
    return { type: 'Retry', digest };
  });

export const reset = (of: string, flags: AskFlags, terminal: Terminal): Promise<number> =>
  forOne(of, flags, terminal, () => ({ type: 'ResetBudget' }));

const forOne = (
  of: string,
  flags: AskFlags,
  terminal: Terminal,
  wish: (status: ReloadRecordStatus, name: string) => Omit<Wish, 'workload'>,
): Promise<number> => {
  const workload = parseWorkloadName(of);
  return withCluster(flags, terminal, async (cluster) => {
    const { status } = await recordOf(workload, cluster, terminal.signal);
    if (status === undefined) throw unbound(workload, cluster);
    return ask([{ ...wish(status, nameOf(workload)), workload }], cluster, terminal, { timeoutMs: flags.timeout });
  });
};

interface Waiting {
  readonly reason: string;
  readonly digest: string;
  readonly changes: Changes;
}

/** A change that is held, or a restart for a hot change that was not proven in time. */
const waitingIn = (status: ReloadRecordStatus): Waiting | undefined => {
  const { held, delivery } = ledgerOf(status);
  if (held?.digest !== undefined) return { reason: held.reason, digest: held.digest, changes: held.changes };
  return delivery?.awaits === undefined ? undefined : { ...delivery.awaits, changes: delivery.changes };
};

/** What a change waits for other than approval. */
const othersIn = (record: RawRecord): readonly string[] => {
  const waits = record.status === undefined ? undefined : waitingIn(record.status);
  return waits === undefined ? [] : [plain(`${nameOf(workloadIn(record))} waits for something else (${waits.reason})`)];
};

const nameOf = ({ kind, name }: WorkloadName): string => `${kind}/${name}`;

const workloadIn = ({ spec: { workload } }: RawRecord): WorkloadName => ({ kind: workload.kind, name: workload.name });

const unbound = (workload: WorkloadName, { namespace }: Cluster): Failure =>
  new Failure(
    `there is no record of ${nameOf(workload)} in namespace ${namespace}: is it bound by a policy? See kubectl reload status -n ${namespace}`,
  );

const recordOf = async (workload: WorkloadName, cluster: Cluster, signal: AbortSignal): Promise<RawRecord> => {
  const query = { fieldSelector: `metadata.name=${recordName(workload)}` };
  const path = recordsPath(cluster.namespace);
  const { items } = await listWatch<RawRecord>(cluster.client, { path, query }).list({ limit: 1 }, signal);
  const [record] = items;
  if (record === undefined) throw unbound(workload, cluster);
  return record;
};

/** The records of the workloads that a policy's status lists: those that need somebody come first there. */
const recordsUnder = async (
  policy: string,
  { client, namespace }: Cluster,
  { signal, err }: Terminal,
): Promise<readonly RawRecord[]> => {
  const query = { fieldSelector: `metadata.name=${policy}` };
  const named = await listWatch<RawPolicy>(client, { path: policiesPath(namespace), query }).list({ limit: 1 }, signal);
  const status = named.items[0]?.status;
  if (named.items.length === 0)
    throw new Failure(
      `there is no policy ${policy} in namespace ${namespace}: see kubectl reload status; a workload is named as deploy/NAME`,
    );
  const { workloads = [], workloadCount = 0 } = status ?? {};
  if (workloadCount > workloads.length)
    err(`the policy lists ${workloads.length} of its ${workloadCount} workloads: approve again for the others\n`);
  const records = await everyItem<RawRecord>(client, { path: recordsPath(namespace) }, signal);
  return records.filter(({ spec }) =>
    workloads.some(({ kind, name }) => kind === spec.workload.kind && name === spec.workload.name),
  );
};

/** A restart may be due without a changed key: content came back after pods had started on other content. */
const keysOf = (changes: Changes): string =>
  changes.size === 0 ? 'what pods run on may not be what is there now' : listed(changedKeys(changes), { most: 20 });
