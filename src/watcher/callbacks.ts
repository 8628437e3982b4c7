/** Those who want to be told of changes. */

import { called, type Call, type Outcome } from './limits.ts';
import type { ChangeCallback } from './types.ts';

export interface Callbacks<T> {
  /** @param late whether it waits to be told of what is in force @returns takes it out again */
  add(
    callback: ChangeCallback<T>,
    options: { readonly late: boolean; readonly timeoutMs: number | undefined },
  ): () => void;
  /** Nobody is called any more. */
  clear(): void;
  /** Whether someone waits to be told of what is in force. */
  hasLate(): boolean;
  /**
   * Tells all, or only those who came late, side by side. Never rejects.
   *
   * @returns what went wrong
   */
  tell(change: Change<T>, options: { readonly who: 'all' | 'late' }): Promise<readonly unknown[]>;
}

export interface Change<T> {
  readonly next: T;
  readonly previous: T | undefined;
  readonly changedKeys: readonly string[];
}

interface Entry<T> {
  readonly callback: ChangeCallback<T>;
  readonly timeoutMs: number | undefined;
  late: boolean;
}

export function createCallbacks<T>(call: () => Omit<Call, 'name'>): Callbacks<T> {
  const entries = new Set<Entry<T>>();

  const tellOne = (
    { callback, timeoutMs }: Entry<T>,
    { next, previous, changedKeys }: Change<T>,
  ): Promise<Outcome<void>> => {
    const { timeoutMs: usual, ...rest } = call();
    const name = callback.name === '' ? 'a callback' : `the callback ${callback.name}`;
    return called(() => callback(next, previous, changedKeys), { ...rest, name, timeoutMs: timeoutMs ?? usual });
  };

  return {
    add: (callback, { late, timeoutMs }) => {
      const entry: Entry<T> = { callback, timeoutMs, late };
      entries.add(entry);
      return () => {
        entries.delete(entry);
      };
    },
    clear: () => {
      entries.clear();
    },
    hasLate: () => [...entries].some(({ late }) => late),
    tell: async (change, { who }) => {
      const told = [...entries].filter(({ late }) => who === 'all' || late);
      for (const entry of told) entry.late = false;
      // One that was taken out by another that is called before it is not called any more.
      const outcomes = await Promise.all(told.flatMap((entry) => (entries.has(entry) ? [tellOne(entry, change)] : [])));
      return outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]));
    },
  };
}
