/** The worker's side: one request after another, each answered. Nothing that it answers or prints carries content. */

import { parentPort } from 'node:worker_threads';
import { inspectKey } from './inspect.ts';
import type { Answer, Task } from './protocol.ts';
import { refusal } from './refusal.ts';

const answer = (message: Answer): void => {
  parentPort?.postMessage(message);
};

parentPort?.on('message', ({ request, refused }: Task) => {
  try {
    answer({ type: 'Inspected', inspection: refused === undefined ? inspectKey(request) : refusal(request, refused) });
  } catch (error) {
    answer({ type: 'Failed', at: placesOf(error) });
  }
});

answer({ type: 'Ready' });

/** The name of an error and where it was thrown. Its message may quote what was being looked into. */
const placesOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at [^'"]*$/.test(line));
  return [error.name, ...frames.slice(0, 8)].join('\n');
};
