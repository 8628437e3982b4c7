/** An application that speaks the protocol, or almost: FLAW FILE PORT SIGNING_KEY_FILE. It takes what begins with `good`. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { isSigned } from '../../../src/watcher/signature.ts';
import { sha256, type Told } from '../../protocol/answer.ts';

const [flaw = '', file = '', port = '', keyFile] = process.argv.slice(2);

let loaded: Told = { path: file };
let refusal: string | undefined;

const reload = (): void => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    refusal = 'is gone';
    return;
  }
  refusal = text.startsWith('good') ? undefined : flaw === 'quotes content' ? `is bad: ${text}` : 'is not good';
  if (refusal === undefined || flaw === 'tells the digest of what it refused')
    loaded = { path: file, sha256: sha256(text), loadedAt: new Date().toISOString() };
  if (flaw === 'writes digests in upper case') loaded = { ...loaded, sha256: (loaded.sha256 ?? '').toUpperCase() };
  if (flaw === 'forgets the earlier digest' && refusal !== undefined) loaded = { path: file };
  if (flaw === 'never forgets a refusal') refusal ??= 'was not good';
};

reload();
createServer((request, response) => {
  const { method = '', url = '' } = request;
  if (method !== 'GET' && method !== 'POST' && flaw !== 'answers any method') {
    response.writeHead(405).end();
    return;
  }
  const header = request.headers['reload-signature'];
  const signed = { header: String(header), method, path: url, nowMs: Date.now() };
  if (keyFile !== undefined && flaw !== 'asks for no signature' && !isSigned(readFileSync(keyFile), signed)) {
    response.writeHead(401).end();
    return;
  }
  if (method === 'POST' && flaw === 'answers before it has reloaded') setImmediate(reload);
  else if (method === 'POST') reload();
  const { path } = loaded;
  const entry = {
    ...loaded,
    path: flaw === 'names the file without its folder' ? (path.split('/').at(-1) ?? '') : path,
    ...(refusal !== undefined && flaw !== 'tells no reason' && { error: refusal }),
    ...(flaw === 'has a field of its own' && { version: 2 }),
  };
  response.writeHead(refusal === undefined || flaw === 'answers 200 to everything' ? 200 : 422, {
    'content-type': flaw === 'sends text' ? 'text/plain' : 'application/json',
  });
  response.end(JSON.stringify({ reload: 'v1', files: [entry] }));
}).listen(Number(port), '127.0.0.1');
