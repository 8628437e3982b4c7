import type { LeafSum } from '../domain/documents.ts';

const WORDS = 8;
const WORD = 2 ** 32;

/** Sums hashes of 256 bits, modulo 2^256; at most 2^21 of them, so that no word passes what a double holds exactly. */
export const createLeafSum = (): { add(hash: Buffer): void; hex(): LeafSum } => {
  const words = new Float64Array(WORDS);
  return {
    add: (hash) => {
      for (let word = 0; word < WORDS; word++) words[word] = (words[word] ?? 0) + hash.readUInt32BE(word * 4);
    },
    hex: () => {
      let hex = '';
      let carry = 0;
      for (let word = WORDS - 1; word >= 0; word--) {
        const sum = (words[word] ?? 0) + carry;
        carry = Math.floor(sum / WORD);
        hex = (sum % WORD).toString(16).padStart(8, '0') + hex;
      }
      return hex;
    },
  };
};
