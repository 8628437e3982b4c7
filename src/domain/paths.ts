/**
 * Places in documents that rules name: JSON Pointers in which `*` is any one token and `**` any number of them, also
 * none. All patterns of a policy are one bit-parallel automaton over tokens, as globs are one over characters: each
 * token costs one step for every 32 tokens of all patterns, whatever they are, and what was worked out for a container
 * is not worked out again for the next value in it.
 */

import { escapeToken, MOST_DEPTH } from './pointers.ts';

/**
 * Which of several lists of patterns matches a pointer first.
 * @returns its number, from 0; -1: none
 */
export type PathFinder = (pointer: string) => number;

const BITS = 32;
/** What is kept of what was worked out; a policy's patterns have at most 256 × 100 bits. */
const MOST_STATES = 4_096;

interface State {
  readonly bits: Uint32Array;
  /** The first list of which a pattern ends here; -1: none. */
  readonly found: number;
  /** No pattern can match anything below. */
  readonly dead: boolean;
  /** By what moves: the mask of a token. */
  readonly next: Map<Uint32Array, State>;
}

/** @param lists patterns (see PATH_PATTERN); of the lists that match the first counts */
export const compilePaths = (lists: readonly (readonly string[])[]): PathFinder => {
  const patterns = lists.flatMap((list, index) =>
    list
      .map(tokensOf)
      // Nothing is so deep: what bits it would take is not for a tenant to say.
      .filter((tokens) => tokens.filter((token) => token !== MANY).length <= MOST_DEPTH)
      .map((tokens) => ({ list: index, tokens })),
  );
  const automaton = automatonOf(patterns);
  const { steps, any } = automaton;
  let root = automaton.root();
  let states = 0;

  return (pointer) => {
    if (states > MOST_STATES) {
      states = 0;
      root = automaton.root();
    }
    let state = root;
    for (let start = 1; start <= pointer.length;) {
      if (state.dead) return -1;
      const slash = pointer.indexOf('/', start);
      const end = slash < 0 ? pointer.length : slash;
      const mask = steps.get(pointer.slice(start, end)) ?? any;
      start = end + 1;
      let next = state.next.get(mask);
      if (next === undefined) {
        next = automaton.step(state, mask);
        state.next.set(mask, next);
        states++;
      }
      state = next;
    }
    return state.found;
  };
};

/** Whether one pattern matches a place, given by its tokens. */
export const compilePath = (pattern: string): ((tokens: readonly string[]) => boolean) => {
  const find = compilePaths([[pattern]]);
  return (tokens) => find(tokens.map((token) => `/${escapeToken(token)}`).join('')) === 0;
};

const ONE = Symbol('*');
const MANY = Symbol('**');
/** A token as it stands in a pointer, or a wildcard. */
type Token = string | typeof ONE | typeof MANY;

const tokensOf = (pattern: string): readonly Token[] =>
  pattern
    .slice(1)
    .split('/')
    .map((token) => (token === '*' ? ONE : token === '**' ? MANY : token.replaceAll('~2', '*')));

interface Automaton {
  root(): State;
  /** By token: the states that it leads to from the one before each. */
  readonly steps: ReadonlyMap<string, Uint32Array>;
  /** Of a token that no pattern names. */
  readonly any: Uint32Array;
  step(from: State, mask: Uint32Array): State;
}

/**
 * Each pattern has a run of states: state i, the first i of its tokens, `**` aside, have been matched. A `**` after
 * them lets the state stay whatever comes; a token moves the states whose next one it is. The first state of each
 * pattern is entered by none.
 */
const automatonOf = (patterns: readonly { readonly list: number; readonly tokens: readonly Token[] }[]): Automaton => {
  const lengths = patterns.map(({ tokens }) => tokens.filter((token) => token !== MANY).length + 1);
  const words = Math.ceil(lengths.reduce((sum, length) => sum + length, 0) / BITS) || 1;
  const starts = new Uint32Array(words);
  const stays = new Uint32Array(words);
  const any = new Uint32Array(words);
  const ends: { readonly bit: number; readonly list: number }[] = [];
  const named: { readonly token: string; readonly bit: number }[] = [];
  let bit = 0;
  for (const { list, tokens } of patterns) {
    set(starts, bit);
    for (const token of tokens) {
      if (token === MANY) set(stays, bit);
      else {
        bit++;
        if (token === ONE) set(any, bit);
        else named.push({ token, bit });
      }
    }
    ends.push({ bit, list });
    bit++;
  }
  const steps = new Map<string, Uint32Array>();
  for (const { token, bit: to } of named) {
    const mask = steps.get(token) ?? any.slice();
    steps.set(token, mask);
    set(mask, to);
  }

  const stateOf = (bits: Uint32Array): State => ({
    bits,
    // In the order of the lists.
    found: ends.find((end) => has(bits, end.bit))?.list ?? -1,
    dead: bits.every((word) => word === 0),
    next: new Map(),
  });
  return {
    root: () => stateOf(starts),
    steps,
    any,
    step: ({ bits }, mask) => {
      const next = new Uint32Array(words);
      let carry = 0;
      for (let word = 0; word < words; word++) {
        const now = bits[word] ?? 0;
        next[word] = (((now << 1) | carry) & (mask[word] ?? 0)) | (now & (stays[word] ?? 0));
        carry = now >>> (BITS - 1);
      }
      return stateOf(next);
    },
  };
};

const set = (bits: Uint32Array, index: number): void => {
  const word = Math.floor(index / BITS);
  bits[word] = (bits[word] ?? 0) | (1 << (index % BITS));
};

const has = (bits: Uint32Array, index: number): boolean =>
  ((bits[Math.floor(index / BITS)] ?? 0) & (1 << (index % BITS))) !== 0;
