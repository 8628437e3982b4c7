/** `Reload-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(key, "<t>.<METHOD>.<path>")>` */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the clocks of both sides may be apart, in seconds. */
const MOST_AGE_S = 300;

export interface SignedRequest {
  /** The header as it came. */
  readonly header: string | undefined;
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly nowMs: number;
}

export function isSigned(key: string | Buffer, { header, method, path, nowMs }: SignedRequest): boolean {
  const [, time = '', given = ''] = /^t=([0-9]{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (time === '' || key.length === 0) return false;
  if (Math.abs(nowMs / 1000 - Number(time)) > MOST_AGE_S) return false;
  const right = createHmac('sha256', key).update(`${time}.${method}.${path}`).digest();
  return timingSafeEqual(right, Buffer.from(given, 'hex'));
}
