/**
 * Workloads that are watched only where a policy names them, or a record is about them: of their kinds a cluster may have
 * any number that nothing binds, or none at all.
 */

import { isNamedKind } from '../api/v1alpha1/kinds.ts';
import type { Sink } from '../runtime/reflector.ts';
import type { StoreDelta } from '../runtime/store.ts';
import { workloadKey, type Stores, type WorkloadScope, type WorkloadWatcher } from './ports.ts';

/** An object as its watch shows it. */
interface Shown {
  /** `Kind/namespace/name` */
  readonly key: string;
}

export interface NamedWorkloadsOptions<T extends Shown> {
  readonly stores: Pick<Stores, 'policies' | 'records'>;
  readonly watcher: WorkloadWatcher<T>;
  /** Where objects go that some scope shows. */
  readonly keep: (object: T) => void;
  /** A scope has been told that an object is gone, or goes itself, and no other one shows it. */
  readonly drop: (key: string, object: T | undefined) => void;
}

interface Running {
  readonly users: Set<string>;
  readonly stop: () => void;
}

/** Follows the stores; what is begun ends with its last user. */
export const createNamedWorkloads = <T extends Shown>({
  stores,
  watcher,
  keep,
  drop,
}: NamedWorkloadsOptions<T>): void => {
  const running = new Map<string, Running>();
  /** By the key of an object, the scopes that show it. */
  const showing = new Map<string, Set<string>>();

  const hide = (scope: string, key: string, object?: T): void => {
    const scopes = showing.get(key);
    if (scopes?.delete(scope) !== true || scopes.size > 0) return;
    showing.delete(key);
    drop(key, object);
  };
  const shownBy = (scope: string): readonly string[] =>
    [...showing].flatMap(([key, scopes]) => (scopes.has(scope) ? [key] : []));

  const sinkOf = (scope: string): Sink<T> => {
    /** Shown when the running list began, and not met since. */
    let unmet = new Set<string>();
    return {
      listing: () => {
        unmet = new Set(shownBy(scope));
      },
      rewound: () => undefined,
      upsert: (object) => {
        // What is still on its way when a watch ends is nobody's.
        if (!running.has(scope)) return;
        unmet.delete(object.key);
        showing.set(object.key, (showing.get(object.key) ?? new Set()).add(scope));
        keep(object);
      },
      remove: (object) => {
        hide(scope, object.key, object);
      },
      listed: () => {
        for (const key of unmet) hide(scope, key);
        unmet = new Set();
      },
    };
  };

  const use = (scope: WorkloadScope, user: string): void => {
    const key = scopeKey(scope);
    const known = running.get(key);
    if (known !== undefined) {
      known.users.add(user);
      return;
    }
    running.set(key, { users: new Set([user]), stop: watcher.watch(scope, sinkOf(key)) });
  };
  const release = (scope: WorkloadScope, user: string): void => {
    const key = scopeKey(scope);
    const known = running.get(key);
    known?.users.delete(user);
    if (known?.users.size !== 0) return;
    running.delete(key);
    known.stop();
    for (const shown of shownBy(key)) hide(key, shown);
  };

  const follow = <V>(user: string, { key, old, new: next }: StoreDelta<V>, scopesOf: (value: V) => Scopes): void => {
    const [before, after] = [old, next].map((value) => (value === undefined ? NONE : scopesOf(value))) as [
      Scopes,
      Scopes,
    ];
    // What goes on being used is not let go in between.
    for (const scope of after.values()) use(scope, `${user} ${key}`);
    for (const [name, scope] of before) if (!after.has(name)) release(scope, `${user} ${key}`);
  };

  stores.policies.onDelta((delta) => {
    follow('policy', delta, ({ namespace, workloads = [] }) =>
      scopes(
        workloads
          .filter(({ kind }) => isNamedKind(kind))
          .map(({ kind, name, selector }) => ({
            kind,
            namespace,
            ...(name !== undefined && { name }),
            ...(name === undefined && selector !== undefined && { selector }),
          })),
      ),
    );
  });
  // Whoever is bound no longer is looked at once more: that takes its record away, and the last reason to watch it.
  stores.records.onDelta((delta) => {
    follow('record', delta, ({ workload: { kind, namespace, name } }) =>
      scopes(isNamedKind(kind) ? [{ kind, namespace, name }] : []),
    );
  });
};

type Scopes = ReadonlyMap<string, WorkloadScope>;

const NONE: Scopes = new Map();

const scopes = (all: readonly WorkloadScope[]): Scopes => new Map(all.map((scope) => [scopeKey(scope), scope]));

const scopeKey = ({ kind, namespace, name, selector }: WorkloadScope): string =>
  name === undefined ? `${kind}/${namespace} ${JSON.stringify(selector)}` : workloadKey({ kind, namespace, name });
