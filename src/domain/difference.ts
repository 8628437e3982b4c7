/**
 * What is recorded as applied to a workload, held against what its sources hold now. A difference is the digest of
 * the same key having moved; all else (an edited rule, a new way of using a key, a new format of digests) only moves
 * the baseline (design law 3).
 */

import { classify, type Classified } from './classify.ts';
import { combineDigests, moved, type Digest } from './digest.ts';
import {
  sourceId,
  type Changes,
  type Ledger,
  type Observed,
  type Policy,
  type Restart,
  type SourceId,
} from './observed.ts';
import { uses } from './selection.ts';

export interface Difference {
  /** The baseline for what is bound now: nothing in it needs an effect to be true. */
  readonly applied: Ledger['applied'];
  readonly immutable: Ledger['immutable'];
  /** Sources that are met for the first time: their content was taken as applied. */
  readonly adopted: readonly SourceId[];
  /** Keys that differ from what is applied and can be delivered hot. */
  readonly hot: Changes;
  /** Keys that need a restart that has not been issued: neither applied nor on their way. */
  readonly restart: Changes;
  /** Everything, hot or not, that a restart issued now would carry beyond what is applied. */
  readonly carried: Changes;
  /** Names the restart keys' content, for the restart annotation. */
  readonly restartDigest: Digest;
  /** Names the hot keys' content, for the nudge. */
  readonly hotDigest: Digest;
  readonly counts: { readonly hot: number; readonly restart: number };
  /** Keys declared Hot that can't be, and why: `ConfigMap/app:flag` because of the `env of container main`. */
  readonly impossible: ReadonlyMap<string, string>;
}

/** The sources that count for a workload: named by a policy that binds it, and read by one of its containers. */
export const consumedSources = (
  observed: Pick<Observed, 'workload' | 'policies'>,
): ReadonlyMap<SourceId, readonly Policy[]> => {
  const consumed = new Map<SourceId, Policy[]>();
  for (const policy of observed.policies) {
    for (const source of policy.sources) {
      if (!uses(observed.workload, source)) continue;
      const id = sourceId(source);
      consumed.set(id, [...(consumed.get(id) ?? []), policy]);
    }
  }
  return consumed;
};

export const compare = (observed: Observed, ledger: Pick<Ledger, 'applied' | 'immutable' | 'restart'>): Difference => {
  const applied = new Map<SourceId, ReadonlyMap<string, Digest>>();
  const [hot, restart, carried] = [new Map(), new Map(), new Map()] as [MutableChanges, MutableChanges, MutableChanges];
  const named: Record<'hot' | 'restart', [string, Digest][]> = { hot: [], restart: [] };
  const impossible = new Map<string, string>();
  const adopted: SourceId[] = [];
  const immutable = new Map<SourceId, string>();

  for (const [id, policies] of consumedSources(observed)) {
    const source = observed.sources.get(id) ?? { state: 'Unknown' };
    const recorded = ledger.applied.get(id);
    if (source.state === 'Ignored') continue;
    const immutableUid =
      ledger.immutable.get(id) ?? (source.state === 'Present' && source.immutable ? source.uid : undefined);
    if (immutableUid !== undefined) immutable.set(id, immutableUid);
    if (source.state !== 'Present') {
      // Neither a failed read nor a deletion moves anything: what was applied still is.
      if (recorded !== undefined) applied.set(id, recorded);
      else if (source.state === 'Missing' && optionalEverywhere(observed, id)) applied.set(id, new Map());
      continue;
    }
    const classOf = classifier(observed, policies, id);
    for (const [key, digest] of source.keys) {
      const classified = classOf(key);
      if (classified.impossible !== undefined) impossible.set(`${id}:${key}`, classified.impossible);
      if (classified.class === 'Hot') named.hot.push([`${id}:${key}`, digest]);
      if (classified.class === 'Restart') named.restart.push([`${id}:${key}`, digest]);
    }
    if (recorded === undefined) {
      applied.set(id, source.keys);
      adopted.push(id);
      continue;
    }
    const baseline = new Map<string, Digest>();
    const onItsWay = inFlight(ledger.restart)?.get(id);
    for (const key of new Set([...recorded.keys(), ...source.keys.keys()])) {
      const was = recorded.get(key);
      const is = source.keys.get(key);
      const effective = classOf(key).class;
      const differs = (effective === 'Hot' || effective === 'Restart') && moved(was, is);
      const keep = differs ? was : is;
      if (keep !== undefined) baseline.set(key, keep);
      if (differs) note(carried, id, key, is);
      // What is on its way by a restart is waited for: a hot key only while that restart still may arrive.
      const arriving = ledger.restart?.phase === 'InProgress' && ledger.restart.reason === undefined;
      const expected = effective === 'Restart' || arriving ? expectedOf(onItsWay, key, was) : was;
      // Where nothing arrives this is what differs; else also what has come back while other content is on its way.
      if (effective === 'Hot' && moved(expected, is)) note(hot, id, key, is);
      if (effective === 'Restart' && moved(expected, is)) note(restart, id, key, is);
    }
    applied.set(id, baseline);
  }
  if (!observed.complete) {
    for (const [id, keys] of ledger.applied) if (!applied.has(id)) applied.set(id, keys);
    for (const [id, uid] of ledger.immutable) if (!immutable.has(id)) immutable.set(id, uid);
  }
  return {
    applied,
    immutable,
    adopted,
    hot,
    restart,
    carried,
    restartDigest: combineDigests(named.restart),
    hotDigest: combineDigests(named.hot),
    counts: { hot: named.hot.length, restart: named.restart.length },
    impossible,
  };
};

/** `ConfigMap/app:key` for each changed key, in order. */
export const changedKeys = (...changes: readonly Changes[]): readonly string[] =>
  [
    ...new Set(
      changes.flatMap((each) => [...each].flatMap(([id, keys]) => [...keys.keys()].map((key) => `${id}:${key}`))),
    ),
  ].sort();

/** Names a set of changes: the same keys moved to the same content have the same signature. */
export const signatureOf = (changes: Changes): string =>
  [...changes]
    .flatMap(([id, keys]) => [...keys].map(([key, digest]) => `${id}:${key}=${digest}`))
    .sort()
    .join(' ');

/** What was applied, overlaid with changes. */
export const overlay = (applied: Ledger['applied'], changes: Changes): Ledger['applied'] => {
  const next = new Map(applied);
  for (const [id, keys] of changes) {
    const merged = new Map(next.get(id));
    for (const [key, digest] of keys) {
      if (digest === '') merged.delete(key);
      else merged.set(key, digest);
    }
    next.set(id, merged);
  }
  return next;
};

/** The part of some changes that lies in sources that a test lets through. */
export const onlyFrom = (changes: Changes, accept: (id: SourceId) => boolean): Changes =>
  new Map([...changes].filter(([id]) => accept(id)));

/** Changes less those of the same keys. */
export const without = (changes: Changes, others: Changes): Changes =>
  new Map(
    [...changes].flatMap(([id, keys]) => {
      const left = [...keys].filter(([key]) => others.get(id)?.has(key) !== true);
      return left.length === 0 ? [] : [[id, new Map(left)] as const];
    }),
  );

type MutableChanges = Map<SourceId, Map<string, Digest | ''>>;

const note = (changes: MutableChanges, id: SourceId, key: string, digest: Digest | undefined): void => {
  const keys = changes.get(id) ?? new Map<string, Digest | ''>();
  changes.set(id, keys.set(key, digest ?? ''));
};

/** What a key holds once a restart has arrived. */
const expectedOf = (
  onItsWay: ReadonlyMap<string, Digest | ''> | undefined,
  key: string,
  applied: Digest | undefined,
): Digest | undefined => {
  const sent = onItsWay?.get(key);
  return sent === '' ? undefined : (sent ?? applied);
};

/** Whether any of these keys holds again what is applied, or what is on its way by a restart. */
export const anyIsBack = ({ sources, ledger }: Pick<Observed, 'sources' | 'ledger'>, changes: Changes): boolean =>
  [...changes].some(([id, keys]) => {
    const source = sources.get(id);
    if (source?.state !== 'Present') return false;
    const [onItsWay, applied] = [inFlight(ledger?.restart)?.get(id), ledger?.applied.get(id)];
    return [...keys.keys()].some((key) => source.keys.get(key) === expectedOf(onItsWay, key, applied?.get(key)));
  });

/** A foreign rollout that turned out not to carry the change counts for nothing. */
const inFlight = (restart: Restart | undefined): Changes | undefined =>
  restart === undefined || restart.phase === 'Succeeded' || restart.reason === 'NotCarried'
    ? undefined
    : restart.changes;

const optionalEverywhere = (observed: Observed, id: SourceId): boolean =>
  observed.workload.uses.filter((use) => sourceId(use.source) === id).every((use) => use.optional);

const classifier = (observed: Observed, policies: readonly Policy[], id: SourceId): ((key: string) => Classified) => {
  const [kind = '', name = ''] = id.split('/');
  const known = new Map<string, Classified>();
  return (key) => {
    const classified = known.get(key) ?? classify(policies, observed.workload.uses, { kind, name }, key);
    known.set(key, classified);
    return classified;
  };
};
