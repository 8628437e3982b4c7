/**
 * Runs inside a container: posts to some addresses in turn, at a steady rate, over connections that are kept, and prints
 * what became of every request as one line of JSON. Standard input to
 * `node --input-type=module-typescript - RATE SECONDS URL...`; prints `begun` when the first request is on its way.
 */

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , rate = '', seconds = '', ...urls] = process.argv;
/** As a client has it; and one that stood still for a while doesn't knock with hundreds of connections at once. */
const agent = new Agent({ keepAlive: true, maxSockets: 25 });
/** What is late is made up for as far as this: a machine that stood still must not break the rate afterwards. */
const MADE_UP_MS = 100;
const ANSWER_MS = 60_000;
const outcomes: Record<string, number> = {};

const post = (url: string): Promise<void> =>
  new Promise((resolve) => {
    const count = (outcome: string): void => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      resolve();
    };
    const sent = request(url, { agent, method: 'POST', timeout: ANSWER_MS }, (response) => {
      response.resume();
      response.once('end', () => {
        count(String(response.statusCode));
      });
      response.once('error', (error) => {
        count(error.message);
      });
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', (error) => {
      count(error.message);
    });
    sent.end();
  });

const total = Number(rate) * Number(seconds);
const startedAt = performance.now();
const underWay: Promise<void>[] = [];
let dueAt = startedAt;
for (let i = 0; i < total; i++) {
  if (dueAt > performance.now()) await sleep(dueAt - performance.now());
  underWay.push(post(urls[i % urls.length] ?? ''));
  if (i === 0) console.log('begun');
  dueAt = Math.max(dueAt + 1_000 / Number(rate), performance.now() - MADE_UP_MS);
}
await Promise.all(underWay);
agent.destroy();
console.log(JSON.stringify({ total, outcomes, seconds: (performance.now() - startedAt) / 1_000 }));
