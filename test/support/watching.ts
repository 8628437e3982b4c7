/**
 * A process with one watcher, for what can't be done to the test's own: `node watching.ts FILE|FOLDER OPTIONS`.
 * OPTIONS is JSON: `uid` to become, `limit` of inotify to begin with, and `pollMs`. Says what happens, one JSON line each;
 * on its standard input a number sets the limit anew, and anything else closes the watcher.
 */

import { statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { watchDirectory, watchFile } from '../../src/watcher/index.ts';

export interface WatchingOptions {
  readonly uid?: number;
  /** One that a user namespace has of its own. */
  readonly limit?: { readonly name: 'max_inotify_watches' | 'max_inotify_instances'; readonly value: number };
  readonly pollMs?: number;
}

/** What is said. */
export interface Said {
  readonly line?: string;
  readonly value?: string;
  readonly mode: string;
  readonly state: string;
}

const [path = '', json = '{}'] = process.argv.slice(2);
const { uid, limit, pollMs } = JSON.parse(json) as WatchingOptions;

const setLimit = (value: number): void => {
  if (limit !== undefined) writeFileSync(`/proc/sys/user/${limit.name}`, String(value));
};
if (limit !== undefined) setLimit(limit.value);
if (uid !== undefined) {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}

const say = (what: { readonly line?: string; readonly value?: string }): void => {
  // What changes with it, such as the mode, has changed when this is over.
  setImmediate(() => {
    const { mode, state } = watcher.status();
    process.stdout.write(`${JSON.stringify({ ...what, mode, state } satisfies Said)}\n`);
  });
};
const options = {
  debounceMs: 0,
  ...(pollMs !== undefined && { pollMs }),
  log: (line: string) => {
    say({ line });
  },
};
const watcher = statSync(path, { throwIfNoEntry: false })?.isDirectory()
  ? watchDirectory(path, { ...options, parse: (texts) => JSON.stringify([...texts]) })
  : watchFile(path, options);
watcher.onChange((value) => {
  say({ value });
});

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
  if (/^[0-9]+$/.test(line)) setLimit(Number(line));
  else {
    commands.close();
    process.stdin.destroy();
    void watcher.close();
  }
});
