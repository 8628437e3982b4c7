import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createEarlier } from '../../../src/controller/sources/earlier.ts';
import type { Digest } from '../../../src/domain/digest.ts';

const digest = (n: number): Digest => `v1:${n}` as Digest;

describe('leaf tables of earlier versions', () => {
  it('are never more than their bound, as a whole and for each key, and the newest stays', () => {
    const put = fc.record({
      source: fc.constantFrom('x', 'y'),
      key: fc.constantFrom('a', 'b'),
      n: fc.nat(9),
      bytes: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(put, { minLength: 1 }), (puts) => {
        const earlier = createEarlier({ maxBytes: 100, perKey: 2 });
        for (const { source, key, n, bytes } of puts) {
          earlier.put(source, key, digest(n), new Uint8Array(bytes));
          assert.equal(earlier.of(source)?.get(digest(n))?.byteLength, bytes);
          const tables = ['x', 'y'].flatMap((each) => [...(earlier.of(each)?.values() ?? [])]);
          assert.ok(tables.length <= 8);
          assert.ok(tables.reduce((sum, { byteLength }) => sum + byteLength, 0) <= 100);
        }
        for (const source of ['x', 'y']) {
          earlier.forget(source);
          assert.equal(earlier.of(source), undefined);
        }
      }),
    );
  });

  it('that are too large by themselves are not kept', () => {
    const earlier = createEarlier({ maxBytes: 10, perKey: 4 });
    earlier.put('x', 'a', digest(1), new Uint8Array(11));
    assert.equal(earlier.of('x'), undefined);
  });
});
