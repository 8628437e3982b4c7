import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process by its id and start time, so that a reused id is not mistaken for it. */
export interface ProcessRef {
  readonly pid: number;
  /** In clock ticks since boot, as `/proc/<pid>/stat` has it; a string, for it is only compared. */
  readonly startTime: string;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** State and start time of a process; undefined when there is none. Source: proc_pid_stat(5), fields 3 and 22. */
function statOf(pid: number): { state: string; startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, field 2, may contain spaces and brackets: count from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** @throws when no such process runs. */
export function refTo(pid: number): ProcessRef {
  const stat = statOf(pid);
  if (!stat) throw new Error(`process ${pid} is not running`);
  return { pid, startTime: stat.startTime };
}

/** A zombie counts as ended. */
export function isAlive(ref: ProcessRef): boolean {
  const stat = statOf(ref.pid);
  return stat?.startTime === ref.startTime && stat.state !== 'Z';
}

/** Sends SIGKILL if that very process still runs. */
export function killNow(ref: ProcessRef): void {
  if (!isAlive(ref)) return;
  try {
    process.kill(ref.pid, 'SIGKILL');
  } catch (error) {
    if (isAlive(ref)) throw error;
  }
}

/** @throws when the process outlives `timeoutMs`. */
export async function untilEnded(ref: ProcessRef, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(ref)) {
    if (performance.now() > deadline) throw new Error(`process ${ref.pid} is still running after ${timeoutMs} ms`);
    await sleep(20);
  }
}

export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const file = `/proc/${pid}/task/${thread}/children`;
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number);
  });
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A long-running part of the cluster. */
export interface Component {
  readonly name: string;
  readonly ref: ProcessRef;
  readonly logFile: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
}

export interface ComponentSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Gives it a standard input that reaches its end when this process or the component's own does. */
  readonly lifeline?: boolean;
}

/** Goes on only if its parent, named by $0, was still there after the kernel had been told to watch it. */
const EXEC_IF_PARENT_LIVES = '[ "$PPID" = "$0" ] && exec "$@"';

/**
 * Starts a process that the kernel kills when this one ends, however it ends (PR_SET_PDEATHSIG).
 * Its output is appended to the log file.
 *
 * @throws when the command can't be started.
 */
export async function startComponent(spec: ComponentSpec): Promise<Component> {
  const log = openSync(spec.logFile, 'a');
  try {
    const guard = ['--pdeathsig', 'KILL', '--', 'sh', '-c', EXEC_IF_PARENT_LIVES, String(process.pid)];
    const child = spawn('setpriv', [...guard, spec.command, ...spec.args], {
      stdio: [spec.lifeline === true ? 'pipe' : 'ignore', log, log],
    });
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => {
        child.stdin?.destroy();
        resolve({ code, signal });
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        reject(new Error(`can't start ${spec.name} (${spec.command})`, { cause }));
      });
    });
    if (child.pid === undefined) throw new Error(`can't start ${spec.name}: it has no process id`);
    return { name: spec.name, ref: refTo(child.pid), logFile: spec.logFile, exited };
  } finally {
    closeSync(log);
  }
}

/** The last lines of a log, for an error message. */
export function tailOf(file: string, lines = 15): string {
  try {
    const all = readFileSync(file, 'utf8').trimEnd().split('\n');
    return all.slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

/** One sentence and the tail of the log: what a component's end looks like to a person. */
export function describeExit(component: Component, exit: Exit): string {
  const how = exit.signal === null ? `with code ${exit.code ?? 'unknown'}` : `by ${exit.signal}`;
  return `${component.name} ended ${how}; the end of ${component.logFile}:\n${tailOf(component.logFile)}`;
}
