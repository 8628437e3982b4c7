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

/** Merges the two, which are in the same order. It is done beside all other work: thousands of entries must not show. */
const differing = (before: LeafTable, after: LeafTable): readonly string[] => {
  const decoder = new TextDecoder();
  const found: string[] = [];
  const [a, b] = [cursorOf(before), cursorOf(after)];
  let [moreA, moreB] = [advance(a), advance(b)];
  while (moreA || moreB) {
    const order = !moreA ? 1 : !moreB ? -1 : compareNames(a, b);
    const cursor = order <= 0 ? a : b;
    if (order !== 0 || !haveSameHash(a, b)) found.push(decoder.decode(cursor.name.subarray(0, cursor.length)));
    if (order <= 0) moreA = advance(a);
    if (order >= 0) moreB = advance(b);
  }
  return found;
};

/** One entry of a table at a time, in the same memory. */
interface Cursor {
  readonly table: LeafTable;
  /** Where the next entry begins. */
  at: number;
  /** As much of it as `length` says is the entry's name. */
  name: Uint8Array;
  length: number;
  hashAt: number;
}

const cursorOf = (table: LeafTable): Cursor => ({ table, at: 0, name: new Uint8Array(256), length: 0, hashAt: 0 });

/** @returns false: there are no more */
const advance = (cursor: Cursor): boolean => {
  const { table } = cursor;
  if (cursor.at >= table.length) return false;
  const shared = numberAt(table, cursor.at);
  const rest = numberAt(table, shared.end);
  cursor.length = shared.value + rest.value;
  cursor.hashAt = rest.end + rest.value;
  cursor.at = cursor.hashAt + HASH_BYTES;
  if (cursor.length > cursor.name.length) {
    const larger = new Uint8Array(2 * cursor.length);
    larger.set(cursor.name);
    cursor.name = larger;
  }
  for (let index = 0; index < rest.value; index++) cursor.name[shared.value + index] = table[rest.end + index] ?? 0;
  return true;
};

const compareNames = (a: Cursor, b: Cursor): number => {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index++) {
    const difference = (a.name[index] ?? 0) - (b.name[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

const haveSameHash = (a: Cursor, b: Cursor): boolean => {
  for (let index = 0; index < HASH_BYTES; index++)
    if (a.table[a.hashAt + index] !== b.table[b.hashAt + index]) return false;
  return true;
};

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
