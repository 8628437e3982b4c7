/**
 * INI, of which there is no standard: git, systemd, PHP, MySQL and Python each read it in their way. Names and values
 * are taken as they are written, with their quotes and what may be a comment behind them; a line that is indented more
 * than the one before continues its value, as in Python; a name that stands several times is a list.
 */

import { DocumentError } from '../document.ts';
import type { Scalar, Tree } from '../tree.ts';

export const readIni = (text: string): Tree => {
  const top: Section = { values: new Map(), sections: new Map() };
  let section = top;
  let latest: { readonly values: Value[]; readonly indent: number } | undefined;
  for (const { line, start } of linesOf(text)) {
    const content = line.trim();
    if (content === '' || content.startsWith(';') || content.startsWith('#')) continue;
    const indent = line.length - line.trimStart().length;
    const offset = start + indent;
    if (latest !== undefined && indent > latest.indent) {
      append(latest.values, content, offset);
    } else if (content.startsWith('[')) {
      const name = /^\[([^\]]*)\](?:\s*[;#].*)?$/.exec(content)?.[1];
      if (name === undefined) throw new DocumentError('a section without its closing bracket', { text, offset });
      section = top.sections.get(name) ?? { values: new Map(), sections: new Map() };
      top.sections.set(name, section);
      latest = undefined;
    } else {
      const { name, value, valueStart } = assignmentOf(content);
      if (name === '') throw new DocumentError('a value without a name', { text, offset });
      const values = section.values.get(name) ?? [];
      section.values.set(name, values);
      const at = offset + valueStart;
      values.push(value === undefined ? { lines: [] } : { lines: [value], range: [at, at + value.length] });
      latest = { values, indent };
    }
  }
  return treeOf(top);
};

interface Section {
  /** By name, the values that it is given, in order. */
  readonly values: Map<string, Value[]>;
  readonly sections: Map<string, Section>;
}

interface Value {
  /** None: the name stands alone. */
  readonly lines: string[];
  range?: readonly [number, number];
}

function* linesOf(text: string): Generator<{ readonly line: string; readonly start: number }> {
  const ends = /\r\n?|\n|$/g;
  let start = 0;
  for (const end of text.matchAll(ends)) {
    yield { line: text.slice(start, end.index), start };
    start = end.index + end[0].length;
  }
}

const append = (values: readonly Value[], line: string, offset: number): void => {
  const value = values.at(-1);
  if (value === undefined) return;
  value.lines.push(line);
  value.range = [value.range?.[0] ?? offset, offset + line.length];
};

/** Up to `=`, or where there is none, up to `:`. */
const assignmentOf = (
  content: string,
): { readonly name: string; readonly value?: string; readonly valueStart: number } => {
  const equals = content.indexOf('=');
  const split = equals < 0 ? content.indexOf(':') : equals;
  if (split < 0) return { name: content, valueStart: content.length };
  const after = content.slice(split + 1);
  const value = after.trimStart();
  return { name: content.slice(0, split).trimEnd(), value, valueStart: content.length - value.length };
};

const treeOf = (top: Section): Tree => {
  const entries = new Map<string, Tree>();
  for (const [name, values] of top.values) entries.set(name, valueOf(values));
  for (const [name, section] of top.sections) {
    if (entries.has(name)) throw new DocumentError('a section with the name of a value outside of sections');
    entries.set(name, {
      kind: 'map',
      entries: new Map([...section.values].map(([key, values]) => [key, valueOf(values)])),
    });
  }
  return { kind: 'map', entries };
};

const valueOf = (values: readonly Value[]): Tree => {
  const [first, ...more] = values.map(scalarOf);
  return first === undefined || more.length > 0 ? { kind: 'list', items: [...(first ? [first] : []), ...more] } : first;
};

const scalarOf = ({ lines, range }: Value): Scalar => {
  const text = lines.join('\n');
  const content = lines.length === 0 ? { tag: 'null', text, value: null } : { tag: 'str', text, value: text };
  return { kind: 'scalar', ...content, ...(range && { range }) };
};
