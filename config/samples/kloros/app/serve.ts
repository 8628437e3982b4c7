/** What every process serves: its readiness, its settings, the watcher's own view, and what it adds to these. */

import { createServer } from 'node:http';
import { handler } from 'reload-operator/watcher';

/** The settings in force. None is secret, or they would not stand in a ConfigMap. */
const settingsInForce = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => name.startsWith('KLR_'))
      .sort(),
  );

/** @param routes what to answer with, as JSON, by path */
export const serve = (routes: Readonly<Record<string, () => unknown>>): void => {
  const reload = handler();
  const all: Readonly<Record<string, () => unknown>> = {
    '/healthz': () => 'ok',
    '/settings': settingsInForce,
    ...routes,
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (path === '/-/reload') {
      reload(request, response);
      return;
    }
    const answer = Object.hasOwn(all, path) ? all[path] : undefined;
    if (answer === undefined) response.writeHead(404).end(`there are ${Object.keys(all).join(', ')}, /-/reload\n`);
    else response.setHeader('content-type', 'application/json').end(`${JSON.stringify(answer())}\n`);
  });
  server.listen(Number(process.env['PORT'] ?? 8080));
  // The first process of a container gets no default handler: without this one every stop would take the whole grace.
  process.once('SIGTERM', () => {
    process.exit(0);
  });
};
