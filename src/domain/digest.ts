import { createHash } from 'node:crypto';

declare const brand: unique symbol;

/**
 * The canonical hash of some content: `v1:` and 22 characters of base64url (128 bits of SHA-256).
 * The version names the format: digests of different versions can't be compared.
 */
export type Digest = string & { readonly [brand]: 'Digest' };

const VERSION = 'v1';
const LENGTH = 22;

const digestOf = (hash: ReturnType<typeof createHash>): Digest =>
  `${VERSION}:${hash.digest('base64url').slice(0, LENGTH)}` as Digest;

/** The digest of one key's content: its bytes, whether they came in `data` or in `binaryData`. */
export const digestContent = (content: string | Uint8Array): Digest =>
  digestOf(createHash('sha256').update(typeof content === 'string' ? Buffer.from(content, 'utf8') : content));

/**
 * One digest of many named ones, in whatever order they come.
 * Lengths go in first, so that no two different sets can be written alike.
 */
export const combineDigests = (named: Iterable<readonly [name: string, digest: string]>): Digest => {
  const sorted = [...named].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const hash = createHash('sha256');
  for (const [name, digest] of sorted) {
    hash.update(`${Buffer.byteLength(name)}:${name}${Buffer.byteLength(digest)}:${digest}`);
  }
  return digestOf(hash);
};

/**
 * The digests of a ConfigMap's keys.
 * @param data the text keys
 * @param binaryData the other keys, base64 as the API carries them
 */
export const digestKeys = (
  data: Readonly<Record<string, string>> = {},
  binaryData: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, Digest> =>
  new Map([
    ...Object.entries(data).map(([key, text]) => [key, digestContent(text)] as const),
    ...Object.entries(binaryData).map(([key, base64]) => [key, digestContent(Buffer.from(base64, 'base64'))] as const),
  ]);

/** The part of a digest that names content: no prefix, fit for an annotation's value. */
export const bareDigest = (digest: Digest): string => digest.slice(VERSION.length + 1);

/** Whether two recorded digests say that content moved; digests of another format say nothing. */
export const moved = (recorded: string | undefined, present: string | undefined): boolean =>
  recorded !== present && (recorded === undefined || isComparable(recorded));

/** Whether a recorded digest is of the format in use. The empty string records a key that was removed. */
export const isComparable = (recorded: string): boolean => recorded === '' || recorded.startsWith(`${VERSION}:`);
