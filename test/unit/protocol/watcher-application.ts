/** The same application as the examples in other languages, by the watcher: FILE PORT [SIGNING_KEY_FILE]. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { handler, watchFile } from '../../../src/watcher/index.ts';

const [file = '', port = '', keyFile] = process.argv.slice(2);

const parse = (text: string): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse quotes what it can't read.
    throw new Error('is not JSON');
  }
  if (typeof value !== 'object' || value === null || !('provider' in value)) throw new Error('provider is missing');
  if (!['anthropic', 'local', 'openai'].includes(String(value.provider)))
    throw new Error('provider must be anthropic, local or openai');
  return value;
};

const llm = watchFile(file, { parse, debounceMs: 0 });
const reload = handler(keyFile === undefined ? {} : { signingKey: () => readFileSync(keyFile) });
await llm.ready();
createServer((request, response) => {
  if (request.url === '/-/reload') reload(request, response);
  else response.end(JSON.stringify(llm.current));
}).listen(Number(port));
