/** Reads of the very versions that were decided on: content comes from what was looked at, or not at all. */

import type { Live } from '../../domain/live.ts';
import type { Source } from '../../domain/observed.ts';
import { WaitingError } from '../../runtime/errors.ts';
import type { LiveStore, RawObject } from '../ports.ts';
import type { Target } from './targets.ts';

export interface Versions {
  /** @throws WaitingError where it is another version than was decided on */
  source(target: Target, known: Source | undefined, signal: AbortSignal): Promise<RawObject>;
  /**
   * Undefined: there is none.
   * @throws WaitingError where it is another version than was decided on
   */
  live(target: Target, known: Live, signal: AbortSignal): Promise<RawObject | undefined>;
}

/** A source or a live object that is not what was decided on is about to be shown by its watch. */
const MOVED_MS = 100;

export const moved = (message: string): WaitingError => new WaitingError(MOVED_MS, 'Moved', message);

export const createVersions = (store: Pick<LiveStore, 'get'>): Versions => ({
  source: async ({ namespace, object }, known, signal) => {
    const { kind, name } = object.source;
    const raw = await store.get(kind, namespace, name, signal);
    if (raw === undefined || known?.state !== 'Present' || raw.resourceVersion !== known.resourceVersion)
      throw moved(`${kind} ${name} has another version than was decided on`);
    return raw;
  },
  live: async ({ namespace, object }, known, signal) => {
    const raw = await store.get(object.source.kind, namespace, object.name, signal);
    const version = known.state === 'Present' ? known.resourceVersion : undefined;
    if (raw?.resourceVersion !== version)
      throw moved(`${object.source.kind} ${object.name} has another version than was decided on`);
    return raw;
  },
});
