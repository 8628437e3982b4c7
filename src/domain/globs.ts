/**
 * Globs of `*` (any run of characters, also none, dots too) and `?` (exactly one), as bit-parallel automata: each
 * character of a key costs one step for every 32 characters of the glob, whatever the two are. Policies come from
 * tenants: there is no pattern that makes it slow.
 */

/** Whether a key matches; worked out once for each glob. */
export type Matcher = (key: string) => boolean;

const BITS = 32;

export const compileGlob = (glob: string): Matcher => {
  const literal = /[*?]/.exec(glob) === null;
  return literal ? (key) => key === glob : automaton(glob);
};

export const matchesGlob = (glob: string, key: string): boolean => compileGlob(glob)(key);

/**
 * State i: the first i characters of the glob, stars aside, have been matched. A star after them lets the state stay
 * whatever comes; a character moves the states whose next one it is.
 */
const automaton = (glob: string): Matcher => {
  const characters = Array.from(glob).filter((each) => each !== '*');
  const words = Math.floor(characters.length / BITS) + 1;
  const stays = new Uint32Array(words);
  const any = new Uint32Array(words);
  let state = 0;
  for (const character of glob) {
    if (character === '*') set(stays, state);
    else {
      state++;
      if (character === '?') set(any, state);
    }
  }
  const steps = new Map<string, Uint32Array>();
  characters.forEach((character, index) => {
    if (character === '?') return;
    const step = steps.get(character) ?? any.slice();
    steps.set(character, step);
    set(step, index + 1);
  });
  const length = characters.length;

  return (key) => {
    let now = new Uint32Array(words);
    let next = new Uint32Array(words);
    set(now, 0);
    for (const character of key) {
      const step = steps.get(character) ?? any;
      let carry = 0;
      for (let word = 0; word < words; word++) {
        const bits = now[word] ?? 0;
        next[word] = (((bits << 1) | carry) & (step[word] ?? 0)) | (bits & (stays[word] ?? 0));
        carry = bits >>> (BITS - 1);
      }
      [now, next] = [next, now];
    }
    return ((now[Math.floor(length / BITS)] ?? 0) & (1 << (length % BITS))) !== 0;
  };
};

const set = (bits: Uint32Array, index: number): void => {
  const word = Math.floor(index / BITS);
  bits[word] = (bits[word] ?? 0) | (1 << (index % BITS));
};
