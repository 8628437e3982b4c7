import { parentPort } from 'node:worker_threads';
import { DocumentError, parseDocument } from '../../../src/documents/parse.ts';
import { hostile } from '../../documents/hostile.ts';

/** What became of each of the texts, one after the other: the memory of one is free for the next. */
for (const { format, text } of hostile) {
  const startedAt = performance.now();
  let outcome: string | undefined;
  try {
    parseDocument(text, format);
  } catch (thrown) {
    outcome = thrown instanceof DocumentError ? thrown.message : `not a DocumentError: ${String(thrown)}`;
  }
  parentPort?.postMessage({ outcome, took: performance.now() - startedAt });
}
