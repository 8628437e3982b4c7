/** What a live object is to hold: worked out of its source, of one snapshot, and of what its readers may have. */

import type { Digest } from '../../domain/digest.ts';
import { desiredLive, renderedKeys, type Live, type Origin } from '../../domain/live.ts';
import type { HeldKeys } from '../../domain/render.ts';
import type { RawContent } from '../ports.ts';
import type { Sources } from '../sources.ts';
import type { Contents } from './contents.ts';
import type { Snapshots } from './snapshots.ts';
import type { Target } from './targets.ts';

export interface Wanted {
  readonly desired: ReadonlyMap<string, Origin>;
  readonly keys: ReadonlyMap<string, Digest>;
  readonly number: number;
  readonly snapshot: RawContent | undefined;
}

export interface Wants {
  /** Undefined: nothing is to be made of it. */
  of(
    target: Target,
    known: {
      readonly live: Live;
      readonly held: HeldKeys;
      /** The snapshot that a restart which has begun wants. */
      readonly number: number | undefined;
      /** Nothing of the source may come in. */
      readonly refused: boolean;
    },
    signal: AbortSignal,
  ): Promise<Wanted | undefined>;
  /** The latest snapshot that holds what pods were started on. @param before not this one, nor a later */
  lastOf(target: Target, held: HeldKeys, signal: AbortSignal, before?: number): Promise<number | undefined>;
}

export interface WantsOptions {
  readonly sources: Pick<Sources, 'get'>;
  readonly contents: Contents;
  readonly snapshots: Pick<Snapshots, 'content' | 'numbers'>;
}

export const createWants = ({ sources, contents, snapshots }: WantsOptions): Wants => {
  const digests = (
    content: RawContent,
    { object, namespace, source }: Target,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Digest>> =>
    contents.digests(content, { kind: object.source.kind, namespace, source }, signal);

  const lastOf: Wants['lastOf'] = async (target, held, signal, before = Infinity) => {
    const { object, namespace } = target;
    const numbers = (await snapshots.numbers(object, namespace, signal)).filter((number) => number < before);
    for (const number of numbers) {
      const content = await snapshots.content(object, namespace, number, signal);
      if (content === undefined) continue;
      const keys = await digests(content, target, signal);
      if ([...held].every(([key, accepted]) => accepted.has(keys.get(key) ?? ''))) return number;
    }
    return undefined;
  };
  /** Of a live object that is gone; where no snapshot is known to be good, the latest. */
  const lost = async (target: Target, held: HeldKeys, signal: AbortSignal): Promise<number | undefined> =>
    (await lastOf(target, held, signal)) ?? (await snapshots.numbers(target.object, target.namespace, signal))[0];

  return {
    lastOf,
    of: async (target, { live, held, number, refused }, signal) => {
      const { namespace, object, source } = target;
      const present = sources.get(namespace, source);
      const keys = present.state === 'Present' ? present.keys : new Map<string, Digest>();
      const known = live.state === 'Present' ? live.snapshot : undefined;
      const to = number ?? known ?? (await lost(target, held, signal));
      const moves = known !== to;
      const now = live.state === 'Present' ? live.keys : undefined;
      const isOff = [...held].some(([key, accepted]) => !accepted.has(now?.get(key) ?? ''));
      const content =
        to !== undefined && ((held.size > 0 && (moves || isOff)) || refused)
          ? await snapshots.content(object, namespace, to, signal)
          : undefined;
      const snapshot = content === undefined ? undefined : await digests(content, target, signal);
      // Nothing may come from a source that is gone or not to be trusted.
      if (refused && snapshot === undefined) return undefined;
      const all: HeldKeys = refused ? new Map([...(snapshot?.keys() ?? [])].map((key) => [key, new Set()])) : held;
      const rendering = { source: refused ? new Map<string, Digest>() : keys, live: now, snapshot };
      const desired = desiredLive({ ...rendering, moves, held: all });
      return { desired, keys: renderedKeys(desired, rendering), number: to ?? 1, snapshot: content };
    },
  };
};
