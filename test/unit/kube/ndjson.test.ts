import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseLines } from '../../../src/kube/ndjson.ts';

async function* chunked(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...at, bytes.length]) {
    await Promise.resolve();
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function parsed(
  text: string,
  { cuts = [], limit = 1000 }: { cuts?: readonly number[]; limit?: number } = {},
): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of parseLines(chunked(Buffer.from(text), cuts), limit)) values.push(value);
  return values;
}

describe('newline-delimited JSON', () => {
  it('is parsed the same wherever the chunks are cut, in the middle of a character too', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ stringUnit: 'binary' }), { maxLength: 8 }),
        fc.array(fc.nat(5000), { maxLength: 20 }),
        async (values, cuts) => {
          const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
          const expected = values.map((value): unknown => JSON.parse(JSON.stringify(value)));
          assert.deepEqual(await parsed(text, { cuts, limit: 1e6 }), expected);
        },
      ),
    );
  });

  it('yields an object as soon as its line is whole', async () => {
    let pulled = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const text of ['{"a":1}\n{"b"', ':2}\n']) {
        await Promise.resolve();
        pulled += 1;
        yield Buffer.from(text);
      }
    }
    const lines = parseLines(source(), 100);
    assert.deepEqual((await lines.next()).value, { a: 1 });
    assert.equal(pulled, 1);
    assert.deepEqual((await lines.next()).value, { b: 2 });
  });

  it('skips empty lines', async () => {
    assert.deepEqual(await parsed('\n1\n\n2\n'), [1, 2]);
  });

  it('refuses a line that grows beyond the limit, without waiting for its end', async () => {
    await assert.rejects(parsed('x'.repeat(50), { limit: 20, cuts: [10, 25] }), /longer than 20 bytes/);
    await assert.rejects(parsed(`${'1'.repeat(21)}\n`, { limit: 20 }), /longer than 20 bytes/);
    assert.deepEqual(await parsed(`"${'x'.repeat(18)}"\n`, { limit: 20 }), ['x'.repeat(18)]);
  });

  it('refuses what is not JSON, without repeating it', async () => {
    await assert.rejects(
      parsed('{"password": hunter2}\n'),
      (error: Error) => !error.message.includes('hunter2') && /not JSON/.test(error.message),
    );
  });

  it('refuses an end in the middle of an object', async () => {
    await assert.rejects(parsed('{"a":1}\n{"b"'), /ended in the middle of an object/);
  });
});
