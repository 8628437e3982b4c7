/** Pods are never started on content known to be bad (design law 11). */

import { consumedSources } from '../difference.ts';
import { tellNeed, unmetNeeds } from '../needs.ts';
import { listed } from '../listed.ts';
import { sourceId, type Observed, type Source } from '../observed.ts';
import { keyOfUnit } from '../units.ts';
import { problemsOf } from '../validation.ts';
import type { Hold, PlainGate } from './gate.ts';

export const sourcesUsable: PlainGate = ({ observed }) => {
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
 * Content that a policy's validation refuses is neither told to pods nor are any started on it. It stands in the way of
 * other changes, too: a nudge delivers all that a pod mounts, and a restart starts on it. The policies that bind this
 * workload count, and no others.
 */
export const contentValid: PlainGate = ({ observed }) => refusal(observed);

/** Whether the workload's sources hold content that its pods may be told nothing of. */
export const isContentRefused = (observed: Observed): boolean => refusal(observed) !== undefined;

const refusal = (observed: Observed): Hold | undefined => {
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

/** Kubelets that knew the earlier object go on serving it, to new pods too (kubernetes#119733). */
export const notRecreated: PlainGate = ({ observed: { sources, ledger }, changed }) => {
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

/** A restart starts pods on all that they read, not only on what has changed. */
export const noneRecreated: PlainGate = ({ observed }) =>
  notRecreated({ observed, changed: new Set(consumedSources(observed).keys()) });
