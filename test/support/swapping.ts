/**
 * The kubelet's part in a process of its own: `node swapping.ts FOLDER COUNT EVERY_MS` makes COUNT changes of a volume's
 * folder, from 1 on, one each EVERY_MS milliseconds.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { createAtomicWriter } from './atomic-writer.ts';

const NAMES = Array.from({ length: 8 }, (_, index) => `key-${index}`);

/** All of it tells the number; every other one has a file more. */
export const stateOf = (n: number): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(NAMES.map((name) => [name, String(n)])),
  ...{ a: String(n), ...(n % 2 === 0 && { even: String(n) }) },
});

if (import.meta.main) {
  const [folder = '', count = '', everyMs = ''] = process.argv.slice(2);
  const { write } = createAtomicWriter(folder);
  const begun = performance.now();
  for (let n = 1; n <= Number(count); n++) {
    write(stateOf(n));
    await sleep(Math.max(0, begun + n * Number(everyMs) - performance.now()));
  }
}
