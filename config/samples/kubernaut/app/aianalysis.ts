/**
 * Asks two Rego policies before anything is analysed: what of a signal's context a model may be shown, and whether the
 * action that it proposes is safe to take. There is no model here: the proposal comes with the request.
 */

import { DURATION, FOLDER, PORT, readFlags } from './flags.ts';
import { followPolicies } from './policies.ts';
import type { Environment, Service } from './service.ts';

const FLAGS = {
  'investigation-timeout': DURATION,
  'max-attempts': { pattern: /^([1-9]|10)$/, takes: 'a whole number from 1 to 10' },
  'config-dir': { ...FOLDER, preset: '/etc/aianalysis' },
  port: PORT,
};

const POLICIES = {
  contextFilter: { file: 'context-filter.rego', rule: 'aianalysis/contextfilter/result' },
  safety: { file: 'safety.rego', rule: 'aianalysis/safety/result' },
};

export const aianalysis = async (argv: readonly string[], environment: Environment): Promise<Service> => {
  const flags = readFlags(argv, FLAGS);
  const policies = await followPolicies(flags['config-dir'], POLICIES, environment);
  return {
    port: Number(flags.port),
    state: () => ({
      flags: {
        investigationTimeout: flags['investigation-timeout'],
        maxAttempts: Number(flags['max-attempts']),
      },
      loaded: { policies: policies.digests() },
      problems: policies.problems(),
    }),
    routes: {
      'POST /analyse': async (input) => {
        const [context, safety] = await Promise.all([
          policies.decide('contextFilter', input),
          policies.decide('safety', input),
        ]);
        return { status: 200, body: { context, safety } };
      },
    },
    stop: () => policies.stop(),
  };
};
