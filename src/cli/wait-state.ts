/** Whether the present content of sources is done everywhere: what the records tell, held against the live objects. */

import { combineDigests, type Digest } from '../domain/digest.ts';
import { overlay } from '../domain/difference.ts';
import { sourceId, type Changes, type Ledger, type Policy, type SourceId, type Workload } from '../domain/observed.ts';
import { ledgerOf } from '../domain/record.ts';
import { binds, matchesSelector, uses, type SourceKind } from '../domain/selection.ts';
import type { ReloadPolicyStatus } from '../api/v1alpha1/types.ts';
import type { StoredPolicy, StoredRecord } from '../controller/ports.ts';

/** A source as it is now. */
export interface LiveSource {
  readonly kind: SourceKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Opted out by annotation. */
  readonly ignored: boolean;
  /** Of each key; absent for Secrets, whose digests only the operator can make. */
  readonly keys?: ReadonlyMap<string, Digest>;
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

const standingsOf = (source: LiveSource, { policies, workloads, records, now }: WaitInput): readonly Standing[] => {
  const id = sourceId(source);
  const naming = policies.filter((policy) => names(policy, source));
  if (naming.length === 0)
    return [
      { source: id, state: 'Unbound', message: 'no policy of the namespace names it: nothing will ever be done' },
    ];
  if (source.ignored) return [{ source: id, state: 'Held', message: 'it is opted out by annotation' }];
  const bad = unusable(naming, id);
  const target = targetOf(source, naming, now);
  if (bad !== undefined && (target === undefined || reportsAbout(source, bad.digest)))
    return [{ source: id, state: 'Held', message: bad.message }];
  if (target === undefined) return [{ source: id, state: 'Waiting', message: 'the operator has not reported it yet' }];
  const consuming = workloads.filter(
    (workload) =>
      !workload.ignored &&
      uses(workload, source) &&
      naming.some((policy) => binds(withSource(policy, source), workload)),
  );
  return consuming.map((workload) => ({
    source: id,
    workload: `${workload.kind}/${workload.name}`,
    ...standingOf({ id, target, workload, records, naming, source }),
  }));
};

const names = (policy: Policy, { kind, name, labels }: LiveSource): boolean =>
  policy.sources.some((source) => source.kind === kind && source.name === name) ||
  (policy.sourceSelectors ?? []).some((each) => each.kind === kind && matchesSelector(each.selector, labels));

/** A policy that finds the source by its labels names it as much as if by name. */
const withSource = (policy: Policy, source: LiveSource): Pick<Policy, 'sources' | 'workloads'> => ({
  ...policy,
  sources: [...policy.sources, source],
});

type Reported = NonNullable<ReloadPolicyStatus['sources']>[number];

const reported = (policy: StoredPolicy, id: SourceId): Reported | undefined =>
  policy.status.sources?.find((source) => sourceId(source) === id);

const unusable = (
  policies: readonly StoredPolicy[],
  id: SourceId,
): { readonly message: string; readonly digest: string | undefined } | undefined => {
  const found = policies.map((policy) => reported(policy, id)).find((source) => source?.state === 'Invalid');
  return found === undefined
    ? undefined
    : { message: `its content is invalid: ${(found.problems ?? []).join('; ')}`, digest: found.digest };
};

/** What the operator said of a source is about its present content, as far as can be told. */
const reportsAbout = ({ keys }: LiveSource, digest: string | undefined): boolean =>
  keys === undefined || digest === undefined || combineDigests(keys) === digest;

/** Whether the digests of some keys are those of the present content; undefined: that can't be told yet. */
type Target = (keys: ReadonlyMap<string, string>) => boolean;

const targetOf = (
  { kind, name, keys, changedBefore }: LiveSource,
  naming: readonly StoredPolicy[],
  now: number,
): Target | undefined => {
  if (keys !== undefined) return (recorded) => sameKeys(recorded, keys);
  // What the operator reported last is the present content once it has had the time to see and to say it.
  const digests = naming.map((policy) => reported(policy, sourceId({ kind, name }))?.digest);
  const [digest] = digests;
  if (digest === undefined || digests.some((each) => each !== digest) || now < changedBefore + SECRET_SETTLES_MS)
    return undefined;
  return (recorded) => combineDigests(recorded) === digest;
};

const sameKeys = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);

interface Asked {
  readonly id: SourceId;
  readonly source: LiveSource;
  readonly target: Target;
  readonly workload: Workload;
  readonly records: readonly StoredRecord[];
  /** The policies that name the source. */
  readonly naming: readonly StoredPolicy[];
}

type Answer = Pick<Standing, 'state' | 'message'>;

const standingOf = (asked: Asked): Answer => {
  const { id, target, workload, records } = asked;
  const record = records.find(({ workloadUid }) => workloadUid === workload.uid);
  if (record?.status === undefined) return { state: 'Waiting', message: 'the operator has not recorded it yet' };
  const ledger = ledgerOf(record.status);
  const applied = ledger.applied.get(id);
  if (applied === undefined) return { state: 'Waiting', message: 'the operator has not recorded the source yet' };
  /** What is recorded as applied, with some changes on top, is the present content. */
  const makesIt = (changes: Changes): boolean =>
    changes.has(id) && target(overlay(ledger.applied, changes).get(id) ?? new Map());
  const { restart, held } = ledger;
  if (held !== undefined && makesIt(held.changes))
    return { state: 'Held', message: `${held.reason}${held.message === undefined ? '' : `: ${held.message}`}` };
  if (restart !== undefined && makesIt(restart.changes)) return restartAnswer(restart);
  if (target(applied)) {
    // Content that is applied again may still have a restart before it that carries something else.
    return restart?.phase === 'InProgress' && restart.changes.has(id)
      ? { state: 'Waiting', message: `restart ${restart.n} is under way` }
      : { state: 'Done', message: 'done' };
  }
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

/** A hot change that is held back is in no record: the policy's status tells, where it is about the present content. */
const heldByStatus = ({ id, workload, naming, source }: Asked): Answer | undefined => {
  for (const policy of naming) {
    const { status, generation } = policy;
    if (status.observedGeneration !== generation || !reportsAbout(source, reported(policy, id)?.digest)) continue;
    const line = status.workloads?.find(({ kind, name }) => kind === workload.kind && name === workload.name);
    if (line?.state === 'Held' || line?.state === 'Blocked')
      return { state: 'Held', message: `${line.reason ?? line.state}: ${line.message ?? ''}` };
  }
  return undefined;
};
