/**
 * Renders live objects (design law 6): level by level, what each is to hold is worked out of its source, its snapshots and
 * the records of the workloads that read it, and written where it differs. One object is written by one run at a time.
 */

import type { Digest } from '../domain/digest.ts';
import type { RestartOrder } from '../domain/effects.ts';
import {
  desiredLive,
  keysIn,
  liveId,
  renderedKeys,
  type Live,
  type LiveObject,
  type LiveTrouble,
  type Origin,
} from '../domain/live.ts';
import {
  sourceId,
  type Intent,
  type KnownSnapshots,
  type Ledger,
  type Observed,
  type SnapshotReference,
  type SourceId,
} from '../domain/observed.ts';
import { onItsWay } from '../domain/difference.ts';
import { notUndone } from '../domain/undo.ts';
import { begunSnapshot, heldKeys, renderHold, type HeldKeys } from '../domain/render.ts';
import type { Clock } from '../runtime/clock.ts';
import { statusOf, toError, WaitingError } from '../runtime/errors.ts';
import type { Store } from '../runtime/store.ts';
import type { Bindings } from './bindings.ts';
import type { Ledgers } from './ledgers.ts';
import { createContents, type Contents } from './live/contents.ts';
import { createSnapshots, type Snapshots } from './live/snapshots.ts';
import { createTurns, type Turns } from './live/turns.ts';
import {
  workloadKey,
  type EventPublisher,
  type LiveStore,
  type RawContent,
  type RawObject,
  type StoredPolicy,
  type StoredWorkload,
} from './ports.ts';
import type { Sources } from './sources.ts';
import { keyOf, partsOf } from './sources/keys.ts';

export interface LiveObjects {
  /** Looks at one live object, and writes it where it differs from what it is to be; the queue's worker. */
  render(key: string, signal: AbortSignal): Promise<void>;
  /** Why a live object can't be rendered; undefined: it can. */
  trouble(namespace: string, id: SourceId): LiveTrouble | undefined;
  /**
   * Begins a restart: takes a snapshot of each source that goes forward, records it, and renders the live objects. What
   * has begun already is completed with its own snapshots.
   * @returns the record with the intent in it; undefined: what had begun can't be completed, and nothing of it was done
   */
  begin(
    observed: Observed,
    ledger: Ledger,
    order: RestartOrder & { readonly live: readonly SourceId[] },
    signal: AbortSignal,
  ): Promise<Ledger | undefined>;
  /** With the snapshots that requests ask for, and which there are: where there is a request for one. */
  asked(observed: Observed, signal: AbortSignal): Promise<Observed>;
  /**
   * Goes back to what was applied before a restart that failed: finds the snapshots, records them, and renders the live
   * objects.
   * @param sources those that are to go back
   * @returns the record with the snapshots in it; without an undo where there is none to go back to
   */
  goBack(observed: Observed, ledger: Ledger, sources: readonly SourceId[], signal: AbortSignal): Promise<Ledger>;
}

export interface LiveObjectsOptions {
  readonly store: LiveStore;
  readonly sources: Sources;
  readonly bindings: Bindings;
  readonly workloads: Store<StoredWorkload>;
  /** A workload by itself. */
  readonly observe: (workload: StoredWorkload) => Observed;
  readonly ledgers: Pick<Ledgers, 'store'>;
  readonly events: EventPublisher;
  readonly clock: Clock;
  /** Whether everything of a namespace has been listed that a decision stands on. */
  readonly listed: (namespace: string) => boolean;
  /** How an object stands is another than before. */
  readonly onTrouble: (namespace: string, id: SourceId) => void;
}

export const createLiveObjects = (options: LiveObjectsOptions): LiveObjects => new Rendered(options);

/** A source or a live object that is not what was decided on is about to be shown by its watch. */
const MOVED_MS = 100;

interface Target {
  readonly key: string;
  readonly namespace: string;
  readonly object: LiveObject;
  readonly policy: StoredPolicy;
  readonly source: SourceId;
}

interface Wanted {
  readonly desired: ReadonlyMap<string, Origin>;
  readonly keys: ReadonlyMap<string, Digest>;
  readonly number: number;
  readonly snapshot: RawContent | undefined;
}

class Rendered implements LiveObjects {
  readonly #options: LiveObjectsOptions;
  readonly #turns: Turns = createTurns();
  readonly #contents: Contents;
  readonly #snapshots: Snapshots;
  readonly #troubles = new Map<string, LiveTrouble>();
  /** What each object held when we last wrote it, or found it as it is to be. */
  readonly #known = new Map<string, ReadonlyMap<string, Digest>>();
  /** Snapshots of restarts that are about to begin: no record tells of them yet. */
  readonly #taken = new Map<string, number>();

  constructor(options: LiveObjectsOptions) {
    this.#options = options;
    this.#contents = createContents(options.sources);
    this.#snapshots = createSnapshots(options.store);
  }

  trouble(namespace: string, id: SourceId): LiveTrouble | undefined {
    return this.#troubles.get(keyOf(namespace, id));
  }

  async render(key: string, signal: AbortSignal): Promise<void> {
    const target = this.#target(key);
    if (target === undefined) {
      this.#known.delete(key);
      this.#settle(key, undefined);
      return;
    }
    try {
      await this.#turns.take(key, () => this.#render(target, false, signal));
    } catch (thrown) {
      if (!signal.aborted && !(thrown instanceof WaitingError)) this.#settle(key, troubleOf(target, thrown));
      throw thrown;
    }
  }

  async begin(
    observed: Observed,
    ledger: Ledger,
    order: RestartOrder & { readonly live: readonly SourceId[] },
    signal: AbortSignal,
  ): Promise<Ledger | undefined> {
    const targets = this.#targets(observed, order.live);
    try {
      return await this.#begin(targets, { observed, ledger, order }, signal);
    } finally {
      for (const { key } of targets) this.#taken.delete(key);
    }
  }

  async #begin(
    targets: readonly Target[],
    { observed, ledger, order }: { readonly observed: Observed; readonly ledger: Ledger; readonly order: RestartOrder },
    signal: AbortSignal,
  ): Promise<Ledger | undefined> {
    const intent = order.begun ?? (await this.#intend(observed, targets, order, signal));
    if (order.begun !== undefined && !(await this.#canComplete(targets, intent, signal))) return undefined;
    const next: Ledger = { ...ledger, intent };
    await this.#options.ledgers.store(observed.workload, next, signal);
    for (const target of targets) {
      await this.#turns.take(target.key, () => this.#render(target, true, signal));
    }
    return next;
  }

  async asked(observed: Observed, signal: AbortSignal): Promise<Observed> {
    const wanted = (observed.requests ?? []).flatMap(({ type, snapshot }) =>
      type === 'Rollback' && snapshot !== undefined ? [snapshot] : [],
    );
    if (wanted.length === 0 || observed.live === undefined) return observed;
    const snapshots = new Map<SourceId, KnownSnapshots>();
    for (const { object, namespace, source } of this.#targets(observed, [...observed.live.keys()])) {
      const keys = new Map<number, ReadonlyMap<string, Digest>>();
      for (const number of new Set(wanted)) {
        const content = await this.#snapshots.content(object, namespace, number, signal);
        const { kind } = object.source;
        if (content !== undefined)
          keys.set(number, await this.#contents.digests(content, { kind, namespace, source }, signal));
      }
      const numbers = await this.#snapshots.numbers(object, namespace, signal);
      snapshots.set(source, { object: object.name, numbers, keys });
    }
    return { ...observed, snapshots };
  }

  async goBack(observed: Observed, ledger: Ledger, sources: readonly SourceId[], signal: AbortSignal): Promise<Ledger> {
    const { failed } = ledger;
    if (failed?.undo === undefined) return ledger;
    const { workload } = observed;
    const targets = this.#targets(observed, sources);
    const snapshots = failed.undo.snapshots ?? (await this.#goodSnapshots(targets, ledger, signal));
    if (snapshots === undefined) return notUndone(ledger, 'there is no snapshot to go back to');
    const next: Ledger = { ...ledger, failed: { ...failed, undo: { ...failed.undo, snapshots } } };
    await this.#options.ledgers.store(workload, next, signal);
    for (const target of targets) await this.#turns.take(target.key, () => this.#render(target, true, signal));
    return next;
  }

  #targets({ workload }: Observed, sources: readonly SourceId[]): readonly Target[] {
    return [...(workload.live ?? [])].flatMap(([id, source]) =>
      sources.includes(source) ? (this.#target(keyOf(workload.namespace, id)) ?? []) : [],
    );
  }

  /** Of each object the snapshot that holds what is applied; undefined: there is none of one of them. */
  async #goodSnapshots(
    targets: readonly Target[],
    { applied, failed }: Ledger,
    signal: AbortSignal,
  ): Promise<readonly SnapshotReference[] | undefined> {
    const found: SnapshotReference[] = [];
    for (const target of targets) {
      const { object, source } = target;
      const number = await this.#goodOf(target, failed?.changes.get(source), applied, signal);
      if (number === undefined) return undefined;
      found.push({ source, object: object.name, number });
    }
    return found;
  }

  /** The latest snapshot before the present one that holds what was applied of some keys, or the present one if it does. */
  async #goodOf(
    target: Target,
    changed: ReadonlyMap<string, unknown> | undefined,
    applied: Ledger['applied'],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const keys = [...keysIn(changed)];
    const good: HeldKeys = new Map(keys.map((key) => [key, new Set([applied.get(target.source)?.get(key) ?? ''])]));
    const live = this.#live(target);
    const present = live.state === 'Present' ? live : undefined;
    // Another that shares it may have gone back already.
    if (present?.snapshot !== undefined && isHeldBy(present.keys, good)) return present.snapshot;
    const found = await this.#lastThat(target, good, signal, present?.snapshot);
    return found.holds ? found.number : undefined;
  }

  /** What a restart that is on its way, or has failed, may have to go back to. */
  async #goodFor(target: Target, members: readonly Observed[], signal: AbortSignal): Promise<ReadonlySet<number>> {
    const numbers = new Set<number>();
    for (const { ledger } of members) {
      const changed = onItsWay(ledger)?.get(target.source);
      if (ledger === undefined || changed === undefined) continue;
      const number = await this.#goodOf(target, changed, ledger.applied, signal);
      if (number !== undefined) numbers.add(number);
    }
    return numbers;
  }

  async #intend(
    { sources }: Observed,
    targets: readonly Target[],
    { n, digest, keys, changes }: RestartOrder,
    signal: AbortSignal,
  ): Promise<Intent> {
    const snapshots: SnapshotReference[] = [];
    for (const target of targets) {
      const { key, namespace, object, source } = target;
      const number = await this.#turns.take(key, async () => {
        const [raw, live] = await Promise.all([
          this.#readSource(target, sources.get(source), signal),
          this.#readLive(target, this.#live(target), signal),
        ]);
        if (live === undefined) throw moved(`${key} is gone`);
        const needed = this.#needed(target, this.#members(target) ?? []);
        const of = { source, content: raw.content, namespace, needed };
        const taken = await this.#snapshots.take(live, target.policy, of, signal);
        this.#taken.set(key, taken);
        return taken;
      });
      snapshots.push({ source, object: object.name, number });
    }
    return { n, digest, at: this.#options.clock.now(), snapshots, keys, changes };
  }

  /** A snapshot that somebody has removed before it was rendered is not to be had again. */
  async #canComplete(targets: readonly Target[], { snapshots }: Intent, signal: AbortSignal): Promise<boolean> {
    for (const target of targets) {
      const number = snapshots.find(({ object }) => object === target.object.name)?.number;
      const live = this.#live(target);
      if (number === undefined || (live.state === 'Present' && live.snapshot === number)) continue;
      if ((await this.#snapshots.content(target.object, target.namespace, number, signal)) === undefined) return false;
    }
    return true;
  }

  /** @param begun what is to be rendered has begun: gates have no say any more */
  async #render(target: Target, begun: boolean, signal: AbortSignal): Promise<void> {
    const { key, namespace, object, policy, source } = target;
    const { sources, listed } = this.#options;
    const live = this.#live(target);
    if (live.state === 'Unknown') {
      if (live.message !== undefined) this.#settle(key, { reason: 'Error', message: `${key}: ${live.message}` });
      if (begun) throw moved(`${key} is not known yet`);
      return;
    }
    if (live.state === 'Present' && !live.ours) {
      this.#settle(key, notOurs(object));
      if (begun) throw moved(`${key} is not ours`);
      return;
    }
    const members = listed(namespace) ? this.#members(target) : undefined;
    // Nothing of a restart may happen before what it delivers is there.
    if (members === undefined) {
      if (begun) throw moved(`not all that read ${key} are known yet`);
      return;
    }
    const present = sources.get(namespace, source);
    const hold = renderHold(members, policy, source, present);
    if (!begun && (hold === 'Suspended' || (hold === 'Refused' && live.state === 'Present'))) {
      this.#settle(key, undefined);
      return;
    }
    const held = heldKeys(members, source);
    if (held === undefined) {
      if (begun) throw moved(`not all that read ${key} have a record yet`);
      return;
    }
    const number = begunSnapshot(members, source, object.name);
    const wanted = await this.#wanted(target, { live, held, number, refused: hold === 'Refused' }, signal);
    if (wanted === undefined) {
      this.#settle(key, undefined);
      if (begun) throw moved(`there is nothing that ${key} may hold`);
      return;
    }
    const isSame = live.state === 'Present' && sameKeys(live.keys, wanted.keys) && live.snapshot === wanted.number;
    if (!isSame) {
      const written = await this.#write(target, live, wanted, signal);
      this.#tell(target, live, members);
      this.#known.set(key, wanted.keys);
      if (begun) await sources.shown(namespace, liveId(object), written.resourceVersion, signal);
    } else {
      this.#known.set(key, live.keys);
      await this.#snapshots.keep(
        { uid: live.uid, kind: object.source.kind, namespace, name: object.name, number: wanted.number },
        policy,
        {
          needed: this.#needed(target, members),
          good: () => this.#goodFor(target, members, signal),
          content: () => this.#contentOf(target, signal),
          source,
        },
        signal,
      );
    }
    this.#settle(key, undefined);
  }

  /** Undefined: nothing is to be made of it. */
  async #wanted(
    target: Target,
    {
      live,
      held,
      number,
      refused,
    }: {
      readonly live: Live;
      readonly held: HeldKeys;
      readonly number: number | undefined;
      readonly refused: boolean;
    },
    signal: AbortSignal,
  ): Promise<Wanted | undefined> {
    const { namespace, object, source } = target;
    const present = this.#options.sources.get(namespace, source);
    const keys = present.state === 'Present' ? present.keys : new Map<string, Digest>();
    const known = live.state === 'Present' ? live.snapshot : undefined;
    const to = number ?? known ?? (await this.#lastOf(target, held, signal));
    const moves = known !== to;
    const now = live.state === 'Present' ? live.keys : undefined;
    const isOff = [...held].some(([key, accepted]) => !accepted.has(now?.get(key) ?? ''));
    const content =
      to !== undefined && ((held.size > 0 && (moves || isOff)) || refused)
        ? await this.#snapshots.content(object, namespace, to, signal)
        : undefined;
    const snapshot =
      content === undefined
        ? undefined
        : await this.#contents.digests(content, { kind: object.source.kind, namespace, source }, signal);
    // Nothing may come from a source that is gone or not to be trusted.
    if (refused && snapshot === undefined) return undefined;
    const all: HeldKeys = refused ? new Map([...(snapshot?.keys() ?? [])].map((key) => [key, new Set()])) : held;
    const rendering = { source: refused ? new Map<string, Digest>() : keys, live: now, snapshot };
    const desired = desiredLive({ ...rendering, moves, held: all });
    return { desired, keys: renderedKeys(desired, rendering), number: to ?? 1, snapshot: content };
  }

  /** Of a live object that is gone: the latest snapshot that holds what pods were started on, or else the latest. */
  async #lastOf(target: Target, held: HeldKeys, signal: AbortSignal): Promise<number | undefined> {
    return (await this.#lastThat(target, held, signal)).number;
  }

  async #lastThat(
    { object, namespace, source }: Target,
    held: HeldKeys,
    signal: AbortSignal,
    before = Infinity,
  ): Promise<{ readonly number: number | undefined; readonly holds: boolean }> {
    const all = await this.#snapshots.numbers(object, namespace, signal);
    const numbers = all.filter((number) => number < before);
    for (const number of numbers) {
      const content = await this.#snapshots.content(object, namespace, number, signal);
      if (content === undefined) continue;
      const digests = await this.#contents.digests(content, { kind: object.source.kind, namespace, source }, signal);
      if (isHeldBy(digests, held)) return { number, holds: true };
    }
    return { number: numbers[0], holds: false };
  }

  async #write(target: Target, live: Live, wanted: Wanted, signal: AbortSignal): Promise<RawObject> {
    const { namespace, object, source } = target;
    const usesSource = [...wanted.desired.values()].includes('Source');
    const [from, before] = await Promise.all([
      usesSource ? this.#readSource(target, this.#options.sources.get(namespace, source), signal) : undefined,
      this.#readLive(target, live, signal),
    ]);
    const contents = { Source: from?.content, Live: before?.content, Snapshot: wanted.snapshot };
    const content: RawContent = new Map(
      [...wanted.desired].flatMap(([key, origin]) => {
        const value = contents[origin]?.get(key);
        return value === undefined ? [] : [[key, value] as const];
      }),
    );
    const rendered = { role: 'live', source, snapshot: wanted.number } as const;
    if (before !== undefined) return this.#options.store.replace(before, content, rendered, signal);
    const { kind } = object.source;
    return this.#options.store.create({ kind, namespace, name: object.name, content, rendered }, [], signal);
  }

  async #contentOf(target: Target, signal: AbortSignal): Promise<RawObject | undefined> {
    return this.#readLive(target, this.#live(target), signal);
  }

  /** @throws WaitingError where it is another version than was decided on */
  async #readSource(
    { namespace, object }: Target,
    known: Observed['sources'] extends ReadonlyMap<string, infer S> ? S | undefined : never,
    signal: AbortSignal,
  ): Promise<RawObject> {
    const { kind, name } = object.source;
    const raw = await this.#options.store.get(kind, namespace, name, signal);
    if (raw === undefined || known?.state !== 'Present' || raw.resourceVersion !== known.resourceVersion)
      throw moved(`${kind} ${name} has another version than was decided on`);
    return raw;
  }

  async #readLive({ namespace, object }: Target, known: Live, signal: AbortSignal): Promise<RawObject | undefined> {
    const raw = await this.#options.store.get(object.source.kind, namespace, object.name, signal);
    const version = known.state === 'Present' ? known.resourceVersion : undefined;
    if (raw?.resourceVersion !== version)
      throw moved(`${object.source.kind} ${object.name} has another version than was decided on`);
    return raw;
  }

  #needed({ key, object }: Target, members: readonly Observed[]): ReadonlySet<number> {
    const taken = this.#taken.get(key);
    const needed = neededBy(members, object.name);
    return taken === undefined ? needed : new Set([...needed, taken]);
  }

  /** The workloads that read the object; undefined: not all of them are known yet. */
  #members({ namespace, object }: Target): readonly Observed[] | undefined {
    const { workloads, observe } = this.#options;
    const members: Observed[] = [];
    for (const { kind, name } of object.workloads) {
      const key = workloadKey({ kind, namespace, name });
      if (!workloads.syncedFor(key)) return undefined;
      const workload = workloads.get(key);
      if (workload === undefined || workload.ignored) continue;
      const observed = observe(workload);
      if (observed.policies.length > 0) members.push(observed);
    }
    return members;
  }

  #live({ namespace, object }: Target): Live {
    return this.#options.sources.live(namespace, liveId(object));
  }

  #target(key: string): Target | undefined {
    const { namespace, id } = partsOf(key);
    const [found] = this.#options.bindings.rendering(namespace, id);
    return found === undefined ? undefined : { key, namespace, ...found, source: sourceId(found.object.source) };
  }

  /** What others did to the object is said, and was put right. */
  #tell({ key, object, policy }: Target, live: Live, members: readonly Observed[]): void {
    const known = this.#known.get(key);
    if (known === undefined || (live.state === 'Present' && sameKeys(live.keys, known))) return;
    const what = live.state === 'Missing' ? 'deleted' : 'edited';
    const note = `${object.source.kind} ${object.name} was ${what} by somebody else, and has been put back: edit ${object.source.kind} ${object.source.name} instead`;
    for (const { workload } of members)
      this.#options.events.publish(workload, [policy], {
        severity: 'Warning',
        reason: 'LiveObjectRestored',
        action: 'Render',
        note,
      });
  }

  #settle(key: string, trouble: LiveTrouble | undefined): void {
    if (this.#troubles.get(key)?.message === trouble?.message) return;
    if (trouble === undefined) this.#troubles.delete(key);
    else this.#troubles.set(key, trouble);
    const { namespace, id } = partsOf(key);
    this.#options.onTrouble(namespace, id);
  }
}

const moved = (message: string): WaitingError => new WaitingError(MOVED_MS, 'Moved', message);

const notOurs = ({ name, source: { kind } }: LiveObject): LiveTrouble => ({
  reason: 'NotOurs',
  message: `${kind} ${name} exists and was not made by the operator, so it is left alone: delete it, or give delivery.objects another name`,
});

const troubleOf = ({ object: { name, source } }: Target, thrown: unknown): LiveTrouble => {
  const { message } = toError(thrown);
  return statusOf(thrown) === 403
    ? {
        reason: 'Forbidden',
        message: `${source.kind} ${name} may not be written by the operator: ${source.kind === 'ConfigMap' ? 'install config/managed' : 'bind the Role of docs/managed-delivery.md in this namespace'}; ${message}`,
      }
    : { reason: 'Error', message: `${source.kind} ${name}: ${message}` };
};

const neededBy = (members: readonly Observed[], object: string): ReadonlySet<number> =>
  new Set(
    members.flatMap(({ ledger }) =>
      [...(ledger?.intent?.snapshots ?? []), ...(ledger?.failed?.undo?.snapshots ?? [])].flatMap((each) =>
        each.object === object ? [each.number] : [],
      ),
    ),
  );

/** Whether some content is what pods may have of held keys. */
const isHeldBy = (digests: ReadonlyMap<string, Digest>, held: HeldKeys): boolean =>
  [...held].every(([key, accepted]) => accepted.has(digests.get(key) ?? ''));

const sameKeys = (a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);
