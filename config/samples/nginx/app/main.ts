/**
 * Tells nginx of a changed configuration by SIGHUP, and finds out whether nginx has taken it. It runs beside nginx in the
 * same pod, as the same user, with shared processes, and serves what nginx has loaded at /-/reload.
 */

import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { handler, watchDirectory } from 'reload-operator/watcher';
import { findNginx, type Nginx } from './processes.ts';

const [, , folder = '/etc/nginx/reloaded', refusals = '/run/nginx/refusals.log'] = process.argv;
const PORT = 8081;
const LOOK_EVERY_MS = 20;
/** A configuration whose upstreams have names takes as long as their resolution. */
const TAKES_AT_MOST_MS = 8_000;

const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
};

/** @throws with nginx's own words where it has refused what it was told to load */
const reload = async (): Promise<void> => {
  const before = await findNginx();
  if (before === undefined) throw new Error('nginx does not run');
  const written = await sizeOf(refusals);
  process.kill(before.master, 'SIGHUP');
  const deadline = performance.now() + TAKES_AT_MOST_MS;
  while (performance.now() < deadline) {
    await sleep(LOOK_EVERY_MS);
    if (isReplaced(before, await findNginx())) return;
    if ((await sizeOf(refusals)) > written) throw new Error(await refusalAfter(written));
  }
  throw new Error(`nginx has neither taken nor refused it within ${TAKES_AT_MOST_MS} ms`);
};

/** nginx starts new workers when it has taken a configuration, and only then tells the old ones to end. */
const isReplaced = (before: Nginx, now: Nginx | undefined): boolean =>
  now !== undefined &&
  now.master === before.master &&
  now.workers.length > 0 &&
  now.workers.every((pid) => !before.workers.includes(pid));

const sizeOf = async (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** The first line of the log from a place on, without time and process. */
const refusalAfter = async (position: number): Promise<string> => {
  await using file = await open(refusals);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4_096), position });
  const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n');
  return line.replace(/^.*? \[emerg\] [^ ]+ /, '');
};

/** The kubelet's files are complete whenever they are seen: there is nothing to wait for. */
const watcher = watchDirectory(folder, { debounceMs: 0, apply: reload, log: say });

// Another master has read the files by itself, or runs where none did: what could not be told before can be told now.
let master: number | undefined;
setInterval(() => {
  void (async () => {
    const found = (await findNginx())?.master;
    if (found === master) return;
    master = found;
    if (found !== undefined) await watcher.force();
  })();
}, 1_000);

watcher.onChange((_next, _previous, changedKeys) => {
  say(`nginx serves by ${changedKeys.join(', ')}`);
});

const answer = handler();
createServer((request, response) => {
  if (request.url === '/-/reload') answer(request, response);
  else if (request.url === '/healthz') response.end('ok\n');
  else response.writeHead(404).end();
}).listen(PORT);

// The first process of a container has no default handler, and without one every stop would take the whole grace.
process.once('SIGTERM', () => {
  process.exit(0);
});
