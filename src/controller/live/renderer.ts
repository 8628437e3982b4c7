/** Brings one live object to what it is to hold, and writes it only where it differs. */

import { comparable, type Digest } from '../../domain/digest.ts';
import { liveId, type Live } from '../../domain/live.ts';
import type { Observed } from '../../domain/observed.ts';
import { putBackInMs, putBackOnce, unsettledMs, type PutBacks } from '../../domain/put-back.ts';
import { begunSnapshot, heldKeys, renderHold } from '../../domain/render.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { WorkResult } from '../../runtime/workqueue.ts';
import type { EventPublisher, LiveStore, RawContent, RawObject, StoredPolicy } from '../ports.ts';
import type { Sources } from '../sources.ts';
import { MOST_BYTES, sizeOf } from './contents.ts';
import type { Goods } from './goods.ts';
import type { Needs } from './needs.ts';
import type { Snapshots } from './snapshots.ts';
import type { Target, Targets } from './targets.ts';
import { contested, notOurs, tooLarge, type Troubles } from './troubles.ts';
import { moved, type Versions } from './versions.ts';
import type { Wanted, Wants } from './wanted.ts';

export interface Renderer {
  /**
   * One run at a time for each object.
   * @param begun what is to be rendered has begun: gates have no say any more
   * @returns when to look again
   * @throws WaitingError where what has begun can't be rendered yet
   */
  render(target: Target, begun: boolean, signal: AbortSignal): Promise<WorkResult>;
  /** What others have done to an object, and was put right. */
  putBacks(key: string): PutBacks | undefined;
  /** No policy renders it any more. */
  forget(key: string): void;
}

export interface RendererOptions {
  readonly store: LiveStore;
  readonly sources: Sources;
  readonly targets: Targets;
  readonly wants: Wants;
  readonly versions: Versions;
  readonly snapshots: Snapshots;
  readonly goods: Pick<Goods, 'needed'>;
  readonly needs: Needs;
  readonly troubles: Troubles;
  readonly events: EventPublisher;
  /** Whether everything of a namespace has been listed that a decision stands on. */
  readonly listed: (namespace: string) => boolean;
  readonly clock: Pick<Clock, 'now'>;
}

export const createRenderer = (options: RendererOptions): Renderer => new LevelRenderer(options);

class LevelRenderer implements Renderer {
  readonly #options: RendererOptions;
  /** What each object held when we last wrote it, or found it as it is to be. */
  readonly #known = new Map<string, ReadonlyMap<string, Digest>>();
  readonly #putBacks = new Map<string, PutBacks>();

  constructor(options: RendererOptions) {
    this.#options = options;
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#putBacks.delete(key);
  }

  putBacks(key: string): PutBacks | undefined {
    return this.#putBacks.get(key);
  }

  async render(target: Target, begun: boolean, signal: AbortSignal): Promise<WorkResult> {
    const { key, namespace, object, policy, source } = target;
    const { sources, listed, targets, troubles, wants } = this.#options;
    const live = targets.live(target);
    if (live.state === 'Unknown') {
      if (live.message !== undefined) troubles.settle(key, { reason: 'Error', message: `${key}: ${live.message}` });
      if (begun) throw moved(`${key} is not known yet`);
      return {};
    }
    if (live.state === 'Present' && !live.ours) {
      troubles.settle(key, notOurs(object));
      if (begun) throw moved(`${key} is not ours`);
      return {};
    }
    const members = listed(namespace) ? targets.members(target) : undefined;
    if (members === undefined) {
      if (begun) throw moved(`not everything is known yet that reads ${key}`);
      return {};
    }
    const present = sources.get(namespace, source);
    if (live.state === 'Present' && present.state === 'Present' && !comparable(live.keys, present.keys)) {
      if (begun) throw moved(`${key} is about to be read again`);
      return {};
    }
    const hold = renderHold(members, policy, source, present);
    if (!begun && (hold === 'Suspended' || (hold === 'Refused' && live.state === 'Present'))) {
      troubles.settle(key, undefined);
      return {};
    }
    const pauseMs = begun || this.#theirs(key, live) === undefined ? 0 : this.#pauseMs(target);
    if (pauseMs > 0) return { requeueAfterMs: pauseMs };
    const held = heldKeys(members, source);
    if (held === undefined) {
      if (begun) throw moved(`not everything that reads ${key} has been taken over yet`);
      return {};
    }
    const number = begunSnapshot(members, source, object.name);
    const wanted = await wants.of(target, { live, held, number, refused: hold === 'Refused' }, signal);
    if (wanted === undefined) {
      troubles.settle(key, undefined);
      if (begun) throw moved(`there is nothing that ${key} may hold`);
      return {};
    }
    if (live.state === 'Present' && sameKeys(live.keys, wanted.keys) && live.snapshot === wanted.number) {
      this.#known.set(key, live.keys);
      await this.#keepSnapshots(target, live, { policy, members, number: wanted.number }, signal);
    } else {
      const { before, content } = await this.#contentOf(target, live, wanted, signal);
      if (sizeOf(object.source.kind, content) > MOST_BYTES) {
        troubles.settle(key, tooLarge(object));
        if (begun) throw moved(`${key} would be too large`);
        return {};
      }
      const written = await this.#write(target, { before, content, number: wanted.number }, signal);
      this.#tell(target, this.#theirs(key, live, before), before?.changedBy, members);
      this.#known.set(key, wanted.keys);
      if (begun) await sources.shown(namespace, liveId(object), written.resourceVersion, signal);
    }
    return this.#settle(target);
  }

  async #keepSnapshots(
    target: Target,
    { uid }: { readonly uid: string },
    {
      policy,
      members,
      number,
    }: { readonly policy: StoredPolicy; readonly members: readonly Observed[]; readonly number: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { targets, snapshots, goods, needs, versions } = this.#options;
    const { object, namespace, source } = target;
    await snapshots.keep(
      { uid, kind: object.source.kind, namespace, name: object.name, number },
      policy,
      {
        needed: needs.of(target, members),
        good: () => goods.needed(target, members, signal),
        content: () => versions.live(target, targets.live(target), signal),
        source,
      },
      signal,
    );
  }

  async #contentOf(
    target: Target,
    live: Live,
    wanted: Wanted,
    signal: AbortSignal,
  ): Promise<{ readonly before: RawObject | undefined; readonly content: RawContent }> {
    const { namespace, source } = target;
    const { sources, versions } = this.#options;
    const usesSource = [...wanted.desired.values()].includes('Source');
    const [from, before] = await Promise.all([
      usesSource ? versions.source(target, sources.get(namespace, source), signal) : undefined,
      versions.live(target, live, signal),
    ]);
    const contents = { Source: from?.content, Live: before?.content, Snapshot: wanted.snapshot };
    const content: RawContent = new Map(
      [...wanted.desired].flatMap(([key, origin]) => {
        const value = contents[origin]?.get(key);
        return value === undefined ? [] : [[key, value] as const];
      }),
    );
    return { before, content };
  }

  async #write(
    { namespace, object, source }: Target,
    {
      before,
      content,
      number,
    }: { readonly before: RawObject | undefined; readonly content: RawContent; readonly number: number },
    signal: AbortSignal,
  ): Promise<RawObject> {
    const { store } = this.#options;
    const rendered = { role: 'live', source, snapshot: number } as const;
    if (before !== undefined) return store.replace(before, content, rendered, signal);
    const { kind } = object.source;
    return store.create({ kind, namespace, name: object.name, content, rendered }, [], signal);
  }

  /**
   * What others have done to the object.
   * @param read as it was read right before it was written: tells what happened before this process began
   */
  #theirs(key: string, live: Live, read?: RawObject): PutBacks['change'] | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return read?.changedBy === undefined ? undefined : 'Edited';
    if (live.state === 'Missing') return 'Deleted';
    return live.state === 'Present' && !sameKeys(live.keys, known) ? 'Edited' : undefined;
  }

  /** How long it stays as others have left it, in ms; said, where that is a while. */
  #pauseMs({ key, object }: Target): number {
    const { clock, troubles } = this.#options;
    const last = this.#putBacks.get(key);
    const pauseMs = putBackInMs(last, clock.now());
    if (last !== undefined && pauseMs > 0) troubles.settle(key, contested(object, last));
    return pauseMs;
  }

  /** It is as it is to be: what others have done to it just now may come again. */
  #settle({ key, object }: Target): WorkResult {
    const { clock, troubles } = this.#options;
    const last = this.#putBacks.get(key);
    const leftMs = unsettledMs(last, clock.now());
    troubles.settle(key, last === undefined || leftMs === 0 ? undefined : contested(object, last));
    return leftMs === 0 ? {} : { requeueAfterMs: leftMs };
  }

  /** What others did to the object is said, and was put right. */
  #tell(
    { key, object, policy }: Target,
    change: PutBacks['change'] | undefined,
    by: string | undefined,
    members: readonly Observed[],
  ): void {
    if (change === undefined) return;
    const { clock, events } = this.#options;
    const known = by === undefined || change === 'Deleted' ? {} : { by };
    this.#putBacks.set(key, putBackOnce(this.#putBacks.get(key), { change, ...known }, clock.now()));
    const { kind } = object.source;
    const note = `${kind} ${object.name} was ${change.toLowerCase()} by somebody else, and has been put back: edit ${kind} ${object.source.name} instead`;
    for (const { workload } of members)
      events.publish(workload, [policy], {
        severity: 'Warning',
        reason: 'LiveObjectRestored',
        action: 'Render',
        note,
      });
  }
}

const sameKeys = (a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);
