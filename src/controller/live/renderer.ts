/** Brings one live object to what it is to hold, and writes it only where it differs. */

import type { Digest } from '../../domain/digest.ts';
import { liveId, type Live } from '../../domain/live.ts';
import type { Observed } from '../../domain/observed.ts';
import { begunSnapshot, heldKeys, renderHold } from '../../domain/render.ts';
import type { EventPublisher, LiveStore, RawContent, RawObject } from '../ports.ts';
import type { Sources } from '../sources.ts';
import type { Needs } from './needs.ts';
import type { Snapshots } from './snapshots.ts';
import type { Target, Targets } from './targets.ts';
import { notOurs, type Troubles } from './troubles.ts';
import { moved, type Versions } from './versions.ts';
import type { Wanted, Wants } from './wanted.ts';

export interface Renderer {
  /**
   * One run at a time for each object.
   * @param begun what is to be rendered has begun: gates have no say any more
   * @throws WaitingError where what has begun can't be rendered yet
   */
  render(target: Target, begun: boolean, signal: AbortSignal): Promise<void>;
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
  readonly needs: Needs;
  readonly troubles: Troubles;
  readonly events: EventPublisher;
  /** Whether everything of a namespace has been listed that a decision stands on. */
  readonly listed: (namespace: string) => boolean;
}

export const createRenderer = (options: RendererOptions): Renderer => new LevelRenderer(options);

class LevelRenderer implements Renderer {
  readonly #options: RendererOptions;
  /** What each object held when we last wrote it, or found it as it is to be. */
  readonly #known = new Map<string, ReadonlyMap<string, Digest>>();

  constructor(options: RendererOptions) {
    this.#options = options;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  async render(target: Target, begun: boolean, signal: AbortSignal): Promise<void> {
    const { key, namespace, object, policy, source } = target;
    const { sources, listed, targets, troubles, wants, snapshots, needs, versions } = this.#options;
    const live = targets.live(target);
    if (live.state === 'Unknown') {
      if (live.message !== undefined) troubles.settle(key, { reason: 'Error', message: `${key}: ${live.message}` });
      if (begun) throw moved(`${key} is not known yet`);
      return;
    }
    if (live.state === 'Present' && !live.ours) {
      troubles.settle(key, notOurs(object));
      if (begun) throw moved(`${key} is not ours`);
      return;
    }
    const members = listed(namespace) ? targets.members(target) : undefined;
    if (members === undefined) return;
    const present = sources.get(namespace, source);
    const hold = renderHold(members, policy, source, present);
    if (!begun && (hold === 'Suspended' || (hold === 'Refused' && live.state === 'Present'))) {
      troubles.settle(key, undefined);
      return;
    }
    const held = heldKeys(members, source);
    if (held === undefined) return;
    const number = begunSnapshot(members, source, object.name);
    const wanted = await wants.of(target, { live, held, number, refused: hold === 'Refused' }, signal);
    if (wanted === undefined) {
      troubles.settle(key, undefined);
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
      await snapshots.keep(
        { uid: live.uid, kind: object.source.kind, namespace, name: object.name, number: wanted.number },
        policy,
        {
          needed: needs.of(target, members),
          content: () => versions.live(target, targets.live(target), signal),
          source,
        },
        signal,
      );
    }
    troubles.settle(key, undefined);
  }

  async #write(target: Target, live: Live, wanted: Wanted, signal: AbortSignal): Promise<RawObject> {
    const { namespace, object, source } = target;
    const { store, sources, versions } = this.#options;
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
    const rendered = { role: 'live', source, snapshot: wanted.number } as const;
    if (before !== undefined) return store.replace(before, content, rendered, signal);
    const { kind } = object.source;
    return store.create({ kind, namespace, name: object.name, content, rendered }, [], signal);
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
}

const sameKeys = (a: ReadonlyMap<string, Digest>, b: ReadonlyMap<string, Digest>): boolean =>
  a.size === b.size && [...a].every(([key, digest]) => b.get(key) === digest);
