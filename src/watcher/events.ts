/** Events of the kernel for a set of folders that moves. */

import { watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import { DATA, isOurs } from './kubelet.ts';
import type { Place } from './places.ts';
import { orMissing } from './words.ts';

export interface Events {
  /**
   * Watches these folders and no others.
   *
   * @returns whether any was added, or was not there any more: what happened before that was not seen
   * @throws where one can't be watched; then none is
   */
  arm(places: ReadonlyMap<string, Place>): boolean;
  close(): void;
}

interface Armed {
  readonly handle: FSWatcher;
  readonly identity: string;
  names: Place['names'];
  /** The folder was moved or deleted: another one may stand there, even with the same inode. */
  stale: boolean;
}

export interface EventOptions {
  readonly persistent: boolean;
  readonly onEvent: () => void;
  /** A watch has died; the others were closed. */
  readonly onError: (error: unknown) => void;
}

export function createEvents({ persistent, onEvent, onError }: EventOptions): Events {
  const armed = new Map<string, Armed>();

  const close = (): void => {
    for (const { handle } of armed.values()) handle.close();
    armed.clear();
  };

  const watchIfThere = (folder: string): FSWatcher | undefined => {
    try {
      return watch(folder, { persistent });
    } catch (error) {
      orMissing(error);
      return undefined;
    }
  };

  const open = ({ folder, identity, names }: Place): void => {
    const handle = watchIfThere(folder);
    if (handle === undefined) return;
    const entry: Armed = { handle, identity, names, stale: false };
    armed.set(folder, entry);
    handle.on('change', (type, name) => {
      // What happens to the folder itself comes under its own name.
      const itself = name === basename(folder);
      if (itself && type === 'rename') entry.stale = true;
      if (itself || typeof name !== 'string' || counts(name, entry.names)) onEvent();
    });
    handle.on('error', (error) => {
      close();
      onError(error);
    });
  };

  const arm = (places: ReadonlyMap<string, Place>): boolean => {
    for (const [folder, { handle, identity, stale }] of armed) {
      if (places.get(folder)?.identity === identity && !stale) continue;
      handle.close();
      armed.delete(folder);
    }
    let added = false;
    try {
      for (const place of places.values()) {
        const present = armed.get(place.folder);
        if (present === undefined) {
          open(place);
          added = true;
        } else {
          present.names = place.names;
        }
      }
    } catch (error) {
      close();
      throw error;
    }
    return added;
  };

  return { arm, close };
}

/** In a folder that counts as a whole, the kubelet's preparations don't: the swap does. */
const counts = (name: string, names: Place['names']): boolean =>
  names === undefined ? name === DATA || isOurs(name) : names.has(name);
