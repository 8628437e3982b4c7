/** An application that isn't Node's, in real pods: the Go example of the protocol, as its sample runs it. */

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { sha256 } from '../protocol/answer.ts';
import { ensureGoExampleImage } from '../support/go-example.ts';
import { installOperator } from '../support/install.ts';
import { applySample } from '../support/samples.ts';
import { settled } from '../support/sentinel.ts';
import { stagedTests, type Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const NAME = 'protocol';
const PORT = 8080;

const llm = (provider: string): string => `${JSON.stringify({ provider, model: 'any' })}\n`;

describe('an application that speaks the protocol in Go', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: true });
    await installOperator(cluster);
  });
  after(() => cluster.stop());

  stagedTests(NAME, () => cluster)(
    'is known to have loaded what it was given, to have refused what it can not use, and to have taken the correction',
    async (stage) => {
      const app = await applySample(stage, { name: NAME, images: { 'localhost/protocol': ensureGoExampleImage } });
      const incarnations = await app.incarnations();
      assert.equal(incarnations.length, 3);

      await stage.edit({ 'llm.json': llm('openai') }, NAME);
      await untilLoaded(stage, 1);
      assert.deepEqual(await app.ask(PORT, '/'), Array(3).fill(JSON.parse(llm('openai'))));
      assert.deepEqual(await digests(app), Array(3).fill(sha256(llm('openai'))));
      await stage.until('HotReloaded', 'True', { reason: 'Loaded', policy: NAME });

      await stage.edit({ 'llm.json': llm('unheard-of') }, NAME);
      await untilPasses(
        async () => {
          const missing = (await stage.status(NAME)).workloads?.[0]?.delivery?.missing ?? [];
          assert.equal(missing.length, 3, JSON.stringify(missing));
          for (const pod of missing)
            assert.match(pod, /\/etc\/app\/llm\.json is refused: provider must be anthropic, local or openai/);
        },
        { what: 'the status to say which pods refuse it, and why', timeoutMs: 60_000 },
      );
      assert.deepEqual(await app.ask(PORT, '/'), Array(3).fill(JSON.parse(llm('openai'))));

      await stage.edit({ 'llm.json': llm('anthropic') }, NAME);
      await untilLoaded(stage, 2);
      assert.deepEqual(await app.ask(PORT, '/'), Array(3).fill(JSON.parse(llm('anthropic'))));
      await settled(stage);
      assert.deepEqual(await app.incarnations(), incarnations);
    },
  );
});

/** Waits until so many changes are known to be loaded in all pods. */
const untilLoaded = (stage: Stage, changes: number): Promise<void> =>
  untilPasses(
    async () => {
      const history = (await stage.record(NAME)).history ?? [];
      const loaded = history.filter(({ outcome, reason }) => outcome === 'Succeeded' && reason === 'Loaded');
      assert.equal(loaded.length, changes, JSON.stringify(history));
      assert.equal(loaded[0]?.pods, 3);
    },
    { what: `the record to say Loaded, ${changes} times`, timeoutMs: 60_000 },
  );

interface Told {
  readonly files: readonly { readonly sha256?: string }[];
}

const digests = async (app: { ask(port: number, path: string): Promise<readonly unknown[]> }): Promise<unknown[]> =>
  (await app.ask(PORT, '/-/reload')).map((answer) => (answer as Told).files[0]?.sha256);
