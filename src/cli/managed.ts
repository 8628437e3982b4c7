/** kubectl reload rollback and diff: what live objects hold, beside their sources and their snapshots. */

import { createLiveStore } from '../kube/live.ts';
import { KubeError } from '../kube/errors.ts';
import { policies as policiesPath } from '../kube/paths.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import type { LiveStore, RawContent, RawObject, StoredPolicy } from '../controller/ports.ts';
import { liveObjectsFor, type LiveObject } from '../domain/live.ts';
import type { SourceKind } from '../domain/selection.ts';
import type { AskFlags } from './ask.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { everyItem } from '../kube/every-item.ts';
import { checkName, parseWorkloadName } from './names.ts';
import { ask } from './request.ts';
import { plain } from './style.ts';
import type { Terminal } from './terminal.ts';
import { unifiedDiff } from './unified-diff.ts';

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
    const workload = named ?? objects[0]?.workloads[0];
    if (objects.length === 0 || workload === undefined)
      throw new Failure(
        `no policy of namespace ${cluster.namespace} renders a live object for ${of}: there is nothing to go back to`,
      );
    const store = createLiveStore(cluster.client);
    const kept = await Promise.all(objects.map((object) => snapshotsOf(object, store, cluster, terminal.signal)));
    const [first, ...more] = kept.flatMap((each) => choiceOf(each, flags.to));
    const there = `there are: ${kept.map(toldSnapshots).join('; ')}`;
    if (first === undefined) {
      const wanted =
        flags.to === undefined ? 'there is no snapshot before the present one' : `there is no snapshot ${flags.to}`;
      throw new Failure(`${wanted}; ${there}`);
    }
    if (more.some(({ object }) => object !== first.object))
      throw new Failure(
        `${of} reads several live objects that can go back: name one, as in kubectl reload rollback ${first.object}; ${there}`,
      );
    return ask([{ type: 'Rollback', ...first, workload }], cluster, terminal, { timeoutMs: flags.timeout });
  });
};

/** What can be gone back to of a live object. */
interface Kept {
  readonly name: string;
  /** The newest first. */
  readonly numbers: readonly number[];
  /** Which of them it is of; 0: it is of none. */
  readonly present: number;
}

const snapshotsOf = async (
  { name, source: { kind } }: LiveObject,
  store: LiveStore,
  { namespace }: Cluster,
  signal: AbortSignal,
): Promise<Kept> => {
  const [live, snapshots] = await Promise.all([
    store.get(kind, namespace, name, signal),
    store.snapshots(kind, namespace, name, signal),
  ]);
  return { name, numbers: snapshots.map(({ number }) => number), present: live?.rendered?.snapshot ?? 0 };
};

/** The snapshot of one live object that is asked for. @param to absent: the latest before the present one */
const choiceOf = (
  { name, numbers, present }: Kept,
  to: number | undefined,
): readonly { readonly object: string; readonly snapshot: number }[] => {
  const snapshot = numbers.find((number) => (to === undefined ? number < present : number === to));
  return snapshot === undefined ? [] : [{ object: name, snapshot }];
};

const toldSnapshots = ({ name, numbers, present }: Kept): string => {
  const told = numbers.map((number) => (number === present ? `${number} (present)` : String(number)));
  return `of ${name} ${told.join(', ') || 'none'}`;
};

/** @param of a policy; absent: all of the namespace */
export const diff = (of: string | undefined, flags: ClusterFlags, terminal: Terminal): Promise<number> => {
  const name = of === undefined ? undefined : checkName(of, 'policy');
  return withCluster(flags, terminal, async (cluster) => {
    const all = await policiesIn(cluster, terminal.signal);
    const policies = all.filter((policy) => name === undefined || policy.name === name);
    if (name !== undefined && policies.length === 0)
      throw new Failure(`there is no policy ${name} in namespace ${cluster.namespace}: see kubectl reload status`);
    const objects = policies.flatMap(({ delivery }) => delivery.objects);
    if (objects.length === 0) {
      const which = name === undefined ? `no policy of namespace ${cluster.namespace}` : `policy ${name} never`;
      terminal.out(`${which} renders a live object: kubelets deliver what sources hold\n`);
      return EXIT.ok;
    }
    const store = createLiveStore(cluster.client);
    let equal = true;
    for (const object of objects) {
      const lines = await differenceOf(object, store, cluster, terminal);
      equal &&= lines?.length === 0;
      for (const line of lines ?? []) terminal.out(`${plainText(line)}\n`);
    }
    if (equal) terminal.out('every live object holds what its source does\n');
    return EXIT.ok;
  });
};

/** Indentation by tabs is content. */
const plainText = (line: string): string => line.split('\t').map(plain).join('\t');

const policiesIn = async ({ client, namespace }: Cluster, signal: AbortSignal): Promise<readonly StoredPolicy[]> =>
  (await everyItem<RawPolicy>(client, { path: policiesPath(namespace) }, signal)).map(parsePolicy);

/** From what a live object holds to what its source does; undefined: they can't be compared, which is told. */
const differenceOf = async (
  { name, source }: LiveObject,
  store: LiveStore,
  { namespace }: Cluster,
  { signal, err }: Terminal,
): Promise<readonly string[] | undefined> => {
  const { kind } = source;
  const [live, from] = await Promise.all(
    [name, source.name].map((each) => readable(store.get(kind, namespace, each, signal))),
  );
  const missing = [
    { name, found: live },
    { name: source.name, found: from },
  ].filter(({ found }) => found === undefined || found === 'Forbidden');
  for (const { name: which, found } of missing)
    err(
      `${kind} ${which} of namespace ${namespace} ${found === undefined ? 'does not exist' : "can't be read: ask for the right to get it"}\n`,
    );
  if (typeof live !== 'object' || typeof from !== 'object') return undefined;
  const keys = [...new Set([...live.content.keys(), ...from.content.keys()])].sort();
  return keys.flatMap((key) =>
    keyDifference(
      kind,
      [`${kind}/${name}:${key}`, live.content.get(key)],
      [`${kind}/${source.name}:${key}`, from.content.get(key)],
    ),
  );
};

const readable = async (read: Promise<RawObject | undefined>): Promise<RawObject | 'Forbidden' | undefined> =>
  read.catch((error: unknown) => {
    if (error instanceof KubeError && error.status === 403) return 'Forbidden';
    throw error;
  });

type Value = ReturnType<RawContent['get']>;

/** Of a Secret, and of bytes that are no text, only the name of the key is told. */
const keyDifference = (
  kind: SourceKind,
  [here, live]: readonly [string, Value],
  [there, from]: readonly [string, Value],
): readonly string[] => {
  if (live?.value === from?.value && live?.field === from?.field) return [];
  if (kind === 'Secret' || live?.field === 'binaryData' || from?.field === 'binaryData') {
    if (live === undefined) return [`Only in the source: ${there}`];
    if (from === undefined) return [`Only in the live object: ${here}`];
    return [`${here} and ${there} differ`];
  }
  return [
    `--- ${live === undefined ? '/dev/null' : here}`,
    `+++ ${from === undefined ? '/dev/null' : there}`,
    ...unifiedDiff(live?.value ?? '', from?.value ?? ''),
  ];
};
