/** A change of the decision code that breaks one of its laws. */

import { readFileSync } from 'node:fs';

export interface Mutant {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** One of these must fail: tried in this order. */
  readonly by: readonly Law[];
}

/** A test of random histories. */
export interface Law {
  /** Below `test/unit/domain`, without its ending. */
  readonly file: string;
  /** What the test's name contains. */
  readonly test: string;
}

export const urlOf = ({ file }: Pick<Mutant, 'file'>): string => new URL(`../../src/${file}`, import.meta.url).href;

/**
 * @returns the file's text with the mutant in it
 * @throws Error where the text that is to be replaced is not there exactly once: the mutant has rotted
 */
export const mutated = ({ name, file, find, replace }: Mutant): string => {
  const source = readFileSync(new URL(urlOf({ file })), 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`mutant "${name}": its text stands ${places} times in src/${file}, not once`);
  return source.replace(find, () => replace);
};
