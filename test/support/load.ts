/** Load on the pods of a namespace, made by a container that stands in it: what is lost is lost by them. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Stage } from './stage.ts';

export interface Load {
  /** Resolves when the first request is on its way. */
  readonly begun: Promise<void>;
  /** How many requests had which outcome: a status, or the words of an error. */
  readonly outcomes: Promise<Readonly<Record<string, number>>>;
}

export interface LoadOptions {
  /** A pod that has Node. */
  readonly from: string;
  readonly urls: readonly string[];
  /** Requests a second; `rate * seconds` of them, which takes longer on a machine that can't. */
  readonly rate: number;
  readonly seconds: number;
}

export const underLoad = ({ cluster, namespace }: Stage, { from, urls, rate, seconds }: LoadOptions): Load => {
  const child = spawn(
    cluster.kubectl,
    [
      ...['--kubeconfig', cluster.kubeconfig, '-n', namespace, 'exec', '-i', from, '--'],
      ...['node', '--no-warnings', '--input-type=module-typescript', '-', String(rate), String(seconds), ...urls],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], signal: AbortSignal.timeout((seconds + 180) * 1_000) },
  );
  child.stdin.end(readFileSync(join(import.meta.dirname, 'load/main.ts')));
  const begun = Promise.withResolvers<undefined>();
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    begun.resolve(undefined);
  });
  const ended = once(child, 'close').then(() => {
    begun.reject(new Error('the load did not begin'));
    const told = JSON.parse(lines.at(-1) ?? '{}') as {
      readonly total?: number;
      readonly outcomes?: Readonly<Record<string, number>>;
    };
    assert.equal(told.total, rate * seconds, `the load did not come to its end: ${lines.join('\n')}`);
    return told.outcomes ?? {};
  });
  // Whoever waits for it handles it; until then it must not end the process.
  begun.promise.catch(() => undefined);
  ended.catch(() => undefined);
  return { begun: begun.promise, outcomes: ended };
};
