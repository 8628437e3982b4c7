/** Files that are followed: at the start each has to be usable, later what is refused leaves the former in force. */

import { watchFile, type ParsingOptions, type Watcher } from 'reload-operator/watcher';
import { UserError } from './errors.ts';
import { say } from './service.ts';

/** @throws UserError where the first content can't be used: better no process than a wrong one */
export const follow = async <T>(path: string, options: ParsingOptions<T>): Promise<Watcher<T>> => {
  // What the kubelet writes is complete whenever it is seen: there is nothing to wait for.
  const watcher = watchFile<T>(path, { debounceMs: 0, log: say, ...options });
  const { state, error } = await watcher.ready();
  if (state !== 'Loaded') throw new UserError(error ?? `${path} is not there, but it is needed`);
  return watcher;
};

/** What is in force of a file that is followed since {@link follow}. */
export const current = <T>(watcher: Watcher<T>): T => {
  if (watcher.current === undefined) throw new Error(`nothing is loaded of ${watcher.status().path}`);
  return watcher.current;
};
