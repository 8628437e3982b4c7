import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { createCertificate, fingerprintOf } from '../../../src/agent/certificate.ts';

describe('a certificate', () => {
  // Signatures and serial numbers differ in length.
  const made = Array.from({ length: 50 }, () => createCertificate('reload-operator-agent'));

  it('is signed by its own key, which goes with it', () => {
    for (const { cert, key } of made) {
      const parsed = new X509Certificate(cert);
      assert.equal(parsed.subject, 'CN=reload-operator-agent');
      assert.equal(parsed.issuer, parsed.subject);
      assert.ok(parsed.verify(parsed.publicKey));
      assert.ok(parsed.checkIssued(parsed));
      assert.ok(parsed.checkPrivateKey(createPrivateKey(key)));
      assert.match(parsed.serialNumber, /^[4][0-9A-F]{31}$/);
    }
  });

  it('is named by its fingerprint, and no two are alike', () => {
    for (const { cert, fingerprint } of made) {
      const parsed = new X509Certificate(cert);
      assert.equal(fingerprint, parsed.fingerprint256.replaceAll(':', '').toLowerCase());
      assert.equal(fingerprintOf(parsed.raw), fingerprint);
    }
    assert.equal(new Set(made.map(({ fingerprint }) => fingerprint)).size, made.length);
  });

  it('does not end while its process lives', () => {
    const { validToDate, validFromDate } = new X509Certificate(made[0]?.cert ?? '');
    assert.ok(validFromDate.getTime() < Date.now());
    assert.equal(validToDate.getUTCFullYear(), 9999);
  });
});
