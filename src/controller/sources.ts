/**
 * The content of bound sources, as digests. The watches show only metadata; when a bound source's resourceVersion
 * moves, that one object is read, digested, inspected and dropped. Nothing is kept of sources that no policy names.
 */

import { macScheme, PLAIN, type Scheme } from '../domain/digest.ts';
import type { Live } from '../domain/live.ts';
import { sourceId, sourceOf, type Source, type SourceId } from '../domain/observed.ts';
import type { Clock } from '../runtime/clock.ts';
import { statusOf, toError, WaitingError } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import type { Sink } from '../runtime/reflector.ts';
import { compareResourceVersions } from '../runtime/store.ts';
import type { WorkQueue } from '../runtime/workqueue.ts';
import type {
  DigestKeyStore,
  Inspector,
  SourceObject,
  SourceReader,
  SourceScope,
  SourceVersion,
  SourceWatcher,
  StoredPolicy,
} from './ports.ts';
import { createBound, type Bound } from './sources/bound.ts';
import { createDigestKey, type DigestKey } from './sources/digest-key.ts';
import { createEarlier, type Earlier } from './sources/earlier.ts';
import { createInspections, type Inspected, type Inspections } from './sources/inspections.ts';
import { covers, keyOf, partsOf } from './sources/keys.ts';
import { createLiveStates, type LiveStates } from './sources/live-states.ts';
import { createOwnWatches, type OwnWatches } from './sources/own-watches.ts';
import { createSelections, type Selections } from './sources/selections.ts';
import { createShares } from './sources/shares.ts';
import { createShown, type Shown } from './sources/shown.ts';
import { digestsOf, isSame, presentState } from './sources/state.ts';

export interface Sources {
  /** What a standing watch of metadata feeds. */
  part(scope: SourceScope): Sink<SourceVersion>;
  get(namespace: string, id: SourceId): Source;
  /** A live object that some policy renders. */
  live(namespace: string, id: SourceId): Live;
  /** How a source's content is digested. */
  schemeOf(namespace: string, id: SourceId, signal: AbortSignal): Promise<Scheme>;
  /** Resolves when the watch has shown a version of an object, or after a second. */
  shown(namespace: string, id: SourceId, resourceVersion: string, signal: AbortSignal): Promise<void>;
  /** Takes note of a policy that came, changed or went. */
  bind(before: StoredPolicy | undefined, after: StoredPolicy | undefined): void;
  /** The policy with those sources, too, that its selectors find: the same object as long as they are the same. */
  withFound(policy: StoredPolicy): StoredPolicy;
  /** Whether it is still being asked for what the selectors of a namespace find. */
  resolving(namespace: string): boolean;
  /** False where not all that the policies of a namespace select can be found. */
  complete(namespace: string): boolean;
  /** Why not all that a policy selects can be found; undefined where it can. */
  selectionProblem(policy: StoredPolicy): string | undefined;
  /** A workload uses a source no longer. */
  reconsider(namespace: string, id: SourceId): void;
  /** Reads one source; the queue's worker. */
  read(key: string, signal: AbortSignal): Promise<void>;
}

export interface SourcesOptions {
  readonly reader: SourceReader;
  /** For Secrets: ConfigMaps have standing watches. */
  readonly watcher: SourceWatcher;
  readonly inspector: Inspector;
  /** Absent: no value of a Secret is ever read. */
  readonly digestKeys?: DigestKeyStore;
  /** Where all Secrets may be watched, and found by label. */
  readonly secretsNamespaces: readonly string[];
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a workload uses a source. */
  readonly isUsed: (namespace: string, id: SourceId) => boolean;
  /** The content, or what is known of it, is another than before. */
  readonly onChange: (namespace: string, id: SourceId) => void;
  /** A live object is another than before. */
  readonly onLive: (namespace: string, id: SourceId) => void;
  /** A policy of the namespace finds a source by label, or does no longer. */
  readonly onFound: (namespace: string, policy: string, id: SourceId) => void;
  /** How the selection of a policy stands is another than before. */
  readonly onSelection: (namespace: string, policy: string) => void;
}

/** A read that is ahead of our own watch waits this long for it at the most. */
const AHEAD_MS = 1_000;

/** Of one namespace, at a time. */
const MOST_INSPECTED = 2;
const SHARE_MS = 25;

const EARLIER = { maxBytes: 8 * 1024 * 1024, perKey: 4 };

/** How often it is looked whether the watch has shown a version. */
const SHOWN_MS = 5;

/** Who watches a Secret that is rendered, beside whoever watches it as a source. */
const LIVE = 'live/';

/** The key in the queue of a policy's selectors; keys of sources begin with a kind of theirs. */
const SELECTION = 'ReloadPolicy/';

export const createSources = (options: SourcesOptions): Sources => new BoundSources(options);

class BoundSources implements Sources {
  readonly #options: SourcesOptions;
  readonly #bound: Bound = createBound();
  readonly #shown: Shown;
  readonly #watches: OwnWatches;
  readonly #selections: Selections;
  readonly #live: LiveStates;
  readonly #inspections: Inspections;
  readonly #shares = createShares(MOST_INSPECTED);
  readonly #earlier: Earlier = createEarlier(EARLIER);
  readonly #digestKey: DigestKey | undefined;
  readonly #states = new Map<string, Source>();
  /** What was asked of the content when the state was made. */
  readonly #asked = new Map<string, string>();
  /** Reads that are ahead of the watch, since when. */
  readonly #ahead = new Map<string, { readonly object: SourceObject; readonly since: number }>();
  /** The sources that each policy names itself. */
  readonly #named = new Map<string, ReadonlySet<string>>();
  readonly #withFound = new Map<
    string,
    { readonly of: StoredPolicy; readonly revision: number; policy: StoredPolicy }
  >();
  readonly #boundSecrets = new Set<string>();
  #endKeyWatch: (() => void) | undefined;

  constructor(options: SourcesOptions) {
    this.#options = options;
    const { queue } = options;
    this.#inspections = createInspections(options.inspector);
    this.#shown = createShown({
      clock: options.clock,
      log: options.log,
      isBound: (key) => this.#bound.has(key) || this.#live.has(key),
      boundKeys: () => new Set([...this.#bound.keys(), ...this.#live.keys()]),
      // Our own read, offered to the store, is no news.
      isNews: (key, version) => {
        const known = this.#states.get(key);
        return known?.state !== 'Present' || known.resourceVersion !== version?.resourceVersion;
      },
      onSeen: (version) => {
        this.#selections.see(version);
      },
      onNews: (key) => {
        queue.add(key);
      },
    });
    this.#watches = createOwnWatches({
      watcher: options.watcher,
      sinkOf: (scope) => this.#shown.part(scope),
      onEnd: (scope) => {
        this.#shown.drop(scope);
      },
      onRefused: (scope) => {
        for (const key of [...this.#bound.keys()]) if (covers(scope, key)) this.#tell(key);
      },
    });
    this.#live = createLiveStates({
      reader: options.reader,
      schemeOf: (source, object, signal) => this.#schemeOf(source, object, signal),
      onFirst: (key) => {
        if (partsOf(key).kind === 'Secret') this.#watches.use(this.#secretScope(key), `${LIVE}${key}`);
        queue.add(key);
      },
      onLast: (key) => {
        if (partsOf(key).kind === 'Secret') this.#watches.release(this.#secretScope(key), `${LIVE}${key}`);
        if (!this.#bound.has(key)) this.#shown.forget(key);
      },
      onChange: options.onLive,
    });
    this.#selections = createSelections({
      reader: options.reader,
      refusal: (kind, namespace) =>
        kind === 'ConfigMap' || this.#isWide(namespace)
          ? undefined
          : `Secrets of ${namespace} can't be selected by label: name them, or start the operator with ${namespace} in --secrets-namespaces`,
      onResolve: (policy) => {
        queue.add(`${SELECTION}${policy}`);
      },
      onSelector: (policy, kind, namespace, counts) => {
        if (kind === 'ConfigMap') return;
        if (counts) this.#watches.use({ kind, namespace }, `${SELECTION}${policy}`);
        else this.#watches.release({ kind, namespace }, `${SELECTION}${policy}`);
      },
      onFound: (policy, namespace, id) => {
        this.#add(keyOf(namespace, id), policy);
        options.onFound(namespace, policy, id);
      },
      onLost: (policy, namespace, id) => {
        const key = keyOf(namespace, id);
        if (this.#named.get(policy)?.has(key) !== true) this.#remove(key, policy);
        options.onFound(namespace, policy, id);
      },
      onState: (policy) => {
        options.onSelection(policy.slice(0, policy.indexOf('/')), policy);
      },
    });
    const { digestKeys } = options;
    this.#digestKey =
      digestKeys === undefined
        ? undefined
        : createDigestKey(digestKeys, () => {
            for (const key of this.#boundSecrets) queue.add(key);
            for (const key of this.#live.keys()) if (partsOf(key).kind === 'Secret') queue.add(key);
          });
  }

  part(scope: SourceScope): Sink<SourceVersion> {
    return this.#shown.part(scope);
  }

  get(namespace: string, id: SourceId): Source {
    const key = keyOf(namespace, id);
    const state = this.#states.get(key) ?? { state: 'Unknown' };
    const refused = this.#watches.refused(key);
    const why = refused === undefined ? undefined : `it can't be watched: ${withWayOut(refused)}`;
    if (state.state !== 'Present') {
      return why === undefined || state.state === 'Ignored' ? state : { state: 'Unknown', message: why };
    }
    if (this.#isStale(key)) {
      return { state: 'Unknown', ...(state.unreadable !== undefined && { message: state.unreadable }) };
    }
    const earlier = this.#earlier.of(key);
    return {
      ...state,
      ...(earlier !== undefined && { earlier }),
      ...(why !== undefined && { unreadable: why }),
    };
  }

  live(namespace: string, id: SourceId): Live {
    return this.#live.get(namespace, id);
  }

  schemeOf(namespace: string, id: SourceId, signal: AbortSignal): Promise<Scheme> {
    return this.#schemeOf(keyOf(namespace, id), { content: new Map() }, signal);
  }

  async shown(namespace: string, id: SourceId, resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const until = clock.now() + AHEAD_MS;
    const isBehind = (): boolean => {
      const shown = this.#shown.get(keyOf(namespace, id));
      return shown === undefined || (compareResourceVersions(shown.resourceVersion, resourceVersion) ?? 0) < 0;
    };
    while (isBehind() && clock.now() < until) await clock.sleep(SHOWN_MS, signal);
  }

  bind(before: StoredPolicy | undefined, after: StoredPolicy | undefined): void {
    const policy = before ?? after;
    if (policy === undefined) return;
    const name = policyKey(policy);
    this.#bound.know(name, after);
    this.#live.bind(name, after);
    const was = this.#named.get(name) ?? new Set();
    const is = new Set(after?.sources.map((source) => keyOf(after.namespace, sourceId(source))));
    const found = new Set([...this.#selections.found(name)].map((id) => keyOf(policy.namespace, id)));
    if (after === undefined) this.#named.delete(name);
    else this.#named.set(name, is);
    for (const key of is) if (!was.has(key)) this.#add(key, name);
    for (const key of was) if (!is.has(key) && !found.has(key)) this.#remove(key, name);
    this.#selections.set(name, after);
    if (after === undefined) this.#withFound.delete(name);
    for (const key of new Set([...is, ...found])) this.#readWhereStale(key);
  }

  withFound(policy: StoredPolicy): StoredPolicy {
    if (policy.sourceSelectors === undefined || policy.sourceSelectors.length === 0) return policy;
    const name = policyKey(policy);
    const revision = this.#selections.revision(name);
    const known = this.#withFound.get(name);
    if (known?.of === policy && known.revision === revision) return known.policy;
    const named = new Set(policy.sources.map(sourceId));
    const found = [...this.#selections.found(name)].filter((id) => !named.has(id)).sort();
    const whole = { ...policy, sources: [...policy.sources, ...found.map(sourceOf)] };
    this.#withFound.set(name, { of: policy, revision, policy: whole });
    return whole;
  }

  resolving(namespace: string): boolean {
    return this.#selections.resolving(namespace);
  }

  complete(namespace: string): boolean {
    return this.#selections.complete(namespace);
  }

  selectionProblem(policy: StoredPolicy): string | undefined {
    return this.#selections.problem(policyKey(policy));
  }

  reconsider(namespace: string, id: SourceId): void {
    if (this.#states.get(keyOf(namespace, id))?.state === 'Missing') this.#loseWhereUnused(namespace, id);
  }

  async read(key: string, signal: AbortSignal): Promise<void> {
    if (key.startsWith(SELECTION)) {
      await this.#selections.resolve(key.slice(SELECTION.length), signal);
      return;
    }
    if (this.#live.has(key)) await this.#live.read(key, signal);
    if (!this.#bound.has(key)) return;
    const giveBack = this.#takeShare(key);
    try {
      await this.#read(key, signal);
    } catch (thrown) {
      if (!signal.aborted && !(thrown instanceof WaitingError) && this.#bound.has(key)) this.#fail(key, thrown);
      throw thrown;
    } finally {
      giveBack();
    }
  }

  /** @throws WaitingError where others of the namespace are still being looked into */
  #takeShare(key: string): () => void {
    if (this.#bound.inspecting(key).length === 0) return () => undefined;
    const giveBack = this.#shares.take(partsOf(key).namespace);
    if (giveBack !== undefined) return giveBack;
    throw new WaitingError(SHARE_MS, 'Inspecting', `${key} waits for other sources of its namespace to be looked into`);
  }

  async #read(key: string, signal: AbortSignal): Promise<void> {
    const { kind, namespace, name, id } = partsOf(key);
    const asked = this.#bound.asked(key);
    const policies = this.#bound.inspecting(key);
    const object = this.#shownSince(key) ?? (await this.#options.reader.get(kind, namespace, name, signal));
    if (!this.#bound.has(key)) return;
    if (object === undefined) {
      this.#update(key, { state: 'Missing' }, asked);
      this.#loseWhereUnused(namespace, id);
      return;
    }
    const known = this.#states.get(key);
    const first = known === undefined || known.state === 'Unknown';
    // At first sight nothing is acted on in haste; from then on the kubelets' watches must not be overtaken.
    if (!first) this.#waitForWatch(key, object);
    if (object.ignored) this.#update(key, { state: 'Ignored' }, asked);
    else {
      const scheme = await this.#schemeOf(key, object, signal);
      const keys = digestsOf(object, scheme);
      const { content } = object;
      const schemas = kind === 'ConfigMap' || object.schemasAllowed;
      const inspected: Inspected =
        content === undefined
          ? {}
          : await this.#inspections.of(
              key,
              {
                source: { kind, name },
                scheme,
                content,
                digests: keys,
                policies,
                asked,
                schemas,
              },
              signal,
            );
      if (!this.#bound.has(key)) return;
      const shown = this.#shown.get(key);
      const next = presentState(this.#states.get(key), {
        object,
        keys,
        inspected,
        schemas,
        shownAt: shown?.resourceVersion === object.resourceVersion ? this.#shown.at(key) : undefined,
        now: this.#options.clock.now(),
      });
      this.#keepEarlier(key, next);
      this.#update(key, next, asked);
    }
    this.#shown.offer({ key, resourceVersion: object.resourceVersion, uid: object.uid });
  }

  /** What was read ahead of the watch, which has caught up. */
  #shownSince(key: string): SourceObject | undefined {
    const ahead = this.#ahead.get(key);
    if (ahead === undefined || ahead.object.resourceVersion !== this.#shown.get(key)?.resourceVersion) return undefined;
    this.#ahead.delete(key);
    return ahead.object;
  }

  #waitForWatch(key: string, object: SourceObject): void {
    const shown = this.#shown.get(key);
    const now = this.#options.clock.now();
    const behind =
      shown === undefined || (compareResourceVersions(shown.resourceVersion, object.resourceVersion) ?? 0) < 0;
    const since = this.#ahead.get(key)?.since ?? now;
    this.#ahead.delete(key);
    if (!behind || now - since >= AHEAD_MS) return;
    this.#ahead.set(key, { object, since });
    throw new WaitingError(
      AHEAD_MS,
      'WatchBehind',
      `the watch has not shown ${key} at resourceVersion ${object.resourceVersion} yet`,
    );
  }

  async #schemeOf(key: string, { content }: Pick<SourceObject, 'content'>, signal: AbortSignal): Promise<Scheme> {
    const { kind, namespace, name } = partsOf(key);
    if (kind === 'ConfigMap' || content === undefined) return PLAIN;
    if (this.#digestKey === undefined) throw new Error(`${key} was read though no value of a Secret may be`);
    return macScheme(await this.#digestKey.get(signal), namespace, kind, name);
  }

  /** An error is not a deletion: what was known stays known (design law 13). */
  #fail(key: string, thrown: unknown): void {
    const known = this.#states.get(key);
    const error = toError(thrown);
    const message =
      partsOf(key).kind === 'Secret' && statusOf(error) === 403 ? withWayOut(error.message) : error.message;
    const next: Source = known?.state === 'Present' ? { ...known, unreadable: message } : { state: 'Unknown', message };
    this.#update(key, next, this.#asked.get(key));
  }

  #keepEarlier(key: string, next: Extract<Source, { readonly state: 'Present' }>): void {
    const known = this.#states.get(key);
    if (known?.state !== 'Present' || partsOf(key).kind !== 'ConfigMap') return;
    for (const [name, { leaves }] of known.documents ?? []) {
      const digest = known.keys.get(name);
      if (leaves === undefined || digest === undefined || next.keys.get(name) === digest) continue;
      this.#earlier.put(key, name, digest, leaves);
    }
  }

  #update(key: string, next: Source, asked: string | undefined): void {
    const before = this.#states.get(key);
    const wasStale = this.#isStale(key);
    this.#states.set(key, next);
    if (asked !== undefined) this.#asked.set(key, asked);
    if (wasStale || !isSame(before, next)) this.#tell(key);
  }

  #tell(key: string): void {
    const { namespace, id } = partsOf(key);
    this.#options.onChange(namespace, id);
  }

  /** What policies ask of the content now, nobody has asked of it yet. */
  #isStale(key: string): boolean {
    return this.#states.get(key)?.state === 'Present' && this.#asked.get(key) !== this.#bound.asked(key);
  }

  #readWhereStale(key: string): void {
    if (this.#isStale(key)) this.#options.queue.add(key);
  }

  /** One that nobody names is let go when it is deleted, but not while pods need it: coming back is a change then. */
  #loseWhereUnused(namespace: string, id: SourceId): void {
    if (!this.#options.isUsed(namespace, id)) this.#selections.lose(namespace, id);
  }

  #add(key: string, policy: string): void {
    const isFirst = this.#bound.add(key, policy);
    if (isFirst && partsOf(key).kind === 'Secret') this.#beginSecret(key);
    if (this.#states.has(key)) this.#readWhereStale(key);
    else this.#options.queue.add(key);
  }

  #remove(key: string, policy: string): void {
    if (!this.#bound.remove(key, policy)) {
      this.#readWhereStale(key);
      return;
    }
    this.#states.delete(key);
    this.#asked.delete(key);
    this.#ahead.delete(key);
    this.#shown.forget(key);
    this.#inspections.forget(key);
    this.#earlier.forget(key);
    if (partsOf(key).kind === 'Secret') this.#endSecret(key);
  }

  #beginSecret(key: string): void {
    this.#boundSecrets.add(key);
    this.#watches.use(this.#secretScope(key), key);
    const { digestKeys, watcher } = this.#options;
    if (digestKeys === undefined || this.#digestKey === undefined) return;
    this.#endKeyWatch ??= watcher.watch(digestKeys.scope, this.#digestKey.sink, () => undefined);
  }

  #endSecret(key: string): void {
    this.#boundSecrets.delete(key);
    this.#watches.release(this.#secretScope(key), key);
    if (this.#boundSecrets.size > 0) return;
    this.#endKeyWatch?.();
    this.#endKeyWatch = undefined;
  }

  #secretScope(key: string): SourceScope {
    const { kind, namespace, name } = partsOf(key);
    return this.#isWide(namespace) ? { kind, namespace } : { kind, namespace, name };
  }

  #isWide(namespace: string): boolean {
    return this.#options.secretsNamespaces.includes(namespace);
  }
}

const policyKey = ({ namespace, name }: Pick<StoredPolicy, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** The server's words for a missing right to a Secret, with what to do about it. */
const withWayOut = (words: string): string => `${words}; kubectl reload rbac prints the Role that grants it`;
