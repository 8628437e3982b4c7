/**
 * Holds any application to `/-/reload`, version v1; docs/applications.md has an example.
 *
 *   node test/protocol/main.ts --accepted FILE --accepted FILE --refused FILE... [--path /-/reload] [--asked-only] -- COMMAND...
 */

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { conformance } from './conformance.ts';
import type { Subject } from './mounted.ts';

const USAGE = `node test/protocol/main.ts --accepted FILE --accepted FILE --refused FILE... [--path PATH] [--asked-only] -- COMMAND...

Starts COMMAND on a file that is mounted as the kubelet does it, and says what it does otherwise than /-/reload, v1, asks.

  --accepted FILE   content that the application takes: two of them
  --refused FILE    content that it refuses: at least one
  --path PATH       where it answers; default /-/reload
  --asked-only      it reloads when it is asked to, and not by itself
  COMMAND           {file} stands for the file, which is named as the first one that is accepted; {port} for the port to
                    answer at on 127.0.0.1; {key} for a file with the key that requests are signed with: a word with it
                    is left out where none are, and without it signatures aren't looked at
`;

/** @throws with one sentence where something is missing */
const read = (argv: readonly string[]): Subject => {
  const separator = argv.indexOf('--');
  if (separator < 0) throw new Error('there is no -- with a command behind it');
  const { values } = parseArgs({
    args: argv.slice(0, separator),
    options: {
      accepted: { type: 'string', multiple: true, default: [] },
      refused: { type: 'string', multiple: true, default: [] },
      path: { type: 'string', default: '/-/reload' },
      'asked-only': { type: 'boolean', default: false },
    },
  });
  const command = argv.slice(separator + 1);
  for (const word of ['{file}', '{port}'])
    if (!command.some((each) => each.includes(word))) throw new Error(`the command does not say where ${word} goes`);
  const [one, other, ...more] = values.accepted;
  if (one === undefined || other === undefined || more.length > 0) throw new Error('--accepted is needed twice');
  if (values.refused.length === 0) throw new Error('--refused is needed');
  const content = (file: string): string => readFileSync(file, 'utf8');
  return {
    name: command[0] ?? '',
    command,
    path: values.path,
    file: basename(one),
    accepted: [content(one), content(other)],
    refused: values.refused.map(content),
    follows: !values['asked-only'],
  };
};

try {
  conformance(read(process.argv.slice(2)));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}
