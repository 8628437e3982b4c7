/** Watches that come and go with what policies name: workloads of certain kinds, and Secrets. */

import { NAMED_KINDS } from '../api/v1alpha1/kinds.ts';
import { createNamedWorkloads } from '../controller/named-workloads.ts';
import type { SourceWatcher, WorkloadScope } from '../controller/ports.ts';
import type { KubeClient } from '../kube/connect.ts';
import { listWatch } from '../kube/listwatch.ts';
import * as paths from '../kube/paths.ts';
import { sourceVersions } from '../kube/sources.ts';
import type { RawWorkload } from '../kube/workloads.ts';
import { selectorQuery } from '../kube/selectors.ts';
import { whenServed } from '../kube/when-served.ts';
import { statusOf } from '../runtime/errors.ts';
import type { ReflectorGroup } from '../runtime/reflector-group.ts';
import { createReflector, type ListWatch, type Sink } from '../runtime/reflector.ts';
import type { ReloadOperatorOptions } from './options.ts';
import { namespacedKey, type KindedWorkload } from './stores.ts';
import { mapped, standingOf, type Watch, type WatchParts } from './watches.ts';

/** Watches of those kinds that are watched only where they are named. */
export const followNamedWorkloads = (
  { client, stores, controller, options }: WatchParts,
  group: ReflectorGroup,
  named: Set<Watch>,
): void => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  const sink = stores.workloads.part((key) => NAMED_KINDS.some((kind) => key.startsWith(`${kind}/`)));
  const sourceOf = ({ kind, namespace, name, selector = {} }: WorkloadScope): ListWatch<RawWorkload> => {
    const query = name === undefined ? { labelSelector: selectorQuery(selector) } : byName(name);
    const source = listWatch<RawWorkload>(client, { path: paths.workloads(kind)(namespace), query, idleMs });
    return kind === 'Rollout' ? whenServed(source, clock) : source;
  };
  const watch = (scope: WorkloadScope, to: Sink<NamedWorkload>): (() => void) => {
    const { kind, namespace, name = '*' } = scope;
    let standing = standingOf({ synced: false });
    const reflector = createReflector({
      name: `${paths.workloads(kind)(namespace)}/${name}`,
      source: sourceOf(scope),
      sink: mapped(to, (raw: RawWorkload): NamedWorkload => ({ key: `${kind}/${namespacedKey(raw)}`, kind, raw })),
      clock,
      random,
      log,
      idleMs,
      onStatus: (status) => {
        const next = standingOf(status);
        if (standing !== next) controller.lookAtAll(namespace);
        standing = next;
      },
    });
    const begun = { name: reflector.status().name, namespace, reflector };
    named.add(begun);
    const end = group.begin(reflector);
    return () => {
      named.delete(begun);
      end();
    };
  };
  createNamedWorkloads<NamedWorkload>({
    stores,
    watcher: { watch },
    keep: (object) => {
      sink.upsert(object);
    },
    drop: (key, object) => {
      const held = stores.workloads.get(key);
      if (object !== undefined) sink.remove(object);
      else if (held !== undefined) sink.remove({ kind: held.kind, raw: { metadata: held, spec: {} } });
    },
  });
};

interface NamedWorkload extends KindedWorkload {
  readonly key: string;
}

const byName = (name: string): { readonly fieldSelector: string } => ({ fieldSelector: `metadata.name=${name}` });

interface SourceWatcherParts {
  readonly client: KubeClient;
  readonly group: ReflectorGroup;
  readonly options: ReloadOperatorOptions;
}

export const createSourceWatcher = ({ client, group, options }: SourceWatcherParts): SourceWatcher => {
  const { settings, clock, random, log } = options;
  const idleMs = settings.watchIdleSeconds * 1_000;
  return {
    watch: (scope, sink, onRefused) =>
      group.begin(
        createReflector({
          name: `${paths.sources(scope.kind)(scope.namespace)}/${scope.name ?? '*'}`,
          source: sourceVersions(client, scope, idleMs),
          sink,
          clock,
          random,
          log,
          idleMs,
          onStatus: ({ error }) => {
            onRefused(statusOf(error) === 403 ? error?.message : undefined);
          },
        }),
      ),
  };
};
