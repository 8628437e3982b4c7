/** `node main.ts SERVICE [FLAG...]`: five services in one image, so that a sample has one thing to build. */

import { aianalysis } from './aianalysis.ts';
import { UserError } from './errors.ts';
import { gateway } from './gateway.ts';
import { holmesgptApi } from './holmesgpt-api.ts';
import { serve, type Environment, type Service } from './service.ts';
import { signalprocessing } from './signalprocessing.ts';
import { workflowexecution } from './workflowexecution.ts';

const SERVICES: Readonly<Record<string, (argv: readonly string[], environment: Environment) => Promise<Service>>> = {
  signalprocessing,
  aianalysis,
  'holmesgpt-api': holmesgptApi,
  gateway,
  workflowexecution,
};

const [name = '', ...argv] = process.argv.slice(2);

const fail = (why: string, code: number): never => {
  process.stderr.write(`${name === '' ? 'kubernaut' : name}: ${why}\n`);
  process.exit(code);
};

try {
  const start = SERVICES[name];
  if (start === undefined) throw new UserError(`no such service: there are ${Object.keys(SERVICES).join(', ')}`);
  serve(await start(argv, { opa: process.env['OPA'] ?? 'opa', onEnd: (why) => fail(why, 1) }));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  fail(error.message, 2);
}
