/**
 * A stand-in for a service that classifies signals by Rego policies. It reads its policies and its config.yaml from a
 * mounted folder and follows their changes; two settings come as flags and hold until the process ends. It serves what
 * it has loaded over HTTP, and that is all: it does not evaluate Rego.
 */

import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Flags {
  readonly cooldownPeriod: string;
  readonly executionNamespace: string;
  readonly configDir: string;
  readonly port: number;
}

interface Loaded {
  /** RFC 3339 */
  readonly since: string;
  /** The sha256 of each policy's bytes, in hexadecimal, by file name. */
  readonly policies: Readonly<Record<string, string>>;
  readonly config: Config;
}

interface Config {
  /** Signals per second. */
  readonly rateLimit: number;
  readonly logLevel: string;
}

/** What somebody else has to put right: said in one sentence, without a stack. */
class UserError extends Error {}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'];
/** Looked at all the same now and then: a notification may be lost. */
const RELOAD_EVERY_MS = 10_000;

/** @throws UserError that names the flag, its value and what it takes */
const readFlags = (argv: readonly string[]): Flags => {
  const values = parse(argv);
  const flag = (name: string, preset: string | undefined, pattern: RegExp, takes: string): string => {
    const value = values[name] ?? preset;
    if (value === undefined) throw new UserError(`--${name} is missing: it takes ${takes}`);
    if (!pattern.test(value)) throw new UserError(`--${name} is ${JSON.stringify(value)}, but it takes ${takes}`);
    return value;
  };
  return {
    cooldownPeriod: flag('cooldown-period', undefined, /^([0-9]+(ms|s|m|h))+$/, 'a duration such as 30s, 5m or 1h30m'),
    executionNamespace: flag(
      'execution-namespace',
      undefined,
      /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
      'the name of a namespace',
    ),
    configDir: flag('config-dir', '/etc/signalprocessing', /^\//, 'an absolute path'),
    port: Number(flag('port', '8080', /^[1-9][0-9]{0,4}$/, 'a port')),
  };
};

const parse = (argv: readonly string[]): Readonly<Record<string, string | undefined>> => {
  const text = { type: 'string' } as const;
  const options = { 'cooldown-period': text, 'execution-namespace': text, 'config-dir': text, port: text };
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (cause) {
    throw new UserError(firstLine(cause), { cause });
  }
};

const firstLine = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0] ?? '';

/**
 * Reads one state of the folder. The kubelet keeps all files in one folder that the link `..data` leads to, and swaps
 * the link: who resolves it once never mixes two states.
 */
const load = async (configDir: string): Promise<Omit<Loaded, 'since'>> => {
  const folder = await realpath(join(configDir, '..data')).catch(() => configDir);
  const present: readonly string[] = await readdir(folder).catch(() => []);
  const names = present.filter((name) => name.endsWith('.rego')).sort();
  if (names.length === 0) throw new UserError(`${configDir} holds no policy: at least one .rego file is needed`);
  if (!present.includes('config.yaml')) throw new UserError(`${configDir} holds no config.yaml: it is needed`);
  const policies = await Promise.all(
    names.map(async (name) => [name, sha256(await readFile(join(folder, name)))] as const),
  );
  const config = parseConfig(await readFile(join(folder, 'config.yaml'), 'utf8'));
  return { policies: Object.fromEntries(policies), config };
};

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The two settings there are, each on a line of its own: so much of YAML needs no library. */
const parseConfig = (text: string): Config => {
  const settings = new Map<string, string>();
  for (const line of text.split('\n').map((each) => each.replace(/(^|\s)#.*$/, '').trim())) {
    if (line === '') continue;
    const [, name, value] = /^(rateLimit|logLevel): +(\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new UserError(`config.yaml: ${JSON.stringify(line)} is none of "rateLimit: <number>", "logLevel: <level>"`);
    settings.set(name, value);
  }
  const rateLimit = Number(settings.get('rateLimit') ?? 10);
  const logLevel = settings.get('logLevel') ?? 'info';
  if (!Number.isInteger(rateLimit) || rateLimit < 1)
    throw new UserError('config.yaml: rateLimit takes a whole number from 1');
  if (!LOG_LEVELS.includes(logLevel)) throw new UserError(`config.yaml: logLevel takes ${LOG_LEVELS.join(', ')}`);
  return { rateLimit, logLevel };
};

/** The loaded state, kept up to date. What can't be used is reported, and the state before it stays in force. */
class Configuration {
  #loaded: Loaded;
  #problem: string | undefined;
  #reloading: Promise<void> = Promise.resolve();
  readonly #configDir: string;

  private constructor(configDir: string, loaded: Loaded) {
    this.#configDir = configDir;
    this.#loaded = loaded;
  }

  /** @throws UserError where the first state can't be used: better no process than a wrong one */
  static async open(configDir: string): Promise<Configuration> {
    const configuration = new Configuration(configDir, { since: now(), ...(await load(configDir)) });
    const reload = (): void => {
      configuration.#reloading = configuration.#reloading.then(() => configuration.#reload());
    };
    watch(configDir, reload);
    setInterval(reload, RELOAD_EVERY_MS);
    return configuration;
  }

  state(): Loaded & { readonly problem?: string } {
    return { ...this.#loaded, ...(this.#problem !== undefined && { problem: this.#problem }) };
  }

  async #reload(): Promise<void> {
    try {
      const { since: _since, ...before } = this.#loaded;
      const next = await load(this.#configDir);
      this.#problem = undefined;
      if (JSON.stringify(next) === JSON.stringify(before)) return;
      this.#loaded = { since: now(), ...next };
      say(`loaded config.yaml, ${Object.keys(next.policies).join(', ')}`);
    } catch (error) {
      // Also where the folder was swapped while it was read: the next notification reads it again.
      const problem = firstLine(error);
      if (problem !== this.#problem) say(`kept the former configuration: ${problem}`);
      this.#problem = problem;
    }
  }
}

const now = (): string => new Date().toISOString();

const say = (line: string): void => {
  process.stdout.write(`${now()} ${line}\n`);
};

const serve = (flags: Flags, configuration: Configuration): void => {
  const { cooldownPeriod, executionNamespace, port } = flags;
  const startedAt = now();
  const server = createServer((request, response) => {
    if (request.url === '/healthz') {
      response.end('ok\n');
      return;
    }
    if (request.url !== '/') {
      response.writeHead(404).end('there are / and /healthz\n');
      return;
    }
    const answer = {
      pid: process.pid,
      startedAt,
      flags: { cooldownPeriod, executionNamespace },
      loaded: configuration.state(),
    };
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify(answer, undefined, 2)}\n`);
  });
  server.listen(port, () => {
    say(`serving on port ${port}, cooldown ${cooldownPeriod}, executing in ${executionNamespace}`);
  });
  // The first process of a container gets no default handler: without this one every stop would take the whole grace.
  process.once('SIGTERM', () => {
    process.exit(0);
  });
};

try {
  const flags = readFlags(process.argv.slice(2));
  serve(flags, await Configuration.open(flags.configDir));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`signalprocessing: ${error.message}\n`);
  process.exitCode = 2;
}
