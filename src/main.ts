/** The process: environment, arguments and signals in, exit code out. Nothing else touches `process`. */

import { loadKubeConfig } from './kube/kubeconfig.ts';
import { ReloadOperator } from './operator.ts';
import { systemClock } from './runtime/clock.ts';
import { toError } from './runtime/errors.ts';
import { loadSettings } from './settings/load.ts';
import type { Settings } from './settings/schema.ts';
import { createLogger } from './telemetry/log.ts';
import { VERSION } from './version.ts';

const loaded = loadSettings({ argv: process.argv.slice(2), env: process.env, version: VERSION });

if (!loaded.ok) fail(loaded.message);
else if ('text' in loaded) process.stdout.write(`${loaded.text}\n`);
else await run(loaded.settings);

async function run(settings: Settings): Promise<void> {
  const log = createLogger({ level: settings.logLevel, clock: systemClock });
  try {
    const kubeConfig = loadKubeConfig({
      kubeconfig: settings.kubeconfig,
      context: settings.context,
      home: process.env.HOME,
    });
    const operator = new ReloadOperator({
      kubeConfig,
      settings,
      version: VERSION,
      clock: systemClock,
      random: Math.random,
      log,
      onFatal: (error) => {
        void end(operator, `fatal: ${error.message}`, 1);
      },
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        void end(operator, signal, 0);
      });
    }
    await operator.start();
  } catch (error) {
    fail(toError(error).message);
  }
}

/** Ends the process at once: a wrong setting is put right by a person, not by trying again. */
function fail(sentence: string): never {
  process.stderr.write(`reload-operator: ${sentence}\n`);
  process.exit(1);
}

async function end(operator: ReloadOperator, reason: string, code: number): Promise<void> {
  await operator.close(reason);
  process.exit(code);
}
