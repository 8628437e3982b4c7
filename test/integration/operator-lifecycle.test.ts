/** The process that comes and goes: nothing is lost with it, and nothing is done twice. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestContent } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, runOperator, startOperator, type RunningOperator } from '../support/operator.ts';
import { aSentinel, type Sentinel } from '../support/sentinel.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

describe('an operator that comes and goes', () => {
  let cluster: Cluster;
  let stage: Stage;
  let sentinel: Sentinel;
  let operator: RunningOperator;

  const start = async (): Promise<void> => {
    operator = await startOperator({ cluster, namespaces: [stage.namespace] });
  };
  const restarted = (n: number): Promise<unknown> =>
    eventually(async () => (await stage.restartAnnotation())?.startsWith(`v1.${n}.`), {
      what: `restart ${n}`,
      intervalMs: 5,
    });
  const restarts = async (): Promise<number> => Number((await stage.restartAnnotation())?.split('.')[1] ?? 0);
  /** Records are written behind. */
  const untilApplied = (flag: string): Promise<void> =>
    untilPasses(
      async () => {
        assert.equal((await stage.record()).sources[0]?.keys['flag'], digestContent(flag));
      },
      { what: `the record to have flag ${flag}` },
    );
  /** Everything that the operator writes, and what it might. */
  const everything = async (): Promise<unknown> => {
    const { items } = await stage.get<{
      readonly items: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
    }>(stage.path('/apis/reload-operator.dev/v1alpha1', 'reloadrecords'));
    const records = items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
    return { ...(await stage.versions()), records };
  };

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'lifecycle');
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy();
    await start();
    await stage.adopted();
    sentinel = await aSentinel(stage);
    await sentinel.pass();
  });
  after(async () => {
    await operator.kill();
    await stage.end();
    await cluster.stop();
  });

  it('ends well when it is told to', async () => {
    assert.deepEqual([await operator.livez(), await operator.readyz()], [true, true]);
    const begun = performance.now();
    assert.equal(await operator.stop(), 0);
    const took = performance.now() - begun;
    assert.ok(took < 15_000, `took ${took} ms`);
    await start();
  });

  it('writes nothing when it is back and nothing has changed', async () => {
    await stage.until('Ready', 'True', { policy: 'sentinel' });
    await stage.until('Ready', 'True');
    const before = await everything();
    await operator.stop();
    await start();
    // It has looked at everything when it acts on something new.
    const spare = 'spare';
    await stage.configMap({ flag: 'a' }, spare);
    await stage.create({ name: spare, configMap: spare, replicas: 0, flags: ['flag'] });
    await stage.policy({ sources: [{ kind: 'ConfigMap', name: spare }] }, spare);
    await stage.until('Ready', 'True', { policy: spare });
    await stage.api.request({ method: 'DELETE', path: stage.policyPath(spare) });
    await stage.api.request({ method: 'DELETE', path: stage.workloadPath(spare) });
    await eventually(
      () =>
        stage.record(spare).then(
          () => false,
          () => true,
        ),
      { what: 'the spare record to be gone' },
    );
    assert.deepEqual(await everything(), before);
  });

  it('acts once on a change that was made while it was down', async () => {
    const n = (await restarts()) + 1;
    await operator.stop();
    await stage.edit({ flag: 'while-down' });
    await start();
    await restarted(n);
    await sentinel.pass();
    assert.equal(await restarts(), n);
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await untilApplied('while-down');
  });

  for (const attempt of [1, 2, 3]) {
    it(`does not repeat a restart that it did not come to record (attempt ${attempt})`, async () => {
      const n = (await restarts()) + 1;
      await stage.edit({ flag: `killed-${attempt}` });
      await restarted(n);
      await operator.kill();
      await start();
      await sentinel.pass();
      await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
      assert.equal(await restarts(), n);
      await untilApplied(`killed-${attempt}`);
    });
  }

  it('loses nothing of a burst in which it is killed again and again', async () => {
    const n = await restarts();
    for (let round = 1; round <= 3; round++) {
      await stage.edit({ flag: `burst-${round}` });
      await sleep(200 * round);
      await operator.kill();
      await start();
    }
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await sentinel.pass();
    await untilApplied('burst-3');
    const given = (await restarts()) - n;
    assert.ok(given >= 1 && given <= 3, `${given} restarts for 3 changes`);
  });

  it('restarts nothing when policy and records are taken away', async () => {
    const { generation } = (await stage.workload()).metadata;
    await stage.api.request({ method: 'DELETE', path: stage.policyPath() });
    await eventually(
      () =>
        stage.record().then(
          () => false,
          () => true,
        ),
      { what: 'the record to be gone' },
    );
    await sentinel.pass();
    assert.equal((await stage.workload()).metadata.generation, generation);
    await stage.policy();
    await stage.adopted();
    await sentinel.pass();
    assert.equal((await stage.workload()).metadata.generation, generation);
  });
});

describe('a wrong setting', () => {
  for (const [what, args, sentence] of [
    ['an unknown flag', ['--nope'], /^reload-operator: unknown flag --nope: see --help[^\n]*\n$/],
    [
      'a value that is none',
      ['--workers=many'],
      /^reload-operator: --workers is "many", but it takes a whole number[^\n]*\n$/,
    ],
    [
      'a kubeconfig that is not there',
      ['--kubeconfig=/nonexistent', '--health-port=0'],
      /^reload-operator: [^\n]*\/nonexistent[^\n]*\n$/,
    ],
  ] as const) {
    it(`ends it at once with one sentence: ${what}`, async () => {
      const { code, stderr } = await runOperator(args);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    });
  }
});
