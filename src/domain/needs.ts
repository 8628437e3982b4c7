/** What a workload's pods can't start without, and what of it is not there: said before a pod is to start. */

import { sourceId, type SourceId } from './observed.ts';
import { neededKeys, readerOf, type Use } from './references.ts';
import { WHOLE } from './rules.ts';

export interface Need {
  readonly source: SourceId;
  /** Absent: the source itself is not there. */
  readonly key?: string;
  readonly reason: 'SourceMissing' | 'RequiredKeyMissing';
  /** `container main` */
  readonly reader: string;
}

/** Whether a source is there, and what it holds, where that is known. */
interface Holding {
  readonly state: string;
  readonly keys?: { has(key: string): boolean };
}

/**
 * What is not there of what some container requires, each once, in the order of the uses. Sources of which nothing is
 * known, and those that are opted out, lack nothing.
 * @param sources those that are followed
 */
export const unmetNeeds = (uses: readonly Use[], sources: ReadonlyMap<SourceId, Holding>): readonly Need[] => {
  const unmet = new Map<string, Need>();
  for (const use of uses) {
    if (use.optional) continue;
    const id = sourceId(use.source);
    const source = sources.get(id);
    const add = (need: Pick<Need, 'reason' | 'key'>): void => {
      const name = need.key === undefined ? id : `${id}:${need.key}`;
      if (!unmet.has(name)) unmet.set(name, { source: id, reader: readerOf(use), ...need });
    };
    if (source?.state === 'Missing') add({ reason: 'SourceMissing' });
    const keys = source?.keys;
    // Which keys there are is not known of a source whose values are not read.
    if (keys === undefined || keys.has(WHOLE)) continue;
    for (const key of neededKeys(use)) if (!keys.has(key)) add({ reason: 'RequiredKeyMissing', key });
  }
  return [...unmet.values()];
};

export const tellNeed = ({ source, key, reader }: Need): string =>
  key === undefined
    ? `${source} is missing, which ${reader} requires: pods can't start without it`
    : `${source} lacks the key ${key} that ${reader} requires: pods can't start without it`;
