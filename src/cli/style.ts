/** Text for people: tables, ages and colours. */

export type Paint = 'good' | 'bad' | 'warn' | 'dim' | 'bold';

/** A cell of a table: text, or text with a colour. */
export type Cell = string | { readonly text: string; readonly paint?: Paint | undefined };

const CODES: Readonly<Record<Paint, number>> = { good: 32, bad: 31, warn: 33, dim: 2, bold: 1 };

export const painted = (text: string, paint: Paint | undefined, colour: boolean): string =>
  colour && paint !== undefined ? `\u001B[${CODES[paint]}m${text}\u001B[0m` : text;

/** What comes from a cluster or a file must not steer the terminal. */
export const plain = (text: string): string => text.replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ');

const textOf = (cell: Cell): string => plain(typeof cell === 'string' ? cell : cell.text);

/** Rows as lines with aligned columns; a row may have fewer cells than the first. */
export const table = (rows: readonly (readonly Cell[])[], { colour = false } = {}): string => {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, textOf(cell).length);
    });
  }
  return rows.map((row) => `${line(row, widths, colour)}\n`).join('');
};

const line = (row: readonly Cell[], widths: readonly number[], colour: boolean): string => {
  const texts = row.map(textOf);
  // Nothing follows the last text of a line, not even blanks.
  const last = texts.findLastIndex((text) => text !== '');
  return row
    .slice(0, last + 1)
    .map((cell, column) => {
      const text = texts[column] ?? '';
      const blanks = column === last ? '' : ' '.repeat((widths[column] ?? 0) - text.length);
      return painted(text, typeof cell === 'string' ? undefined : cell.paint, colour) + blanks;
    })
    .join('  ');
};

/** How long ago, as kubectl says it: 4s, 90s, 12m, 3h, 5d. */
export const age = (sinceMs: number, nowMs: number): string => {
  const seconds = Math.max(0, Math.round((nowMs - sinceMs) / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
};

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;
