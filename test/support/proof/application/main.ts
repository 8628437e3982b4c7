/**
 * A small application with a hot configuration, run inside of containers by tests. It takes a model from
 * `/etc/app/llm.yaml`, refuses providers that it does not know, and says on its output who asks it what.
 * SIGNED: only signed requests. FAILS: it answers 500. PLAIN: it says that it has reloaded, and no more.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';
import { handler, watchFile } from '../../../../src/watcher/index.ts';

const { SIGNED, FAILS, PLAIN, PORT = '8080' } = process.env;
const KNOWN = ['openai', 'anthropic'];
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

watchFile('/etc/app/llm.yaml', {
  validate: (text) => {
    const provider = /^provider: (\S+)/m.exec(text)?.[1] ?? '';
    if (!KNOWN.includes(provider)) throw new Error(`unknown provider ${JSON.stringify(provider)}`);
  },
  apply: (text) => {
    say(`loaded ${text.trim()}`);
  },
});

const reload = handler(SIGNED === undefined ? {} : { signingKey: () => readFileSync('/etc/key/token') });

createServer((request, response) => {
  say(`asked ${request.method ?? ''} ${request.url ?? ''}`);
  if (request.url !== '/-/reload') response.writeHead(404).end();
  else if (FAILS !== undefined) response.writeHead(500).end();
  else if (PLAIN !== undefined) response.writeHead(200).end();
  else reload(request, response);
}).listen(Number(PORT), () => {
  say('listening');
});

process.on('SIGTERM', () => {
  process.exit(0);
});
