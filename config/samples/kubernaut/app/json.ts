/** Settings in JSON, read with complaints that name the place and not the value. */

import { UserError } from './errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const parseJson = (text: string): Fields => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // Node's message quotes the text.
    throw new UserError('is not JSON', { cause });
  }
  return fieldsOf(value, 'the whole');
};

/** @throws UserError where it is no object */
export const fieldsOf = (value: unknown, where: string): Fields => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError(`${where} is no object with fields`);
  return value as Fields;
};

export const wholeNumber = (value: unknown, where: string, [least, most]: readonly [number, number]): number => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new UserError(`${where} takes a whole number from ${least} to ${most}`);
  return value;
};

export const words = (value: unknown, where: string): string => {
  if (typeof value !== 'string' || value.trim() === '') throw new UserError(`${where} takes a text`);
  return value;
};

/** `{"name": {"enabled": true}}`: the names that are enabled, sorted. */
export const enabledOf = (value: unknown, where: string): readonly string[] =>
  Object.entries(fieldsOf(value, where))
    .filter(([name, each]) => {
      const { enabled } = fieldsOf(each, `${where}.${name}`);
      if (typeof enabled !== 'boolean') throw new UserError(`${where}.${name}.enabled takes true or false`);
      return enabled;
    })
    .map(([name]) => name)
    .sort();
