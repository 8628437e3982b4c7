/** What is known of a document that a key holds: never its content, only digests of the parts that rules make of it. */

import type { Digest } from './digest.ts';

/**
 * The sum, modulo 2^256, of the hashes of some leaves, in hex: the same for the same leaves in any order, and the sum
 * of two disjoint parts is that of both together.
 */
export type LeafSum = string;

/** The leaves' pointers with a short hash of each value, sorted; see leaf-table.ts. Of Secrets there is none. */
export type LeafTable = Uint8Array;

export interface DocumentParts {
  /** The policies that look into the document, by name, in order. */
  readonly policies: readonly string[];
  /** What each of them goes by: equal fingerprints give comparable parts. In the order of `policies`. */
  readonly fingerprints: readonly string[];
  /**
   * The leaves, by what the policies declare for them: one letter (H, R or I) for each of `policies`.
   * Empty where the document can't be parsed.
   */
  readonly parts: ReadonlyMap<string, LeafSum>;
  /** By policy: the text that belongs to its rules of comparison Bytes, for each class that has such rules. */
  readonly residues: ReadonlyMap<string, ReadonlyMap<'Hot' | 'Restart' | 'Ignore', Digest>>;
  /** Why it can't be parsed, without any of its content. */
  readonly error?: string;
  readonly leaves?: LeafTable;
}
