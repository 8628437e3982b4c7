/** Processes that the measurements start on this machine. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { childrenOf, isAlive, killNow, refTo, untilEnded } from '../cluster/processes.ts';

export interface Child {
  readonly pid: number;
  /** Everything it started is gone when this resolves. */
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Wait for this line on its standard output. */
  readonly readyLine?: string;
}

const GRACE_MS = 5_000;
const START_MS = 30_000;

/**
 * Starts a process in a group of its own. The kernel kills it when this one ends, however it ends; its standard input
 * stays open until then.
 *
 * @throws with the end of its output when it ends before it is ready.
 */
export async function startChild({ command, args, env = {}, readyLine }: ChildOptions): Promise<Child> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    detached: true,
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} has no process id`);
  const ref = refTo(pid);
  const lastLines: string[] = [];
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new Error(`${command} ${args.join(' ')} was not ready within ${START_MS / 1000} s:\n${lastLines.join('\n')}`),
      );
    }, START_MS);
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      end();
    };
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lastLines.push(line);
        if (lastLines.length > 15) lastLines.shift();
        if (line === readyLine) settle(resolve);
      });
    }
    child.once('exit', () => {
      settle(() => {
        reject(new Error(`${command} ${args.join(' ')} ended:\n${lastLines.join('\n')}`));
      });
    });
    if (readyLine === undefined) settle(resolve);
  });
  const stop = async (): Promise<void> => {
    const all = [ref, ...familyOf(pid).map(refTo)];
    signalGroup(pid, 'SIGTERM');
    try {
      await Promise.all(all.map((each) => untilEnded(each, GRACE_MS)));
    } catch {
      signalGroup(pid, 'SIGKILL');
      all.filter(isAlive).forEach(killNow);
    }
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid, stop };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the whole group has ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The processes that a process started, and those they started. */
export function familyOf(pid: number): number[] {
  try {
    return childrenOf(pid).flatMap((child) => [child, ...familyOf(child)]);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

export interface Memory {
  /** Resident now and at its highest, in bytes. */
  readonly resident: number;
  readonly highest: number;
}

/** Memory of processes, added up. Source: proc_pid_status(5), VmRSS and VmHWM in kB of 1024 bytes. */
export function memoryOf(pids: readonly number[]): Memory {
  const all = pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { resident: field('VmRSS'), highest: field('VmHWM') };
  });
  return {
    resident: all.reduce((sum, { resident }) => sum + resident, 0),
    highest: all.reduce((sum, { highest }) => sum + highest, 0),
  };
}
