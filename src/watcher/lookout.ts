/** Keeps an eye on a path: by events where they are to be had, else by looking again and again. */

import type { Clock } from './clock.ts';
import { createEvents } from './events.ts';
import { survey, type Survey } from './survey.ts';
import type { WatchMode } from './types.ts';
import { reasonOf } from './words.ts';

export interface Lookout {
  mode(): WatchMode;
  /** Looks, and watches from now on what has to be watched. @returns what it looks like from outside. Never rejects. */
  look(): Promise<string>;
  /** Says when to look again: `soon` where what is wrong may pass without an event. */
  schedule(options: { readonly soon: boolean }): void;
  close(): void;
}

export interface LookoutOptions {
  readonly path: string;
  readonly directory: boolean;
  readonly persistent: boolean;
  /** Undefined: the usual. */
  readonly pollMs: number | undefined;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Something happened there. */
  readonly onEvent: () => void;
  /** It is time to look again. */
  readonly onDue: () => void;
}

const POLL_MS = 1_000;
/** Beside events: some file systems have none for what others write, and the kernel's queue of events may overflow. */
const LOOK_MS = 30_000;
/** Folders may move while they begin to be watched. */
const MOST_ROUNDS = 5;

export function createLookout(options: LookoutOptions): Lookout {
  const { path, directory, persistent, pollMs, clock, log, onEvent, onDue } = options;
  let mode: WatchMode = 'Events';
  let closed = false;
  let cancelTimer = (): void => undefined;

  const lose = (error: unknown): void => {
    if (mode === 'Polling' || closed) return;
    mode = 'Polling';
    const every = (pollMs ?? POLL_MS) / 1000;
    log(`${path}: no events (${reasonOf(error, { sensitive: false })}): looking every ${every} s instead`);
  };
  const events = createEvents({
    persistent,
    onEvent,
    onError: (error) => {
      lose(error);
      onDue();
    },
  });

  /** Events are tried for at each look: they may be to be had again. */
  const arm = ({ places }: Survey): boolean => {
    try {
      const added = events.arm(places);
      if (mode === 'Polling' && places.size > 0) {
        mode = 'Events';
        log(`${path}: events are to be had again`);
      }
      return added;
    } catch (error) {
      lose(error);
      return false;
    }
  };

  return {
    mode: () => mode,
    look: async () => {
      let seen = await survey(path, { directory });
      for (let round = 0; !closed && arm(seen) && round < MOST_ROUNDS; round++)
        seen = await survey(path, { directory });
      return seen.stamp;
    },
    schedule: ({ soon }) => {
      cancelTimer();
      if (closed) return;
      const ms = pollMs ?? (soon || mode === 'Polling' ? POLL_MS : LOOK_MS);
      cancelTimer = clock.schedule(ms, onDue, { keepAlive: persistent });
    },
    close: () => {
      closed = true;
      cancelTimer();
      events.close();
    },
  };
}
