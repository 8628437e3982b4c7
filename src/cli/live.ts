/** The part of a cluster that a change of some objects can have to do with, as manifests. */

import { throughLive } from '../domain/live.ts';
import { findUses } from '../domain/references.ts';
import { CONSUMER_KINDS, isWorkloadKind, NAMED_KINDS } from '../api/v1alpha1/kinds.ts';
import type { SourceKind, WorkloadKind } from '../domain/selection.ts';
import type { KubeClient } from '../kube/connect.ts';
import { KubeError } from '../kube/errors.ts';
import type { KubeObject } from '../kube/listwatch.ts';
import * as paths from '../kube/paths.ts';
import { parsePolicy, type RawPolicy } from '../kube/policies.ts';
import { templateOf } from '../kube/workloads.ts';
import { everyItem } from '../kube/every-item.ts';
import type { ManifestKind } from './manifest-schemas.ts';
import type { Manifest } from './manifests.ts';
import type { Unread } from './snapshot.ts';

export interface Live {
  readonly manifests: readonly Manifest[];
  /** Sources that whoever asks has no right to read. */
  readonly unread: readonly Unread[];
  /** Policies of the cluster that this version can't understand. */
  readonly notUnderstood: readonly string[];
}

export interface Interest {
  /** Policies that are about to come or change: what they name is read, too. */
  readonly comingPolicies?: readonly Manifest[];
  /** What this workload reads is read, too. */
  readonly reader?: { readonly kind: WorkloadKind; readonly name: string };
}

/** Everything of a namespace that counts: its policies, its workloads, and the sources that policies name. */
export const readNamespace = async (
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
  { comingPolicies = [], reader }: Interest = {},
): Promise<Live> => {
  const [policies, ...consumers] = await Promise.all([
    all(client, 'ReloadPolicy', paths.policies(namespace), signal),
    ...CONSUMER_KINDS.map((kind) => all(client, kind, paths.workloads(kind)(namespace), signal)),
  ]);
  const parsed = [...policies, ...comingPolicies].map(({ raw }) => parsePolicy(raw as unknown as RawPolicy));
  const bound = new Set(parsed.flatMap(({ workloads: bindings = [] }) => bindings.map(({ kind }) => kind)));
  const named = await Promise.all(
    NAMED_KINDS.filter((kind) => bound.has(kind) || kind === reader?.kind).map((kind) =>
      served(all(client, kind, paths.workloads(kind)(namespace), signal)),
    ),
  );
  const workloads = [...consumers, ...named];
  const read = workloads
    .flat()
    .filter(({ kind, metadata }) => kind === reader?.kind && metadata.name === reader.name)
    .flatMap(({ kind, metadata: { name }, raw }) =>
      isWorkloadKind(kind) ? throughLive({ kind, name, uses: findUses(templateOf(kind, raw)) }, parsed).uses : [],
    )
    .map(({ source }) => source);
  const sources = new Map(
    [...parsed.flatMap(({ sources }) => sources), ...read].map((source) => [`${source.kind}/${source.name}`, source]),
  );
  const selecting = new Set(parsed.flatMap(({ sourceSelectors = [] }) => sourceSelectors.map(({ kind }) => kind)));
  const found = await Promise.all([
    // Labels may be about to change: what a selector finds is decided here, on all there are.
    ...[...selecting].map(async (kind) => ({
      manifests: await all(client, kind, paths.sources(kind)(namespace), signal),
      unread: [],
    })),
    ...[...sources.values()]
      .filter(({ kind }) => !selecting.has(kind))
      .map(({ kind, name }) => one(client, kind, namespace, name, signal)),
  ]);
  return {
    manifests: [...policies, ...workloads.flat(), ...found.flatMap(({ manifests }) => manifests)],
    unread: found.flatMap(({ unread }) => unread),
    notUnderstood: parsed.flatMap(({ name, invalid }) => (invalid === undefined ? [] : [name])),
  };
};

/** Not every cluster serves every kind. */
const served = async (list: Promise<readonly Manifest[]>): Promise<readonly Manifest[]> =>
  list.catch((error: unknown) => {
    if (error instanceof KubeError && error.status === 404) return [];
    throw error;
  });

const all = async (
  client: KubeClient,
  kind: ManifestKind,
  path: string,
  signal: AbortSignal,
): Promise<readonly Manifest[]> =>
  (await everyItem(client, { path }, signal)).map((object) => manifestOf(kind, object));

const one = async (
  client: KubeClient,
  kind: SourceKind,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly manifests: readonly Manifest[]; readonly unread: readonly Unread[] }> => {
  try {
    const path = `${paths.sources(kind)(namespace)}/${name}`;
    return {
      manifests: [manifestOf(kind, await client.request<KubeObject>({ method: 'GET', path, signal }))],
      unread: [],
    };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.status === 404) return { manifests: [], unread: [] };
    if (error.status === 403) return { manifests: [], unread: [{ namespace, kind, name }] };
    throw error;
  }
};

const manifestOf = (kind: ManifestKind, object: KubeObject): Manifest => {
  const { namespace = '', name, labels, annotations } = object.metadata;
  return {
    kind,
    metadata: {
      namespace,
      name,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    raw: object as unknown as Manifest['raw'],
    origin: 'the cluster',
    live: true,
  };
};
