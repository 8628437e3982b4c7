/**
 * Keeps workflows on one target apart by a cooldown, and says in which namespace they are executed. Both are flags, as
 * those of a controller: they hold until the process ends. It executes nothing: it remembers when it would have.
 */

import { DURATION, milliseconds, NAMESPACE, PORT, readFlags } from './flags.ts';
import { fieldsOf, words } from './json.ts';
import type { Service } from './service.ts';

const FLAGS = { 'cooldown-period': DURATION, 'execution-namespace': NAMESPACE, port: PORT };

export const workflowexecution = (argv: readonly string[]): Promise<Service> => {
  const flags = readFlags(argv, FLAGS);
  const cooldownMs = milliseconds(flags['cooldown-period']);
  const namespace = flags['execution-namespace'];
  const lastAt = new Map<string, number>();
  return Promise.resolve({
    port: Number(flags.port),
    state: () => ({ flags: { cooldownPeriod: flags['cooldown-period'], executionNamespace: namespace } }),
    routes: {
      'POST /executions': (body) => {
        const target = words(fieldsOf(body, 'the body')['target'], 'target');
        const now = performance.now();
        const waitMs = Math.ceil((lastAt.get(target) ?? -Infinity) + cooldownMs - now);
        if (waitMs > 0) return { status: 409, body: { error: `${target} cools down`, waitMs } };
        lastAt.set(target, now);
        return { status: 201, body: { namespace, target } };
      },
    },
  });
};
