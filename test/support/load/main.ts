/**
 * Runs inside a container: posts to some addresses in turn, at a steady rate, over connections that are kept, and prints
 * what became of every request as one line of JSON. Standard input to
 * `node --input-type=module-typescript - RATE SECONDS URL...`; prints `begun` when the first request is on its way.
 */

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , rate = '', seconds = '', ...urls] = process.argv;
const agent = new Agent({ keepAlive: true });
const outcomes: Record<string, number> = {};

const post = (url: string): Promise<void> =>
  new Promise((resolve) => {
    const count = (outcome: string): void => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      resolve();
    };
    const sent = request(url, { agent, method: 'POST', timeout: 10_000 }, (response) => {
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
for (let i = 0; i < total; i++) {
  // By the clock: what was late is made up for, so that the rate holds on a slow machine, too.
  const dueAt = startedAt + (i * 1_000) / Number(rate);
  if (dueAt > performance.now()) await sleep(dueAt - performance.now());
  underWay.push(post(urls[i % urls.length] ?? ''));
  if (i === 0) console.log('begun');
}
await Promise.all(underWay);
agent.destroy();
console.log(JSON.stringify({ total, outcomes, seconds: (performance.now() - startedAt) / 1_000 }));
