import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { SETTINGS, type Setting, type Settings, type SettingTable, type ValuesOf } from './schema.ts';

export interface LoadOptions {
  /** The arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What --version prints. */
  readonly version: string;
}

/** Settings to run with, a text to print before ending well, or one sentence that says what is wrong. */
export type LoadResult<Values = Settings> =
  | { readonly ok: true; readonly settings: Values }
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

/** A program with settings. */
export interface Program<Table extends SettingTable> {
  readonly name: string;
  /** One sentence for its help. */
  readonly purpose: string;
  readonly settings: Table;
}

const OPERATOR: Program<typeof SETTINGS> = {
  name: 'reload-operator',
  purpose: 'Makes a changed ConfigMap reach running workloads: hot where it can, by a rolling restart where it cannot.',
  settings: SETTINGS,
};

/** The operator's own settings, read as those of any program. */
export const loadSettings = (options: LoadOptions): LoadResult => loadSettingsOf(OPERATOR, options);

/**
 * Reads the settings: a flag counts before its environment variable, and that before the default. Whatever is wrong is
 * said in one sentence that names the flag or variable, the value it has and what is allowed.
 */
export function loadSettingsOf<Table extends SettingTable>(
  program: Program<Table>,
  { argv, env, version }: LoadOptions,
): LoadResult<ValuesOf<Table>> {
  const { settings } = program;
  const flags = readFlags(settings, argv);
  if (typeof flags === 'string') return { ok: false, message: flags };
  if (flags.has('--help')) return { ok: true, text: helpText(program) };
  if (flags.has('--version')) return { ok: true, text: `${program.name} ${version}` };

  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const given = findGiven(setting, flags, env);
    const parsed = setting.parse.safeParse(given?.text ?? setting.default);
    if (!parsed.success) {
      const { source, text } = given ?? { source: setting.flag, text: '' };
      return { ok: false, message: `${source} is ${JSON.stringify(text)}, but it takes ${setting.allowed}` };
    }
    values[name] = parsed.data;
  }
  // Each value has come through the parser of its own setting.
  return { ok: true, settings: values as ValuesOf<Table> };
}

const COMMANDS = {
  '--help': 'print this and end',
  '--version': 'print the version and end',
} as const;

/** The flags given, with their values; a sentence when they can't be understood. */
function readFlags(settings: SettingTable, argv: readonly string[]): ReadonlyMap<string, string> | string {
  const known = new Map(Object.values(settings).map((setting) => [setting.flag as string, setting]));
  const options: ParseArgsOptionsConfig = {};
  for (const flag of known.keys()) options[flag.slice(2)] = { type: 'string' };
  for (const flag of Object.keys(COMMANDS)) options[flag.slice(2)] = { type: 'boolean' };
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional')
      return `unexpected argument ${JSON.stringify(token.value)}: every setting is a flag, see --help`;
    const { rawName: flag, value } = token;
    if (flag in COMMANDS) {
      if (value !== undefined) return `${flag} is ${JSON.stringify(value)}, but it takes no value`;
    } else {
      const setting = known.get(flag);
      if (setting === undefined) return `unknown flag ${flag}: see --help for those there are`;
      if (value === undefined || value === '') return `${flag} has no value, but it takes ${setting.allowed}`;
      if (flags.has(flag))
        return `${flag} is given twice, as ${JSON.stringify(flags.get(flag))} and as ${JSON.stringify(value)}`;
    }
    flags.set(flag, value ?? '');
  }
  return flags;
}

interface Given {
  readonly text: string;
  /** The flag or the variable it came from. */
  readonly source: string;
}

function findGiven(
  setting: Setting<unknown>,
  flags: ReadonlyMap<string, string>,
  env: LoadOptions['env'],
): Given | undefined {
  const flag = flags.get(setting.flag);
  if (flag !== undefined) return { text: flag, source: setting.flag };
  const variable = setting.env === undefined ? undefined : env[setting.env];
  if (setting.env === undefined || variable === undefined || variable === '') return undefined;
  return { text: variable, source: setting.env };
}

function helpText({ name, purpose, settings }: Program<SettingTable>): string {
  const rows = Object.values(settings).map(({ flag, value, env = '', default: preset = '', description }) => [
    `${flag} ${value}`,
    env,
    preset,
    description,
  ]);
  const commands = Object.entries(COMMANDS).map(([flag, description]) => [flag, '', '', description]);
  return [
    purpose,
    '',
    `usage: ${name} [flags]`,
    '',
    ...table([['flag', 'environment', 'default', 'meaning'], ...rows, ...commands]),
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
