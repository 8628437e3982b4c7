/** Documents as large as they may be, and such as are made to hurt, through the real operator. There is no node. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { hostile } from '../documents/hostile.ts';
import { coldEdit, hotEdit, LARGE_RULES, largeSource } from '../documents/large.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { sampleSum } from '../support/prometheus.ts';
import { aSentinel } from '../support/sentinel.ts';
import { Stage } from '../support/stage.ts';
import { eventually } from '../support/wait.ts';

/** On a machine that is busy with other things, the fastest of many says what the operator needs. */
const ROUNDS = { least: 5, most: 40 };
const CLASSIFIED_MS = 400;
const BLOCKED_MS = 20;
/** The event loop's lag is sampled by a timer of so many milliseconds, which the samples contain. */
const RESOLUTION_MS = 10;
/** A worker's heap of 128 MiB, what else it needs, and content on its way to it. */
const MOST_MEMORY = 200 * 2 ** 20;
/** Those of the image, whose percentage is one of 512 MiB. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=153', '--disallow-code-generation-from-strings'];
/** The rest of the 1 MiB is the key. */
const MOST_BYTES = 2 ** 20 - 64;

describe('documents', () => {
  let cluster: Cluster;
  let stage: Stage;
  let operator: RunningOperator;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'documents');
    operator = await startOperator({ cluster, namespaces: [stage.namespace], nodeFlags: NODE_FLAGS });
  });
  after(async () => {
    await operator.stop();
    await stage.end();
    await cluster.stop();
  });

  it('of 1 MiB together are looked into at once, without holding up anything else', async (test) => {
    await stage.configMap(largeSource, 'large');
    await stage.create({ name: 'large', configMap: 'large', replicas: 0 });
    const sources = [{ kind: 'ConfigMap' as const, name: 'large' }];
    await stage.policy({ sources, rules: LARGE_RULES, restart: { debounce: '0ms' } }, 'large');
    await stage.adopted('large');
    await stage.until('Ready', 'True', { policy: 'large', reason: 'UpToDate' });
    await stage.edit(hotEdit(100), 'large');
    await untilTold(stage, 'Hot', 1);

    const rounds: Took[] = [];
    const fastest = (of: keyof Took): number => Math.min(...rounds.map((each) => each[of]));
    const isQuick = (): boolean => fastest('actedMs') <= CLASSIFIED_MS && fastest('blockedMs') <= BLOCKED_MS;
    for (let round = 1; round <= ROUNDS.least || (round <= ROUNDS.most && !isQuick()); round++) {
      const before = await operator.metrics();
      await stage.edit(hotEdit(round), 'large');
      const [place] = await untilTold(stage, 'Hot', round + 1, `part-${round % 10}.yaml`);
      assert.equal(place, `ConfigMap/large:part-${round % 10}.yaml#/logging/sampled`);
      rounds.push(tookBetween(before, await operator.metrics()));
    }
    const [acted, looked, blocked] = [fastest('actedMs'), fastest('lookedMs'), fastest('blockedMs')];
    test.diagnostic(
      `seen to acted on ${acted.toFixed(0)} ms, of which read and classified ${looked.toFixed(0)} ms; ` +
        `event loop held for ${blocked.toFixed(1)} ms; all rounds: ${JSON.stringify(rounds)}`,
    );
    assert.ok(acted <= CLASSIFIED_MS && looked <= CLASSIFIED_MS, `${acted} ms, ${looked} ms`);
    assert.ok(blocked <= BLOCKED_MS, `${blocked} ms`);

    await stage.edit(coldEdit(rounds.length), 'large');
    await eventually(async () => (await stage.restartAnnotation('large'))?.startsWith('v1.1.'), {
      what: 'the restart',
    });
    assert.deepEqual(await untilTold(stage, 'Restart', 1), [
      `ConfigMap/large:part-${rounds.length % 10}.yaml#/services/59/timeout`,
    ]);
  });

  it('that are made to hurt are refused in words, in bounded memory, while others are served', async (test) => {
    const bad = hostile.filter(({ format, refused }) => format === 'YAML' && refused !== undefined);
    assert.ok(bad.length > 10);
    const sentinel = await aSentinel(stage);
    const before = memoryOf(operator.pid);
    const names = bad.map((_, index) => `hostile-${index}`);
    await Promise.all(
      bad.map(async ({ text }, index) => {
        const name = names[index] ?? '';
        await stage.configMap({ 'app.yaml': text.slice(0, MOST_BYTES) }, name);
        await stage.create({ name, configMap: name, replicas: 0 });
        const sources = [{ kind: 'ConfigMap' as const, name }];
        await stage.policy({ sources, rules: LARGE_RULES.map((rule) => ({ ...rule, keys: ['app.yaml'] })) }, name);
      }),
    );
    for (let pass = 0; pass < 3; pass++) {
      await sentinel.pass();
      assert.equal(await operator.livez(), true);
    }
    for (const [index, { what, refused = /./ }] of bad.entries()) {
      const name = names[index] ?? '';
      const message = await stage.until('SourcesValid', 'False', { policy: name, reason: 'DocumentUnreadable' });
      test.diagnostic(`${what}: ${message}`);
      assert.match(message, new RegExp(`${refused.source}|needs too much memory to look into`), what);
      await stage.adopted(name);
    }
    const more = memoryOf(operator.pid).highest - before.resident;
    test.diagnostic(`memory grew by at most ${(more / 2 ** 20).toFixed(0)} MiB`);
    assert.ok(more < MOST_MEMORY, `${more} bytes`);
    assert.equal(await operator.readyz(), true);
  });
});

/** Waits until so many actions of a kind have been recorded of `large`. @returns the places of the latest */
const untilTold = async (stage: Stage, action: string, count: number, key = ''): Promise<readonly string[]> =>
  eventually(
    async () => {
      const { history = [] } = await stage.record('large');
      const told = history.filter((each) => each.action === action);
      // A record keeps the latest five.
      const [latest] = told;
      return told.length >= Math.min(count, 5) && latest?.keys.some((each) => each.includes(key)) === true
        ? latest.keys
        : undefined;
    },
    { what: `${action} ${count}`, intervalMs: 20, timeoutMs: 60_000 },
  );

interface Took {
  /** From the watch's event to the nudge. */
  readonly actedMs: number;
  /** In line, read, digested and looked into. */
  readonly lookedMs: number;
  /** How late a timer was at most. */
  readonly blockedMs: number;
}

/** What the operator says of one change between two scrapes. */
const tookBetween = (before: string, after: string): Took => {
  const more = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    sampleSum(after, name, labels) - sampleSum(before, name, labels);
  assert.equal(more('reload_hot_seconds_count'), 1);
  const sources = { name: 'sources' };
  return {
    actedMs: more('reload_hot_seconds_sum') * 1_000,
    lookedMs:
      (more('workqueue_queue_duration_seconds_sum', sources) + more('workqueue_work_duration_seconds_sum', sources)) *
      1_000,
    // Of the time since the last scrape.
    blockedMs: sampleSum(after, 'nodejs_eventloop_lag_max_seconds') * 1_000 - RESOLUTION_MS,
  };
};

/** Bytes, from proc_pid_status(5). */
const memoryOf = (pid: number): { readonly resident: number; readonly highest: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { resident: field('VmRSS'), highest: field('VmHWM') };
};
