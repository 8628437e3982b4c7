/** kubectl reload explain */

import { bindingPolicies, explain as explainKeys, type KeyExplanation, type SourceFacts } from '../domain/explain.ts';
import { sourceId, sourceOf, type Policy, type Source, type SourceId, type Workload } from '../domain/observed.ts';
import { openGates, waitsOf } from '../domain/explain-waits.ts';
import { bindsThroughLive, throughLive } from '../domain/live.ts';
import { problemsOf } from '../domain/validation.ts';
import { whyNot } from '../domain/why-not.ts';
import type { StoredRecord } from '../controller/ports.ts';
import { everyItem } from '../kube/every-item.ts';
import { records as recordsPath } from '../kube/paths.ts';
import { parseRecord, type RawRecord } from '../kube/records.ts';
import { withCluster, type ClusterFlags } from './cluster.ts';
import { EXIT, Failure } from './exit.ts';
import { toldWaits, waitAsData, type Wait } from './explain-waits.ts';
import { readNamespace } from './live.ts';
import { readManifests } from './manifests.ts';
import { parseWorkloadName, type SourceName, type WorkloadName } from './names.ts';
import { outlookOn } from './outlook.ts';
import { asData, type DataFormat } from './output.ts';
import { snapshotOf, worldOf, type Unread, type World } from './snapshot.ts';
import { ephemeralKey } from './source-state.ts';
import { plain, painted, table, type Cell, type Paint } from './style.ts';
import type { Terminal } from './terminal.ts';

export interface ExplainFlags extends ClusterFlags {
  /** `config.yaml` or `ConfigMap/app:config.yaml` */
  readonly key?: string;
  readonly against?: string;
  readonly output: 'text' | DataFormat;
}

export const explain = async (of: string, flags: ExplainFlags, terminal: Terminal): Promise<number> => {
  const wanted = parseWorkloadName(of);
  const { against } = flags;
  const known = against === undefined ? await online(wanted, flags, terminal) : await offline(against, flags, terminal);
  const explanation = explained(wanted, known, flags, terminal.clock.now());
  terminal.out(flags.output === 'text' ? textOf(explanation, terminal.colour) : asData(explanation, flags.output));
  return EXIT.ok;
};

interface Known {
  readonly world: World;
  readonly namespace: string;
  readonly unread: readonly Unread[];
  /** What the operator remembers of the namespace; absent: nobody was asked. */
  readonly records?: readonly StoredRecord[];
}

interface KeyWaits extends KeyExplanation {
  /**
   * What would hold a change of it that was made now, as far as a restart is concerned; none: it would begin at once.
   * Absent: no gate is asked about it.
   */
  readonly waits?: readonly Wait[];
  /** What has changed of its source waits, and this is what for. */
  readonly waiting?: true;
}

/** As it is printed with -o json. */
interface Explanation extends WorkloadName {
  readonly namespace: string;
  /** Names of those that bind it. */
  readonly policies: readonly string[];
  /** The live objects that it reads in the place of sources; absent: none. */
  readonly live?: readonly { readonly object: SourceName; readonly source: SourceName }[];
  readonly keys: readonly KeyWaits[];
  /** Where policies set gates: when windows that are open close, in sentences. Absent: none sets any. */
  readonly openGates?: readonly string[];
  /** What keeps it from reloading, the first thing to put right first. */
  readonly obstacles: readonly string[];
}

const offline = async (
  against: string,
  { namespace = 'default' }: ExplainFlags,
  { stdin }: Terminal,
): Promise<Known> => ({
  world: worldOf(await readManifests([against], { defaultNamespace: namespace, stdin })),
  namespace,
  unread: [],
});

const online = (wanted: WorkloadName, flags: ExplainFlags, terminal: Terminal): Promise<Known> =>
  withCluster(flags, terminal, async ({ client, namespace }) => {
    const { signal } = terminal;
    const [{ manifests, unread }, records] = await Promise.all([
      readNamespace(client, namespace, signal, { reader: wanted }),
      everyItem<RawRecord>(client, { path: recordsPath(namespace) }, signal),
    ]);
    for (const { kind, name } of unread)
      terminal.err(
        `${kind} ${name} of namespace ${namespace} can't be read: its keys are taken to be those that are used\n`,
      );
    return { world: worldOf(manifests), namespace, unread, records: records.map(parseRecord) };
  });

const explained = (
  { kind, name }: WorkloadName,
  { world, namespace, unread, records }: Known,
  { key }: ExplainFlags,
  now: number,
): Explanation => {
  const { sources, ...nouns } = snapshotOf(world, { macKey: ephemeralKey(), unread });
  const { policies, invalid, workloads } = nouns;
  const found = workloads.find((each) => each.namespace === namespace && each.kind === kind && each.name === name);
  if (found === undefined)
    throw new Failure(`there is no ${kind} ${name} in namespace ${namespace}: check --namespace and the name`);
  const binding = policies.filter((policy) => policy.namespace === namespace && bindsThroughLive(policy, found));
  const here = [...binding, ...invalid.filter((policy) => policy.namespace === namespace)];
  const workload = throughLive(found, binding);
  const facts = factsOf(workload, here, sources);
  const keys = explainKeys({ workload, policies: here, sources: facts }, key);
  if (key !== undefined && keys.length === 0)
    throw new Failure(
      `no source that counts for ${kind} ${name} has a key ${key}: see kubectl reload explain without --key`,
    );
  // A record of a workload that had the name before says nothing of this one.
  const record = records?.find(({ workloadUid }) => workloadUid === workload.uid)?.status;
  const obstacles =
    records === undefined
      ? []
      : whyNot({ workload, policies: here, sources: facts, ...(record !== undefined && { record }) }, key);
  const outlook = outlookOn(found, { nouns, sources, facts, ...(records !== undefined && { records }), now });
  const open = openGates(outlook);
  return {
    namespace,
    kind,
    name,
    policies: bindingPolicies(here, workload).map((policy) => policy.name),
    ...(workload.live !== undefined && {
      live: [...workload.live].map(([object, source]) => ({ object: sourceOf(object), source: sourceOf(source) })),
    }),
    keys: keys.map((each) => {
      const waits = waitsOf(outlook, each);
      return waits === undefined
        ? each
        : { ...each, waits: waits.holds.map(waitAsData), ...(waits.made && { waiting: true as const }) };
    }),
    ...(open !== undefined && { openGates: open }),
    obstacles,
  };
};

/** What the workload uses, and what policies name. */
const factsOf = (
  workload: Workload,
  policies: readonly Policy[],
  sources: ReadonlyMap<string, Source>,
): ReadonlyMap<SourceId, SourceFacts> => {
  const names = policies.map(({ name }) => name);
  const named = [...workload.uses.map((use) => use.source), ...policies.flatMap((policy) => policy.sources)];
  return new Map(
    [...new Set(named.map(sourceId))].map((id) => [id, factsAbout(sources.get(`${workload.namespace}/${id}`), names)]),
  );
};

const factsAbout = (source: Source | undefined, policies: readonly string[]): SourceFacts => {
  if (source?.state !== 'Present') return { state: source?.state ?? 'Missing', keys: [] };
  const problems = problemsOf(source, policies);
  const { keys, immutable } = source;
  return { state: problems.length > 0 ? 'Invalid' : 'Present', keys: [...keys.keys()], immutable, problems };
};

const PAINTS: Readonly<Record<NonNullable<KeyExplanation['class']>, Paint>> = {
  Hot: 'good',
  Restart: 'warn',
  Ignore: 'dim',
  Unused: 'dim',
};

const textOf = (explanation: Explanation, colour: boolean): string => {
  const { namespace, kind, name, policies, live = [], keys, obstacles } = explanation;
  const by = policies.length === 0 ? 'no policy binds it' : `bound by ${policies.join(', ')}`;
  const rows = keys.flatMap(
    ({ source, key, class: effective, consumption, proof, why }): readonly (readonly Cell[])[] => {
      const places = new Set(consumption.map(({ where, container }) => `${where} (${container})`));
      return [
        [
          `${sourceId(source)}:${key}`,
          effective === undefined ? '-' : { text: effective, paint: PAINTS[effective] },
          why,
        ],
        ...[...(places.size === 0 ? [] : [`read as ${[...places].join(', ')}`]), ...(proof?.says ?? [])].map((text) => [
          '',
          '',
          { text, paint: 'dim' } as const,
        ]),
      ];
    },
  );
  const stands = obstacles.map((each) => `  - ${plain(each)}\n`).join('');
  return [
    `${painted(`${kind} ${name}`, 'bold', colour)} of namespace ${namespace}: ${by}\n`,
    ...live.map(({ object, source }) => `${sourceId(source)} reaches it as ${sourceId(object)}\n`),
    ...(rows.length === 0 ? [] : [`\n${table([['KEY', 'EFFECT', 'WHY'], ...rows], { colour })}`]),
    ...toldWaits(explanation),
    ...(stands === '' ? [] : [`\nTo know, or to put right:\n${stands}`]),
  ].join('');
};
