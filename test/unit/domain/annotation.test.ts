import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatRestartAnnotation, parseRestartAnnotation } from '../../../src/domain/annotation.ts';
import { bareDigest, digestContent } from '../../../src/domain/digest.ts';

describe('the restart annotation', () => {
  it('is v1, the count, and the digest without its own version', () => {
    assert.equal(formatRestartAnnotation(3, digestContent('hello')), 'v1.3.LPJNul-wow4m6Dsqxbninh');
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.boolean(), (n, content, ours) => {
        const digest = digestContent(content);
        assert.deepEqual(parseRestartAnnotation(formatRestartAnnotation(n, digest), ours), {
          n,
          digest: bareDigest(digest),
          ours,
        });
      }),
    );
  });

  it('is accepted by the admission policy', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), (n, content) => {
        assert.match(formatRestartAnnotation(n, digestContent(content)), /^[0-9A-Za-z._:-]{1,128}$/);
      }),
    );
  });

  for (const value of [
    undefined,
    '',
    'v1',
    'v1.x.abc',
    'v1.1',
    'v1.1.',
    'v2.1.abc',
    'v1.-1.abc',
    'v1.1.a b',
    'xv1.1.abc',
    'v1.1.abc\n',
    `v1.${'9'.repeat(16)}.abc`,
    `v1.1.${'a'.repeat(65)}`,
  ]) {
    it(`is none of ours: ${JSON.stringify(value ?? 'absent')}`, () => {
      assert.equal(parseRestartAnnotation(value, true), undefined);
    });
  }
});
