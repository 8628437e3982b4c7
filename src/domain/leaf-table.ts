/**
 * The leaves of a document in little space: to name, once it has changed, the places that did. Sorted by pointer, each
 * entry is how many bytes of the one before it begins with, its other bytes, and the first bytes of its hash.
 */

import type { LeafTable } from './documents.ts';

export interface HashedLeaf {
  readonly pointer: string;
  readonly hash: Uint8Array;
}

/** To miss a change, somebody would have to look for it; and what it is used for is words, not decisions. */
const HASH_BYTES = 8;

/** @param leaves in any order, no pointer twice */
export const encodeLeaves = (leaves: readonly HashedLeaf[]): LeafTable => {
  const encoder = new TextEncoder();
  const sorted = leaves
    .map(({ pointer, hash }) => ({ name: encoder.encode(pointer), hash }))
    .sort((a, b) => compareBytes(a.name, b.name));
  const table = new Uint8Array(
    sorted.reduce((sum, { name }) => sum + 2 * MOST_NUMBER_BYTES + name.length + HASH_BYTES, 0),
  );
  let at = 0;
  let before = new Uint8Array();
  for (const { name, hash } of sorted) {
    const shared = sharedBytes(before, name);
    at = putNumber(table, at, shared);
    at = putNumber(table, at, name.length - shared);
    table.set(name.subarray(shared), at);
    at += name.length - shared;
    table.set(hash.subarray(0, HASH_BYTES), at);
    at += HASH_BYTES;
    before = name;
  }
  return table.slice(0, at);
};

export interface ChangedPaths {
  /** RFC 6901, in order. The empty string is the document itself. */
  readonly paths: readonly string[];
  /** How many there are in all. */
  readonly count: number;
}

/**
 * The places that were added, removed or changed. Where a container came, went, or became something else, it stands for
 * all that is in it.
 * @param most how many are named
 */
export const changedPaths = (before: LeafTable, after: LeafTable, most: number): ChangedPaths => {
  const changed = new Set(differing(before, after));
  const outermost = [...changed].filter((pointer) => !isBelowAny(pointer, changed));
  return { paths: outermost.slice(0, most), count: outermost.length };
};

/** Merges the two, which are in the same order. */
function* differing(before: LeafTable, after: LeafTable): Generator<string> {
  const decoder = new TextDecoder();
  const old = entriesOf(before);
  const now = entriesOf(after);
  let a = old.next().value;
  let b = now.next().value;
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a.name, b.name);
    const entry = order <= 0 ? a : b;
    const same = order === 0 && a !== undefined && b !== undefined && compareBytes(a.hash, b.hash) === 0;
    if (!same && entry !== undefined) yield decoder.decode(entry.name);
    if (order <= 0) a = old.next().value;
    if (order >= 0) b = now.next().value;
  }
}

interface Entry {
  readonly name: Uint8Array;
  readonly hash: Uint8Array;
}

function* entriesOf(table: LeafTable): Generator<Entry, undefined> {
  let at = 0;
  let before = new Uint8Array();
  while (at < table.length) {
    const shared = numberAt(table, at);
    const rest = numberAt(table, shared.end);
    const name = new Uint8Array(shared.value + rest.value);
    name.set(before.subarray(0, shared.value));
    name.set(table.subarray(rest.end, rest.end + rest.value), shared.value);
    const hashAt = rest.end + rest.value;
    yield { name, hash: table.subarray(hashAt, hashAt + HASH_BYTES) };
    at = hashAt + HASH_BYTES;
    before = name;
  }
  return undefined;
}

const isBelowAny = (pointer: string, others: ReadonlySet<string>): boolean => {
  for (let end = pointer.lastIndexOf('/'); end >= 0; end = pointer.lastIndexOf('/', end - 1)) {
    if (others.has(pointer.slice(0, end))) return true;
    if (end === 0) break;
  }
  return false;
};

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const shared = sharedBytes(a, b);
  return (a[shared] ?? -1) - (b[shared] ?? -1);
};

const sharedBytes = (a: Uint8Array, b: Uint8Array): number => {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
};

/** Seven bits in each byte, the lowest first; the eighth says that more follow. */
const MOST_NUMBER_BYTES = 5;
const MORE = 0x80;

const putNumber = (bytes: Uint8Array, offset: number, value: number): number => {
  let at = offset;
  let rest = value;
  for (; rest >= MORE; rest = Math.floor(rest / MORE)) bytes[at++] = (rest % MORE) + MORE;
  bytes[at++] = rest;
  return at;
};

const numberAt = (bytes: Uint8Array, offset: number): { readonly value: number; readonly end: number } => {
  let value = 0;
  let at = offset;
  for (let unit = 1; ; unit *= MORE) {
    const byte = bytes[at++] ?? 0;
    value += (byte % MORE) * unit;
    if (byte < MORE) return { value, end: at };
  }
};
