/** Files of environment variables, read as the `dotenv` package reads them; but a line that is no assignment is an error. */

import { WatchError } from './words.ts';

/**
 * Of a name that stands twice the last counts. Values in quotes may have several lines; in double quotes `\n` and `\r`
 * are line ends. Outside of quotes `#` begins a comment. Nothing is replaced in values.
 *
 * @throws WatchError with the number of the line, and without anything that stands in it
 */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  const source = text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
  const variables = new Map<string, string>();
  let at = 0;
  while (at < source.length) {
    at = skip(source, at, SPACE);
    if (at >= source.length) break;
    if (source[at] === '#') {
      at = endOfLine(source, at);
      continue;
    }
    const { name, from } = assignmentAt(source, at);
    const { value, to } = valueAt(source, from);
    if (value.includes('\0')) throw refused(source, at, 'has a NUL in its value');
    variables.set(name, value);
    at = to;
  }
  return variables;
}

const QUOTES: ReadonlySet<string> = new Set(['"', "'", '`']);
const SPACE = /\s*/y;
const BLANKS = /[^\S\n]*/y;
const ASSIGNMENT = /(?:export[^\S\n]+)?([\w.-]+)(?:[^\S\n]*=|:[^\S\n])/y;

function assignmentAt(source: string, at: number): { readonly name: string; readonly from: number } {
  ASSIGNMENT.lastIndex = at;
  const name = ASSIGNMENT.exec(source)?.[1];
  if (name === undefined) throw refused(source, at, 'is no assignment: NAME=value');
  return { name, from: skip(source, ASSIGNMENT.lastIndex, BLANKS) };
}

interface Value {
  readonly value: string;
  /** Where the line behind it ends. */
  readonly to: number;
}

function valueAt(source: string, from: number): Value {
  const quote = source[from];
  if (quote !== undefined && QUOTES.has(quote)) {
    const quoted = quotedAt(source, from, quote);
    if (quoted !== undefined) return quoted;
  }
  const to = endOfLine(source, from);
  const line = source.slice(from, to);
  const comment = line.indexOf('#');
  return { value: unquoted((comment < 0 ? line : line.slice(0, comment)).trim()), to };
}

/** Of a value as it stands in the file, quotes included. */
function unquoted(text: string): string {
  const [quote = ''] = text;
  const enclosed = text.length > 1 && QUOTES.has(quote) && text.endsWith(quote);
  const value = enclosed ? text.slice(1, -1) : text;
  return quote === '"' ? value.replaceAll('\\n', '\n').replaceAll('\\r', '\r') : value;
}

/** Undefined where more than a comment stands behind the closing quote: then the value is the whole line. */
function quotedAt(source: string, from: number, quote: string): Value | undefined {
  let end = source.indexOf(quote, from + 1);
  while (end >= 0 && source[end - 1] === '\\') end = source.indexOf(quote, end + 1);
  if (end < 0) throw refused(source, from, 'has a quote without an end');
  const behind = source[skip(source, end + 1, BLANKS)];
  if (behind !== undefined && behind !== '#' && behind !== '\n') return undefined;
  return { value: unquoted(source.slice(from, end + 1)), to: endOfLine(source, end) };
}

function skip(source: string, at: number, what: RegExp): number {
  what.lastIndex = at;
  what.exec(source);
  return what.lastIndex;
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  return end < 0 ? source.length : end;
}

function refused(source: string, at: number, what: string): WatchError {
  return new WatchError(`line ${source.slice(0, at).split('\n').length} ${what}`);
}
