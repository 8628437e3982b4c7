/**
 * What is recorded as applied to a workload, held against what its sources hold now. A difference is the digest of
 * the same key having moved; all else (an edited rule, a new way of using a key, a new format of digests) only moves
 * the baseline (design law 3).
 */

import { classify, knownClass, type Classified } from './classify.ts';
import { combineDigests, comparable, formatOfDigest, moved, type Digest } from './digest.ts';
import {
  sourceId,
  sourceOf,
  type Changes,
  type Ledger,
  type Observed,
  type Policy,
  type Restart,
  type Source,
  type SourceId,
} from './observed.ts';
import type { Class } from './rules.ts';
import { uses } from './selection.ts';
import {
  documentUnits,
  keyOfUnit,
  makingName,
  partOfUnit,
  unitName,
  type DocumentUnits,
  type UnitName,
} from './units.ts';

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

export const compare = (observed: Observed, ledger: Pick<Ledger, 'applied' | 'immutable' | 'restart'>): Difference => {
  const applied = new Map<SourceId, ReadonlyMap<string, Digest>>();
  const [hot, restart, carried] = [new Map(), new Map(), new Map()] as [MutableChanges, MutableChanges, MutableChanges];
  const named: Record<'hot' | 'restart', [string, Digest][]> = { hot: [], restart: [] };
  const impossible = new Map<string, string>();
  const conflicts = new Set<string>();
  const adopted: SourceId[] = [];
  const immutable = new Map<SourceId, string>();

  for (const [id, policies] of consumedSources(observed)) {
    const source = observed.sources.get(id) ?? { state: 'Unknown' };
    const applying = ledger.applied.get(id);
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
    // Another key of MACs, or values that are not read any more: nothing can be compared, so nothing has moved.
    const recorded = applying !== undefined && comparable(applying, source.keys) ? applying : undefined;
    const known: Known = {
      id,
      source,
      recorded,
      onItsWay: inFlight(ledger.restart)?.get(id),
      // What is on its way by a restart is waited for: a hot key only while that restart still may arrive.
      arriving: ledger.restart?.phase === 'InProgress' && ledger.restart.reason === undefined,
      format: formatOfDigest(source.keys.values().next().value ?? '') || undefined,
    };
    const baseline = new Map<UnitName, Digest>();
    const names = recorded === undefined ? [] : [...recorded.keys()].map(keyOfUnit);
    for (const key of new Set([...names, ...source.keys.keys()])) {
      const units = documentUnits(source, policies, sourceOf(id), key);
      if (units?.disagreed === true) conflicts.add(`${id}:${key}: policies differ about places in it`);
      const changes =
        units === undefined && !isDocument(known, key) ? wholeChange(known, key) : documentChange(known, key, units);
      let differs = false;
      for (const unit of changes.units) {
        const classified = classOf(observed, policies, id, key, unit.part);
        if (classified.impossible !== undefined) impossible.set(`${id}:${key}`, classified.impossible);
        const effective = classified.class;
        if (unit.part === undefined && effective !== 'Unused' && policies.length > 1) {
          const disagreement = disagreementOn(policies, id, key);
          if (disagreement !== undefined) conflicts.add(`${id}:${key}: ${disagreement}`);
        }
        if (effective !== 'Hot' && effective !== 'Restart') {
          if (unit.is !== undefined) baseline.set(unit.name, unit.is);
          continue;
        }
        if (unit.is !== undefined) named[effective === 'Hot' ? 'hot' : 'restart'].push([`${id}:${unit.name}`, unit.is]);
        if (recorded === undefined) {
          if (unit.is !== undefined) baseline.set(unit.name, unit.is);
          continue;
        }
        if (unit.differs) {
          differs = true;
          for (const [name, digest] of [[unit.name, unit.is] as const, ...changes.beside])
            note(carried, id, name, digest);
        }
        const keep = unit.differs ? unit.was : unit.is;
        if (keep !== undefined) baseline.set(unit.name, keep);
        const due = effective === 'Restart' || known.arriving ? unit.due : unit.differs;
        if (!due) continue;
        // Where nothing arrives this is what differs; else also what has come back while other content is on its way.
        for (const [name, digest] of [[unit.name, unit.is] as const, ...changes.beside])
          note(effective === 'Hot' ? hot : restart, id, name, digest);
      }
      for (const [name, was, is] of changes.marks) {
        const keep = differs ? was : is;
        if (keep !== undefined) baseline.set(name, keep);
      }
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

/** One unit of a key: what is recorded of it, and what it is now. */
interface UnitChange {
  readonly name: UnitName;
  /** What is declared for a document's part; absent: the key is one unit, and classified as a whole. */
  readonly part?: Class;
  readonly was: Digest | undefined;
  readonly is: Digest | undefined;
  /** It has moved away from what is applied. */
  readonly differs: boolean;
  /** It has moved away from what it holds once the restart under way has arrived. */
  readonly due: boolean;
}

interface KeyChange {
  readonly units: readonly UnitChange[];
  /** What goes along with any of the units' changes. */
  readonly beside: readonly (readonly [UnitName, Digest | undefined])[];
  /** What is recorded beside the units, before and now: it moves when no unit differs any more. */
  readonly marks: readonly (readonly [UnitName, was: Digest | undefined, is: Digest | undefined])[];
}

interface Known {
  readonly id: SourceId;
  readonly source: Extract<Source, { readonly state: 'Present' }>;
  readonly recorded: ReadonlyMap<UnitName, Digest> | undefined;
  readonly onItsWay: ReadonlyMap<UnitName, Digest | ''> | undefined;
  readonly arriving: boolean;
  /** Of the source's digests; undefined where it has no key that could tell. */
  readonly format: string | undefined;
}

const wholeChange = ({ source, recorded, onItsWay, format }: Known, key: string): KeyChange => {
  const [was, is] = [recorded?.get(key), source.keys.get(key)];
  const expected = expectedOf(onItsWay, key, was);
  return {
    units: [{ name: key, was, is, differs: movedIn(format, was, is), due: movedIn(format, expected, is) }],
    beside: [],
    marks: [],
  };
};

/** Whether a key that is no document now, or is gone, was recorded as one that is still looked into. */
const isDocument = ({ source, recorded }: Known, key: string): boolean =>
  !source.keys.has(key) && recorded?.has(makingName(key)) === true;

/** @param now undefined: the key is gone, and all its parts with it */
const documentChange = (known: Known, key: string, now: DocumentUnits | undefined): KeyChange => {
  const { source, recorded, onItsWay, format } = known;
  const making = makingName(key);
  const [wholeWas, wholeIs] = [recorded?.get(key), source.keys.get(key)];
  const [madeWas, madeIs] = [recorded?.get(making), now?.making];
  const marks = [
    [key, wholeWas, wholeIs],
    [making, madeWas, madeIs],
  ] as const;
  const present = (part: Class): Digest | undefined => now?.parts.get(part);
  // Parts that were made by other rules: the bytes of the whole tell whether anything has changed, but not what.
  const sameMaking = now === undefined || madeWas === madeIs;
  const unmoved = !sameMaking && !movedIn(format, wholeWas, wholeIs);
  const madeExpected = expectedOf(onItsWay, making, madeWas);
  const units = COMPARED.map((part): UnitChange => {
    const name = unitName(key, part);
    const [was, is] = [recorded?.get(name), present(part)];
    if (unmoved) return { name, part, was, is, differs: false, due: false };
    const expected = now !== undefined && madeExpected !== madeIs ? undefined : expectedOf(onItsWay, name, was);
    return {
      name,
      part,
      was,
      is,
      differs: sameMaking ? movedIn(format, was, is) : is !== undefined,
      due: movedIn(format, expected, is),
    };
  });
  const vanished = sameMaking
    ? []
    : COMPARED.flatMap((part) =>
        present(part) === undefined && recorded?.has(unitName(key, part)) === true
          ? [[unitName(key, part), undefined] as const]
          : [],
      );
  return { units, beside: sameMaking ? [] : [[making, madeIs], ...vanished], marks };
};

/** What has the class Ignore needs nothing, whatever it holds. */
const COMPARED: readonly Class[] = ['Hot', 'Restart'];

/** Where a source has no key left to tell the format, that they are gone is beyond doubt. */
const movedIn = (format: string | undefined, was: Digest | undefined, is: Digest | undefined): boolean =>
  moved(was, is, format ?? formatOfDigest(was ?? ''));

/** What a unit holds once a restart has arrived. */
const expectedOf = (
  onItsWay: ReadonlyMap<UnitName, Digest | ''> | undefined,
  name: UnitName,
  applied: Digest | undefined,
): Digest | undefined => {
  const sent = onItsWay?.get(name);
  return sent === '' ? undefined : (sent ?? applied);
};

/** Whether any of these units holds again what is applied, or what is on its way by a restart. */
export const anyIsBack = (observed: Observed, changes: Changes): boolean => {
  const policies = consumedSources(observed);
  return [...changes].some(([id, units]) => {
    const source = observed.sources.get(id);
    if (source?.state !== 'Present') return false;
    const [onItsWay, applied] = [inFlight(observed.ledger?.restart)?.get(id), observed.ledger?.applied.get(id)];
    return [...units.keys()]
      .filter((name) => !name.endsWith('#'))
      .some((name) => {
        const key = keyOfUnit(name);
        const part = partOfUnit(name);
        const is =
          part === undefined
            ? source.keys.get(key)
            : documentUnits(source, policies.get(id) ?? [], sourceOf(id), key)?.parts.get(part);
        return is === expectedOf(onItsWay, name, applied?.get(name));
      });
  });
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
