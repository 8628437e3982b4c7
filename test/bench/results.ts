/** What was measured, as data; and as the table and the JSON that people and tools read. */

import { rounded } from './statistics.ts';
import type { SectionId } from './options.ts';

export type Column = 'operator' | 'loop' | 'peer';

export interface Row {
  readonly section: SectionId;
  readonly what: string;
  readonly unit: 'ms' | 's' | 'MB' | '×' | '';
  /** The most that the operator's figure may be; absent: shown for comparison only. */
  readonly max?: number;
  readonly measured: Partial<Readonly<Record<Column, number>>>;
  /** What the figures stand on, such as the number of samples. */
  readonly note?: string;
}

export interface Failure {
  readonly section: SectionId;
  readonly message: string;
}

/** Raw samples under a name, in the unit that the name says. */
export type Samples = Readonly<Record<string, readonly number[]>>;

export interface SectionResult {
  readonly rows: readonly Row[];
  readonly samples?: Samples;
}

export interface Results {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  readonly samples: Readonly<Record<string, Samples>>;
}

export type Outcome = 'pass' | 'short' | '';

export const outcomeOf = ({ max, measured: { operator } }: Row): Outcome => {
  if (max === undefined || operator === undefined) return '';
  return operator <= max ? 'pass' : 'short';
};

const DECIMALS: Readonly<Record<Row['unit'], number>> = { ms: 1, s: 2, MB: 1, '×': 2, '': 0 };

const HEADINGS: Readonly<Record<Column, string>> = { operator: 'operator', loop: 'bare loop', peer: 'peer' };

/** One line per row; columns that nothing was measured for are left out. */
export function table({ rows, failures }: Pick<Results, 'rows' | 'failures'>): string {
  const columns = (['operator', 'loop', 'peer'] as const).filter((column) =>
    rows.some(({ measured }) => measured[column] !== undefined),
  );
  const figure = (value: number | undefined, unit: Row['unit']): string =>
    value === undefined ? '–' : `${value.toFixed(DECIMALS[unit])}${unit === '' ? '' : ` ${unit}`}`;
  const head = ['', 'what', 'asked', ...columns.map((column) => HEADINGS[column]), '', 'of'];
  const lines = rows.map((row) => [
    row.section,
    row.what,
    row.max === undefined ? '' : `≤ ${row.max}${row.unit === '' ? '' : ` ${row.unit}`}`,
    ...columns.map((column) => figure(row.measured[column], row.unit)),
    outcomeOf(row),
    row.note ?? '',
  ]);
  const all = [head, ...lines];
  const widths = head.map((_, index) => Math.max(...all.map((cells) => cells[index]?.length ?? 0)));
  const isFigure = (index: number): boolean => index >= 2 && index < 3 + columns.length;
  const written = all.map((cells) =>
    cells
      .map((cell, index) => (isFigure(index) ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const rule = '─'.repeat(Math.max(...written.map((line) => line.length)));
  const [first = '', ...others] = written;
  return [first, rule, ...others, ...failures.map((each) => `${each.section}  not measured: ${each.message}`)].join(
    '\n',
  );
}

/** The same as JSON, with machine facts and raw samples. */
export function json(results: Results): string {
  const rows = results.rows.map((row) => ({
    ...row,
    measured: Object.fromEntries(Object.entries(row.measured).map(([column, value]) => [column, rounded(value, 3)])),
    outcome: outcomeOf(row),
  }));
  const samples = Object.fromEntries(
    Object.entries(results.samples).map(([section, named]) => [
      section,
      Object.fromEntries(
        Object.entries(named).map(([name, values]) => [name, values.map((value) => rounded(value, 2))]),
      ),
    ]),
  );
  return `${JSON.stringify({ ...results, rows, samples }, undefined, 2)}\n`;
}
