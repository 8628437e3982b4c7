/** What decisions stand on, made of objects: the same for manifests, for a cluster, and for one laid over the other. */

import { isUtf8 } from 'node:buffer';
import { IGNORE_ANNOTATION } from '../api/v1alpha1/names.ts';
import { digestContent, macScheme, PLAIN, type MacKey } from '../domain/digest.ts';
import type { DocumentParts } from '../domain/documents.ts';
import { missingKeys, needsInspection, type KeyInspection, type KeyRequest } from '../domain/inspection.ts';
import type { Policy, Source, Workload } from '../domain/observed.ts';
import type { Snapshot } from '../domain/plan.ts';
import { matchesSelector, type SourceKind, type WorkloadKind } from '../domain/selection.ts';
import type { Problem } from '../domain/validation.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { parseWorkload, type RawWorkload } from '../kube/workloads.ts';
import type { RawSource } from './manifest-schemas.ts';
import { manifestId, type Manifest } from './manifests.ts';

/** Objects by `namespace/Kind/name`. */
export type World = ReadonlyMap<string, Manifest>;

export const worldOf = (manifests: readonly Manifest[]): World =>
  new Map(manifests.map((manifest) => [manifestId(manifest), manifest]));

/**
 * The world with some objects put in, or in the place of earlier ones. What the cluster has given an object stays its
 * own: it is the same workload, with another spec.
 */
export const overlaid = (world: World, changes: readonly Manifest[]): World => {
  const next = new Map(world);
  for (const change of changes) {
    const id = manifestId(change);
    const before = world.get(id);
    next.set(id, before === undefined ? change : { ...change, raw: { ...change.raw, ...keptOf(before, change) } });
  }
  return next;
};

const GIVEN = ['uid', 'resourceVersion', 'generation', 'creationTimestamp'] as const;

const keptOf = ({ raw: before }: Manifest, { raw: after }: Manifest): object => {
  const was = before['metadata'] as Readonly<Record<string, unknown>>;
  const given = Object.fromEntries(GIVEN.flatMap((field) => (field in was ? [[field, was[field]] as const] : [])));
  return {
    metadata: { ...(after['metadata'] as object), ...given },
    ...(before['status'] !== undefined && { status: before['status'] }),
  };
};

/** A source that can't be read by whoever asks, and that no change is about. */
export interface Unread {
  readonly namespace: string;
  readonly kind: SourceKind;
  readonly name: string;
}

export interface Snapshots {
  /** Each object is parsed, digested and inspected once, however many worlds it is in. */
  of(world: World): Snapshot;
}

export interface SnapshotOptions {
  readonly macKey: MacKey;
  readonly inspect: (request: KeyRequest) => KeyInspection;
  /** Taken as they are: present, valid, with every key that anybody uses. */
  readonly unread?: readonly Unread[];
}

export const createSnapshots = (options: SnapshotOptions): Snapshots => {
  const policiesSeen = new WeakMap<Manifest, ReturnType<typeof parsePolicy>>();
  const workloadsSeen = new WeakMap<Manifest, Workload>();
  const sourcesSeen = new WeakMap<Manifest, Map<string, Source>>();

  const policyOf = (manifest: Manifest): ReturnType<typeof parsePolicy> => {
    const policy = policiesSeen.get(manifest) ?? parsePolicy(withDefaults(manifest) as unknown as RawPolicy);
    policiesSeen.set(manifest, policy);
    return policy;
  };
  const workloadOf = (manifest: Manifest): Workload => {
    const kind = manifest.kind as WorkloadKind;
    const workload =
      workloadsSeen.get(manifest) ?? parseWorkload(kind, withDefaults(manifest) as unknown as RawWorkload);
    workloadsSeen.set(manifest, workload);
    return workload;
  };
  const sourceOf = (manifest: Manifest, policies: readonly Policy[]): Source => {
    const byPolicies = sourcesSeen.get(manifest) ?? new Map<string, Source>();
    sourcesSeen.set(manifest, byPolicies);
    // What is found in content depends on who looks for what.
    const looking = JSON.stringify(
      policies.map(({ name, rules, defaultClass, validation }) => [name, rules, defaultClass, validation]),
    );
    const source = byPolicies.get(looking) ?? observeSource(manifest, policies, options);
    byPolicies.set(looking, source);
    return source;
  };

  return {
    of: (world) => {
      const manifests = [...world.values()];
      const found = manifests.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
      const policies = manifests
        .filter(({ kind }) => kind === 'ReloadPolicy')
        .map(policyOf)
        .filter(({ invalid }) => invalid === undefined)
        .map((policy) => withFound(policy, found));
      const workloads = manifests.filter(({ kind }) => kind in WORKLOAD_KINDS).map(workloadOf);
      return { policies, workloads, sources: sourcesOf(policies, workloads, world, sourceOf, options.unread ?? []) };
    },
  };
};

const WORKLOAD_KINDS: Readonly<Record<WorkloadKind, true>> = { Deployment: true, StatefulSet: true, DaemonSet: true };

/** What the API server gives every object, and a manifest need not have. */
const withDefaults = ({ raw, metadata: { namespace, name } }: Manifest): object => ({
  ...raw,
  metadata: { uid: `${namespace}/${name}`, resourceVersion: '', ...(raw['metadata'] as object) },
});

/** With the sources that its selectors find. */
const withFound = <P extends Policy>(policy: P, sources: readonly Manifest[]): P => {
  const found = (policy.sourceSelectors ?? []).flatMap(({ kind, selector }) =>
    sources
      .filter(
        ({ kind: of, metadata: { namespace, labels = {} } }) =>
          of === kind && namespace === policy.namespace && matchesSelector(selector, labels),
      )
      .map(({ metadata: { name } }) => ({ kind, name })),
  );
  const named = new Map([...policy.sources, ...found].map((source) => [`${source.kind}/${source.name}`, source]));
  return found.length === 0 ? policy : { ...policy, sources: [...named.values()] };
};

/** Every source that a policy names, whether it is there or not. */
const sourcesOf = (
  policies: readonly Policy[],
  workloads: readonly Workload[],
  world: World,
  observe: (manifest: Manifest, policies: readonly Policy[]) => Source,
  unread: readonly Unread[],
): ReadonlyMap<string, Source> => {
  const naming = new Map<string, Policy[]>();
  for (const policy of policies) {
    for (const { kind, name } of policy.sources) {
      const id = `${policy.namespace}/${kind}/${name}`;
      naming.set(id, [...(naming.get(id) ?? []), policy]);
    }
  }
  return new Map(
    [...naming].map(([id, those]) => {
      const manifest = world.get(id);
      if (manifest !== undefined) return [id, observe(manifest, those.sort(byName))];
      const assumed = unread.find(({ namespace, kind, name }) => id === `${namespace}/${kind}/${name}`);
      return [id, assumed === undefined ? { state: 'Missing' } : asUsed(assumed, workloads)];
    }),
  );
};

const byName = (a: Policy, b: Policy): number => (a.name < b.name ? -1 : 1);

/** Nothing is known of it but how it is used. */
const asUsed = ({ namespace, kind, name }: Unread, workloads: readonly Workload[]): Source => {
  const uses = workloads.filter((workload) => workload.namespace === namespace).flatMap((workload) => workload.uses);
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

const observeSource = (
  { kind, metadata, raw }: Manifest,
  policies: readonly Policy[],
  { macKey, inspect }: SnapshotOptions,
): Source => {
  const { annotations = {}, namespace, name } = metadata;
  if (annotations[IGNORE_ANNOTATION] === 'true') return { state: 'Ignored' };
  const source = { kind: kind as SourceKind, name };
  const scheme = kind === 'Secret' ? macScheme(macKey, namespace, kind, name) : PLAIN;
  const schemas = kind !== 'Secret' || annotations[ALLOW_SCHEMA_ANNOTATION] === 'true';
  const content = contentOf(source.kind, raw as RawSource);
  const documents = new Map<string, DocumentParts>();
  const problems = new Map<string, Problem[]>();
  const note = (policy: string, found: readonly Problem[]): void => {
    if (found.length > 0) problems.set(policy, [...(problems.get(policy) ?? []), ...found]);
  };
  for (const policy of policies) note(policy.name, missingKeys(policy, content.keys()));
  for (const [key, value] of content) {
    if (!needsInspection(policies, source, key)) continue;
    const inspection = inspect({ source, scheme, key, content: value, policies, schemas });
    if (inspection.document !== undefined) documents.set(key, inspection.document);
    for (const [policy, found] of inspection.problems) note(policy, found);
  }
  const { uid = '', resourceVersion = '' } = raw['metadata'] as {
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
  return {
    state: 'Present',
    uid,
    resourceVersion,
    immutable: raw['immutable'] === true,
    keys: new Map([...content].map(([key, value]) => [key, digestContent(value, scheme, key)])),
    ...(documents.size > 0 && { documents }),
    ...(problems.size > 0 && { problems }),
    changedAt: 0,
    seenToChange: false,
  };
};

const ALLOW_SCHEMA_ANNOTATION = 'reload-operator.dev/allow-schema-validation';

/** By key, text where the bytes are UTF-8. What a Secret has in stringData goes over its data. */
const contentOf = (
  kind: SourceKind,
  { data = {}, binaryData = {}, stringData = {} }: RawSource,
): ReadonlyMap<string, string | Uint8Array> =>
  new Map([
    ...(kind === 'Secret' ? decoded(data) : Object.entries(data)),
    ...(kind === 'Secret' ? Object.entries(stringData) : decoded(binaryData)),
  ]);

const decoded = (base64: Readonly<Record<string, string>>): readonly (readonly [string, string | Uint8Array])[] =>
  Object.entries(base64).map(([key, value]) => {
    const bytes = Buffer.from(value, 'base64');
    return [key, isUtf8(bytes) ? bytes.toString('utf8') : bytes];
  });
