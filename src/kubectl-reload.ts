#!/usr/bin/env node
/** The plugin as a process: arguments, streams and signals in, exit code out. */

import { run } from './cli/program.ts';
import { systemClock } from './runtime/clock.ts';

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const stopping = new AbortController();
let interrupted: number | undefined;

for (const [signal, code] of Object.entries(SIGNALS)) {
  // A second one ends the process whatever it is at.
  process.once(signal, () => {
    interrupted = code;
    stopping.abort(new Error(`stopped by ${signal}`));
  });
}

// Whoever reads our output may have seen enough: head, for one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const code = await run(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colour: process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb',
  stdin: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  },
  signal: stopping.signal,
  clock: systemClock,
  random: Math.random,
});
// Not exit: what a pipe has not taken yet would be lost.
process.exitCode = interrupted ?? code;
