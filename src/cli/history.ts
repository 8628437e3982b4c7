/** kubectl reload history */

import type { ReloadPolicyStatus, ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import { listWatch } from '../kube/listwatch.ts';
import { policies as policiesPath, records as recordsPath } from '../kube/paths.ts';
import type { RawPolicy } from '../kube/policies.ts';
import { recordName, type RawRecord } from '../kube/records.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { createFollower, type Followed, type Follower } from './follow.ts';
import { checkName, parseWorkloadName } from './names.ts';
import { asData, DOCUMENT_SEPARATOR, type DataFormat } from './output.ts';
import { age, table, type Cell, type Paint } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface HistoryFlags extends ClusterFlags {
  readonly output: 'text' | DataFormat;
  readonly watch?: boolean;
}

/** A past action of one workload, as it is printed with -o json. */
type Entry = NonNullable<ReloadRecordStatus['history']>[number] & {
  readonly namespace: string;
  /** `Deployment/web` */
  readonly workload: string;
};

export const history = (of: string | undefined, flags: HistoryFlags, terminal: Terminal): Promise<number> =>
  withCluster(flags, terminal, async (cluster) => {
    const follower = createFollower(terminal);
    try {
      const entries = entriesOf(of, cluster, follower);
      const show = showing(flags, terminal);
      await follower.next();
      show(entries());
      while (flags.watch === true) {
        await follower.next();
        show(entries());
      }
      return EXIT.ok;
    } finally {
      follower.close();
    }
  });

/** What there is to tell, newest first. A policy or record that is asked for by name has to be there. */
const entriesOf = (
  of: string | undefined,
  { client, scope }: Cluster,
  follower: Follower,
): (() => readonly Entry[]) => {
  const named = (name: string): { readonly query: { readonly fieldSelector: string } } => ({
    query: { fieldSelector: `metadata.name=${name}` },
  });
  const where = scope === undefined ? 'in any namespace' : `in namespace ${scope}`;
  if (of === undefined || of.includes('/')) {
    const workload = of === undefined ? undefined : parseWorkloadName(of);
    const followed = follower.follow(
      'reloadrecords',
      listWatch<RawRecord>(client, {
        path: recordsPath(scope),
        ...(workload !== undefined && named(recordName(workload))),
      }),
    );
    return () => {
      if (workload !== undefined)
        required(
          followed,
          `no record of ${workload.kind} ${workload.name} ${where}: is it bound by a policy? See kubectl reload status`,
        );
      return newestFirst(followed.items().flatMap(recorded));
    };
  }
  const followed = follower.follow(
    'reloadpolicies',
    listWatch<RawPolicy>(client, { path: policiesPath(scope), ...named(checkName(of, 'policy')) }),
  );
  return () => {
    required(followed, `no policy ${of} ${where}: see kubectl reload status; a workload is named as deploy/NAME`);
    return newestFirst(followed.items().flatMap(reported));
  };
};

const required = (followed: Followed<unknown>, otherwise: string): void => {
  if (followed.items().length === 0) throw new Failure(`there is ${otherwise}`);
};

/** What is under way stands beside the record's history, which it enters when it has ended. */
const recorded = ({ metadata: { namespace }, spec, status }: RawRecord): readonly Entry[] => {
  const workload = `${spec.workload.kind}/${spec.workload.name}`;
  const { restart, delivery, history: ended = [] } = status ?? {};
  const underWay: Entry[] =
    restart?.phase === 'InProgress'
      ? [
          {
            namespace,
            workload,
            time: restart.issuedAt,
            action: 'Restart',
            outcome: 'InProgress',
            ...(restart.reason !== undefined && { reason: restart.reason }),
            ...(restart.message !== undefined && { message: restart.message }),
            keys: restart.changes.flatMap(({ kind, name, keys }) =>
              Object.keys(keys).map((key) => `${kind}/${name}:${key}`),
            ),
            pods: restart.pods ?? 0,
          },
        ]
      : [];
  const proving: Entry[] =
    delivery?.phase === 'InProgress'
      ? [
          {
            namespace,
            workload,
            time: delivery.startedAt,
            action: 'Hot',
            outcome: delivery.message === undefined ? 'InProgress' : 'Held',
            reason: 'Proving',
            ...(delivery.message !== undefined && { message: delivery.message }),
            keys: delivery.places,
            pods: 0,
          },
        ]
      : [];
  return [...underWay, ...proving, ...ended.map((entry) => ({ namespace, workload, ...entry }))];
};

const reported = ({
  metadata: { namespace = '' },
  status,
}: {
  readonly metadata: { readonly namespace?: string };
  readonly status?: ReloadPolicyStatus;
}): readonly Entry[] => (status?.history ?? []).map((entry) => ({ namespace, ...entry }));

const newestFirst = (entries: readonly Entry[]): readonly Entry[] =>
  [...entries].sort((a, b) => Date.parse(b.time) - Date.parse(a.time));

type Show = (entries: readonly Entry[]) => void;

/** All that there is; from then on, what is new, in the order in which it came. */
const showing = (flags: HistoryFlags, { out, err, colour, clock }: Terminal): Show => {
  const { output, watch = false, allNamespaces = false } = flags;
  let shown: ReadonlySet<string> | undefined;
  return (entries) => {
    const before = shown;
    shown = new Set(entries.map((entry) => JSON.stringify(entry)));
    const news = entries.filter((entry) => before?.has(JSON.stringify(entry)) !== true);
    const inOrder = watch ? news.toReversed() : news;
    if (output !== 'text') {
      if (watch) out(inOrder.map((entry) => DOCUMENT_SEPARATOR[output] + asData(entry, output)).join(''));
      else out(asData({ entries }, output));
    } else if (news.length > 0) {
      const header = [...(allNamespaces ? ['NAMESPACE'] : []), 'WHEN', 'WORKLOAD', 'ACTION', 'OUTCOME', 'PODS', 'WHAT'];
      const rows = inOrder.map((entry) => [
        ...(allNamespaces ? [entry.namespace] : []),
        // Who follows along wants to know when it was, not how long ago it was when it was printed.
        watch ? entry.time : `${age(Date.parse(entry.time), clock.now())} ago`,
        ...cellsOf(entry),
      ]);
      out(table(before === undefined || before.size === 0 ? [header, ...rows] : rows, { colour }));
    } else if (before === undefined) {
      err('nothing has happened yet\n');
    }
  };
};

const cellsOf = ({ workload, action, outcome, pods, reason, keys, message }: Entry): readonly Cell[] => [
  workload,
  action,
  { text: outcome, paint: PAINTS[outcome] },
  String(pods),
  [
    ...(reason === undefined || reason === outcome ? [] : [`${reason}:`]),
    keys.join(', '),
    ...(message === undefined ? [] : [`(${message})`]),
  ].join(' '),
];

const PAINTS: Readonly<Record<Entry['outcome'], Paint>> = {
  InProgress: 'warn',
  Succeeded: 'good',
  Failed: 'bad',
  TimedOut: 'bad',
  Blocked: 'warn',
  Held: 'warn',
  Observed: 'dim',
};
