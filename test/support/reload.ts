/** Runs the plugin's commands in this process. */

import { run } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { systemClock } from '../../src/runtime/clock.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const reload = async (argv: readonly string[], more: Partial<Terminal> = {}): Promise<Ran> => {
  let [stdout, stderr] = ['', ''];
  const code = await run(argv, {
    // What the machine has of its own is nothing to a test.
    env: { HOME: '/nonexistent' },
    out: (text) => (stdout += text),
    err: (text) => (stderr += text),
    colour: false,
    stdin: () => Promise.resolve(''),
    signal: new AbortController().signal,
    clock: systemClock,
    random: Math.random,
    ...more,
  });
  return { code, stdout, stderr };
};
