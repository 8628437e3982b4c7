/**
 * Hot reload starts here, before anything else of a process: a module that imports this one is evaluated when all
 * settings stand in process.env, also what it computes from them at import.
 */

import { watchEnvFile } from 'reload-operator/watcher';
import { validateSettings } from './settings.ts';

const path = process.env['KLOROS_ENV_FILE'] ?? '/etc/kloros/.kloros_env';

/** The env file: what is in force stands in process.env. */
export const settings = watchEnvFile(path, { validate: validateSettings });

const { state, error = `${path}: it is not there` } = await settings.ready();
if (state !== 'Loaded') {
  // Better no process than one without its settings; its successor finds the file corrected.
  process.stderr.write(`kloros: ${error}\n`);
  process.exit(2);
}
