/** A document as its rules see it: its leaves, each with where it stands, of which type it is, and its text. */

/** One value that is no container; also an empty container, and, of lists that are not empty, the list itself. */
export interface Leaf {
  /** RFC 6901. */
  readonly pointer: string;
  /** Its type, as far as it can be told; leaves of different tags are different. */
  readonly tag: string;
  readonly text: string;
  /** The offsets of its source text; absent where the value stands elsewhere, or is a list. */
  readonly range?: readonly [start: number, end: number];
}

export interface ParsedDocument {
  /** In the order of the document. No two have the same pointer. */
  readonly leaves: readonly Leaf[];
  /**
   * What the document says, as plain values: objects have no prototype, several YAML documents are a list. Numbers are
   * doubles, and of Properties, Dotenv and INI every value is a string.
   */
  toValue(): unknown;
}

/** A text that is no document of its format, or more of one than is looked into. No part of it carries content. */
export class DocumentError extends Error {
  /** From 1. */
  readonly line?: number;
  /** From 1, in UTF-16 code units. */
  readonly column?: number;

  /** @param where the whole text, and the offset in it where it went wrong */
  constructor(problem: string, where?: { readonly text: string; readonly offset: number }) {
    if (where === undefined) {
      super(problem);
    } else {
      const { line, column } = positionOf(where.text, where.offset);
      super(`line ${line}, column ${column}: ${problem}`);
      this.line = line;
      this.column = column;
    }
    this.name = 'DocumentError';
  }
}

/** Where an offset is. Lines end in LF, CRLF or CR. */
const positionOf = (text: string, offset: number): { readonly line: number; readonly column: number } => {
  let line = 1;
  let start = 0;
  const end = Math.min(offset, text.length);
  for (let at = 0; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit === LF || (unit === CR && text.charCodeAt(at + 1) !== LF)) {
      line++;
      start = at + 1;
    }
  }
  return { line, column: end - start + 1 };
};

const LF = 10;
const CR = 13;
