/**
 * Whatever the sequence of writes, what is in force is always something that was completely written and valid, never goes
 * back, and in the end is the last.
 */

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { createGroup, watchFile, type Watcher } from '../../../src/watcher/index.ts';
import { createAtomicWriter } from '../../support/atomic-writer.ts';
import { eventually } from '../../support/wait.ts';

/** A format of which no beginning is valid, which is what writing in place takes. */
interface Document {
  readonly n: number;
  readonly valid: boolean;
  readonly padding: string;
}

const textOf = (n: number, valid: boolean): string =>
  JSON.stringify({ n, valid, padding: 'x'.repeat((n * 37) % 300) } satisfies Document);

/** What has been written, in order; all that a writer knows. */
class Written {
  /** Those that could be in force now: the last one known to be, and the valid ones written since. */
  possible: (number | undefined)[] = [undefined];
  last: { readonly n: number; readonly valid: boolean } | undefined;
  /** What was in force when last looked. */
  known: number | undefined;
  #count = 0;

  next(valid: boolean): string {
    this.#count += 1;
    this.last = { n: this.#count, valid };
    if (valid) this.possible.push(this.#count);
    return textOf(this.#count, valid);
  }

  /** Going back to what is in force: undefined where nothing is. */
  back(): string | undefined {
    if (this.known === undefined) return undefined;
    this.last = { n: this.known, valid: true };
    return textOf(this.known, true);
  }
}

interface Scene {
  readonly file: string;
  readonly folder: string;
  readonly watcher: Watcher<Document>;
  readonly written: Written;
  readonly swap: (text: string) => void;
}

interface Step {
  readonly name: string;
  readonly run: (scene: Scene) => void | Promise<void>;
}

const step = (name: string, run: Step['run']): Step => ({ name, run });

const inPieces = async (file: string, text: string, pauseMs: number): Promise<void> => {
  const opened = openSync(file, 'w');
  try {
    for (let at = 0; at < text.length; at += 40) {
      writeSync(opened, text.slice(at, at + 40));
      await sleep(pauseMs);
    }
  } finally {
    closeSync(opened);
  }
};

const settle = async ({ watcher, written }: Scene): Promise<void> => {
  const { last } = written;
  await eventually(
    () => {
      const { state, error } = watcher.status();
      if (last === undefined) return state === 'Missing';
      if (!last.valid) return state === 'Refused' && error?.endsWith(`number ${last.n} is not valid`) === true;
      return state === 'Loaded' && watcher.current?.n === last.n;
    },
    { what: `${JSON.stringify(last)}, but it is ${JSON.stringify(watcher.status())}`, timeoutMs: 5_000, intervalMs: 2 },
  );
  const now = watcher.current?.n;
  assert.ok(written.possible.includes(now), `${String(now)} is in force, not one of ${written.possible.join(', ')}`);
  written.possible = [now];
  written.known = now;
};

const always: readonly fc.Arbitrary<Step>[] = [
  fc.integer({ min: 0, max: 40 }).map((ms) =>
    step(`wait ${ms} ms`, async () => {
      await sleep(ms);
    }),
  ),
  fc.constant(step('settle', settle)),
  fc.constant(
    step('force', async ({ watcher }) => {
      await watcher.force();
    }),
  ),
];

const validity = fc.boolean();
const word = (valid: boolean): string => (valid ? 'valid' : 'invalid');

const goBack = (write: (scene: Scene, text: string) => void): fc.Arbitrary<Step> =>
  fc.constant(
    step('settle, and go back to what is in force over something invalid', async (scene) => {
      await settle(scene);
      const text = scene.written.back();
      if (text === undefined) return;
      write(scene, scene.written.next(false));
      await settle(scene);
      write(scene, scene.written.back() ?? '');
      await settle(scene);
    }),
  );

const ofTheKubelet: fc.Arbitrary<Step> = fc.oneof(
  ...always,
  goBack(({ swap }, text) => {
    swap(text);
  }),
  validity.map((valid) =>
    step(`swap in ${word(valid)} content`, ({ swap, written }) => {
      swap(written.next(valid));
    }),
  ),
);

const ofAnyone: fc.Arbitrary<Step> = fc.oneof(
  ...always,
  goBack(({ file }, text) => {
    writeFileSync(file, text);
  }),
  validity.map((valid) =>
    step(`rename ${word(valid)} content over it`, ({ file, written }) => {
      writeFileSync(`${file}.tmp`, written.next(valid));
      renameSync(`${file}.tmp`, file);
    }),
  ),
  validity.map((valid) =>
    step(`truncate and write ${word(valid)} content`, ({ file, written }) => {
      writeFileSync(file, written.next(valid));
    }),
  ),
  fc.tuple(validity, fc.integer({ min: 0, max: 60 })).map(([valid, ms]) =>
    step(`write ${word(valid)} content in pieces, ${ms} ms apart`, async ({ file, written }) => {
      await inPieces(file, written.next(valid), ms);
    }),
  ),
  validity.map((valid) =>
    step(`delete it and write ${word(valid)} content`, ({ file, written }) => {
      rmSync(file, { force: true });
      writeFileSync(file, written.next(valid));
    }),
  ),
  fc.constant(
    step('delete it', ({ file, written }) => {
      rmSync(file, { force: true });
      written.last = undefined;
    }),
  ),
  fc.constant(
    step('touch it', ({ file }) => {
      if (existsSync(file)) utimesSync(file, new Date(), new Date());
    }),
  ),
);

const begin = (debounceMs: number): Scene & { readonly seen: number[]; readonly end: () => Promise<void> } => {
  const folder = mkdtempSync(join(tmpdir(), 'any-sequence-'));
  const file = join(folder, 'a');
  const group = createGroup();
  const { write } = createAtomicWriter(folder);
  const watcher = watchFile<Document>(file, {
    group,
    debounceMs,
    log: () => undefined,
    parse: (text) => JSON.parse(text) as Document,
    validate: ({ n, valid }) => {
      if (!valid) throw new Error(`number ${n} is not valid`);
    },
  });
  const seen: number[] = [];
  watcher.onChange(({ n, padding }) => {
    assert.equal(padding.length, (n * 37) % 300);
    seen.push(n);
  });
  const end = async (): Promise<void> => {
    await group.close();
    rmSync(folder, { recursive: true });
  };
  return {
    ...{ file, folder, watcher, seen, end, written: new Written() },
    swap: (text) => {
      write({ a: text });
    },
  };
};

for (const [writer, steps] of [
  ['the kubelet', ofTheKubelet],
  ['anyone', ofAnyone],
] as const)
  describe(`written by ${writer}`, () => {
    it('what is in force was complete and valid, and in the end is the last', async () => {
      let settled = 0;
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(0, 10, 30), fc.array(steps, { maxLength: 12 }), async (debounceMs, all) => {
          const scene = begin(debounceMs);
          try {
            for (const { run } of all) await run(scene);
            await settle(scene);
            if (scene.written.last?.valid === true) settled += 1;
            assert.deepEqual(
              scene.seen,
              scene.seen.toSorted((a, b) => a - b),
            );
            assert.equal(scene.watcher.status().counts.callbackFailures, 0);
          } finally {
            await scene.end();
          }
        }),
        { numRuns: 60, interruptAfterTimeLimit: 60_000 },
      );
      assert.ok(settled > 5, 'hardly any sequence ended with valid content');
    });
  });
