/**
 * What is recorded as applied to a workload, held against what its sources hold now. A difference is the digest of
 * the same key having moved; all else (an edited rule, a new way of using a key, a new format of digests) only moves
 * the baseline (design law 3).
 */

import { classify, knownClass, type Classified } from './classify.ts';
import { combineDigests, comparable, formatOfDigest, type Digest } from './digest.ts';
import { expectedOf, keyChange, type Known } from './key-change.ts';
import { isLiveUnread, liveBaseline } from './live.ts';
import {
  sourceId,
  sourceOf,
  type Changes,
  type Ledger,
  type Observed,
  type Policy,
  type Restart,
  type SourceId,
} from './observed.ts';
import type { Class } from './rules.ts';
import { uses } from './selection.ts';
import { documentUnits, keyOfUnit, partOfUnit, type UnitName } from './units.ts';

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
  /** Keys for which policies declare different classes, and what each declares. */
  readonly conflicts: ReadonlySet<string>;
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

export const compare = (
  observed: Observed,
  ledger: Pick<Ledger, 'applied' | 'immutable' | 'restart' | 'intent'>,
): Difference => {
  const applied = new Map<SourceId, ReadonlyMap<string, Digest>>();
  const [hot, restart, carried] = [new Map(), new Map(), new Map()] as [MutableChanges, MutableChanges, MutableChanges];
  const named: Record<'hot' | 'restart', [string, Digest][]> = { hot: [], restart: [] };
  const impossible = new Map<string, string>();
  const conflicts = new Set<string>();
  const adopted: SourceId[] = [];
  const immutable = new Map<SourceId, string>();

  for (const [id, policies] of consumedSources(observed)) {
    const source = observed.sources.get(id) ?? { state: 'Unknown' };
    const applying = ledger.applied.get(id) ?? liveBaseline(observed, id);
    if (source.state === 'Ignored') continue;
    const immutableUid =
      ledger.immutable.get(id) ?? (source.state === 'Present' && source.immutable ? source.uid : undefined);
    if (immutableUid !== undefined) immutable.set(id, immutableUid);
    if (source.state !== 'Present') {
      // Neither a failed read nor a deletion moves anything: what was applied still is.
      if (applying !== undefined) applied.set(id, applying);
      else if (source.state === 'Missing' && optionalEverywhere(observed, id)) applied.set(id, new Map());
      continue;
    }
    // Another key of MACs, or values that are not read any more: nothing can be compared, so nothing has moved. What pods
    // mount tells all the same what they were given, as soon as it has been read.
    const isKnown = (each: typeof applying): each is ReadonlyMap<string, Digest> =>
      each !== undefined && comparable(each, source.keys);
    const recorded = [applying, liveBaseline(observed, id)].find(isKnown);
    if (recorded === undefined && isLiveUnread(observed, id, source.keys)) {
      if (applying !== undefined) applied.set(id, applying);
      continue;
    }
    const known: Known = {
      source,
      recorded,
      onItsWay: onItsWay(ledger)?.get(id),
      // What is on its way by a restart is waited for: a hot key only while that restart still may arrive.
      arriving:
        ledger.intent !== undefined || (ledger.restart?.phase === 'InProgress' && ledger.restart.reason === undefined),
      format: formatOfDigest(source.keys.values().next().value ?? '') || undefined,
    };
    const baseline = new Map<UnitName, Digest>();
    const keep = (name: UnitName, digest: Digest | undefined): void => {
      if (digest !== undefined) baseline.set(name, digest);
    };
    const names = recorded === undefined ? [] : [...recorded.keys()].map(keyOfUnit);
    for (const key of new Set([...names, ...source.keys.keys()])) {
      const units = documentUnits(source, policies, sourceOf(id), key);
      if (units?.disagreed === true) conflicts.add(`${id}:${key}: policies differ about places in it`);
      const change = keyChange(known, key, units);
      let differs = false;
      for (const unit of change.units) {
        const { class: effective, impossible: why } = classOf(observed, policies, id, key, unit.part);
        if (why !== undefined && (unit.is !== undefined || unit.differs)) impossible.set(`${id}:${key}`, why);
        if (unit.part === undefined && effective !== 'Unused' && policies.length > 1) {
          const disagreement = disagreementOn(policies, id, key);
          if (disagreement !== undefined) conflicts.add(`${id}:${key}: ${disagreement}`);
        }
        const matters = effective === 'Hot' || effective === 'Restart';
        if (matters && unit.is !== undefined)
          named[effective === 'Hot' ? 'hot' : 'restart'].push([`${id}:${unit.name}`, unit.is]);
        if (!matters || recorded === undefined) {
          keep(unit.name, unit.is);
          continue;
        }
        keep(unit.name, unit.differs ? unit.was : unit.is);
        differs ||= unit.differs;
        const moves = [[unit.name, unit.is] as const, ...change.beside];
        if (unit.differs) for (const [name, digest] of moves) note(carried, id, name, digest);
        // Where nothing arrives this is what differs; else also what has come back while other content is on its way.
        const due = effective === 'Restart' || known.arriving ? unit.due : unit.differs;
        if (due) for (const [name, digest] of moves) note(effective === 'Hot' ? hot : restart, id, name, digest);
      }
      for (const [name, was, is] of change.marks) keep(name, differs ? was : is);
    }
    applied.set(id, baseline);
    if (recorded === undefined) adopted.push(id);
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
    conflicts,
  };
};

/** `ConfigMap/app:key` for each key that has changed, as a whole or in part, in order. */
export const changedKeys = (...changes: readonly Changes[]): readonly string[] =>
  [
    ...new Set(
      changes.flatMap((each) =>
        [...each].flatMap(([id, units]) => [...units.keys()].map((name) => `${id}:${keyOfUnit(name)}`)),
      ),
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

/** Whether any of these units holds again what is applied, or what is on its way by a restart. */
export const anyIsBack = (observed: Observed, changes: Changes): boolean => {
  const policies = consumedSources(observed);
  return [...changes].some(([id, units]) => {
    const source = observed.sources.get(id);
    if (source?.state !== 'Present') return false;
    const [sent, applied] = [onItsWay(observed.ledger)?.get(id), observed.ledger?.applied.get(id)];
    return [...units.keys()]
      .filter((name) => !name.endsWith('#'))
      .some((name) => {
        const key = keyOfUnit(name);
        const part = partOfUnit(name);
        const is =
          part === undefined
            ? source.keys.get(key)
            : documentUnits(source, policies.get(id) ?? [], sourceOf(id), key)?.parts.get(part);
        return is === expectedOf(sent, name, applied?.get(name));
      });
  });
};

/** What a restart carries that has been issued, or that has begun. */
export const onItsWay = (ledger: Pick<Ledger, 'restart' | 'intent'> | undefined): Changes | undefined => {
  const issued = inFlight(ledger?.restart);
  const begun = ledger?.intent?.changes;
  if (issued === undefined || begun === undefined) return begun ?? issued;
  return new Map(
    [...new Set([...issued.keys(), ...begun.keys()])].map((id) => [
      id,
      new Map([...(issued.get(id) ?? []), ...(begun.get(id) ?? [])]),
    ]),
  );
};

/** A foreign rollout that turned out not to carry the change counts for nothing. */
const inFlight = (restart: Restart | undefined): Changes | undefined =>
  restart === undefined || restart.phase === 'Succeeded' || restart.reason === 'NotCarried'
    ? undefined
    : restart.changes;

const optionalEverywhere = (observed: Observed, id: SourceId): boolean =>
  observed.workload.uses.filter((use) => sourceId(use.source) === id).every((use) => use.optional);

const classOf = (
  { workload }: Observed,
  policies: readonly Policy[],
  id: SourceId,
  key: string,
  part: Class | undefined,
): Classified => classify(policies, workload.uses, sourceOf(id), key, part);

/** What each policy declares, where they disagree: `Restart by a, Hot by b`. */
const disagreementOn = (policies: readonly Policy[], id: SourceId, key: string): string | undefined => {
  const declared = policies.map((policy) => [policy.name, knownClass(policy, sourceOf(id), key)] as const);
  return new Set(declared.map(([, each]) => each)).size < 2
    ? undefined
    : declared.map(([name, each]) => `${each} by policy ${name}`).join(', ');
};
