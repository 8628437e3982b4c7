/** Classifies signals by two Rego policies: the environment that a namespace belongs to, and a signal's priority in it. */

import { join } from 'node:path';
import { UserError } from './errors.ts';
import { DURATION, FOLDER, NAMESPACE, PORT, readFlags } from './flags.ts';
import { current, follow } from './follow.ts';
import { followPolicies } from './policies.ts';
import type { Environment, Service } from './service.ts';

const FLAGS = {
  'cooldown-period': DURATION,
  'execution-namespace': NAMESPACE,
  'config-dir': { ...FOLDER, preset: '/etc/signalprocessing' },
  port: PORT,
};

const POLICIES = {
  environment: { file: 'environment.rego', rule: 'signalprocessing/environment/result' },
  priority: { file: 'priority.rego', rule: 'signalprocessing/priority/result' },
};

interface Config {
  /** Signals per second. */
  readonly rateLimit: number;
  readonly logLevel: string;
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'];

export const signalprocessing = async (argv: readonly string[], environment: Environment): Promise<Service> => {
  const flags = readFlags(argv, FLAGS);
  const policies = await followPolicies(flags['config-dir'], POLICIES, environment);
  const config = await follow(join(flags['config-dir'], 'config.yaml'), { parse: parseConfig });
  return {
    port: Number(flags.port),
    state: () => ({
      flags: { cooldownPeriod: flags['cooldown-period'], executionNamespace: flags['execution-namespace'] },
      loaded: { since: config.status().since, policies: policies.digests(), config: current(config) },
      problems: policies.problems(),
    }),
    routes: {
      'POST /classify': async (input) => {
        const known = (await policies.decide('environment', input)) as object;
        const decided = (await policies.decide('priority', { ...(input as object), ...known })) as object;
        return { status: 200, body: { ...known, ...decided } };
      },
    },
    stop: () => policies.stop(),
  };
};

/** The two settings there are, each on a line of its own: so much of YAML needs no library. */
const parseConfig = (text: string): Config => {
  const settings = new Map<string, string>();
  for (const line of text.split('\n').map((each) => each.replace(/(^|\s)#.*$/, '').trim())) {
    if (line === '') continue;
    const [, name, value] = /^(rateLimit|logLevel): +(\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new UserError(`${JSON.stringify(line)} is none of "rateLimit: <number>", "logLevel: <level>"`);
    settings.set(name, value);
  }
  const rateLimit = Number(settings.get('rateLimit') ?? 10);
  const logLevel = settings.get('logLevel') ?? 'info';
  if (!Number.isInteger(rateLimit) || rateLimit < 1) throw new UserError('rateLimit takes a whole number from 1');
  if (!LOG_LEVELS.includes(logLevel)) throw new UserError(`logLevel takes ${LOG_LEVELS.join(', ')}`);
  return { rateLimit, logLevel };
};
