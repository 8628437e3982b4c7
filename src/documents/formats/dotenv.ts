/**
 * Files of environment variables. Of a name that stands twice the last counts. What a value is, the library says; where
 * an assignment begins and ends is found here, and a line that is none is an error.
 */

import { parse } from 'dotenv';
import { DocumentError } from '../document.ts';
import type { Tree } from '../tree.ts';

export const readDotenv = (text: string): Tree => {
  const entries = new Map<string, Tree>();
  let at = 0;
  while (at < text.length) {
    const start = skipSpace(text, at);
    if (start >= text.length) break;
    if (text[start] === '#') {
      at = endOfLine(text, start);
      continue;
    }
    const { name, valueStart } = assignmentAt(text, start);
    const { from, to, quote } = valueAt(text, valueStart);
    const source = text.slice(from, to);
    const value = valueOf(source, { text, offset: start });
    // Whether a variable in it is replaced depends on the quotes, and on who reads it.
    const tag = quote !== '' && UNDECIDED.test(value) ? `str ${quote}` : 'str';
    entries.set(name, { kind: 'scalar', tag, text: value, value, range: [from, to] });
    at = endOfLine(text, to);
  }
  return { kind: 'map', entries };
};

const QUOTES: ReadonlySet<string> = new Set(['"', "'", '`']);
const UNDECIDED = /[$\\`]/;
const ASSIGNMENT = /(?:export[ \t]+)?([A-Za-z0-9_.-]+)(?:[ \t]*=|:[ \t])/y;

const assignmentAt = (text: string, offset: number): { readonly name: string; readonly valueStart: number } => {
  ASSIGNMENT.lastIndex = offset;
  const name = ASSIGNMENT.exec(text)?.[1];
  if (name === undefined) throw new DocumentError('is no assignment: NAME=value', { text, offset });
  return { name, valueStart: ASSIGNMENT.lastIndex };
};

/** The library's reading of one assignment; `V` stands for the name, which may be one that objects have anyway. */
const valueOf = (source: string, where: { readonly text: string; readonly offset: number }): string => {
  const read = parse(`V=${source}`, { fast: true });
  const { V: value } = read;
  if (value === undefined || Object.keys(read).length !== 1)
    throw new DocumentError('is no assignment: NAME=value', where);
  return value;
};

interface Extent {
  readonly from: number;
  readonly to: number;
  /** Empty where the value stands in none. */
  readonly quote: string;
}

/** A value in quotes may have several lines; after it there is at most a comment. */
const valueAt = (text: string, valueStart: number): Extent => {
  const from = skipBlanks(text, valueStart);
  const quote = text[from] ?? '';
  return (QUOTES.has(quote) ? quotedAt(text, from, quote) : undefined) ?? plainAt(text, from);
};

/** Undefined where more stands behind the closing quote: then the quotes belong to the value. */
const quotedAt = (text: string, from: number, quote: string): Extent | undefined => {
  let end = text.indexOf(quote, from + 1);
  while (end >= 0 && text[end - 1] === '\\') end = text.indexOf(quote, end + 1);
  if (end < 0) throw new DocumentError('a quote without an end', { text, offset: from });
  const behind = text[skipBlanks(text, end + 1)];
  const last = behind === undefined || behind === '#' || isLineEnd(behind);
  return last ? { from, to: end + 1, quote } : undefined;
};

const plainAt = (text: string, from: number): Extent => {
  const line = text.slice(from, endOfLine(text, from));
  const comment = line.indexOf('#');
  const value = (comment < 0 ? line : line.slice(0, comment)).trimEnd();
  return { from, to: from + value.length, quote: '' };
};

const isLineEnd = (character: string | undefined): boolean => character === '\n' || character === '\r';

const endOfLine = (text: string, at: number): number => {
  let end = at;
  while (end < text.length && !isLineEnd(text[end])) end++;
  return end;
};

const skipBlanks = (text: string, at: number): number => {
  let next = at;
  while (text[next] === ' ' || text[next] === '\t') next++;
  return next;
};

const skipSpace = (text: string, at: number): number => {
  let next = at;
  while (text[next] === ' ' || text[next] === '\t' || isLineEnd(text[next])) next++;
  return next;
};
