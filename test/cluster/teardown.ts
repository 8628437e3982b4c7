import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ask } from './control.ts';
import { cgroupOf, removeCgroup } from './cgroups.ts';
import { isAlive, isRoot, killNow, untilEnded } from './processes.ts';
import { readState } from './state.ts';
import type { Places } from './state.ts';

/** How long a supervisor may take to end its cluster before it is killed. */
const STOP_TIMEOUT_MS = 60_000;

/**
 * Ends a cluster and removes everything of it, whatever state it is in: running, half started, or left behind by
 * a supervisor that was killed. Without one: nothing happens.
 *
 * @returns whether there was anything.
 * @throws when something can't be removed.
 */
export async function tearDown(places: Places): Promise<boolean> {
  const existed = existsSync(places.dir) || existsSync(places.runtimeDir);
  const state = readState(places);
  if (state && isAlive(state.supervisor)) {
    try {
      await ask(places.controlSocket, 'stop', STOP_TIMEOUT_MS);
      await untilEnded(state.supervisor, STOP_TIMEOUT_MS);
    } catch {
      // It hangs, or died while asked: what it left is removed below.
      killNow(state.supervisor);
      await untilEnded(state.supervisor, STOP_TIMEOUT_MS);
    }
  }
  if (state?.node) {
    killNow(state.node.holder);
    await untilEnded(state.node.holder, STOP_TIMEOUT_MS);
  }
  await removeTraces(places);
  return existed;
}

/** Removes what no process owns: cgroups, sockets, and (unless it is to be looked at) the state folder. */
export async function removeTraces(places: Places, { keepDir = false } = {}): Promise<void> {
  if (isRoot()) await removeCgroup(cgroupOf(places.id));
  await rm(places.runtimeDir, { recursive: true, force: true });
  if (!keepDir) await rm(places.dir, { recursive: true, force: true, maxRetries: 10 });
}
