/**
 * Every step of a restart with managed delivery, and of a rollback, interfered with: the process dies right before or right
 * after it, the API server refuses it, or does it and never says so. What had begun is completed with what it began with;
 * there is one rollout for one change; the live object and the record are right in the end.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { digestContent } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { ANSWERS } from '../support/crashes/answers.ts';
import { RESTART_STEPS, ROLLBACK_STEPS } from '../support/crashes/managed-steps.ts';
import { createInterferingProxy, type InterferingProxy } from '../support/interfering-proxy.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { grantManaged, installManagedRole } from '../support/managed-rights.ts';
import { untilPasses } from '../support/wait.ts';

type Data = Readonly<Record<string, string>>;

const DATA: Data = { flag: 'a', hot: 'a' };
/** On the 29th of February. */
const SHUT = [{ name: 'shut', cron: '0 0 29 2 *', duration: '1m' }];

/** Lanes in which an operator is killed again and again, side by side. */
const LANES = 3;

const restartOf = (onFailure: 'Report' | 'Rollback'): NonNullable<ReloadPolicySpecInput['restart']> => ({
  debounce: '100ms',
  onFailure,
  ...(onFailure === 'Rollback' && { progressTimeout: '1s' }),
});

/** A workload that mounts a live object, adopted. Its rollouts can't get on where it has replicas, since there is no node. */
const prepare = async (stage: Stage, scene: string, onFailure: 'Report' | 'Rollback'): Promise<void> => {
  await stage.configMap(DATA, scene);
  const replicas = onFailure === 'Rollback' ? 1 : 0;
  await stage.create({ name: scene, configMap: `${scene}-live`, replicas, flags: ['flag'] });
  await stage.policy(
    {
      sources: [{ kind: 'ConfigMap', name: scene }],
      rules: [{ keys: ['hot'], class: 'Hot' }],
      restart: restartOf(onFailure),
      delivery: {
        mode: 'Managed',
        objects: [
          {
            name: `${scene}-live`,
            source: { kind: 'ConfigMap', name: scene },
            workloads: [{ kind: 'Deployment', name: scene }],
          },
        ],
      },
    },
    scene,
  );
  await stage.adopted(scene);
  await snapshotsAre(stage, scene, [1]);
  if (onFailure === 'Report') return;
  // That a rollback leaves hot keys alone is seen only where one has moved before.
  await stage.edit({ hot: 'b' }, scene);
  await inTheEnd(`the hot key of ${scene}`, () => assertLive(stage, scene, { flag: 'a', hot: 'b' }, 1));
};

const provoke = (stage: Stage, scene: string): Promise<void> => stage.edit({ flag: 'b', hot: 'b' }, scene);

const inTheEnd = (what: string, check: () => Promise<void>): Promise<void> =>
  untilPasses(check, { what, timeoutMs: 60_000, intervalMs: 200 });

interface Rendered {
  readonly metadata: { readonly name: string; readonly annotations?: Data };
  readonly data: Data;
}

const assertLive = async (stage: Stage, scene: string, data: Data, snapshot: number): Promise<void> => {
  const live = await stage.get<Rendered>(stage.path('/api/v1', 'configmaps', `${scene}-live`));
  assert.deepEqual(live.data, data);
  assert.equal(live.metadata.annotations?.['reload-operator.dev/snapshot'], String(snapshot));
};

const snapshotsAre = (stage: Stage, scene: string, numbers: readonly number[]): Promise<void> =>
  inTheEnd(`the snapshots of ${scene}`, async () => {
    const kept = await stage.list<Rendered>(stage.path('/api/v1', 'configmaps'), {
      labelSelector: 'reload-operator.dev/role=snapshot',
    });
    const names = kept.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${scene}-live-`));
    assert.deepEqual(names.sort(), numbers.map((number) => `${scene}-live-${number}`).sort());
  });

/** So many restarts, and no more; recorded. */
const assertRestarted = async (stage: Stage, scene: string, n: number, flag: string): Promise<void> => {
  assert.match((await stage.restartAnnotation(scene)) ?? '', new RegExp(`^v1\\.${n}\\.`));
  assert.equal((await stage.workload(scene)).metadata.generation, 1 + n);
  const { restart, restartTimes = [], history = [], sources, intent, failed } = await stage.record(scene);
  assert.deepEqual([restart?.n, restart?.phase, restartTimes.length], [n, 'Succeeded', n]);
  assert.equal(history.filter(({ action }) => action === 'Restart').length, n);
  assert.equal(sources[0]?.keys['flag'], digestContent(flag));
  assert.deepEqual([intent, failed], [undefined, undefined]);
};

const restartedOnce = (stage: Stage, scene: string): Promise<void> =>
  inTheEnd(`${scene} to be restarted`, async () => {
    await assertLive(stage, scene, { flag: 'b', hot: 'b' }, 2);
    await assertRestarted(stage, scene, 1, 'b');
    assert.equal((await stage.condition('Ready', scene))?.reason, 'UpToDate');
  });

/** One restart, and one step back. */
const rolledBackOnce = (stage: Stage, scene: string): Promise<void> =>
  inTheEnd(`${scene} to be rolled back`, async () => {
    await assertLive(stage, scene, { flag: 'a', hot: 'b' }, 1);
    assert.equal(await stage.restartAnnotation(scene), undefined);
    assert.equal((await stage.workload(scene)).metadata.generation, 3);
    const { restart, failed, sources, intent } = await stage.record(scene);
    assert.deepEqual([restart?.n, failed?.n, failed?.undo?.mode, intent], [1, 1, 'Rollback', undefined]);
    assert.notEqual(failed?.undo?.phase, 'Intended');
    assert.equal(sources[0]?.keys['flag'], digestContent('a'));
    const rolledOut = await stage.condition('RolledOut', scene);
    assert.deepEqual([rolledOut?.status, rolledOut?.reason], ['False', 'RolledBack']);
  });

const shut = (stage: Stage, scene: string, windows: typeof SHUT | null): Promise<unknown> =>
  stage.patch(stage.policyPath(scene), { spec: { restart: { windows } } });

describe('every step of managed delivery', { concurrency: true }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    await installManagedRole(cluster);
  });
  after(() => cluster.stop());

  const open = async (): Promise<Stage> => {
    const stage = await Stage.open(cluster, 'managed-step');
    await grantManaged(stage);
    return stage;
  };

  describe('that the API server refuses, or does without saying so,', { concurrency: 5 }, () => {
    let stage: Stage;
    let proxy: InterferingProxy;
    let operator: RunningOperator;
    before(async () => {
      stage = await open();
      proxy = await createInterferingProxy(cluster);
      operator = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
    });
    after(async () => {
      await operator.kill();
      await proxy.stop();
      await stage.end();
    });

    for (const [what, steps, onFailure, check] of [
      ['restart', RESTART_STEPS, 'Report', restartedOnce],
      ['rollback', ROLLBACK_STEPS, 'Rollback', rolledBackOnce],
    ] as const) {
      // Records and templates are written without managed delivery as well: that is tested there.
      for (const step of steps.filter(({ name }) => name === 'snapshot' || name === 'live')) {
        for (const [name, interference] of ANSWERS) {
          it(`${step.name} of a ${what}: ${name}`, async () => {
            const scene = `${what}-${step.name}-${name}`;
            await prepare(stage, scene, onFailure);
            const trap = proxy.trap((request) => step.matches(request, scene), interference);
            await provoke(stage, scene);
            await trap.caught;
            await check(stage, scene);
          });
        }
      }
    }
  });

  const scenes: readonly {
    readonly name: string;
    readonly run: (scene: string, stage: Stage, dying: Dying) => Promise<void>;
  }[] = (['Before', 'After'] as const).flatMap((type) => [
    ...RESTART_STEPS.map((step) => ({
      name: `restart-${step.name}-${type.toLowerCase()}`,
      run: async (scene: string, stage: Stage, dying: Dying): Promise<void> => {
        await prepare(stage, scene, 'Report');
        await dying(
          (request) => step.matches(request, scene),
          type,
          () => provoke(stage, scene),
        );
        await restartedOnce(stage, scene);
        await snapshotsAre(stage, scene, [1, 2]);
      },
    })),
    ...RESTART_STEPS.map((step) => ({
      name: `changed-${step.name}-${type.toLowerCase()}`,
      run: async (scene: string, stage: Stage, dying: Dying): Promise<void> => {
        await prepare(stage, scene, 'Report');
        await dying(
          (request) => step.matches(request, scene),
          type,
          () => provoke(stage, scene),
          async () => {
            await shut(stage, scene, SHUT);
            await stage.edit({ flag: 'c', hot: 'c' }, scene);
          },
        );
        const begun = step.begunBefore || (step.name === 'intent' && type === 'After');
        await inTheEnd(`${scene} to wait for its window`, async () => {
          await assertLive(stage, scene, { flag: begun ? 'b' : 'a', hot: 'c' }, begun ? 2 : 1);
          assert.equal((await stage.record(scene)).held?.reason, 'OutsideWindow');
          assert.equal((await stage.workload(scene)).metadata.generation, begun ? 2 : 1);
        });
        // What never began leaves nothing behind.
        await snapshotsAre(stage, scene, begun ? [1, 2] : [1]);
        await shut(stage, scene, null);
        await inTheEnd(`${scene} to be restarted with the newer change`, async () => {
          await assertLive(stage, scene, { flag: 'c', hot: 'c' }, begun ? 3 : 2);
          await assertRestarted(stage, scene, begun ? 2 : 1, 'c');
        });
      },
    })),
    ...ROLLBACK_STEPS.map((step) => ({
      name: `rollback-${step.name}-${type.toLowerCase()}`,
      run: async (scene: string, stage: Stage, dying: Dying): Promise<void> => {
        await prepare(stage, scene, 'Rollback');
        await dying(
          (request) => step.matches(request, scene),
          type,
          () => provoke(stage, scene),
          () => shut(stage, scene, SHUT),
        );
        await rolledBackOnce(stage, scene);
      },
    })),
  ]);

  for (let lane = 0; lane < LANES; lane++) {
    describe(`of a process that dies (lane ${lane + 1})`, { concurrency: 1 }, () => {
      let stage: Stage;
      let proxy: InterferingProxy;
      let operator: RunningOperator;
      const start = async (): Promise<void> => {
        operator = await startOperator({ cluster, namespaces: [stage.namespace], through: proxy.url });
      };
      before(async () => {
        stage = await open();
        proxy = await createInterferingProxy(cluster);
        await start();
      });
      after(async () => {
        await operator.kill();
        await proxy.stop();
        await stage.end();
      });

      const dying: Dying = async (matches, type, before, meanwhile) => {
        const victim = operator;
        const trap = proxy.trap(matches, { type }, () => victim.kill());
        await before();
        await trap.caught;
        assert.equal(victim.running(), false);
        await meanwhile?.();
        await start();
      };

      for (const { name, run } of scenes.filter((_, index) => index % LANES === lane))
        it(name, () => run(name, stage, dying));
    });
  }
});

/**
 * Kills the operator at a request, and starts it again.
 * @param before brings the request about
 * @param meanwhile while there is no operator
 */
type Dying = (
  matches: Parameters<InterferingProxy['trap']>[0],
  type: 'Before' | 'After',
  before: () => Promise<unknown>,
  meanwhile?: () => Promise<unknown>,
) => Promise<void>;
