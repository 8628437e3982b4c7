/**
 * What a change would do, before anything is done: what is there now and what would be there go in; for each workload
 * an effect comes out, with the keys and places that decide it. It stands on the functions that the operator decides
 * with.
 */

import { classify } from './classify.ts';
import { compare, consumedSources, onlyFrom, type Difference } from './difference.ts';
import { hotHold, plainHold } from './gates.ts';
import { keyProof } from './key-proof.ts';
import { bindsThroughLive, throughLive } from './live.ts';
import { listed } from './listed.ts';
import { plannedWaits } from './plan-waits.ts';
import {
  sourceId,
  sourceOf,
  type Changes,
  type Ledger,
  type Observed,
  type Policy,
  type Source,
  type SourceId,
  type Workload,
} from './observed.ts';
import { changedPlaces, ignoredPlaces } from './places.ts';
import { usesKey } from './references.ts';
import { ruleAt } from './rule-at.ts';
import type { WorkloadKind } from './selection.ts';
import { keyOfUnit } from './units.ts';
import { problemsOf } from './validation.ts';

/** The state of a cluster, or of manifests that stand for one. */
export interface Snapshot {
  /** Their `sources` include those that their selectors find. */
  readonly policies: readonly Policy[];
  readonly workloads: readonly Workload[];
  /** By `namespace/Kind/name`. Documents are looked into by the policies of the state after the change. */
  readonly sources: ReadonlyMap<string, Source>;
}

export type PlannedEffect =
  /** Nothing that the operator does; reasons say why, where there is anything to say. */
  | 'Nothing'
  /** Files of running pods are refreshed at once. */
  | 'Hot'
  /** One rolling restart, which carries everything. */
  | 'Restart'
  /** A restart, or a refresh, that waits until somebody acts. */
  | 'Blocked'
  /** Content is not what a policy's validation demands. */
  | 'Invalid';

export interface PlannedKey {
  /** `ConfigMap/app:flag`, or a place in it: `ConfigMap/app:config.yaml#/logging/level`. */
  readonly key: string;
  readonly effect: 'Hot' | 'Restart' | 'Ignore' | 'Unused';
  /** What decides. */
  readonly why: string;
}

export interface WorkloadPlan {
  readonly namespace: string;
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly effect: PlannedEffect;
  /** What has changed, in order. */
  readonly keys: readonly PlannedKey[];
  /** Sentences. */
  readonly reasons: readonly string[];
  /** Names of the policies that bind it. */
  readonly policies: readonly string[];
}

/**
 * For each workload that a policy binds afterwards, in order of namespace, kind and name.
 * @param at when the change would be made, for windows; absent: nothing is said of them
 */
export const planChange = (before: Snapshot, after: Snapshot, at?: number): readonly WorkloadPlan[] =>
  after.workloads
    .flatMap((workload) => {
      const policies = boundTo(after, workload);
      return policies.length === 0 ? [] : [planFor({ before, after, at }, throughLive(workload, policies), policies)];
    })
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

const nameOf = ({ namespace, kind, name }: Pick<Workload, 'namespace' | 'kind' | 'name'>): string =>
  `${namespace}/${kind}/${name}`;

const boundTo = ({ policies }: Snapshot, workload: Workload): readonly Policy[] =>
  policies
    .filter((policy) => policy.namespace === workload.namespace && bindsThroughLive(policy, workload))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

interface Change {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly at: number | undefined;
}

const planFor = ({ before, after, at }: Change, workload: Workload, policies: readonly Policy[]): WorkloadPlan => {
  const { namespace, kind, name } = workload;
  const common = { namespace, kind, name, policies: policies.map((policy) => policy.name) };
  const nothing = (...reasons: readonly string[]): WorkloadPlan => ({
    ...common,
    effect: 'Nothing',
    keys: [],
    reasons,
  });
  if (workload.ignored) return nothing('it is opted out by annotation');
  const earlier = before.workloads.find((each) => nameOf(each) === nameOf(workload));
  if (earlier === undefined) return nothing('it is new: its pods start on what is there then');
  const knownBy = boundTo(before, earlier);
  if (knownBy.length === 0) return nothing('no policy bound it before: it is taken over as it runs');

  const known = consumedSources({ workload: throughLive(earlier, knownBy), policies: knownBy });
  const enforcing = policies.filter(({ observes }) => observes !== true);
  // Those that only observe make nothing stricter where others decide.
  const deciding = enforcing.length === 0 ? policies : enforcing;
  const base = observedIn(before, workload, deciding, (id) => known.has(id));
  const now = observedIn(after, workload, deciding, () => true);
  const { applied, immutable } = compare(base, NOTHING);
  const difference = compare(now, { applied, immutable });
  const keys = plannedKeys(base, now, { ...NOTHING, applied }, difference);
  const { effect, reasons } = effectOf(base, now, applied, difference, deciding);
  const waits = effect === 'Restart' ? plannedWaits(now, difference.restart, at) : [];
  const own =
    earlier.templateHash === workload.templateHash
      ? []
      : ['its own pod template changes: that rollout restarts it, and carries the change'];
  const newly = [...consumedSources(now).keys()].filter((id) => !known.has(id));
  const taken = newly.length === 0 ? [] : [`${newly.join(', ')}: new to it, and taken over as it is`];
  const said =
    deciding === policies
      ? []
      : onlySaid(
          observedIn(before, workload, policies, (id) => known.has(id)),
          observedIn(after, workload, policies, () => true),
          new Set(consumedSources(now).keys()),
        );
  return {
    ...common,
    effect: own.length > 0 && effect === 'Nothing' ? 'Restart' : effect,
    keys,
    reasons: [...own, ...reasons, ...waits, ...said, ...taken],
  };
};

const NOTHING: Pick<Ledger, 'applied' | 'immutable'> = { applied: new Map(), immutable: new Map() };

const observedIn = (
  { sources }: Snapshot,
  workload: Workload,
  policies: readonly Policy[],
  counts: (id: SourceId) => boolean,
): Observed => {
  const ids = [...new Set(policies.flatMap((policy) => policy.sources.map(sourceId)))].filter(counts);
  return {
    workload,
    templateSeenAt: 0,
    policies,
    complete: true,
    sources: new Map(ids.map((id) => [id, sources.get(`${workload.namespace}/${id}`) ?? { state: 'Missing' }])),
  };
};

/** What policies would do that only observe, about sources that no enforcing policy names. */
const onlySaid = (base: Observed, now: Observed, enforced: ReadonlySet<SourceId>): readonly string[] => {
  const { applied, immutable } = compare(base, NOTHING);
  const { restart, hot } = compare(now, { applied, immutable });
  const own = (changes: Changes): Changes => onlyFrom(changes, (id) => !enforced.has(id));
  const [wanted, changes] = own(restart).size > 0 ? (['Restart', own(restart)] as const) : (['Hot', own(hot)] as const);
  return changes.size === 0
    ? []
    : [`mode Observe: ${WOULD[wanted]} for ${listed(changedPlaces(now, applied, changes))}`];
};

const effectOf = (
  base: Observed,
  now: Observed,
  applied: Ledger['applied'],
  { hot, restart }: Difference,
  policies: readonly Policy[],
): Pick<WorkloadPlan, 'effect' | 'reasons'> => {
  const names = policies.map(({ name }) => name);
  const refused = [...consumedSources(now).keys()].flatMap((id) =>
    problemsOf(now.sources.get(id), names).map((problem) => `${id}: ${problem}`),
  );
  const due = restart.size + hot.size > 0;
  if (refused.length > 0 && (due || changedContent(base, now))) {
    return { effect: 'Invalid', reasons: [...refused, 'nothing is done for it; the kubelets deliver it all the same'] };
  }
  if (!due) return { effect: 'Nothing', reasons: goneSources(base, now) };
  const ledger: Observed = { ...now, ledger: { ...EMPTY, applied } };
  const observing = policies.every(({ observes }) => observes === true);
  const [wanted, hold] =
    restart.size > 0
      ? (['Restart', plainHold(ledger, new Set(restart.keys()))] as const)
      : (['Hot', hotHold(ledger, new Set(hot.keys()))] as const);
  if (observing) return { effect: 'Nothing', reasons: [`mode Observe: ${WOULD[wanted]}`] };
  return hold === undefined
    ? { effect: wanted, reasons: wanted === 'Hot' ? proofReasons(now, hot) : [] }
    : { effect: 'Blocked', reasons: [`${WOULD[wanted]}, but ${hold.message} (${hold.reason})`] };
};

const proofReasons = (now: Observed, hot: Changes): readonly string[] => {
  const consumed = consumedSources(now);
  const policies = [...new Set([...hot.keys()].flatMap((id) => consumed.get(id) ?? []))];
  const using = now.workload.uses.filter((use) => {
    const units = hot.get(sourceId(use.source));
    return units !== undefined && [...units.keys()].some((unit) => usesKey(use, keyOfUnit(unit)));
  });
  return keyProof(policies, using, now.workload.ports)?.says ?? [];
};

/** What is not there any more moves nothing; nor does what is opted out. */
const goneSources = (base: Observed, now: Observed): readonly string[] =>
  [...consumedSources(now).keys()].flatMap((id) => {
    if (base.sources.get(id)?.state !== 'Present') return [];
    const state = now.sources.get(id)?.state;
    if (state === 'Ignored') return [`${id}: is opted out, so that its changes are left alone`];
    return state === 'Missing' ? [`${id}: is not there any more; nothing is done for it`] : [];
  });

const WOULD = { Restart: 'it would be restarted', Hot: 'its files would be refreshed' } as const;
const EMPTY = { adoptedAt: 0, applied: new Map(), immutable: new Map(), history: [] } as const;

/** Whether any content that the workload consumes is another than before. */
const changedContent = (base: Observed, now: Observed): boolean =>
  [...consumedSources(now).keys()].some((id) => {
    const [was, is] = [base.sources.get(id), now.sources.get(id)];
    return was?.state !== is?.state || contentKeys(was, is).length > 0;
  });

/** The keys that hold other bytes than before. */
const contentKeys = (was: Source | undefined, is: Source | undefined): readonly string[] => {
  const [before, after] = [keysOf(was), keysOf(is)];
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key)).sort();
};

const keysOf = (source: Source | undefined): ReadonlyMap<string, string> =>
  source?.state === 'Present' ? source.keys : new Map();

const plannedKeys = (
  base: Observed,
  now: Observed,
  { applied }: Pick<Ledger, 'applied'>,
  { hot, restart, impossible }: Difference,
): readonly PlannedKey[] => {
  const policies = consumedSources(now);
  const due = (changes: Changes, effect: 'Hot' | 'Restart'): readonly PlannedKey[] =>
    changedPlaces(now, applied, changes).map((key) => ({
      key,
      effect,
      why: impossible.get(withoutPlace(key)) ?? declaredAs(effect, key, policies, now),
    }));
  const restarting = due(restart, 'Restart');
  const named = new Set(restarting.map(({ key }) => key));
  // Where both parts of a key have changed, but no places of it can be named, the restart carries all of it.
  const decided = [...due(hot, 'Hot').filter(({ key }) => !named.has(key)), ...restarting];
  const others = [...now.sources].flatMap(([id, source]): readonly PlannedKey[] => {
    const was = base.sources.get(id);
    if (was === undefined || source.state !== 'Present' || !policies.has(id)) return [];
    return contentKeys(was, source).flatMap((key): readonly PlannedKey[] => {
      const naming = policies.get(id) ?? [];
      const { class: effective } = classify(naming, now.workload.uses, sourceOf(id), key);
      if (effective === 'Unused') return [{ key: `${id}:${key}`, effect: 'Unused', why: 'no container reads it' }];
      const places = ignoredPlaces(now, applied, id, key);
      if (places.length > 0)
        return places.map((place) => ({ key: place, effect: 'Ignore', why: declaredBy(policies, place) }));
      const isDue = [hot, restart].some((changes) =>
        [...(changes.get(id)?.keys() ?? [])].some((name) => keyOfUnit(name) === key),
      );
      if (isDue) return [];
      const why = effective === 'Ignore' ? declaredBy(policies, `${id}:${key}`) : 'its meaning has not changed';
      return [{ key: `${id}:${key}`, effect: 'Ignore', why: impossible.get(`${id}:${key}`) ?? why }];
    });
  });
  return [...decided, ...others].sort((a, b) => (a.key < b.key ? -1 : 1));
};

const withoutPlace = (key: string): string => key.replace(/#.*$/s, '');

/** Why a key, or a place in it, is due. */
const declaredAs = (
  effect: 'Hot' | 'Restart',
  place: string,
  policies: ReadonlyMap<SourceId, readonly Policy[]>,
  { sources }: Observed,
): string => {
  const [id, rest = ''] = split(place, ':');
  const [key, path] = split(rest, '#');
  const source = sources.get(id);
  const document = source?.state === 'Present' ? source.documents?.get(key) : undefined;
  if (path !== undefined || document === undefined) return declaredBy(policies, place);
  return document.error === undefined
    ? `places in it that are declared ${effect} by ${listed(document.policies.map((name) => `policy ${name}`))}`
    : `it counts as a whole until it parses: ${document.error}`;
};

/** Which rule gives a key, or a place in it, its class: `Hot by rule 1 of policy web`. */
const declaredBy = (policies: ReadonlyMap<SourceId, readonly Policy[]>, place: string): string => {
  const [id, rest = ''] = split(place, ':');
  const [key, path] = split(rest, '#');
  const words = (policies.get(id) ?? []).map((policy) => {
    const { class: declared, rule } = ruleAt(policy, sourceOf(id), key, path);
    return `${declared} by ${rule === undefined ? 'the default' : `rule ${rule}`} of policy ${policy.name}`;
  });
  return listed(words, { most: 3 });
};

const split = (text: string, by: string): readonly [string, string?] => {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
};
