import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { hostile, MIB } from '../../documents/hostile.ts';

interface Outcome {
  readonly outcome: string | undefined;
  readonly took: number;
}

/** More would end the worker. */
const MOST_MEMORY_MB = 256;
/** The slowest takes a second on a machine that does nothing else. */
const MOST_TIME_MS = 10_000;

const outcomes = await new Promise<readonly Outcome[]>((resolve, reject) => {
  const all: Outcome[] = [];
  const worker = new Worker(new URL('hostile-worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB, maxYoungGenerationSizeMb: 16 },
  });
  worker.on('message', (message: Outcome) => all.push(message));
  worker.on('error', reject);
  worker.on('exit', () => {
    resolve(all);
  });
});

describe('a hostile document', () => {
  for (const [index, { format, what, text, refused }] of hostile.entries()) {
    it(`${format}: ${what}: is ${refused === undefined ? 'read' : 'refused'}, in little time and memory`, () => {
      assert.ok(text.length <= MIB, `${text.length}`);
      const { outcome, took } = outcomes[index] ?? { took: 0 };
      if (refused === undefined) assert.equal(outcome, undefined);
      else assert.match(outcome ?? 'read', refused);
      assert.ok(took < MOST_TIME_MS, `took ${took} ms`);
    });
  }
});
