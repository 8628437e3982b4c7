/** JSON (RFC 8259), strictly: no comments, no trailing commas, no name twice. */

import { visit } from 'jsonc-parser';
import { endOfString, limitDepth } from '../brackets.ts';
import { DocumentError } from '../document.ts';
import { MOST_LEAVES, tooManyLeaves, type Tree } from '../tree.ts';

export const readJson = (text: string): Tree => {
  limitDepth(text, (_, at) => (text[at] === '"' ? endOfString(text, at, true) : undefined));
  // The containers that are open, outermost first; the first one is around the document.
  const items: Tree[] = [];
  const open: Open[] = [{ kind: 'list', items, start: 0 }];
  let values = 0;

  const put = (tree: Tree): void => {
    if (++values > MOST_LEAVES * 2) throw tooManyLeaves();
    const around = open.at(-1);
    if (around?.kind === 'list') around.items.push(tree);
    else if (around?.kind === 'map') around.entries.set(around.name, tree);
  };
  const close = (end: number): void => {
    const closed = open.pop();
    if (closed === undefined || open.length === 0) throw new DocumentError('is not valid JSON');
    const range = [closed.start, end] as const;
    if (closed.kind === 'list') put({ kind: 'list', items: closed.items, range });
    else put({ kind: 'map', entries: closed.entries, range });
  };

  visit(
    text,
    {
      onObjectBegin: (offset) => {
        open.push({ kind: 'map', entries: new Map(), name: '', start: offset });
      },
      onObjectProperty: (name, offset) => {
        const around = open.at(-1);
        if (around?.kind !== 'map') return;
        if (around.entries.has(name)) throw new DocumentError('the same name twice', { text, offset });
        if (!name.isWellFormed()) throw halfCharacter(text, offset);
        around.name = name;
      },
      onObjectEnd: (offset, length) => {
        close(offset + length);
      },
      onArrayBegin: (offset) => {
        open.push({ kind: 'list', items: [], start: offset });
      },
      onArrayEnd: (offset, length) => {
        close(offset + length);
      },
      onLiteralValue: (value: unknown, offset, length) => {
        const end = offset + length;
        const range = [offset, end] as const;
        if (typeof value === 'string') {
          if (!value.isWellFormed()) throw halfCharacter(text, offset);
          put({ kind: 'scalar', tag: 'str', text: value, value, range });
        } else {
          const tag = value === null ? 'null' : typeof value === 'boolean' ? 'bool' : 'number';
          put({ kind: 'scalar', tag, text: text.slice(offset, end), value, range });
        }
      },
      onError: (code, offset) => {
        throw new DocumentError(PROBLEMS[code] ?? 'is not valid JSON', { text, offset });
      },
    },
    { disallowComments: true, allowTrailingComma: false },
  );
  const [root] = items;
  if (root === undefined) throw new DocumentError('is not valid JSON');
  return root;
};

type Open =
  | { readonly kind: 'list'; readonly items: Tree[]; readonly start: number }
  | { readonly kind: 'map'; readonly entries: Map<string, Tree>; name: string; readonly start: number };

const halfCharacter = (text: string, offset: number): DocumentError =>
  new DocumentError('half a character: a surrogate without the other', { text, offset });

/** By the parser's error codes. */
const PROBLEMS: Readonly<Record<number, string>> = {
  1: 'a word that JSON does not know',
  2: 'not a number as JSON writes it',
  3: 'a name in double quotes is expected',
  4: 'a value is expected',
  5: 'a colon is expected',
  6: 'a comma is expected',
  7: 'a closing brace is expected',
  8: 'a closing bracket is expected',
  9: 'the end is expected: JSON is one value',
  10: 'a comment: JSON has none',
  11: 'a comment: JSON has none',
  12: 'a string without an end',
  13: 'a number without an end',
  14: 'an escaped character that is none',
  15: 'an escape that JSON does not know',
  16: 'a control character in a string',
};
