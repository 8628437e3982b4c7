/**
 * A page as a walk: what it shows as a file is written, and what it has typed is run, in the order of the page. A file is
 * a YAML block after a line that ends in its name, as code: "in `changed.yaml`:". A command is run where it asks no
 * cluster and the page shows what it prints.
 */

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { reload } from '../../support/reload.ts';
import { blocksOf, CHECKOUT, type Block } from './pages.ts';

export type Step =
  | { readonly type: 'File'; readonly name: string; readonly text: string }
  | { readonly type: 'Command'; readonly command: string; readonly printed: string; readonly code?: number };

export const stepsOf = (page: string): readonly Step[] =>
  blocksOf(page).flatMap((block) => (block.language === 'console' ? commandsIn(block) : filesIn(block)));

const filesIn = ({ language, text, before }: Block): readonly Step[] => {
  const name = /`([\w./-]+\.yaml)`[:,]$/.exec(before)?.[1];
  return language === 'yaml' && name !== undefined ? [{ type: 'File', name, text }] : [];
};

const commandsIn = ({ text }: Block): readonly Step[] => {
  const typed = text.split(/^\$ /m).slice(1);
  return typed.flatMap((each, index): readonly Step[] => {
    const [command = '', ...lines] = each.split('\n');
    const printed = lines.join('\n');
    if (printed === '' || !/^kubectl reload .*--against/.test(command)) return [];
    const code = /^echo \$\?\n(\d+)\n$/.exec(typed[index + 1] ?? '')?.[1];
    return [{ type: 'Command', command, printed, ...(code !== undefined && { code: Number(code) }) }];
  });
};

export interface Walk {
  write(file: Extract<Step, { readonly type: 'File' }>): void;
  run(command: string): ReturnType<typeof reload>;
}

/** In a folder of its own; what is in `config` is that of the checkout. */
export const beginWalk = (): Walk => {
  const folder = mkdtempSync(join(tmpdir(), 'reload-docs-'));
  return {
    write: ({ name, text }) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    },
    run: (command) => {
      const [, , ...args] = command.split(' ');
      const isPath = (index: number): boolean => ['-f', '--against'].includes(args[index - 1] ?? '');
      return reload(
        args.map((arg, index) => (isPath(index) ? join(arg.startsWith('config/') ? CHECKOUT : folder, arg) : arg)),
      );
    },
  };
};
