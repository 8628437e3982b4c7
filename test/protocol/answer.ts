/** `/-/reload`, version v1, as one asks: the request, and what an answer must be like whatever it tells. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { isAbsolute } from 'node:path';

/** In bytes. */
const LONGEST = 64 * 1024;
const TIMEOUT_MS = 10_000;

/** What a file has beside its path. */
const FIELDS: Readonly<Record<string, RegExp>> = {
  sha256: /^[0-9a-f]{64}$/,
  loadedAt: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/,
  // One line.
  error: /^[^\n\r]+$/,
};

/** What an answer says of one file. */
export interface Told {
  readonly path: string;
  readonly sha256?: string;
  readonly loadedAt?: string;
  readonly error?: string;
}

export interface Answer {
  readonly status: number;
  /** The content type; empty where there is none. */
  readonly type: string;
  readonly body: string;
}

export interface Signature {
  readonly key: string;
  /** Unix seconds. */
  readonly time: number;
  /** What is signed, where that is not what is asked. */
  readonly method?: string;
  readonly path?: string;
}

/** In lower-case hexadecimal. */
export const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

export async function ask(method: string, url: string, signature?: Signature): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (signature !== undefined) {
    const signed = `${signature.time}.${signature.method ?? method}.${signature.path ?? new URL(url).pathname}`;
    const mac = createHmac('sha256', signature.key).update(signed).digest('hex');
    headers['reload-signature'] = `t=${signature.time},v1=${mac}`;
  }
  const response = await fetch(url, { method, headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.text() };
}

/**
 * Holds an answer to all that the protocol says of every one.
 *
 * @param secrets words that stand in the content, and have no place in an answer
 */
export function filesOf({ status, type, body }: Answer, secrets: readonly string[]): readonly Told[] {
  assert.ok(status === 200 || status === 422, `the status is ${status}, not 200 or 422: ${body.slice(0, 200)}`);
  assert.match(type, /^application\/json\b/);
  assert.ok(Buffer.byteLength(body) <= LONGEST, `the answer has more than ${LONGEST} bytes`);
  for (const secret of secrets) assert.ok(!body.includes(secret), `the answer quotes content: ${secret}`);
  const { reload, files, omitted = 0, ...others } = JSON.parse(body) as Record<string, unknown>;
  assert.equal(reload, 'v1');
  assert.ok(Array.isArray(files), 'files is no list');
  assert.ok(Number.isInteger(omitted), 'omitted is no whole number');
  assert.deepEqual(others, {}, 'fields that v1 does not have');
  for (const file of files as readonly unknown[]) checkFile(file);
  const told = files as readonly Told[];
  assert.equal(status === 200, !told.some(({ error }) => error !== undefined), '200 goes without errors, 422 with one');
  return told;
}

function checkFile(value: unknown): void {
  assert.ok(typeof value === 'object' && value !== null, 'a file is no object');
  const { path, ...fields } = value as Record<string, unknown>;
  assert.ok(typeof path === 'string' && isAbsolute(path), `path is ${JSON.stringify(path)}, not absolute`);
  for (const [name, field] of Object.entries(fields)) {
    const pattern = FIELDS[name];
    assert.ok(pattern !== undefined, `fields that v1 does not have: ${name}`);
    assert.ok(typeof field === 'string' && pattern.test(field), `${name} is ${JSON.stringify(field)}`);
  }
}
