/**
 * Runs inside a container of the sample: says when a file has the content wanted, and when the process that serves
 * there has loaded it. Standard input to `node --input-type=module-typescript - FILE SHA256`; prints one word a line.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 5;
const [, , file = '', wanted = ''] = process.argv;

console.log('watching');
while (sha256Of(file) !== wanted) await sleep(LOOK_EVERY_MS);
console.log('file');
while (!(await servedReport()).includes(`"${basename(file)}": "${wanted}"`)) await sleep(LOOK_EVERY_MS);
console.log('loaded');

function sha256Of(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    // The folder is being swapped: the next look finds it whole.
    return '';
  }
}

function servedReport(): Promise<string> {
  return new Promise((resolve, reject) => {
    get('http://127.0.0.1:8080/', (response) => {
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}
