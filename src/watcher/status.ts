/** What a watcher tells of itself, from what it knows. */

import { join } from 'node:path';
import { changedFiles, type Content } from './content.ts';
import type { WatchedFile, WatchMode, WatchState, WatchStatus } from './types.ts';

/** What is in force. */
export interface Loaded<T> {
  readonly value: T;
  readonly content: Content;
  /** RFC 3339. */
  readonly since: string;
  /** RFC 3339, by name: since when these bytes of the file are. */
  readonly sinceByFile: ReadonlyMap<string, string>;
}

/** Why what is there is not in force. */
export interface Problem {
  readonly state: 'Refused' | 'Missing';
  /** One line. */
  readonly reason: string;
  /** What was refused; absent where it couldn't be read. */
  readonly content?: Content;
  /** It may pass by itself, without anything to be seen from outside. */
  readonly retry?: boolean;
}

/** Since when each file's bytes are in force: since now where they are others than before. */
export function sinceByFile(
  content: Content,
  previous: Loaded<unknown> | undefined,
  now: string,
): ReadonlyMap<string, string> {
  const changed = new Set(changedFiles(content, previous?.content));
  const since = (name: string): string => (changed.has(name) ? now : (previous?.sinceByFile.get(name) ?? now));
  return new Map([...content.digests.keys()].map((name) => [name, since(name)]));
}

export interface Facts {
  readonly path: string;
  readonly kind: WatchStatus['kind'];
  readonly mode: WatchMode;
  readonly phase: 'Loading' | 'Open' | 'Closed';
  readonly sensitive: boolean;
  readonly loaded: Loaded<unknown> | undefined;
  readonly problem: Problem | undefined;
  readonly callbackError: string | undefined;
  readonly counts: WatchStatus['counts'];
}

export function statusOf(facts: Facts): WatchStatus {
  const { path, kind, mode, loaded, problem, callbackError, counts } = facts;
  return {
    path,
    kind,
    state: stateOf(facts),
    mode,
    files: filesOf(facts),
    ...(loaded !== undefined && { since: loaded.since }),
    ...(problem !== undefined && { error: `${path}: ${problem.reason}` }),
    ...(callbackError !== undefined && { callbackError }),
    counts,
  };
}

function stateOf({ phase, problem }: Facts): WatchState {
  return phase === 'Open' ? (problem?.state ?? 'Loaded') : phase;
}

/** A refused folder is refused for the files that changed; one that can't be read, for all of them. */
function filesOf(facts: Facts): readonly WatchedFile[] {
  const { path, kind, loaded, problem } = facts;
  if (kind !== 'Directory') return [fileOf(path, facts, [...(loaded?.content.digests.keys() ?? [])][0], problem)];
  const present = problem?.content;
  const blamed = new Set(present === undefined ? undefined : changedFiles(present, loaded?.content));
  const names = new Set([...(loaded?.content.digests.keys() ?? []), ...(present?.digests.keys() ?? [])]);
  if (names.size === 0 && problem !== undefined) return [{ path, error: problem.reason }];
  return [...names]
    .sort()
    .map((name) =>
      fileOf(join(path, name), facts, name, present === undefined || blamed.has(name) ? problem : undefined),
    );
}

function fileOf(
  path: string,
  { loaded, sensitive }: Facts,
  name: string | undefined,
  problem: Problem | undefined,
): WatchedFile {
  const sha256 = name === undefined || sensitive ? undefined : loaded?.content.digests.get(name);
  const loadedAt = name === undefined ? undefined : loaded?.sinceByFile.get(name);
  return {
    path,
    ...(sha256 !== undefined && { sha256 }),
    ...(loadedAt !== undefined && { loadedAt }),
    ...(problem !== undefined && { error: problem.reason }),
  };
}
