/** The difference of two texts, as `diff -u` prints it. */

export interface UnifiedDiffOptions {
  /** So many lines around what differs; 3 where absent. */
  readonly context?: number;
}

/**
 * Hunks, each with its `@@` line first; without the two lines that name the files. Empty: the texts are the same.
 * Texts with very many lines that differ are shown as one replaced by the other.
 */
export const unifiedDiff = (
  before: string,
  after: string,
  { context = 3 }: UnifiedDiffOptions = {},
): readonly string[] => {
  const steps = stepsOf(linesOf(before), linesOf(after));
  const changed = steps.flatMap(({ sign }, at) => (sign === ' ' ? [] : [at]));
  const hunks: { start: number; end: number }[] = [];
  for (const at of changed) {
    const last = hunks.at(-1);
    const start = Math.max(0, at - context);
    const end = Math.min(steps.length, at + context + 1);
    if (last !== undefined && start <= last.end) last.end = end;
    else hunks.push({ start, end });
  }
  return hunks.flatMap(({ start, end }) => hunk(steps, start, end));
};

interface Step {
  readonly sign: ' ' | '-' | '+';
  /** With its line feed, where it has one. */
  readonly line: string;
}

const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const hunk = (steps: readonly Step[], start: number, end: number): readonly string[] => {
  const range = (without: Step['sign']): string => {
    const among = (some: readonly Step[]): number => some.filter(({ sign }) => sign !== without).length;
    const [first, length] = [among(steps.slice(0, start)) + 1, among(steps.slice(start, end))];
    if (length === 1) return String(first);
    return `${length === 0 ? first - 1 : first},${length}`;
  };
  return [
    `@@ -${range('+')} +${range('-')} @@`,
    ...steps
      .slice(start, end)
      .flatMap(({ sign, line }) =>
        line.endsWith('\n') ? [sign + line.slice(0, -1)] : [sign + line, '\\ No newline at end of file'],
      ),
  ];
};

/** Time and memory go with the product of how many lines differ. */
const MOST_CELLS = 4_000_000;

const stepsOf = (a: readonly string[], b: readonly string[]): readonly Step[] => {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [
    ...signed(' ', a.slice(0, start)),
    ...between(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...signed(' ', a.slice(a.length - end)),
  ];
};

const signed = (sign: Step['sign'], lines: readonly string[]): readonly Step[] => lines.map((line) => ({ sign, line }));

/** By their longest common subsequence. */
const between = (a: readonly string[], b: readonly string[]): readonly Step[] => {
  const width = b.length + 1;
  if (width * (a.length + 1) > MOST_CELLS) return [...signed('-', a), ...signed('+', b)];
  // How long it is of what begins at a line of each.
  const common = new Uint32Array(width * (a.length + 1));
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [was, is] = [a[i], b[j]];
    if (was !== undefined && was === is) {
      steps.push({ sign: ' ', line: was });
      i += 1;
      j += 1;
    } else if (was !== undefined && (is === undefined || at(i + 1, j) >= at(i, j + 1))) {
      steps.push({ sign: '-', line: was });
      i += 1;
    } else if (is !== undefined) {
      steps.push({ sign: '+', line: is });
      j += 1;
    }
  }
  return steps;
};
