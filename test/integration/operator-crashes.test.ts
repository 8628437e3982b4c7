/**
 * Every effect of the operator, interfered with in every way: the process dies right before or right after it, the API
 * server refuses it in each of its ways, or does it and never says so. In the end the world is the same each time: one
 * rollout for one change, nothing lost, nothing stuck.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { digestContent } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { ANSWERS, RETRY_AFTER_SECONDS } from '../support/crashes/answers.ts';
import { EFFECTS, type Effect } from '../support/crashes/effects.ts';
import { createInterferingProxy, type InterferingProxy } from '../support/interfering-proxy.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

/** How many of an effect two processes see at once. */
const AT_ONCE: Readonly<Record<string, number>> = { patch: 30, undo: 3, 'record-made': 3 };

/** Lanes in which an operator is killed again and again, side by side. */
const LANES = 2;

const inTheEnd = (effect: Effect, stage: Stage, scene: string): Promise<void> =>
  untilPasses(() => effect.done(stage, scene), {
    what: `${scene} to be through`,
    timeoutMs: 60_000,
    intervalMs: 200,
  });

describe('every effect', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
  });
  after(() => cluster.stop());

  describe('that the API server refuses, or does without saying so,', { concurrency: true }, () => {
    let stage: Stage;
    let proxy: InterferingProxy;
    let operator: RunningOperator;
    before(async () => {
      stage = await Stage.open(cluster, 'refused');
      proxy = await createInterferingProxy(cluster);
      operator = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
    });
    after(async () => {
      await operator.kill();
      await proxy.stop();
      await stage.end();
    });

    for (const effect of EFFECTS) {
      for (const [name, interference] of ANSWERS) {
        it(`${effect.name}: ${name}`, async () => {
          const scene = `${effect.name}-${name}`;
          await effect.prepare(stage, scene);
          const trap = proxy.trap((request) => effect.matches(request, scene), interference);
          await effect.provoke(stage, scene);
          await trap.caught;
          await inTheEnd(effect, stage, scene);
          // Events only tell: one that is refused is not written again.
          if (name !== '429' || effect.name === 'event') return;
          const [refused, again] = trap.seen;
          assert.ok(refused !== undefined && again !== undefined, 'it was not tried again');
          assert.ok(
            again.at - refused.at >= RETRY_AFTER_SECONDS * 1_000,
            `tried again after ${again.at - refused.at} ms`,
          );
        });
      }
    }
  });

  describe('of two processes at once', { concurrency: 10 }, () => {
    let stage: Stage;
    let operators: readonly RunningOperator[];
    before(async () => {
      stage = await Stage.open(cluster, 'twice');
      const options = { cluster, namespaces: [stage.namespace] };
      operators = await Promise.all([startOperator(options), startOperator(options)]);
    });
    after(async () => {
      await Promise.all(operators.map((operator) => operator.kill()));
      await stage.end();
    });

    // One of them is ahead of the other now and then: many at once find that out.
    const scenes = EFFECTS.flatMap((effect) =>
      Array.from({ length: AT_ONCE[effect.name] ?? 0 }, (_, n) => [effect, `${effect.name}-${n}`] as const),
    );
    for (const [effect, scene] of scenes) {
      it(`${scene} is there once`, async () => {
        await effect.prepare(stage, scene);
        await effect.provoke(stage, scene);
        await inTheEnd(effect, stage, scene);
      });
    }

    it('ten changes are ten restarts', async () => {
      const scene = 'many';
      await EFFECTS[0]?.prepare(stage, scene);
      for (let n = 1; n <= 10; n++) {
        await stage.edit({ flag: String(n) }, scene);
        await untilPasses(
          async () => {
            const { restart, sources } = await stage.record(scene);
            assert.deepEqual([restart?.n, restart?.phase], [n, 'Succeeded']);
            assert.equal(sources[0]?.keys['flag'], digestContent(String(n)));
          },
          { what: `restart ${n}` },
        );
      }
      assert.equal((await stage.workload(scene)).metadata.generation, 11);
      assert.match((await stage.restartAnnotation(scene)) ?? '', /^v1\.10\./);
      assert.deepEqual(
        operators.map((operator) => operator.running()),
        [true, true],
      );
    });
  });

  for (let lane = 0; lane < LANES; lane++) {
    describe(`of a process that dies (lane ${lane + 1})`, () => {
      let stage: Stage;
      let proxy: InterferingProxy;
      let operator: RunningOperator;
      const start = async (): Promise<void> => {
        operator = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
      };
      before(async () => {
        stage = await Stage.open(cluster, 'dying');
        proxy = await createInterferingProxy(cluster);
        await start();
      });
      after(async () => {
        await operator.kill();
        await proxy.stop();
        await stage.end();
      });

      for (const [index, effect] of EFFECTS.entries()) {
        if (index % LANES !== lane) continue;
        for (const type of ['Before', 'After'] as const) {
          it(`right ${type.toLowerCase()} ${effect.name}`, async () => {
            const scene = `${effect.name}-${type.toLowerCase()}`;
            await effect.prepare(stage, scene);
            const dying = operator;
            const trap = proxy.trap(
              (request) => effect.matches(request, scene),
              { type },
              () => dying.kill(),
            );
            await effect.provoke(stage, scene);
            await trap.caught;
            assert.equal(dying.running(), false);
            await start();
            await inTheEnd(effect, stage, scene);
          });
        }
      }
    });
  }
});
