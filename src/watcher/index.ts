/**
 * `reload-operator/watcher`: for applications that follow their configuration files, in Kubernetes or not. Nothing of the
 * operator is loaded with it, and nothing that isn't part of Node.
 */

import { resolve } from 'node:path';
import { checkOptions } from './checked.ts';
import { systemClock } from './clock.ts';
import { textOf, type Files } from './content.ts';
import { parseEnvFile } from './dotenv.ts';
import { createEnvironment } from './environment.ts';
import { createGroup } from './group.ts';
import { createHandler } from './handler.ts';
import { readDirectory, readOneFile } from './read.ts';
import type {
  CommonOptions,
  EnvFileOptions,
  HandlerOptions,
  ParsingOptions,
  RequestHandler,
  WatchGroup,
  WatchOptions,
  Watcher,
} from './types.ts';
import { createWatcher, type Subject } from './watcher.ts';

export type * from './types.ts';
export { createGroup } from './group.ts';
export { parseEnvFile } from './dotenv.ts';

/** All watchers of the process that name no other. */
export const defaultGroup: WatchGroup = createGroup();

/** Watches one file. Without `parse` it is text. Throws RangeError for options that make no sense, as all of these do. */
export function watchFile<T>(path: string, options: ParsingOptions<T>): Watcher<T>;
export function watchFile(path: string, options?: WatchOptions<string>): Watcher<string>;
export function watchFile<T>(path: string, options: WatchOptions<T> = {}): Watcher<T> {
  const absolute = resolve(path);
  // Without a parser T is the text itself: the signatures above say so.
  const parse = options.parse ?? ((text: string) => text as T);
  const subject: Subject<T> = {
    ...{ path: absolute, kind: 'File', read: readOneFile },
    parse: (files) => parse(textOfOnly(files), absolute),
  };
  return open(subject, options);
}

/**
 * Watches the files that stand in a folder, as one configuration: of the kubelet's volumes always one state. Names that
 * begin with two dots are the kubelet's own. Without `parse` it is a map of texts by name.
 */
export function watchDirectory<T>(path: string, options: ParsingOptions<T, ReadonlyMap<string, string>>): Watcher<T>;
export function watchDirectory(
  path: string,
  options?: WatchOptions<ReadonlyMap<string, string>, ReadonlyMap<string, string>>,
): Watcher<ReadonlyMap<string, string>>;
export function watchDirectory<T>(
  path: string,
  options: WatchOptions<T, ReadonlyMap<string, string>> = {},
): Watcher<T> {
  const absolute = resolve(path);
  // Without a parser T is the map itself: the signatures above say so.
  const parse = options.parse ?? ((texts: ReadonlyMap<string, string>) => texts as T);
  const subject: Subject<T> = {
    ...{ path: absolute, kind: 'Directory', read: readDirectory },
    parse: (files) => parse(new Map([...files].map(([name, bytes]) => [name, textOf(bytes)])), absolute),
  };
  return open(subject, options);
}

/**
 * Watches a file of environment variables, and keeps `env` as it says: in one step, before `apply`. A variable that the
 * process had of its own comes back when the file has it no more.
 */
export function watchEnvFile(path: string, options: EnvFileOptions = {}): Watcher<ReadonlyMap<string, string>> {
  const environment = createEnvironment(options.env ?? process.env);
  return open(
    {
      path: resolve(path),
      kind: 'EnvFile',
      read: readOneFile,
      parse: (files) => parseEnvFile(textOfOnly(files)),
      commit: environment.take,
    },
    options,
  );
}

/**
 * Answers `POST` (reload now, then tell) and `GET` (tell) with the digests of what is loaded. Which path it stands at is
 * the server's business; operators ask at `/-/reload`.
 */
export function handler(options: HandlerOptions = {}): RequestHandler {
  return createHandler(options.group ?? defaultGroup, options, systemClock);
}

function open<T>(subject: Subject<T>, options: CommonOptions<T>): Watcher<T> {
  checkOptions(options);
  const { group = defaultGroup, log = toStandardError } = options;
  return createWatcher(subject, options, { clock: systemClock, group, log });
}

const textOfOnly = (files: Files): string => {
  const [bytes] = files.values();
  return bytes === undefined ? '' : textOf(bytes);
};

function toStandardError(line: string): void {
  process.stderr.write(`watcher: ${line}\n`);
}
