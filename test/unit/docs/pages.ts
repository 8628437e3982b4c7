/** The pages of the documentation, and what stands in them. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CHECKOUT = join(import.meta.dirname, '../../..');
export const read = (path: string): string => readFileSync(join(CHECKOUT, path), 'utf8');

/** Every page of ours, as a path in the checkout. */
export const PAGES: readonly string[] = [
  ...readdirSync(CHECKOUT),
  ...['config', 'docs', 'src', 'test'].flatMap((folder) =>
    readdirSync(join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  ),
]
  .filter((path) => path.endsWith('.md'))
  .sort();

export interface Block {
  readonly language: string;
  readonly text: string;
  /** The line that stands before it. */
  readonly before: string;
}

export const blocksOf = (page: string): readonly Block[] =>
  [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: text = '', index }) => ({
    language,
    text,
    before: page.slice(0, index).trimEnd().split('\n').at(-1) ?? '',
  }));

/** What is written as code: blocks and spans. */
export const codeOf = (page: string): string => {
  const spans = page.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`]+)`/g);
  return [...blocksOf(page).map(({ text }) => text), ...[...spans].map(([, span = '']) => span)].join('\n');
};

/** As GitHub makes the name of a heading's anchor. */
export const anchorsOf = (page: string): readonly string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** What stands below a heading, up to the next of any level. */
export const sectionOf = (page: string, heading: string): string => {
  const [, text] = page.split(new RegExp(`^#+ ${heading.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm'));
  if (text === undefined) throw new Error(`there is no heading ${heading}`);
  return text.replaceAll(/^```[\s\S]*?^```$/gm, (block) => block.replaceAll(/^#/gm, ' #')).split(/^#+ /m)[0] ?? '';
};

/** The rows of the tables in a text that have so many columns, without their heads. Cells are as they are written. */
export const rowsOf = (text: string, columns: number): readonly (readonly string[])[] =>
  [...text.matchAll(/^\|(?:[ -]*-+[ -]*\|)+\n((?:\|.*\|\n)*)/gm)].flatMap(([, rows = '']) =>
    rows
      .trimEnd()
      .split('\n')
      .map((row) => row.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()))
      .filter((cells) => cells.length === columns),
  );

/** The code spans of a cell: what they show, with `\n` for the end of a line. */
export const spansOf = (cell: string): readonly string[] =>
  [...cell.matchAll(/(?<!`)(`+)(?!`) ?(.*?) ?(?<!`)\1(?!`)/g)].map(([, , span = '']) =>
    span.replaceAll('\\|', '|').replaceAll('\\n', '\n'),
  );
