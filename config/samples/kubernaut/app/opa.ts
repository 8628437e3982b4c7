/** The Open Policy Agent, as a process of the service's own that nobody else can reach. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from './errors.ts';

export interface Opa {
  /** Compiles a module and puts it in the place of the one with this name. @throws in OPA's own words */
  put(name: string, rego: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** @returns the value of `data.<rule>` for an input, undefined where it has none */
  evaluate(rule: string, input: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

const ADDRESS = '127.0.0.1:8181';
const READY_MS = 20_000;

/** @param onEnd OPA has ended without being asked to, with this sentence */
export const startOpa = async (binary: string, onEnd: (why: string) => void): Promise<Opa> => {
  const child = spawn(binary, ['run', '--server', `--addr=${ADDRESS}`, '--log-level=error', '--skip-version-check'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // It must not outlive a service that gives up.
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = new AbortController();
  const end = (why: string): void => {
    if (!ended.signal.aborted) onEnd(why);
    ended.abort();
  };
  child.once('error', ({ message }) => {
    end(`OPA can't be run: ${message}`);
  });
  child.once('exit', (code, signal) => {
    end(`OPA has ended with ${signal ?? code ?? 'an unknown code'}`);
  });
  const request = (method: string, path: string, body?: string): Promise<Response> =>
    fetch(`http://${ADDRESS}${path}`, {
      method,
      signal: AbortSignal.timeout(5_000),
      ...(body !== undefined && { body }),
    });

  await untilReady(() => request('GET', '/health'), ended.signal);
  return {
    put: async (name, rego) => {
      const response = await request('PUT', `/v1/policies/${name}`, rego);
      if (response.ok) await response.arrayBuffer();
      else throw new UserError(refusal(await response.text()));
    },
    remove: async (name) => {
      await (await request('DELETE', `/v1/policies/${name}`)).arrayBuffer();
    },
    evaluate: async (rule, input) => {
      const response = await request('POST', `/v1/data/${rule}`, JSON.stringify({ input }));
      if (!response.ok) throw new UserError(refusal(await response.text()));
      return ((await response.json()) as { readonly result?: unknown }).result;
    },
    stop: async () => {
      if (ended.signal.aborted) return;
      ended.abort();
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
};

const untilReady = async (health: () => Promise<Response>, ended: AbortSignal): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline && !ended.aborted) {
    const answered = await health().catch(() => undefined);
    if (answered?.ok === true) return;
    await sleep(20);
  }
  throw new UserError(`OPA does not answer within ${READY_MS / 1_000} s`);
};

interface Complaint {
  readonly message: string;
  readonly errors?: readonly {
    readonly code: string;
    readonly message: string;
    readonly location?: { readonly file: string; readonly row: number };
  }[];
}

/** One line. What OPA quotes of the policy itself is left out. */
const refusal = (answered: string): string => {
  const { message, errors = [] } = JSON.parse(answered) as Complaint;
  const lines = errors.map(({ code, message: what, location }) => {
    const where = location === undefined ? '' : `${location.file}:${location.row}: `;
    return `${where}${code}: ${what}`;
  });
  return (lines.length === 0 ? message : lines.join('; ')).replaceAll(/\s+/g, ' ');
};
