/** The watches that feed the stores, and how they stand. */

import { CONSUMER_KINDS } from '../api/v1alpha1/kinds.ts';
import type { Controller } from '../controller/controller.ts';
import type { WorkloadKind } from '../domain/selection.ts';
import type { KubeClient } from '../kube/connect.ts';
import { listWatch } from '../kube/listwatch.ts';
import * as paths from '../kube/paths.ts';
import type { RawPolicy } from '../kube/policies.ts';
import type { RawRecord } from '../kube/records.ts';
import { requestsServed, type RawRequest } from '../kube/requests.ts';
import { sourceVersions } from '../kube/sources.ts';
import type { RawWorkload } from '../kube/workloads.ts';
import { statusOf } from '../runtime/errors.ts';
import { createReflectorGroup, type ReflectorGroup } from '../runtime/reflector-group.ts';
import {
  createReflector,
  type ListWatch,
  type Reflector,
  type ReflectorStatus,
  type Sink,
} from '../runtime/reflector.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ReloadOperatorOptions } from './options.ts';
import type { FedStores, KindedWorkload } from './stores.ts';

export interface Watch {
  readonly name: string;
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly reflector: Reflector;
}

export interface WatchParts {
  readonly client: KubeClient;
  readonly stores: FedStores;
  readonly controller: Controller;
  readonly options: ReloadOperatorOptions;
  readonly metrics: Metrics;
}

/** One watch for each kind, cluster-wide or one for each namespace. */
export const createWatches = ({ client, stores, controller, options, metrics }: WatchParts): readonly Watch[] => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const scopes: readonly (string | undefined)[] = settings.namespaces.length === 0 ? [undefined] : settings.namespaces;
  const watch = <T>(plural: string, namespace: string | undefined, source: ListWatch<T>, sink: Sink<T>): Watch => {
    const name = namespace === undefined ? plural : `${plural} in ${namespace}`;
    let standing = standingOf({ synced: false });
    const reflector = createReflector({
      name,
      source,
      sink,
      clock,
      random,
      log,
      idleMs,
      onList: (items, seconds) => {
        metrics.list(name, items, seconds);
      },
      onStatus: (status) => {
        // What can be listed at last, or can't be any more, is news for everything that stands on it.
        const next = standingOf(status);
        if (standing !== next) controller.lookAtAll();
        standing = next;
      },
    });
    return { name, namespace, reflector };
  };
  return scopes.flatMap((namespace) => {
    const within = (key: string): boolean => namespace === undefined || key.startsWith(`${namespace}/`);
    const kinds = CONSUMER_KINDS.map((kind) =>
      watch(
        `${kind.toLowerCase()}s`,
        namespace,
        listWatch<RawWorkload>(client, { path: paths.workloads(kind)(namespace), idleMs }),
        kinded(
          kind,
          stores.workloads.part((key) => key.startsWith(`${kind}/`) && within(key.slice(kind.length + 1))),
        ),
      ),
    );
    return [
      watch(
        'reloadpolicies',
        namespace,
        listWatch<RawPolicy>(client, { path: paths.policies(namespace), idleMs }),
        stores.policies.part(within),
      ),
      watch(
        'reloadrecords',
        namespace,
        listWatch<RawRecord>(client, { path: paths.records(namespace), idleMs }),
        stores.records.part(within),
      ),
      ...kinds,
      watch(
        'configmaps',
        namespace,
        sourceVersions(client, { kind: 'ConfigMap', ...(namespace !== undefined && { namespace }) }, idleMs),
        controller.sources.part({ kind: 'ConfigMap', ...(namespace !== undefined && { namespace }) }),
      ),
    ];
  });
};

/** Nothing is decided by whether there are requests: that they can't be listed is said, and no more. */
export const watchRequests = ({ client, stores, options, metrics }: Omit<WatchParts, 'controller'>): ReflectorGroup => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const group = createReflectorGroup(clock);
  for (const namespace of settings.namespaces.length === 0 ? [undefined] : settings.namespaces) {
    const name = namespace === undefined ? 'reloadrequests' : `reloadrequests in ${namespace}`;
    const source = requestsServed(listWatch<RawRequest>(client, { path: paths.requests(namespace), idleMs }));
    const sink = stores.requests.part((key) => namespace === undefined || key.startsWith(`${namespace}/`));
    const onList = (items: number, seconds: number): void => {
      metrics.list(name, items, seconds);
    };
    group.begin(createReflector({ name, source, sink, clock, random, log, idleMs, onList }));
  }
  return group;
};

const kinded = (kind: WorkloadKind, sink: Sink<KindedWorkload>): Sink<RawWorkload> =>
  mapped(sink, (raw) => ({ kind, raw }));

export const mapped = <T, U>(sink: Sink<U>, map: (object: T) => U): Sink<T> => ({
  listing: () => {
    sink.listing();
  },
  rewound: () => {
    sink.rewound();
  },
  upsert: (raw) => {
    sink.upsert(map(raw));
  },
  remove: (raw) => {
    sink.remove(map(raw));
  },
  listed: () => {
    sink.listed();
  },
});

/** What others go by: whether there is a list, and whether it may be had. */
export const standingOf = ({ synced, error }: Pick<ReflectorStatus, 'synced' | 'error'>): string =>
  `${synced} ${statusOf(error) === 403}`;

/** Kinds that the operator has no right to list are said, and the rest goes on; undefined: some are still to come. */
export const unreadable = (watches: readonly Watch[], namespace: string): readonly string[] | undefined => {
  const statuses = watches
    .filter((watch) => watch.namespace === undefined || watch.namespace === namespace)
    .map(({ reflector }) => reflector.status());
  const refused = statuses.filter(({ error }) => statusOf(error) === 403);
  if (statuses.some(({ synced, error }) => !synced && statusOf(error) !== 403)) return undefined;
  return refused.map(({ name, error }) => `${name}: ${error?.message ?? ''}`);
};
