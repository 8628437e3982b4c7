import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Readable;
  /** Default: none. */
  readonly timeoutMs?: number;
}

/**
 * Runs a command to its end and gives its standard output.
 *
 * @throws with the command's name and the end of its standard error when it can't start or exits non-zero.
 */
export async function runCommand(command: string, args: readonly string[], o: CommandOptions = {}): Promise<string> {
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { ...process.env, ...o.env },
    ...(o.cwd !== undefined && { cwd: o.cwd }),
    ...(o.timeoutMs !== undefined && { signal: AbortSignal.timeout(o.timeoutMs) }),
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', (cause) => {
      reject(new Error(`can't run ${command}: ${cause.message}`, { cause }));
    });
  });
  // A command that exits before it has read everything breaks the pipe; its exit code tells why.
  child.stdin.on('error', () => undefined);
  if (typeof o.input === 'object') o.input.pipe(child.stdin);
  else child.stdin.end(o.input ?? '');
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) {
    const said = (stderr.trim() || stdout.trim()).split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${args[0] ?? ''} failed with code ${code ?? 'unknown'}: ${said}`);
  }
  return stdout;
}
