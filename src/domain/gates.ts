/**
 * What can hold a change back, as an ordered list: the first that holds is the reason a user reads.
 */

import { consumedSources } from './difference.ts';
import { liveTrouble, type LiveTrouble } from './live.ts';
import { tellNeed, unmetNeeds } from './needs.ts';
import { sourceId, type Observed, type Source, type SourceId } from './observed.ts';
import { listed } from './notices.ts';
import { keyOfUnit } from './units.ts';
import { rolloutBlocker } from './rollout.ts';
import { problemsOf } from './validation.ts';

export interface Hold {
  readonly reason:
    | 'Suspended'
    | 'SourceMissing'
    | 'SourceUnreadable'
    | 'RequiredKeyMissing'
    | 'SourceInvalid'
    | 'ImmutableRecreated'
    | 'Paused'
    | 'OnDelete'
    | LiveTrouble['reason'];
  readonly message: string;
}

type Gate = (observed: Observed, changed: ReadonlySet<SourceId>) => Hold | undefined;

/** Any enforcing policy that names a changed source can hold its change (design law 16). */
export const suspended: Gate = ({ policies }, changed) => {
  const holding = policies.filter(
    (policy) => policy.suspended && policy.sources.some((source) => changed.has(sourceId(source))),
  );
  return holding.length === 0
    ? undefined
    : { reason: 'Suspended', message: `policy ${holding.map(({ name }) => name).join(', ')} is suspended` };
};

/** Pods are never started on content known to be bad (design law 11). */
const sourcesUsable: Gate = (observed) => {
  const { uses } = observed.workload;
  const [need] = unmetNeeds(uses, observed.sources);
  if (need !== undefined) return { reason: need.reason, message: tellNeed(need) };
  for (const id of consumedSources(observed).keys()) {
    const source = observed.sources.get(id) ?? { state: 'Unknown' };
    if (source.state !== 'Unknown' || uses.every((use) => use.optional || sourceId(use.source) !== id)) continue;
    return { reason: 'SourceUnreadable', message: `${id} can't be read: ${source.message ?? 'not read yet'}` };
  }
  return undefined;
};

/**
 * Content that a policy's validation refuses is neither told to pods nor are any started on it (design law 11). It stands
 * in the way of other changes, too: a nudge delivers all that a pod mounts, and a restart starts on it. The policies that
 * bind this workload count, and no others.
 */
const contentValid: Gate = (observed) => {
  const names = observed.policies.map(({ name }) => name);
  for (const id of consumedSources(observed).keys()) {
    const problems = problemsOf(observed.sources.get(id), names);
    if (problems.length > 0) {
      return {
        reason: 'SourceInvalid',
        message: `${id}: ${listed(problems, { most: 2, by: '; ' })}. The kubelets deliver it all the same: to files within 90 s, to everything else when a container starts`,
      };
    }
  }
  return undefined;
};

/** What pods mount can't be rendered. */
const liveRendered: Gate = ({ live }) => liveTrouble({ ...(live !== undefined && { live }) });

/** What pods mount is not there yet, or is not known: nothing can go forward in it. */
const livePresent: Gate = ({ live }) => {
  for (const each of live?.values() ?? []) {
    if (each.state === 'Missing') return { reason: 'LiveMissing', message: `${each.name} is about to be made` };
    if (each.state === 'Unknown')
      return { reason: 'SourceUnreadable', message: `${each.name} can't be read: ${each.message ?? 'not read yet'}` };
  }
  return undefined;
};

/** Whether the workload's sources hold content that its pods may be told nothing of. */
export const isContentRefused = (observed: Observed): boolean => contentValid(observed, new Set()) !== undefined;

/** Kubelets that knew the earlier object go on serving it, to new pods too (kubernetes#119733). */
export const notRecreated: Gate = ({ sources, ledger }, changed) => {
  const id = [...changed].find((each) => {
    const source = sources.get(each);
    const applied = ledger?.applied.get(each);
    return (
      isRecreatedImmutable(source, ledger?.immutable.get(each)) &&
      source?.state === 'Present' &&
      [...new Set([...source.keys.keys(), ...[...(applied?.keys() ?? [])].map(keyOfUnit)])].some(
        (key) => source.keys.get(key) !== applied?.get(key),
      )
    );
  });
  return id === undefined
    ? undefined
    : {
        reason: 'ImmutableRecreated',
        message: `${id} was immutable and has been recreated with other content, which kubelets don't take up: give the new content a new name`,
      };
};

const isRecreatedImmutable = (source: Source | undefined, uid: string | undefined): boolean =>
  uid !== undefined && source?.state === 'Present' && source.uid !== uid;

const rolloutPossible: Gate = ({ workload }) => rolloutBlocker(workload.rollout);

/** A restart starts pods on all that they read, not only on what has changed. */
const noneRecreated: Gate = (observed) => notRecreated(observed, new Set(consumedSources(observed).keys()));

const RESTART_GATES: readonly Gate[] = [
  suspended,
  sourcesUsable,
  contentValid,
  liveRendered,
  livePresent,
  noneRecreated,
  rolloutPossible,
];
/** What else is wrong with a workload keeps no file of a running container from being refreshed. */
const HOT_GATES: readonly Gate[] = [suspended, contentValid, liveRendered, notRecreated];

const firstOf =
  (gates: readonly Gate[]): Gate =>
  (observed, changed) => {
    for (const gate of gates) {
      const hold = gate(observed, changed);
      if (hold !== undefined) return hold;
    }
    return undefined;
  };

/** The first gate that holds a restart for changes of these sources; undefined: all are open. */
export const restartHold = firstOf(RESTART_GATES);

/** The first gate that holds back hot changes of these sources; undefined: all are open. */
export const hotHold = firstOf(HOT_GATES);
