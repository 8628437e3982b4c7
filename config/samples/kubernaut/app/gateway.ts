/** Takes in signals through adapters, up to a rate. Both can be moved while requests pass. */

import { join } from 'node:path';
import { FOLDER, PORT, readFlags } from './flags.ts';
import { current, follow } from './follow.ts';
import { enabledOf, fieldsOf, parseJson, wholeNumber } from './json.ts';
import { createLimiter, type Limits } from './limiter.ts';
import type { Service } from './service.ts';

const FLAGS = { 'config-dir': { ...FOLDER, preset: '/etc/gateway' }, port: PORT };

interface Config {
  readonly rateLimit: Limits;
  /** Those that are enabled. */
  readonly adapters: readonly string[];
}

export const gateway = async (argv: readonly string[]): Promise<Service> => {
  const flags = readFlags(argv, FLAGS);
  const config = await follow(join(flags['config-dir'], 'config.json'), { parse: parseConfig });
  const limiter = createLimiter(current(config).rateLimit, performance.now());
  config.onChange(({ rateLimit }) => {
    limiter.move(rateLimit, performance.now());
  });
  const counts = { accepted: 0, limited: 0 };
  return {
    port: Number(flags.port),
    state: () => ({
      loaded: { since: config.status().since, ...current(config) },
      // What the limiter that requests pass through really goes by.
      limits: limiter.limits(),
      counts: { ...counts },
    }),
    routes: {
      'POST /signals/': (_signal, { pathname }) => {
        const adapter = decodeURIComponent(pathname.slice('/signals/'.length));
        if (!current(config).adapters.includes(adapter))
          return { status: 404, body: { error: `no adapter ${JSON.stringify(adapter)} is enabled` } };
        if (!limiter.allows(performance.now())) {
          counts.limited += 1;
          return { status: 429, body: { error: 'too many signals', limits: limiter.limits() } };
        }
        counts.accepted += 1;
        return { status: 202, body: { adapter } };
      },
    },
  };
};

const parseConfig = (text: string): Config => {
  const { rateLimit, adapters } = parseJson(text);
  const { requestsPerSecond, burst } = fieldsOf(rateLimit, 'rateLimit');
  return {
    rateLimit: {
      requestsPerSecond: wholeNumber(requestsPerSecond, 'rateLimit.requestsPerSecond', [1, 1_000_000]),
      burst: wholeNumber(burst, 'rateLimit.burst', [1, 1_000_000]),
    },
    adapters: enabledOf(adapters, 'adapters'),
  };
};
