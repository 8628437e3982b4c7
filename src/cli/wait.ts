/** kubectl reload wait */

import { CONSUMER_KINDS } from '../api/v1alpha1/kinds.ts';
import { IGNORE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { MacKey } from '../domain/digest.ts';
import type { Policy } from '../domain/observed.ts';
import type { WorkloadKind } from '../domain/selection.ts';
import { listWatch, type KubeObject, type ObjectMeta } from '../kube/listwatch.ts';
import { dataChangedBefore, type ManagedFieldsEntry } from '../kube/managed-fields.ts';
import * as paths from '../kube/paths.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { parseRecord, type RawRecord } from '../kube/records.ts';
import { whenServed } from '../kube/when-served.ts';
import { parseWorkload, type RawWorkload } from '../kube/workloads.ts';
import type { Clock } from '../runtime/clock.ts';
import { withCluster, type Cluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure, usage } from './exit.ts';
import { createFollower, type Followed, type Follower } from './follow.ts';
import { parseSourceName, type SourceName } from './names.ts';
import type { Manifest } from './manifests.ts';
import { ephemeralKey, sourceState } from './source-state.ts';
import { count, plain } from './style.ts';
import type { Terminal } from './terminal.ts';
import { SECRET_SETTLES_MS, standings, type LiveSource, type Standing, type WaitInput } from './wait-state.ts';

export interface WaitFlags extends ClusterFlags {
  readonly source: readonly string[];
  /** In ms. */
  readonly timeout: number;
}

interface RawSource extends KubeObject {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFieldsEntry[] };
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

export const wait = (flags: WaitFlags, terminal: Terminal): Promise<number> => {
  const sources = flags.source.map(parseSourceName);
  return withCluster(flags, terminal, async (cluster) => {
    const late = new AbortController();
    const cancel = terminal.clock.schedule(flags.timeout, () => {
      late.abort(TIMED_OUT);
    });
    const follower = createFollower({ ...terminal, signal: AbortSignal.any([terminal.signal, late.signal]) });
    let latest: readonly Standing[] = [];
    try {
      return await settle(cluster, sources, follower, terminal, (now) => {
        latest = now;
      });
    } catch (error) {
      if (error !== TIMED_OUT) throw error;
      const open = latest.filter(({ state }) => state === 'Waiting').map(sentence);
      throw new Failure(
        `not done after ${flags.timeout / 1_000} s: ${open.length === 0 ? 'the cluster has not answered' : open.join('; ')}; see kubectl reload status -n ${cluster.namespace}`,
        EXIT.timeout,
      );
    } finally {
      cancel();
      follower.close();
    }
  });
};

const TIMED_OUT = new Error('timed out');

/** Looks again with every change until nothing is waited for; the exit code. */
const settle = async (
  cluster: Cluster,
  sources: readonly SourceName[],
  follower: Follower,
  { clock, err, out }: Terminal,
  note: (standings: readonly Standing[]) => void,
): Promise<number> => {
  const look = looking(cluster, sources, follower, clock);
  let said = '';
  let cancel: (() => void) | undefined;
  try {
    for (;;) {
      await follower.next();
      cancel?.();
      const input = look(clock.now());
      if (input === undefined) continue;
      const found = standings(input);
      note(found);
      const verdict = verdictOf(found);
      if (verdict !== undefined) {
        if (verdict.code === EXIT.ok) out(`${verdict.message}\n`);
        else throw new Failure(verdict.message, verdict.code);
        return EXIT.ok;
      }
      const open = found.filter(({ state }) => state === 'Waiting').map(sentence);
      const text = `waiting for ${open.join('; ')}\n`;
      if (text !== said) err(text);
      said = text;
      cancel = settling(input, () => {
        follower.again();
      });
    }
  } finally {
    cancel?.();
  }

  /** Time alone decides when a Secret's report is about its present content. */
  function settling({ sources: live, now }: WaitInput, again: () => void): (() => void) | undefined {
    const due = live.flatMap(({ stateFor, changedBefore }) =>
      stateFor === undefined ? [changedBefore + SECRET_SETTLES_MS] : [],
    );
    const next = due.filter((at) => at > now);
    return next.length === 0 ? undefined : clock.schedule(Math.min(...next) - now, again);
  }
};

const looking = (
  { client, namespace }: Cluster,
  sources: readonly SourceName[],
  follower: Follower,
  clock: Pick<Clock, 'sleep'>,
): ((now: number) => WaitInput | undefined) => {
  const live = sources.map(({ kind, name }) => ({
    kind,
    name,
    followed: follower.follow(
      `${kind} ${name}`,
      listWatch<RawSource>(client, {
        path: paths.sources(kind)(namespace),
        query: { fieldSelector: `metadata.name=${name}` },
        // A Secret's values are of no use here, and need not come over the wire.
        metadataOnly: kind === 'Secret',
      }),
    ),
  }));
  const policies = follower.follow('reloadpolicies', listWatch<RawPolicy>(client, { path: paths.policies(namespace) }));
  const records = follower.follow('reloadrecords', listWatch<RawRecord>(client, { path: paths.records(namespace) }));
  const follow = (kind: WorkloadKind): Followed<RawWorkload> => {
    const source = listWatch<RawWorkload>(client, { path: paths.workloads(kind)(namespace) });
    return follower.follow(kind, kind === 'Rollout' ? whenServed(source, clock) : source);
  };
  const workloads = new Map(CONSUMER_KINDS.map((kind): [WorkloadKind, Followed<RawWorkload>] => [kind, follow(kind)]));
  /** Kinds that policies have to name are followed where one does. */
  const followNamed = (bound: readonly Policy[]): void => {
    for (const { kind } of bound.flatMap(({ workloads: bindings = [] }) => bindings))
      if (!workloads.has(kind)) workloads.set(kind, follow(kind));
  };
  const macKey = ephemeralKey();
  let firstSeen: number | undefined;
  return (now) => {
    firstSeen ??= now;
    const known = policies.items().map(parsePolicy);
    const before = workloads.size;
    followNamed(known);
    if (workloads.size > before) return undefined;
    return {
      now,
      sources: live.map(({ kind, name, followed }) => {
        const [raw] = followed.items();
        if (raw === undefined)
          throw usage(`there is no ${kind} ${name} in namespace ${namespace}: check --source and --namespace`);
        return liveSource({ kind, name }, raw, namespace, macKey, firstSeen ?? now);
      }),
      policies: known,
      records: records.items().map(parseRecord),
      workloads: [...workloads].flatMap(([kind, followed]) => followed.items().map((raw) => parseWorkload(kind, raw))),
    };
  };
};

const liveSource = (
  { kind, name }: SourceName,
  raw: RawSource,
  namespace: string,
  macKey: MacKey,
  firstSeen: number,
): LiveSource => {
  const { labels = {}, annotations = {}, managedFields = [], creationTimestamp = '' } = raw.metadata;
  const metadata = { namespace, name, labels, annotations };
  const manifest: Manifest = { kind, metadata, raw: { ...raw }, origin: 'the cluster', live: true };
  return {
    kind,
    namespace,
    name,
    labels,
    ignored: annotations[IGNORE_ANNOTATION] === 'true',
    // MACs are made with a key that only the operator has.
    ...(kind === 'ConfigMap' && { stateFor: (policies) => sourceState(manifest, policies, macKey) }),
    changedBefore: dataChangedBefore(managedFields, Date.parse(creationTimestamp) || 0) ?? firstSeen,
  };
};

interface Verdict {
  readonly code: number;
  readonly message: string;
}

/** Undefined while something is waited for. The worst counts: what has failed fails the whole. */
const verdictOf = (found: readonly Standing[]): Verdict | undefined => {
  const as = (state: Standing['state'], code: number): Verdict | undefined => {
    const those = found.filter((standing) => standing.state === state);
    return those.length === 0 ? undefined : { code, message: those.map(sentence).join('; ') };
  };
  const bad = as('Unbound', EXIT.usage) ?? as('Failed', EXIT.failed) ?? as('Held', EXIT.held);
  if (bad !== undefined) return bad;
  if (found.some(({ state }) => state === 'Waiting')) return undefined;
  const { size } = new Set(found.map(({ workload }) => workload));
  return {
    code: EXIT.ok,
    message: size === 0 ? 'done: no bound workload reads it' : `done in ${count(size, 'workload')}`,
  };
};

const sentence = ({ source, workload, message }: Standing): string =>
  plain(workload === undefined ? `${source}: ${message}` : `${workload}, ${source}: ${message}`);
