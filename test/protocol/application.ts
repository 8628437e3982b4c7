/** An application that speaks the protocol, as a process of its own. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { eventually } from '../support/wait.ts';
import { ask } from './answer.ts';

const START_MS = 20_000;
const STOP_MS = 5_000;

export interface Command {
  /** `{file}`, `{port}` and `{key}` stand for what it is given; A word with `{key}` is left out where nothing is signed. */
  readonly command: readonly string[];
  /** Where it answers. */
  readonly path: string;
}

export interface Running {
  readonly url: string;
  /** Undefined while it runs. */
  exitCode(): number | undefined;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly file: string;
  readonly keyFile?: string;
  /** Whether it is well that it ends. */
  readonly mayEnd?: boolean;
}

/**
 * Starts it, and waits until it answers or has ended.
 *
 * @throws with what it printed where it does neither, and where it ends and may not
 */
export async function start({ command, path }: Command, options: StartOptions): Promise<Running> {
  const { file, keyFile, mayEnd = false } = options;
  const port = await freePort();
  const [program = '', ...args] = command
    .filter((word) => keyFile !== undefined || !word.includes('{key}'))
    .map((word) =>
      word
        .replace('{file}', file)
        .replace('{port}', String(port))
        .replace('{key}', keyFile ?? ''),
    );
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-4_000);
    });
  }
  const outcome: { ended: boolean; failure?: Error } = { ended: false };
  const gone = new Promise<void>((resolve) => {
    child.once('error', (failure) => {
      Object.assign(outcome, { ended: true, failure });
      resolve();
    });
    child.once('close', () => {
      outcome.ended = true;
      resolve();
    });
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  // Also where the tests end without their hooks.
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    const timer = setTimeout(kill, STOP_MS);
    if (!outcome.ended) child.kill('SIGTERM');
    await gone;
    clearTimeout(timer);
    process.off('exit', kill);
  };
  const url = `http://127.0.0.1:${port}${path}`;
  try {
    await eventually(async () => outcome.ended || (await ask('GET', url)), {
      what: 'the application to answer',
      timeoutMs: START_MS,
    });
    if (outcome.failure !== undefined) throw outcome.failure;
    if (outcome.ended && !mayEnd) throw new Error(`it ended with code ${child.exitCode ?? 'unknown'}`);
  } catch (cause) {
    await stop();
    throw new Error(`${command.join(' ')}: ${(cause as Error).message}\n${printed}`, { cause });
  }
  return { url, exitCode: () => (outcome.ended ? (child.exitCode ?? -1) : undefined), stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
