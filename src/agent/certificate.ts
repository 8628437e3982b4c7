/**
 * A certificate that nobody signs but itself. Nothing in it is looked at: it carries a public key, and what counts is
 * its fingerprint. Node reads certificates but can't make them; these few fields are not worth a library that can.
 */

import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** SHA-256 of the certificate, in lower-case hex. */
  readonly fingerprint: string;
}

/** A new key of the curve P-256, with a certificate over it. The key is in memory only. */
export const createCertificate = (commonName: string): Certificate => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(tagged(SET, sequence(COMMON_NAME, tagged(UTF8_STRING, Buffer.from(commonName, 'utf8')))));
  const content = sequence(
    tagged(EXPLICIT_0, integer(Buffer.of(2))),
    // Positive, and not beginning with nine zero bits.
    integer(Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    VALIDITY,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', content, privateKey);
  const der = sequence(content, ECDSA_WITH_SHA256, tagged(BIT_STRING, Buffer.concat([Buffer.of(0), signature])));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines(der.toString('base64'))}\n-----END CERTIFICATE-----\n`,
    fingerprint: fingerprintOf(der),
  };
};

/** @param der the certificate as it goes over the wire */
export const fingerprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

// DER (X.690): a tag, a length, a content.
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const EXPLICIT_0 = 0xa0;

const lengthOf = (length: number): Buffer =>
  length < 0x80
    ? Buffer.of(length)
    : length < 0x100
      ? Buffer.of(0x81, length)
      : Buffer.of(0x82, length >> 8, length & 0xff);

const tagged = (tag: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(SEQUENCE, Buffer.concat(parts));
const integer = (bytes: Uint8Array): Buffer => tagged(INTEGER, bytes);
const lines = (base64: string): string => base64.replaceAll(/.{64}(?=.)/g, '$&\n');

/** 1.2.840.10045.4.3.2 (RFC 5758) */
const ECDSA_WITH_SHA256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
/** 2.5.4.3 */
const COMMON_NAME = Buffer.from('0603550403', 'hex');
/** It lives as long as its process: no end that could come too early (RFC 5280, 4.1.2.5), whatever clocks say. */
const VALIDITY = sequence(
  tagged(UTC_TIME, Buffer.from('250101000000Z', 'ascii')),
  tagged(GENERALIZED_TIME, Buffer.from('99991231235959Z', 'ascii')),
);
