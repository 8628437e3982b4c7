import { ConnectionError } from './errors.ts';

const NEWLINE = 0x0a;

/**
 * Splits a stream of bytes into lines and parses each as JSON; empty lines are skipped. Chunks may end anywhere, inside
 * a UTF-8 sequence too, since a line is decoded only when it is whole.
 *
 * Throws a ConnectionError (KUBE_BROKEN_ANSWER) for a line longer than `maxLineBytes`, one that isn't JSON, and a
 * stream that ends inside a line.
 */
export async function* parseLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<unknown, void, undefined> {
  let pieces: Uint8Array[] = [];
  let pending = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end);
      checkLength(pending + last.length, maxLineBytes);
      const line = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
      pieces = [];
      pending = 0;
      start = end + 1;
      if (line.length > 0) yield parse(line);
    }
    if (start < chunk.length) {
      pieces.push(chunk.subarray(start));
      pending += chunk.length - start;
      checkLength(pending, maxLineBytes);
    }
  }
  if (pending > 0) throw new ConnectionError('KUBE_BROKEN_ANSWER', 'the stream ended in the middle of an object');
}

function checkLength(bytes: number, limit: number): void {
  if (bytes > limit)
    throw new ConnectionError('KUBE_BROKEN_ANSWER', `an object in the stream is longer than ${limit} bytes`);
}

function parse(line: Uint8Array): unknown {
  const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be anybody's data.
    throw new ConnectionError('KUBE_BROKEN_ANSWER', `a line of ${line.length} bytes in the stream is not JSON`);
  }
}
