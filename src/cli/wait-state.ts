/** Whether the present content of sources is done everywhere: what the records tell, held against the live objects. */

import { combineDigests } from '../domain/digest.ts';
import { compare, type Difference } from '../domain/difference.ts';
import { bindsThroughLive, throughLive } from '../domain/live.ts';
import { sourceId, type Ledger, type Policy, type Source, type SourceId, type Workload } from '../domain/observed.ts';
import { waitsForOthers } from '../domain/gates.ts';
import { goalOf } from '../domain/proof-words.ts';
import { ledgerOf } from '../domain/record.ts';
import { uses } from '../domain/selection.ts';
import type { ReloadPolicyStatus } from '../api/v1alpha1/types.ts';
import type { StoredPolicy, StoredRecord } from '../controller/ports.ts';
import { keyOfUnit } from '../domain/units.ts';
import { withFound, type FindableSource } from './source-state.ts';

/** A source as it is now. */
export interface LiveSource extends FindableSource {
  /** Opted out by annotation. */
  readonly ignored: boolean;
  /** As the operator sees it; absent for Secrets, whose digests only the operator can make. */
  readonly stateFor?: (policies: readonly Policy[]) => Source;
  /** Until when, at the latest, its content last changed, in ms since the epoch. */
  readonly changedBefore: number;
}

export interface WaitInput {
  readonly sources: readonly LiveSource[];
  /** Of the namespace. */
  readonly policies: readonly StoredPolicy[];
  readonly workloads: readonly Workload[];
  readonly records: readonly StoredRecord[];
  readonly now: number;
}

/** How one workload stands with regard to one source. */
export interface Standing {
  readonly source: SourceId;
  /** `Deployment/web`; absent where it is about the source as such. */
  readonly workload?: string;
  readonly state: 'Done' | 'Waiting' | 'Held' | 'Failed' | 'Unbound';
  readonly message: string;
}

/**
 * By then the operator has seen a change of a Secret and has said so. Of ConfigMaps the digests themselves tell.
 */
export const SECRET_SETTLES_MS = 10_000;

export const standings = (input: WaitInput): readonly Standing[] =>
  input.sources.flatMap((source) => standingsOf(source, input));

const standingsOf = (source: LiveSource, input: WaitInput): readonly Standing[] => {
  const id = sourceId(source);
  const policies = input.policies.map((policy) => withFound(policy, [source]));
  const naming = policies.filter((policy) => policy.sources.some((each) => sourceId(each) === id)).sort(byName);
  if (naming.length === 0)
    return [
      { source: id, state: 'Unbound', message: 'no policy of the namespace names it: nothing will ever be done' },
    ];
  if (source.ignored) return [{ source: id, state: 'Held', message: 'it is opted out by annotation' }];
  const content =
    source.stateFor === undefined
      ? reportedContent(source, naming, input.now)
      : liveContent(id, source.stateFor(naming));
  if (content === undefined) return [{ source: id, state: 'Waiting', message: 'the operator has not reported it yet' }];
  const invalid = naming.map((policy) => reported(policy, id)).find((each) => each?.state === 'Invalid');
  if (invalid !== undefined && content.isReportedBy(invalid))
    return [{ source: id, state: 'Held', message: `its content is invalid: ${(invalid.problems ?? []).join('; ')}` }];
  return input.workloads
    .filter(({ ignored }) => !ignored)
    .flatMap((each) => {
      const binding = policies.filter((policy) => bindsThroughLive(policy, each)).sort(byName);
      const workload = throughLive(each, binding);
      if (!uses(workload, source) || !binding.some((policy) => naming.includes(policy))) return [];
      const standing = standingOf({ id, content, workload, records: input.records, binding, naming });
      return [{ source: id, workload: `${workload.kind}/${workload.name}`, ...standing }];
    });
};

const byName = (a: Policy, b: Policy): number => (a.name < b.name ? -1 : 1);

type Reported = NonNullable<ReloadPolicyStatus['sources']>[number];

const reported = (policy: StoredPolicy, id: SourceId): Reported | undefined =>
  policy.status.sources?.find((source) => sourceId(source) === id);

/** The present content, as far as it can be known. */
interface Content {
  /** Whether a policy's status is about it. */
  isReportedBy(source: Reported | undefined): boolean;
  /** Whether a workload has it. */
  isApplied(workload: Workload, binding: readonly Policy[], ledger: Ledger): boolean;
  /** Whether what needs a restart, and none is issued for, is what is held. */
  isHeld(workload: Workload, binding: readonly Policy[], ledger: Ledger): boolean;
  /** Whether what needs a restart is what the latest one carries. */
  isCarried(workload: Workload, binding: readonly Policy[], ledger: Ledger): boolean;
}

/** Of a source whose content is at hand: by the operator's own comparison. */
const liveContent = (id: SourceId, state: Source): Content => {
  const differenceFor = (workload: Workload, policies: readonly Policy[], ledger: Ledger): Difference =>
    compare({ workload, policies, templateSeenAt: 0, complete: true, sources: new Map([[id, state]]) }, ledger);
  return {
    isReportedBy: (source) => state.state === 'Present' && source?.digest === combineDigests(state.keys),
    isApplied: (workload, binding, ledger) => !differenceFor(workload, binding, ledger).carried.has(id),
    isHeld: (workload, binding, ledger) => {
      const due = [...(differenceFor(workload, binding, ledger).restart.get(id) ?? [])];
      const held = ledger.held?.changes.get(id);
      return due.length > 0 && due.every(([unit, digest]) => held?.get(unit) === digest);
    },
    isCarried: (workload, binding, ledger) =>
      ledger.restart?.changes.has(id) === true && !differenceFor(workload, binding, ledger).restart.has(id),
  };
};

/** What the operator reported last is the present content, once it has had the time to see it and to say so. */
const reportedContent = (source: LiveSource, naming: readonly StoredPolicy[], now: number): Content | undefined => {
  const id = sourceId(source);
  const digests = naming.map((policy) => reported(policy, id)?.digest);
  const [digest] = digests;
  const settled = now >= source.changedBefore + SECRET_SETTLES_MS;
  if (digest === undefined || digests.some((each) => each !== digest) || !settled) return undefined;
  return {
    isReportedBy: () => true,
    isApplied: (_workload, _binding, { applied }) =>
      // Beside whole keys stand the parts of documents.
      combineDigests([...(applied.get(id) ?? [])].filter(([unit]) => keyOfUnit(unit) === unit)) === digest,
    isHeld: (_workload, _binding, { held }) => held?.changes.has(id) === true,
    isCarried: (_workload, _binding, { restart }) => restart?.changes.has(id) === true,
  };
};

interface Asked {
  readonly id: SourceId;
  readonly content: Content;
  readonly workload: Workload;
  readonly records: readonly StoredRecord[];
  /** The policies that bind the workload. */
  readonly binding: readonly StoredPolicy[];
  /** The policies that name the source. */
  readonly naming: readonly StoredPolicy[];
}

type Answer = Pick<Standing, 'state' | 'message'>;

const standingOf = (asked: Asked): Answer => {
  const { id, content, workload, records, binding } = asked;
  const record = records.find(({ workloadUid }) => workloadUid === workload.uid);
  if (record?.status === undefined) return { state: 'Waiting', message: 'the operator has not recorded it yet' };
  const ledger = ledgerOf(record.status);
  if (!ledger.applied.has(id)) return { state: 'Waiting', message: 'the operator has not recorded the source yet' };
  const { restart, held } = ledger;
  if (content.isApplied(workload, binding, ledger)) {
    // Content that is applied again may still have a restart before it that carries something else.
    if (restart?.phase === 'InProgress' && restart.changes.has(id))
      return { state: 'Waiting', message: `restart ${restart.n} is under way` };
    // One that carries nothing new replaces pods that may run on other content.
    if (restart !== undefined && isOpen(restart) && restart.changes.size === 0) return restartAnswer(restart);
    return proofAnswer(asked, ledger) ?? { state: 'Done', message: 'done' };
  }
  if (held !== undefined && content.isHeld(workload, binding, ledger))
    return {
      // It goes on when others have, which is what is waited for with it.
      state: waitsForOthers(held.reason) ? 'Waiting' : 'Held',
      message: `${held.reason}${held.message === undefined ? '' : `: ${held.message}`}`,
    };
  if (restart !== undefined && content.isCarried(workload, binding, ledger)) return restartAnswer(restart);
  return heldByStatus(asked) ?? { state: 'Waiting', message: 'not applied yet' };
};

const restartAnswer = ({ n, phase, reason, message = '' }: NonNullable<Ledger['restart']>): Answer => {
  if (phase === 'InProgress')
    return reason === undefined
      ? { state: 'Waiting', message: `restart ${n} is under way` }
      : { state: 'Held', message: `restart ${n}: ${reason}: ${message}` };
  // A rollout of others that did not carry the change is followed by one of ours.
  if (phase === 'Succeeded' || reason === 'NotCarried')
    return { state: 'Waiting', message: `restart ${n}: ${message}` };
  return { state: 'Failed', message: `restart ${n}: ${reason ?? phase}: ${message}` };
};

/** Neither complete, nor a rollout of others that counted for nothing. */
const isOpen = ({ phase, reason }: NonNullable<Ledger['restart']>): boolean =>
  phase !== 'Succeeded' && reason !== 'NotCarried';

/** Content has been sent; whether pods run on it is to be proven, where a policy wants that. */
const proofAnswer = (asked: Asked, { delivery }: Ledger): Answer | undefined => {
  if (delivery === undefined || delivery.phase === 'Succeeded' || !delivery.changes.has(asked.id)) return undefined;
  const { message = '' } = delivery;
  if (delivery.phase === 'TimedOut') return { state: 'Failed', message: `ProofTimeout: ${message}` };
  if (message !== '') return { state: 'Held', message: `to be ${goalOf(delivery)}: ${message}` };
  return heldByStatus(asked) ?? { state: 'Waiting', message: `not known to be ${goalOf(delivery)} in every pod yet` };
};

/** A hot change that is held back is in no record: the policy's status tells, where it is about the present content. */
const heldByStatus = ({ id, content, workload, naming }: Asked): Answer | undefined => {
  for (const policy of naming) {
    const { status, generation } = policy;
    if (status.observedGeneration !== generation || !content.isReportedBy(reported(policy, id))) continue;
    const line = status.workloads?.find(({ kind, name }) => kind === workload.kind && name === workload.name);
    if (line?.reason !== undefined && waitsForOthers(line.reason)) continue;
    if (line?.state === 'Held' || line?.state === 'Blocked')
      return { state: 'Held', message: `${line.reason ?? line.state}: ${line.message ?? ''}` };
  }
  return undefined;
};
