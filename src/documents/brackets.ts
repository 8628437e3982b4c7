/** How deep a text is nested, told before a parser goes down by recursion. */

import { MOST_DEPTH } from '../domain/pointers.ts';
import { tooDeep } from './tree.ts';

/**
 * @param skip where what begins at an offset ends, if no bracket in it counts: a string or a comment
 * @throws DocumentError if brackets are nested too deep
 */
export const limitDepth = (text: string, skip: (text: string, at: number) => number | undefined): void => {
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    if (character === '[' || character === '{') {
      if (++depth > MOST_DEPTH) throw tooDeep({ text, offset: at });
    } else if (character === ']' || character === '}') depth--;
    at = skip(text, at) ?? at + 1;
  }
};

/** Where a string ends that begins at an offset: after its quote, or at the end of the line. */
export const endOfString = (text: string, at: number, escapes: boolean): number => {
  const quote = text[at];
  for (let next = at + 1; next < text.length; next++) {
    const character = text[next];
    if (character === quote) return next + 1;
    if (character === '\n') return next;
    if (escapes && character === '\\') next++;
  }
  return text.length;
};
