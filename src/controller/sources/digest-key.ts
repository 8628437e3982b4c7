/**
 * The key of all MACs, as it is stored. It is made when it is first needed. Whoever takes it away or puts another in its
 * place makes all digests of Secrets new ones: they are taken at once, while nothing else has changed.
 */

import type { MacKey } from '../../domain/digest.ts';
import type { Sink } from '../../runtime/reflector.ts';
import { compareResourceVersions } from '../../runtime/store.ts';
import type { DigestKeyStore, SourceVersion, StoredDigestKey } from '../ports.ts';

export interface DigestKey {
  get(signal: AbortSignal): Promise<MacKey>;
  /** What the watch of the Secret that holds it feeds. */
  readonly sink: Sink<SourceVersion>;
}

/** @param onLost what was handed out may not be the stored key any more: everything that was digested is to be again */
export const createDigestKey = (store: DigestKeyStore, onLost: () => void): DigestKey => {
  let held: StoredDigestKey | undefined;
  let asking: Promise<StoredDigestKey> | undefined;
  /** Whether the list that is running has shown the key that is held. */
  let listed = false;

  const ask = async (signal: AbortSignal): Promise<StoredDigestKey> => {
    try {
      held = await store.getOrCreate(signal);
      return held;
    } finally {
      asking = undefined;
    }
  };

  const lose = (): void => {
    if (held === undefined) return;
    held = undefined;
    onLost();
  };

  return {
    get: async (signal) => {
      if (held !== undefined) return held.key;
      // Sources are read several at a time.
      asking ??= ask(signal);
      return (await asking).key;
    },
    sink: {
      listing: () => {
        listed = false;
      },
      rewound: lose,
      upsert: ({ uid, resourceVersion }) => {
        if (held === undefined) return;
        if (uid === held.uid) listed = true;
        // What was read may be ahead of what the watch shows.
        if ((compareResourceVersions(resourceVersion, held.resourceVersion) ?? 1) > 0) lose();
      },
      remove: ({ uid }) => {
        if (uid === held?.uid) lose();
      },
      listed: () => {
        if (!listed) lose();
      },
    },
  };
};
