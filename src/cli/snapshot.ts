/** What decisions stand on, made of objects: the same for manifests, for a cluster, and for one laid over the other. */

import { digestContent, type Digest, type MacKey } from '../domain/digest.ts';
import type { LeafTable } from '../domain/documents.ts';
import { throughLive } from '../domain/live.ts';
import type { Policy, Source, Workload } from '../domain/observed.ts';
import type { Snapshot } from '../domain/plan.ts';
import { isWorkloadKind } from '../api/v1alpha1/kinds.ts';
import type { SourceKind } from '../domain/selection.ts';
import type { StoredPolicy } from '../controller/ports.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { parseWorkload, type RawWorkload } from '../kube/workloads.ts';
import { manifestId, type Manifest } from './manifests.ts';
import { sourceState, withFound, type FindableSource } from './source-state.ts';

/** Objects by `namespace/Kind/name`. */
export type World = ReadonlyMap<string, Manifest>;

export const worldOf = (manifests: readonly Manifest[]): World =>
  new Map(manifests.map((manifest) => [manifestId(manifest), manifest]));

/** A source that can't be read by whoever asks, and that no change is about. */
export interface Unread {
  readonly namespace: string;
  readonly kind: SourceKind;
  readonly name: string;
}

export interface SnapshotOptions {
  readonly macKey: MacKey;
  /** Taken as they are: present, valid, with every key that anybody uses. */
  readonly unread?: readonly Unread[];
}

export interface Nouns {
  /** Those that are understood, with what their selectors find. */
  readonly policies: readonly StoredPolicy[];
  /** Those of the cluster that this version can't understand. */
  readonly invalid: readonly StoredPolicy[];
  readonly workloads: readonly Workload[];
}

/** Both states; content is looked into by the policies of the later one, whose rules are what counts. */
export const snapshotsOf = (
  before: World,
  after: World,
  options: SnapshotOptions,
): { readonly before: Snapshot; readonly after: Snapshot } => {
  const parsed = createParser();
  const [nounsBefore, nounsAfter] = [parsed(before), parsed(after)];
  const naming = namedBy(nounsAfter.policies);
  // What only earlier policies name is nothing to look into.
  for (const id of namedBy(nounsBefore.policies).keys()) if (!naming.has(id)) naming.set(id, []);
  const sourcesBefore = new Map<string, Source>();
  const sourcesAfter = new Map<string, Source>();
  for (const [id, policies] of naming) {
    const [was, is] = [before.get(id), after.get(id)];
    const stateOf = (manifest: Manifest | undefined, nouns: Nouns): Source =>
      manifest === undefined ? absent(id, nouns, options) : sourceState(manifest, policies, options.macKey);
    const earlier = stateOf(was, nounsBefore);
    sourcesBefore.set(id, earlier);
    sourcesAfter.set(id, was === is ? earlier : withEarlier(stateOf(is, nounsAfter), earlier));
  }
  return { before: { ...nounsBefore, sources: sourcesBefore }, after: { ...nounsAfter, sources: sourcesAfter } };
};

/** One state, for itself, with all that workloads read, whether a policy names it or not. */
export const snapshotOf = (world: World, options: SnapshotOptions): Nouns & Snapshot => {
  const nouns = createParser()(world);
  const naming = namedBy(nouns.policies);
  for (const { namespace, uses } of nouns.workloads) {
    for (const { source } of uses) {
      const id = `${namespace}/${source.kind}/${source.name}`;
      if (!naming.has(id)) naming.set(id, []);
    }
  }
  const sources = [...naming].map(([id, policies]) => {
    const manifest = world.get(id);
    const state = manifest === undefined ? absent(id, nouns, options) : sourceState(manifest, policies, options.macKey);
    return [id, state] as const;
  });
  return { ...nouns, sources: new Map(sources) };
};

/** Each object is parsed once, however many worlds it is in. */
const createParser = (): ((world: World) => Nouns) => {
  const policies = new WeakMap<Manifest, StoredPolicy>();
  const workloads = new WeakMap<Manifest, Workload>();
  return (world) => {
    const manifests = [...world.values()];
    const sources = manifests.flatMap(({ kind, metadata: { namespace, name, labels = {} } }): FindableSource[] =>
      kind === 'ConfigMap' || kind === 'Secret' ? [{ kind, namespace, name, labels }] : [],
    );
    const parsed = manifests
      .filter(({ kind }) => kind === 'ReloadPolicy')
      .map((manifest) => once(policies, manifest, () => parsePolicy(withGiven(manifest) as unknown as RawPolicy)));
    return {
      policies: parsed.filter(({ invalid }) => invalid === undefined).map((policy) => withFound(policy, sources)),
      invalid: parsed.filter(({ invalid }) => invalid !== undefined),
      workloads: manifests.flatMap((manifest) => {
        const { kind } = manifest;
        if (!isWorkloadKind(kind)) return [];
        return [once(workloads, manifest, () => parseWorkload(kind, withGiven(manifest) as unknown as RawWorkload))];
      }),
    };
  };
};

const once = <T>(known: WeakMap<Manifest, T>, manifest: Manifest, make: () => T): T => {
  const made = known.get(manifest) ?? make();
  known.set(manifest, made);
  return made;
};

/** What the API server gives every object, and a manifest need not have. */
const withGiven = ({ raw, metadata: { namespace, name } }: Manifest): object => ({
  ...raw,
  metadata: { uid: `${namespace}/${name}`, resourceVersion: '', ...(raw['metadata'] as object) },
});

/** The policies that name each source, by its `namespace/Kind/name`, in the order of their names. */
const namedBy = (policies: readonly Policy[]): Map<string, readonly Policy[]> => {
  const naming = new Map<string, Policy[]>();
  for (const policy of [...policies].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const { kind, name } of policy.sources) {
      const id = `${policy.namespace}/${kind}/${name}`;
      naming.set(id, [...(naming.get(id) ?? []), policy]);
    }
  }
  return naming;
};

const absent = (id: string, nouns: Nouns, { unread = [] }: SnapshotOptions): Source => {
  const assumed = unread.find(({ namespace, kind, name }) => id === `${namespace}/${kind}/${name}`);
  return assumed === undefined ? { state: 'Missing' } : asUsed(assumed, nouns);
};

/** Nothing is known of it but how it is used. */
const asUsed = ({ namespace, kind, name }: Unread, { policies, workloads }: Nouns): Source => {
  const here = policies.filter((policy) => policy.namespace === namespace);
  const uses = workloads
    .filter((workload) => workload.namespace === namespace)
    .flatMap((workload) => throughLive(workload, here).uses);
  const keys = uses
    .filter(({ source }) => source.kind === kind && source.name === name)
    .flatMap(({ key, items = [] }) => [...(key === undefined ? [] : [key]), ...items]);
  return {
    state: 'Present',
    uid: '',
    resourceVersion: '',
    immutable: false,
    keys: new Map(keys.map((key) => [key, digestContent('')])),
    changedAt: 0,
    seenToChange: false,
  };
};

/** So that the places that change can be named. */
const withEarlier = (source: Source, before: Source): Source => {
  if (source.state !== 'Present' || before.state !== 'Present') return source;
  const tables = [...(before.documents ?? [])].flatMap(([key, { leaves }]): (readonly [Digest, LeafTable])[] => {
    const digest = before.keys.get(key);
    return digest === undefined || leaves === undefined ? [] : [[digest, leaves]];
  });
  return tables.length === 0 ? source : { ...source, earlier: new Map(tables) };
};
