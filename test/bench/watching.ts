/**
 * An application with a watcher, for what it costs: `node --expose-gc watching.ts FILE SECONDS`. Follows a file of
 * variables, and writes what that takes as JSON when the seconds are over.
 */

import 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Beside an HTTP server, which every application with a watcher has. */
export interface Cost {
  /** Bytes of the heap that the library and one watcher take, with all that is loaded. */
  readonly heap: number;
  /** Milliseconds of CPU in the idle time. */
  readonly idleMs: number;
}

const heapUsed = (): number => {
  for (let round = 0; round < 5; round++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

if (import.meta.main) {
  const [file = '', seconds = '0'] = process.argv.slice(2);
  heapUsed();
  const before = heapUsed();
  const { watchEnvFile } = await import('../../src/watcher/index.ts');
  const watcher = watchEnvFile(file, { log: () => undefined });
  const { state, error } = await watcher.ready();
  if (state !== 'Loaded') throw new Error(error ?? state);
  const heap = heapUsed() - before;
  // What loading has left to be done.
  await sleep(2_000);
  const used = process.cpuUsage();
  await sleep(Number(seconds) * 1_000);
  const { user, system } = process.cpuUsage(used);
  await watcher.close();
  console.log(JSON.stringify({ heap, idleMs: (user + system) / 1_000 } satisfies Cost));
}
