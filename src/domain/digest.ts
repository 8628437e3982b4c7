import { createHash, createHmac, hash as hashOnce } from 'node:crypto';

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

/**
 * How the content of one source is hashed. ConfigMaps are hashed plainly. Of Secrets there are only MACs, over where the
 * value stands and the value, so that nobody who reads a digest can try values out, nor tell that two are alike.
 */
export type Scheme =
  | { readonly format: typeof VERSION }
  | {
      /** `m1-` and the id of the key: digests of different keys can't be compared. */
      readonly format: string;
      readonly key: Uint8Array;
      /** Namespace, kind and name of the source. */
      readonly context: readonly string[];
    };

export const PLAIN: Scheme = { format: VERSION };

/** The random key of all MACs. */
export interface MacKey {
  /** Names the key without telling of it: 8 lower-case hex digits. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Names the bytes of a key by the beginning of their hash. */
export const macKey = (bytes: Uint8Array): MacKey => ({
  id: createHash('sha256').update(bytes).digest('hex').slice(0, 8),
  bytes,
});

export const macScheme = ({ id, bytes }: MacKey, ...context: readonly string[]): Scheme => ({
  format: `m1-${id}`,
  key: bytes,
  context,
});

/** Lengths go in first, so that no two different lists of parts can be written alike. */
const hashParts = (scheme: Scheme, parts: readonly (string | Uint8Array)[]): Buffer => {
  const all = 'key' in scheme ? [...scheme.context, ...parts] : parts;
  // One call for all of it where it is text: a document has tens of thousands of leaves.
  const chunks = all.every((part) => typeof part === 'string')
    ? [all.map((part) => `${Buffer.byteLength(part)}:${part}`).join('')]
    : all.flatMap((part) => [`${typeof part === 'string' ? Buffer.byteLength(part) : part.length}:`, part]);
  const [only] = chunks;
  if (!('key' in scheme) && chunks.length === 1 && only !== undefined) return hashOnce('sha256', only, 'buffer');
  const hash = 'key' in scheme ? createHmac('sha256', scheme.key) : createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest();
};

/** 256 bits that name one leaf of a document: where it stands, of which type it is, and its text. */
export const hashLeaf = (scheme: Scheme, key: string, pointer: string, tag: string, text: string): Buffer =>
  hashParts(scheme, [key, pointer, tag, text]);

/** The digest of something made of several texts. */
export const digestParts = (scheme: Scheme, ...parts: readonly (string | Uint8Array)[]): Digest =>
  `${scheme.format}:${hashParts(scheme, parts).toString('base64url').slice(0, LENGTH)}` as Digest;

/**
 * The digest of one key's content: its bytes, whether they came in `data` or in `binaryData`. Of ConfigMaps it is a
 * plain hash of the bytes alone; a MAC goes over the key's name, too.
 */
export const digestContent = (content: string | Uint8Array, scheme: Scheme = PLAIN, key = ''): Digest =>
  'key' in scheme
    ? digestParts(scheme, key, content)
    : digestOf(createHash('sha256').update(typeof content === 'string' ? Buffer.from(content, 'utf8') : content));

/** The digest of content of which somebody else tells the SHA-256, in hex. */
export const digestFromSha256 = (hex: string): Digest =>
  `${VERSION}:${Buffer.from(hex, 'hex').toString('base64url').slice(0, LENGTH)}` as Digest;

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
 * The digests of a source's keys.
 * @param data the text keys
 * @param binaryData the other keys, base64 as the API carries them
 */
export const digestKeys = (
  data: Readonly<Record<string, string>> = {},
  binaryData: Readonly<Record<string, string>> = {},
  scheme: Scheme = PLAIN,
): ReadonlyMap<string, Digest> =>
  new Map([
    ...Object.entries(data).map(([key, text]) => [key, digestContent(text, scheme, key)] as const),
    ...Object.entries(binaryData).map(
      ([key, base64]) => [key, digestContent(Buffer.from(base64, 'base64'), scheme, key)] as const,
    ),
  ]);

/** Stands for the content of a source whose values are not to be read: a new version may hold anything. */
export const digestVersion = (uid: string, resourceVersion: string): Digest =>
  `rv:${hashParts(PLAIN, [uid, resourceVersion]).toString('base64url').slice(0, LENGTH)}` as Digest;

/** The part of a digest that names content: no prefix, fit for an annotation's value. */
export const bareDigest = (digest: Digest): string => digest.slice(digest.indexOf(':') + 1);

/** The format of a digest: which version, and of MACs, which key. The empty string stands for a key that is gone. */
export const formatOfDigest = (digest: string): string => digest.slice(0, Math.max(0, digest.indexOf(':')));

/**
 * Whether two recorded digests say that content moved; digests of another format say nothing.
 * @param format the format that the source's digests have now, which a key that is gone can't tell
 */
export const moved = (recorded: string | undefined, present: string | undefined, format: string = VERSION): boolean =>
  recorded !== present && (recorded === undefined || recorded === '' || formatOfDigest(recorded) === format);

/**
 * Whether two sets of digests can be held against each other at all: where no digest of one has a format of the
 * other's, even a key that only one of them has says nothing.
 */
export const comparable = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean => {
  if (a.size === 0 || b.size === 0) return true;
  const formats = new Set([...a.values()].map(formatOfDigest));
  return [...b.values()].some((digest) => formats.has(formatOfDigest(digest)));
};
