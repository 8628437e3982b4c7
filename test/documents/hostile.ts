/** Texts of at most 1 MiB that are made to take long, or much memory; and what is said of them. */

import type { DocumentFormatName } from '../../src/api/v1alpha1/documents.ts';

export const MIB = 1024 * 1024;

export interface Hostile {
  readonly what: string;
  readonly format: DocumentFormatName;
  readonly text: string;
  /** Undefined: it is read all the same. */
  readonly refused?: RegExp;
}

const deep = /nested more than 100 levels deep/;
const many = /more than 100000 values/;
const long = /names and values are too long together/;

const filled = (unit: string, size = MIB): string => unit.repeat(Math.floor(size / unit.length));
const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Each level has the one before ten times. */
const laughs = (levels: number): string =>
  `l0: &l0 [${filled('x, ', 30)}x]\n${lines(levels, (index) => `l${index + 1}: &l${index + 1} [${filled(`*l${index}, `, 50)}*l${index}]`)}`;

// prettier-ignore
export const hostile: readonly Hostile[] = [
  { what: 'opening brackets', format: 'YAML', text: filled('['), refused: deep },
  { what: 'opening braces', format: 'YAML', text: filled('{a: '), refused: deep },
  { what: 'closing braces', format: 'YAML', text: filled('}'), refused: /not expected here/ },
  { what: 'lists in lists on one line', format: 'YAML', text: filled('- '), refused: deep },
  { what: 'keys in keys on one line', format: 'YAML', text: filled('? '), refused: deep },
  { what: 'empty keys', format: 'YAML', text: filled(': '), refused: deep },
  { what: 'deeper and deeper indentation', format: 'YAML', text: lines(1_400, (index) => `${' '.repeat(index)}a:`), refused: deep },
  { what: 'commas', format: 'YAML', text: `[${filled(',', MIB - 2)}]`, refused: /not expected here/ },
  { what: 'a billion laughs', format: 'YAML', text: laughs(12), refused: many },
  { what: 'a billion laughs without a value', format: 'YAML', text: laughs(90).replaceAll('x, ', '').replace('[x]', '[]'), refused: /./ },
  { what: 'a long value at many places', format: 'YAML', text: `a: &a ${filled('x', 500_000)}\nb: [${filled('*a, ', 400_000)}*a]`, refused: long },
  { what: 'a large map merged many times', format: 'YAML', text: `a: &a\n${lines(20_000, (index) => `  k${index}: 1`)}\nb:\n${lines(20_000, () => '  - <<: *a')}`, refused: many },
  { what: 'merges of merges', format: 'YAML', text: `m0: &m0 {x: 1}\n${lines(20_000, (index) => `m${index + 1}: &m${index + 1} {<<: *m${index}, k${index}: 1}`)}`, refused: many },
  { what: 'itself', format: 'YAML', text: '&a {b: *a}', refused: /an alias for what it stands in/ },
  { what: '50,000 equal keys', format: 'YAML', text: lines(50_000, () => 'a: 1'), refused: /the same name twice/ },
  { what: '50,000 keys', format: 'YAML', text: lines(50_000, (index) => `k${index}: v`) },
  { what: '50,000 equal keys in one line', format: 'YAML', text: `{${filled('a: 1, ', 300_000)}}`, refused: /the same name twice/ },
  { what: 'half a million values', format: 'YAML', text: `[${filled('1,', MIB - 2)}]`, refused: many },
  { what: 'anchors', format: 'YAML', text: filled('&a '), refused: /two anchors/ },
  { what: 'anchored nothings', format: 'YAML', text: filled('- &a\n'), refused: many },
  { what: 'documents', format: 'YAML', text: filled('---\n'), refused: many },
  { what: 'comments', format: 'YAML', text: filled('#\n') },
  { what: 'line ends', format: 'YAML', text: filled('\n') },
  { what: 'a quote that does not end', format: 'YAML', text: `"${filled('\\"', MIB - 2)}x`, refused: /a character is missing/ },
  { what: 'a folded text', format: 'YAML', text: `>\n${filled(' x\n\n', MIB - 4)}` },
  { what: 'a name below which there is much', format: 'JSON', text: `{"${filled('k', 500_000)}": [${filled('1,', 180_000)}1]}`, refused: long },
  { what: 'opening brackets', format: 'JSON', text: filled('['), refused: deep },
  { what: 'half a million values', format: 'JSON', text: `[${filled('1,', MIB - 2)}1]`.slice(0, MIB), refused: many },
  { what: 'equal keys', format: 'JSON', text: `{${filled('"a":1,', MIB - 8)}"a":1}`, refused: /the same name twice/ },
  { what: 'a number', format: 'JSON', text: filled('1') },
  { what: 'opening brackets', format: 'TOML', text: `a = ${filled('[', MIB - 4)}`, refused: deep },
  { what: 'a name of many parts', format: 'TOML', text: `${filled('a.', MIB - 8)}a = 1`, refused: deep },
  { what: 'tables', format: 'TOML', text: lines(24_000, (index) => `[t${index}]\na = 1`) },
  { what: 'more tables', format: 'TOML', text: lines(50_000, (index) => `[t${index}]\na = 1`), refused: /more than 50000 tables/ },
  { what: 'a list of tables', format: 'TOML', text: filled('[[t]]\na=1\n', 160_000) },
  { what: 'a text that does not end', format: 'TOML', text: `a = """${filled('\\"""', MIB - 8)}`, refused: /not valid TOML/ },
  { what: 'backslashes', format: 'Properties', text: filled('\\') },
  { what: 'folded lines', format: 'Properties', text: filled('a=\\\n') },
  { what: 'many values', format: 'Properties', text: lines(100_001, (index) => `${index}=`), refused: many },
  { what: 'quotes that do not end', format: 'Dotenv', text: filled('A="\n') },
  { what: 'blanks', format: 'Dotenv', text: `export${filled(' ', MIB - 6)}`, refused: /is no assignment/ },
  { what: 'quotes', format: 'Dotenv', text: `A="${filled('" ', MIB - 4)}` },
  { what: 'a value of many lines', format: 'INI', text: `a=1\n${filled(' x\n', MIB - 4)}` },
  { what: 'a name with many values', format: 'INI', text: filled('a=1\n'), refused: many },
];
