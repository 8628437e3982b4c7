/** The snapshots that people ask for, looked up before it is decided on. */

import type { Digest } from '../../domain/digest.ts';
import type { KnownSnapshots, Observed, SourceId } from '../../domain/observed.ts';
import type { Contents } from './contents.ts';
import type { Snapshots } from './snapshots.ts';
import type { Targets } from './targets.ts';

/** With the snapshots that requests ask for, and which there are: where there is a request for one. */
export type Asked = (observed: Observed, signal: AbortSignal) => Promise<Observed>;

export const createAsked =
  ({
    targets,
    contents,
    snapshots,
  }: {
    readonly targets: Pick<Targets, 'readBy'>;
    readonly contents: Contents;
    readonly snapshots: Pick<Snapshots, 'content' | 'numbers'>;
  }): Asked =>
  async (observed, signal) => {
    const wanted = (observed.requests ?? []).flatMap(({ type, snapshot }) =>
      type === 'Rollback' && snapshot !== undefined ? [snapshot] : [],
    );
    if (wanted.length === 0 || observed.live === undefined) return observed;
    const known = new Map<SourceId, KnownSnapshots>();
    for (const { object, namespace, source } of targets.readBy(observed, [...observed.live.keys()])) {
      const keys = new Map<number, ReadonlyMap<string, Digest>>();
      for (const number of new Set(wanted)) {
        const content = await snapshots.content(object, namespace, number, signal);
        const { kind } = object.source;
        if (content !== undefined)
          keys.set(number, await contents.digests(content, { kind, namespace, source }, signal));
      }
      const numbers = await snapshots.numbers(object, namespace, signal);
      known.set(source, { object: object.name, numbers, keys });
    }
    return { ...observed, snapshots: known };
  };
