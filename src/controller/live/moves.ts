/** Moves of live objects from one snapshot to another: forward with a restart, back after a failure. Recorded before they are done. */

import type { RestartOrder } from '../../domain/effects.ts';
import type { Intent, Ledger, Observed, SnapshotReference, SourceId } from '../../domain/observed.ts';
import { notUndone } from '../../domain/undo.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Ledgers } from '../ledgers.ts';
import type { Goods } from './goods.ts';
import type { Needs } from './needs.ts';
import type { Renderer } from './renderer.ts';
import type { Snapshots } from './snapshots.ts';
import type { Target, Targets } from './targets.ts';
import type { Turns } from './turns.ts';
import { moved, type Versions } from './versions.ts';

export interface Moves {
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
  /**
   * Goes back to what was applied before a restart that failed: finds the snapshots, records them, and renders the live
   * objects.
   * @param sources those that are to go back
   * @returns the record with the snapshots in it; without an undo where there is none to go back to
   */
  goBack(observed: Observed, ledger: Ledger, sources: readonly SourceId[], signal: AbortSignal): Promise<Ledger>;
}

export interface MovesOptions {
  readonly targets: Targets;
  readonly goods: Pick<Goods, 'of'>;
  readonly versions: Versions;
  readonly snapshots: Pick<Snapshots, 'take' | 'content'>;
  readonly needs: Needs;
  readonly renderer: Pick<Renderer, 'render'>;
  readonly turns: Turns;
  readonly ledgers: Pick<Ledgers, 'store'>;
  readonly clock: Clock;
}

export const createMoves = (options: MovesOptions): Moves => new RecordedMoves(options);

class RecordedMoves implements Moves {
  readonly #options: MovesOptions;

  constructor(options: MovesOptions) {
    this.#options = options;
  }

  async begin(
    observed: Observed,
    ledger: Ledger,
    order: RestartOrder & { readonly live: readonly SourceId[] },
    signal: AbortSignal,
  ): Promise<Ledger | undefined> {
    const { targets, needs } = this.#options;
    const moving = targets.readBy(observed, order.live);
    try {
      const intent = order.begun ?? (await this.#intend(observed, moving, order, signal));
      if (order.begun !== undefined && !(await this.#canComplete(moving, intent, signal))) return undefined;
      return await this.#carryOut(observed, { ...ledger, intent }, moving, signal);
    } finally {
      for (const { key } of moving) needs.release(key);
    }
  }

  async goBack(observed: Observed, ledger: Ledger, sources: readonly SourceId[], signal: AbortSignal): Promise<Ledger> {
    const { failed } = ledger;
    if (failed?.undo === undefined) return ledger;
    const moving = this.#options.targets.readBy(observed, sources);
    const snapshots = failed.undo.snapshots ?? (await this.#goodSnapshots(observed, moving, ledger, signal));
    if (snapshots === undefined) return notUndone(ledger, 'there is no snapshot of what was applied before');
    const next: Ledger = { ...ledger, failed: { ...failed, undo: { ...failed.undo, snapshots } } };
    return this.#carryOut(observed, next, moving, signal);
  }

  async #carryOut(
    { workload }: Observed,
    next: Ledger,
    moving: readonly Target[],
    signal: AbortSignal,
  ): Promise<Ledger> {
    const { ledgers, turns, renderer } = this.#options;
    await ledgers.store(workload, next, signal);
    for (const target of moving) await turns.take(target.key, () => renderer.render(target, true, signal));
    return next;
  }

  async #intend(
    { sources }: Observed,
    moving: readonly Target[],
    { n, digest, keys, changes }: RestartOrder,
    signal: AbortSignal,
  ): Promise<Intent> {
    const { targets, turns, versions, snapshots: kept, needs, clock } = this.#options;
    const snapshots: SnapshotReference[] = [];
    for (const target of moving) {
      const { key, namespace, object, source } = target;
      const number = await turns.take(key, async () => {
        const [raw, live] = await Promise.all([
          versions.source(target, sources.get(source), signal),
          versions.live(target, targets.live(target), signal),
        ]);
        if (live === undefined) throw moved(`${key} is gone`);
        const needed = needs.of(target, targets.members(target) ?? []);
        const taken = await kept.take(live, target.policy, { source, content: raw.content, namespace, needed }, signal);
        needs.take(key, taken);
        return taken;
      });
      snapshots.push({ source, object: object.name, number });
    }
    return { n, digest, at: clock.now(), snapshots, keys, changes };
  }

  /** A snapshot that somebody has removed before it was rendered is not to be had again. */
  async #canComplete(moving: readonly Target[], { snapshots }: Intent, signal: AbortSignal): Promise<boolean> {
    const { targets, snapshots: kept } = this.#options;
    for (const target of moving) {
      const number = snapshots.find(({ object }) => object === target.object.name)?.number;
      const live = targets.live(target);
      if (number === undefined || (live.state === 'Present' && live.snapshot === number)) continue;
      if ((await kept.content(target.object, target.namespace, number, signal)) === undefined) return false;
    }
    return true;
  }

  /** Of each object the snapshot that holds what is applied; undefined: there is none of one of them. */
  async #goodSnapshots(
    observed: Observed,
    moving: readonly Target[],
    ledger: Ledger,
    signal: AbortSignal,
  ): Promise<readonly SnapshotReference[] | undefined> {
    const found: SnapshotReference[] = [];
    for (const target of moving) {
      const { object, source } = target;
      const changed = ledger.failed?.changes.get(source);
      const number = await this.#options.goods.of(target, observed, ledger, changed, signal);
      if (number === undefined) return undefined;
      found.push({ source, object: object.name, number });
    }
    return found;
  }
}
