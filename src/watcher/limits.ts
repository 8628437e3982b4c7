/** Functions of the application, each called so that neither its failure nor its silence spreads. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import { WatchError } from './words.ts';

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export interface Call {
  /** What it reads as when it takes too long, such as "validate". */
  readonly name: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** On whose behalf: whoever waits for these from within would wait for himself. */
  readonly on: ReadonlySet<object>;
}

/** A call that is under way, and the watchers that wait for it. */
interface Frame {
  readonly on: ReadonlySet<object>;
  open: boolean;
}

const frames = new AsyncLocalStorage<Frame>();

/** The watchers that wait for the function we are in to end. */
export function waitingForUs(): ReadonlySet<object> {
  const frame = frames.getStore();
  // What the function has started, such as a timer, may outlive it: nobody waits for that.
  return frame?.open === true ? frame.on : new Set();
}

/** Never rejects. A function that takes too long runs on, and what becomes of it is dropped. */
export async function called<T>(run: () => T | Promise<T>, { name, timeoutMs, clock, on }: Call): Promise<Outcome<T>> {
  const frame: Frame = { on, open: true };
  let cancel = (): void => undefined;
  const late = new Promise<Outcome<T>>((resolve) => {
    cancel = clock.schedule(timeoutMs, () => {
      resolve({ ok: false, error: new WatchError(`${name} took longer than ${timeoutMs} ms`) });
    });
  });
  try {
    return await Promise.race([attempt(() => frames.run(frame, run)), late]);
  } finally {
    frame.open = false;
    cancel();
  }
}

async function attempt<T>(run: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error };
  }
}
