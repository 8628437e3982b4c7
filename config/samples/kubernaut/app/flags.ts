/** Flags, which hold until the process ends. A wrong one ends it before it has begun. */

import { parseArgs } from 'node:util';
import { firstLine, UserError } from './errors.ts';

export interface Flag {
  readonly pattern: RegExp;
  /** What it takes, as it reads after "it takes". */
  readonly takes: string;
  /** Absent: it has to be given. */
  readonly preset?: string;
}

export const DURATION: Flag = { pattern: /^([0-9]+(ms|s|m|h))+$/, takes: 'a duration such as 30s, 5m or 1h30m' };
export const NAMESPACE: Flag = { pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, takes: 'the name of a namespace' };
export const FOLDER: Flag = { pattern: /^\//, takes: 'an absolute path' };
export const PORT: Flag = { pattern: /^[1-9][0-9]{0,4}$/, takes: 'a port', preset: '8080' };

/** @throws UserError that names the flag, its value and what it takes */
export const readFlags = <Name extends string>(
  argv: readonly string[],
  flags: Readonly<Record<Name, Flag>>,
): Readonly<Record<Name, string>> => {
  const values = parse(argv, Object.keys(flags));
  return mapValues(flags, (name, { pattern, takes, preset }) => {
    const value = values[name] ?? preset;
    if (value === undefined) throw new UserError(`--${name} is missing: it takes ${takes}`);
    if (!pattern.test(value)) throw new UserError(`--${name} is ${JSON.stringify(value)}, but it takes ${takes}`);
    return value;
  });
};

const parse = (argv: readonly string[], names: readonly string[]): Readonly<Record<string, string | undefined>> => {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' } as const]));
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (cause) {
    throw new UserError(firstLine(cause), { cause });
  }
};

const mapValues = <Name extends string, From, To>(
  record: Readonly<Record<Name, From>>,
  change: (name: Name, from: From) => To,
): Readonly<Record<Name, To>> =>
  Object.fromEntries(
    (Object.entries(record) as [Name, From][]).map(([name, from]) => [name, change(name, from)]),
  ) as Record<Name, To>;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The milliseconds of what {@link DURATION} lets through. */
export const milliseconds = (duration: string): number =>
  [...duration.matchAll(/([0-9]+)(ms|s|m|h)/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
