/** What is in force, and what a reading does to it: parse, validate, apply, one swap, and those who are told. */

import { createCallbacks, type Callbacks } from './callbacks.ts';
import type { Clock } from './clock.ts';
import { changedFiles, contentOf, type Content, type Files } from './content.ts';
import { changedKeys } from './keys.ts';
import { called, type Call } from './limits.ts';
import type { Reading } from './read.ts';
import { sinceByFile, type Loaded, type Problem } from './status.ts';
import type { CommonOptions, WatchStatus } from './types.ts';
import { reasonOf } from './words.ts';

/** How a configuration is made of what was read. */
export interface Making<T> {
  /** Absolute. */
  readonly path: string;
  /** Throws to refuse. */
  readonly parse: (files: Files) => T | Promise<T>;
  /** A part of the swap that is done and undone in one go. @returns undoes it */
  readonly commit?: (next: T) => () => void;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: (line: string) => void;
  readonly isClosed: () => boolean;
  /** The watchers that wait for the run that is under way. */
  readonly on: () => ReadonlySet<object>;
}

export interface InForce<T> {
  readonly callbacks: Callbacks<T>;
  known(): {
    readonly loaded: Loaded<T> | undefined;
    readonly problem: Problem | undefined;
    readonly callbackError: string | undefined;
    readonly counts: WatchStatus['counts'];
  };
  /** @param forced whether what was refused is tried again */
  consider(reading: Reading, options: { readonly forced: boolean }): Promise<void>;
  /** Something went wrong that isn't the content's fault. */
  failed(error: unknown): void;
  /** Tells those who came late what is in force. */
  tellLate(): Promise<void>;
}

export function createInForce<T>(making: Making<T>, options: CommonOptions<T>, around: Surroundings): InForce<T> {
  const { path } = making;
  const { clock, log, isClosed, on } = around;
  const { validate, apply, callbackTimeoutMs = 10_000, sensitive = false } = options;
  let loaded: Loaded<T> | undefined;
  let problem: Problem | undefined;
  let callbackError: string | undefined;
  const counts = { reloads: 0, refusals: 0, callbackFailures: 0 };

  const call = (): Omit<Call, 'name'> => ({ timeoutMs: callbackTimeoutMs, clock, on: on() });
  const callbacks = createCallbacks<T>(call);

  const consider = async (reading: Reading, { forced }: { readonly forced: boolean }): Promise<void> => {
    switch (reading.kind) {
      case 'Missing':
        report({ state: 'Missing', reason: 'is not there' });
        return;
      case 'Unsettled':
      case 'Unreadable':
        report({ state: 'Refused', reason: reading.reason, retry: true });
        return;
      case 'Read':
        await take(reading.files, contentOf(reading.files), forced);
    }
  };

  const take = async (files: Files, content: Content, forced: boolean): Promise<void> => {
    if (content.digest === loaded?.content.digest) {
      if (problem !== undefined) log(`${path}: what is in force is there again`);
      problem = undefined;
      return;
    }
    if (content.digest === problem?.content?.digest && !forced) return;
    const parsed = await called(() => making.parse(files), { ...call(), name: 'parse' });
    if (isClosed()) return;
    if (!parsed.ok) {
      refuse(content, parsed.error);
      return;
    }
    const checked = await called(() => validate?.(parsed.value), { ...call(), name: 'validate' });
    if (isClosed()) return;
    if (!checked.ok) {
      refuse(content, checked.error);
      return;
    }
    await swap(parsed.value, content);
  };

  const swap = async (value: T, content: Content): Promise<void> => {
    const previous = loaded;
    const keys = changedKeys(value, previous?.value) ?? changedFiles(content, previous?.content);
    const undo = making.commit?.(value);
    if (apply !== undefined) {
      const applied = await called(() => apply(value, previous?.value, keys), { ...call(), name: 'apply' });
      if (!applied.ok) {
        undo?.();
        refuse(content, applied.error);
        return;
      }
    }
    const since = new Date(clock.now()).toISOString();
    loaded = { value, content, since, sinceByFile: sinceByFile(content, previous, since) };
    problem = undefined;
    callbackError = undefined;
    counts.reloads += 1;
    log(`${path}: loaded${sensitive ? '' : `, changed: ${listed(keys)}`}`);
    await tell({ next: value, previous: previous?.value, changedKeys: keys }, 'all');
  };

  const tellLate = async (): Promise<void> => {
    if (loaded === undefined || !callbacks.hasLate()) return;
    const { value, content } = loaded;
    const keys = changedKeys(value, undefined) ?? changedFiles(content, undefined);
    await tell({ next: value, previous: undefined, changedKeys: keys }, 'late');
  };

  const tell = async (change: Parameters<Callbacks<T>['tell']>[0], who: 'all' | 'late'): Promise<void> => {
    const errors = await callbacks.tell(change, { who });
    counts.callbackFailures += errors.length;
    for (const error of errors) {
      callbackError = reasonOf(error, { sensitive });
      log(`${path}: a callback failed, the reload stands: ${callbackError}`);
    }
  };

  const refuse = (content: Content, error: unknown): void => {
    counts.refusals += 1;
    report({ state: 'Refused', reason: reasonOf(error, { sensitive }), content });
  };

  const report = (now: Problem): void => {
    const again = problem?.reason === now.reason && problem.content?.digest === now.content?.digest;
    problem = now;
    if (again) return;
    const kept = loaded === undefined ? 'nothing is in force' : 'the earlier stays in force';
    log(`${path}: ${now.reason}: ${kept}`);
  };

  return {
    callbacks,
    known: () => ({ loaded, problem, callbackError, counts: { ...counts } }),
    consider,
    failed: (error) => {
      report({ state: 'Refused', reason: `failed: ${reasonOf(error, { sensitive })}`, retry: true });
    },
    tellLate,
  };
}

const MOST_LISTED = 10;

const listed = (keys: readonly string[]): string => {
  const more = keys.length - MOST_LISTED;
  return `${keys.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
