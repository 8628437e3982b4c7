/** Java properties: flat names, dots included. Of a name that stands twice the last counts, as in Java. */

import { Pair, parseLines } from 'dot-properties';
import { DocumentError } from '../document.ts';
import type { Tree } from '../tree.ts';

export const readProperties = (text: string): Tree => {
  const entries = new Map<string, Tree>();
  for (const line of parseLines(text, true)) {
    if (!(line instanceof Pair)) continue;
    const [start, , valueStart, end] = line.range;
    const bad = MALFORMED.exec(text.slice(start, end));
    if (bad !== null) throw new DocumentError('an escape that is none', { text, offset: start + bad.index });
    const { key, value } = line;
    if (!key.isWellFormed() || !value.isWellFormed()) {
      throw new DocumentError('half a character: a surrogate without the other', { text, offset: start });
    }
    entries.set(key, { kind: 'scalar', tag: 'str', text: value, value, range: [valueStart, end] });
  }
  return { kind: 'map', entries };
};

/** Java refuses it. */
const MALFORMED = /(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})/;
