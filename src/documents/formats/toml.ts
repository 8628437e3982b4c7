/** TOML 1.0, with what 1.1 adds. */

import { ParseError, parseTOML, type AST } from 'toml-eslint-parser';
import { MOST_DEPTH } from '../../domain/pointers.ts';
import { endOfString, limitDepth } from '../brackets.ts';
import { DocumentError } from '../document.ts';
import { tooDeep, type Scalar, type Tree } from '../tree.ts';

export const readToml = (text: string): Tree => {
  limitDepth(text, endOfOpaque);
  limitParts(text);
  const root: Table = { kind: 'map', entries: new Map() };
  for (const node of programOf(text).body[0].body) {
    if (node.type === 'TOMLKeyValue') put(root, node, text);
    else {
      const table = descend(root, node.resolvedKey);
      for (const each of node.body) put(table, each, text);
    }
  }
  return root;
};

interface Table {
  readonly kind: 'map';
  readonly entries: Map<string, Tree>;
  readonly range?: readonly [number, number];
}

interface List {
  readonly kind: 'list';
  readonly items: Tree[];
}

type Container = Table | List;

const programOf = (text: string): AST.TOMLProgram => {
  try {
    return parseTOML(text, { tomlVersion: '1.1' });
  } catch (thrown) {
    // Its message may quote the text.
    if (thrown instanceof ParseError) throw new DocumentError('is not valid TOML', { text, offset: thrown.index });
    throw thrown;
  }
};

/** The container at some place; what is missing on the way is made. A number is the place of a table in a list of tables. */
const descend = (from: Container, tokens: readonly (string | number)[]): Container => {
  let container = from;
  for (const [index, token] of tokens.entries()) {
    const found = typeof token === 'number' ? itemOf(container, token) : entryOf(container, token);
    const made = (): Container =>
      typeof tokens[index + 1] === 'number' ? { kind: 'list', items: [] } : { kind: 'map', entries: new Map() };
    const next = found ?? made();
    if (next.kind !== 'map' && next.kind !== 'list') throw new DocumentError('is not valid TOML');
    if (found === undefined) {
      if (container.kind === 'list') container.items.push(next);
      else container.entries.set(String(token), next);
    }
    container = next as Container;
  }
  return container;
};

const itemOf = (container: Container, index: number): Tree | undefined => {
  if (container.kind !== 'list') throw new DocumentError('is not valid TOML');
  return container.items[index];
};

const entryOf = (container: Container, name: string): Tree | undefined => {
  if (container.kind !== 'map') throw new DocumentError('is not valid TOML');
  return container.entries.get(name);
};

const put = (container: Container, { key, value }: AST.TOMLKeyValue, text: string): void => {
  const names = key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value));
  const table = descend(container, names.slice(0, -1));
  const name = names.at(-1);
  if (table.kind !== 'map' || name === undefined || table.entries.has(name)) {
    throw new DocumentError('the same name twice', { text, offset: key.range[0] });
  }
  table.entries.set(name, treeOf(value, text));
};

const treeOf = (node: AST.TOMLContentNode, text: string): Tree => {
  switch (node.type) {
    case 'TOMLArray':
      return { kind: 'list', items: node.elements.map((element) => treeOf(element, text)), range: node.range };
    case 'TOMLInlineTable': {
      const table: Table = { kind: 'map', entries: new Map(), range: node.range };
      for (const each of node.body) put(table, each, text);
      return table;
    }
    case 'TOMLValue':
      return scalarOf(node, text);
  }
};

const scalarOf = (node: AST.TOMLValue, text: string): Scalar => {
  const { range } = node;
  const source = text.slice(...range);
  switch (node.kind) {
    case 'string':
      return { kind: 'scalar', tag: 'str', text: node.value, value: node.value, range };
    case 'boolean':
      return { kind: 'scalar', tag: 'bool', text: source, value: node.value, range };
    case 'integer':
    case 'float':
      return { kind: 'scalar', tag: node.kind, text: source, value: node.value, range };
    case 'offset-date-time':
    case 'local-date-time':
    case 'local-date':
    case 'local-time':
      return { kind: 'scalar', tag: node.kind, text: source, value: source, range };
  }
};

/** The parser takes much memory, a kilobyte and more for each part of a name and each value: they are counted before. */
const limitParts = (text: string): void => {
  let dots = 0;
  let entries = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '.' && ++dots > MOST_DEPTH) throw tooDeep({ text, offset: at });
    if (ENDS_NAME.has(character)) dots = 0;
    if (BEGINS_ENTRY.has(character) && ++entries > MOST_ENTRIES) {
      throw new DocumentError(`has more than ${MOST_ENTRIES} tables and values`);
    }
    at = endOfOpaque(text, at) ?? at + 1;
  }
};

const ENDS_NAME: ReadonlySet<string> = new Set(['\n', '=', ',', '[', ']', '{', '}']);
const BEGINS_ENTRY: ReadonlySet<string> = new Set(['=', ',', '[', '{']);
const MOST_ENTRIES = 50_000;

/** Strings and comments. */
const endOfOpaque = (text: string, at: number): number | undefined => {
  const character = text[at];
  if (character === '#') return endOr(text, text.indexOf('\n', at));
  if (character !== '"' && character !== "'") return undefined;
  const triple = character.repeat(3);
  if (!text.startsWith(triple, at)) return endOfString(text, at, character === '"');
  let end = text.indexOf(triple, at + 3);
  while (character === '"' && end > 0 && isEscaped(text, end)) end = text.indexOf(triple, end + 1);
  return end < 0 ? text.length : end + 3;
};

const endOr = (text: string, found: number): number => (found < 0 ? text.length : found);

const isEscaped = (text: string, at: number): boolean => {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
};
