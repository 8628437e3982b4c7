/** Why a workload did not reload, and what to do about it: everything that stands in the way, in sentences. */

import { infoOf } from '../api/v1alpha1/kinds.ts';
import { IGNORE_ANNOTATION } from '../api/v1alpha1/names.ts';
import type { ReloadRecordStatus } from '../api/v1alpha1/types.ts';
import { followByHand, restartByHand, resumeByHand } from './by-hand.ts';
import {
  bindingPolicies,
  chosenSources,
  explain,
  namesSource,
  type Explained,
  type KeyExplanation,
  type SourceFacts,
} from './explain.ts';
import { tellNeed, unmetNeeds } from './needs.ts';
import { listed } from './listed.ts';
import { goalOf } from './proof-words.ts';
import { sourceId, type Policy, type SourceId } from './observed.ts';
import { unmountedLive } from './unmounted.ts';

export interface NotReloaded extends Explained {
  readonly policies: readonly (Policy & { readonly invalid?: string })[];
  /** The record of the workload; absent: there is none. */
  readonly record?: ReloadRecordStatus;
}

/**
 * The first sentence names what has to be put right first. Empty: nothing stands in the way.
 * @param key only what concerns this key, as `config.yaml` or `ConfigMap/app:config.yaml`
 */
export const whyNot = (known: NotReloaded, key?: string): readonly string[] => {
  const { workload, record } = known;
  const binding = bindingPolicies(known.policies, workload);
  if (workload.ignored) {
    return [
      `${nameOf(known)} carries ${IGNORE_ANNOTATION}: "true": nothing is done for it; take the annotation away to have it followed`,
    ];
  }
  if (workload.notItsOwn !== undefined) return [workload.notItsOwn];
  const invalid = known.policies.flatMap(({ name, invalid: why }) =>
    why === undefined ? [] : [`policy ${name} can't be used: ${why}: correct its spec`],
  );
  if (binding.length === 0) return [...invalid, unbound(known)];
  const obstacles = [
    ...invalid,
    ...binding.flatMap(policyObstacles),
    ...sourceObstacles(known, binding),
    ...unnamedSources(known, binding),
    ...recordObstacles(known),
    ...keyObstacles(known, key),
    ...unmountedLive(binding, workload),
    ...(workload.unfollowed ?? []),
  ];
  return obstacles.length === 0 && record !== undefined ? adoptedOnly(known, record) : obstacles;
};

type Known = NotReloaded;

const nameOf = ({ workload: { kind, name } }: Known): string => `${kind} ${name}`;

const unbound = (known: Known): string => {
  const { uses, namespace } = known.workload;
  const sources = chosenSources(uses);
  if (sources.length === 0) return `${nameOf(known)} reads no ConfigMap and no Secret: there is nothing to reload`;
  return `no policy of namespace ${namespace} binds ${nameOf(known)}: name what it reads (${listed(sources)}) in the sources of one and, where that lists workloads, the workload too`;
};

const policyObstacles = ({ name, suspended, observes = false }: Policy): readonly string[] => [
  ...(suspended
    ? [`policy ${name} is suspended: set its suspend to false, and what has changed meanwhile is acted on`]
    : []),
  ...(observes
    ? [`policy ${name} only observes: its status says what it would have done; set its mode to Enforce to have it done`]
    : []),
];

const sourceObstacles = ({ workload, sources }: Known, binding: readonly Policy[]): readonly string[] => {
  const ids = [...new Set(workload.uses.map((use) => sourceId(use.source)))].sort();
  return ids.flatMap((id) => {
    const facts = sources.get(id);
    if (facts === undefined || !binding.some((policy) => namesSource(policy, id))) return [];
    return [...stateObstacles(id, facts), ...missingKeys(workload.uses, id, facts)];
  });
};

const stateObstacles = (id: SourceId, { state, problems = [] }: SourceFacts): readonly string[] => {
  const why = problems.length === 0 ? '' : `: ${listed(problems, { most: 3 })}`;
  switch (state) {
    case 'Missing':
      return [`${id} does not exist, and a deletion is not acted on: make it again`];
    case 'Invalid':
      return [`${id} is not what validation demands${why}: nothing is done with it until its content is put right`];
    case 'Unreadable':
      return [`${id} can't be read${why}: what was known of it is kept until it can`];
    case 'Ignored':
      return [`${id} carries ${IGNORE_ANNOTATION}: "true": its changes are left alone; take the annotation away`];
    case 'Unknown':
      return [`${id} has not been read yet`];
    case 'Present':
      return [];
  }
};

const missingKeys = (uses: Known['workload']['uses'], id: SourceId, { state, keys }: SourceFacts): readonly string[] =>
  state === 'Present' || state === 'Invalid'
    ? unmetNeeds(uses, new Map([[id, { state, keys: new Set(keys) }]])).map((need) => `${tellNeed(need)}; add the key`)
    : [];

const unnamedSources = ({ workload }: Known, binding: readonly Policy[]): readonly string[] => {
  const unnamed = chosenSources(workload.uses).filter((id) => !binding.some((policy) => namesSource(policy, id)));
  return unnamed.length === 0
    ? []
    : [
        `no policy that binds it names ${listed(unnamed)}: changes there are left alone; add what matters to the sources of one`,
      ];
};

const recordObstacles = (known: Known): readonly string[] => {
  const { record } = known;
  if (record === undefined) {
    return [
      `the operator has no record of ${nameOf(known)} yet: see whether it runs, and whether its account may watch namespace ${known.workload.namespace}`,
    ];
  }
  const { held, restart, delivery } = record;
  const keys = held?.changes.flatMap((source) => Object.keys(source.keys).map((key) => `${sourceId(source)}:${key}`));
  return [
    ...(held === undefined
      ? []
      : [
          `a restart for ${listed((keys ?? []).sort())} waits since ${held.since}: ${held.message ?? held.reason}${wayOut(known, held.reason)}`,
        ]),
    ...(restart === undefined ? [] : restartObstacles(known, restart)),
    ...(delivery === undefined ? [] : deliveryObstacles(delivery)),
  ];
};

const deliveryObstacles = ({
  phase,
  proof,
  startedAt,
  message,
  places,
}: NonNullable<ReloadRecordStatus['delivery']>): readonly string[] => {
  const sent = `${listed(places)} was sent at ${startedAt}`;
  switch (phase) {
    case 'InProgress':
      return [
        message === undefined
          ? `${sent}; whether every pod is ${goalOf({ proof })} is being found out`
          : `${sent}; that every pod is ${goalOf({ proof })} is not found out for now: ${message}`,
      ];
    case 'TimedOut':
      return [
        `${sent}, but ${message ?? 'not proven in time'}; it is looked at on and on, and tried anew when content or what hot demands changes`,
      ];
    case 'Succeeded':
      return [];
  }
};

const restartObstacles = (
  known: Known,
  { n, phase, reason, message, issuedAt }: NonNullable<ReloadRecordStatus['restart']>,
): readonly string[] => {
  const why = message ?? reason ?? phase;
  switch (phase) {
    case 'InProgress':
      return reason === undefined
        ? [`restart ${n} is under way since ${issuedAt}: ${followByHand(known.workload)} follows it`]
        : [`restart ${n} has come to a stop: ${why}${wayOut(known, reason)}`];
    case 'Failed':
    case 'TimedOut':
      // A rollout of others that carried nothing is no failure of ours.
      return reason === 'NotCarried'
        ? []
        : [
            `restart ${n} ${phase === 'Failed' ? 'failed' : 'timed out'}: ${why}; it is not tried again until content or pod template change, or somebody asks for it: ${request(known, 'retry')}`,
          ];
    case 'Succeeded':
      return [];
  }
};

/** Beyond what the message of the reason says itself. */
const wayOut = (known: Known, reason: string): string => {
  switch (reason) {
    case 'Suspended':
      return '; set suspend to false';
    case 'Paused':
      return `; ${resumeByHand(known.workload)}`;
    case 'SourceMissing':
      return '; make it again';
    case 'RequiredKeyMissing':
      return '; add the key';
    case 'WaitingForEarlier':
    case 'EarlierFailed':
    case 'OutsideWindow':
    case 'Cooldown':
    case 'ConcurrencyLimit':
      return `; at once by ${request(known, 'now')}`;
    case 'Undone':
    case 'RolledBack':
    case 'RollbackRequested':
      return `; once more by ${request(known, 'retry')}`;
    default:
      return '';
  }
};

const request = ({ workload: { kind, namespace, name } }: Known, command: 'now' | 'retry'): string =>
  `kubectl reload ${command} ${infoOf(kind).short}/${name} -n ${namespace}`;

const keyObstacles = (known: Known, key: string | undefined): readonly string[] => {
  const explanations = explain(known, key);
  if (key !== undefined) {
    return explanations.length === 0
      ? [`no source that counts for ${nameOf(known)} has a key ${key}, and none is asked for it`]
      : explanations.flatMap(keyObstacle);
  }
  const counting = explanations.filter((each) => each.class !== undefined);
  return counting.length > 0 && counting.every((each) => !isActedOn(each))
    ? [`of its ${counting.length} keys none is hot, and none calls for a restart: see why for each`]
    : [];
};

/** Whether a change of some part of a key has an effect. */
const isActedOn = ({ class: effective, policies }: KeyExplanation): boolean =>
  [effective, ...policies.flatMap(({ paths }) => paths.map((path) => path.effective))].some(
    (each) => each === 'Hot' || each === 'Restart',
  );

const keyObstacle = (explanation: KeyExplanation): readonly string[] => {
  const { source, key, class: effective, impossible, why } = explanation;
  const name = `${sourceId(source)}:${key}`;
  if (effective === undefined) return [];
  if (effective === 'Hot') return [`${name} is hot, its files are refreshed without a restart: ${why}`];
  if (isActedOn(explanation)) return [];
  if (effective === 'Unused') return [`${name} changes nothing: ${why}`];
  return [
    impossible === undefined
      ? `${name} is ignored: ${why}; another class in that rule has it acted on`
      : `${name} is only reported: ${why}; onImpossible Restart has it restarted for`,
  ];
};

const adoptedOnly = (known: Known, { adoptedAt, history = [] }: ReloadRecordStatus): readonly string[] =>
  history.length > 0
    ? []
    : [
        infoOf(known.workload.kind).restart === 'NextRun'
          ? `it was taken over as it was at ${adoptedAt}, and nothing has changed since; its next run starts on what its sources hold`
          : `it was taken over as it ran at ${adoptedAt}, and nothing has changed since; if its pods started on older content: ${restartByHand(known.workload)}`,
      ];
