/** Who may roll out beside whom, on a real API server. Nothing runs: a rollout with replicas lasts until it is scaled down. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

describe('workloads that wait for each other, on an API server', () => {
  let cluster: Cluster;
  let operator: RunningOperator | undefined;
  const stages: Stage[] = [];

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stages.push(...(await Promise.all(['a', 'b', 'c'].map((name) => Stage.open(cluster, `limits-${name}`)))));
    operator = await start();
  });
  after(async () => {
    await operator?.stop();
    await Promise.all(stages.map((stage) => stage.end()));
    await cluster.stop();
  });

  const start = (): Promise<RunningOperator> =>
    startOperator({
      cluster,
      namespaces: stages.map(({ namespace }) => namespace),
      args: ['--max-concurrent-restarts=1'],
    });

  it('keep to the limit of the cluster, across namespaces and over the death of the operator', async () => {
    const both = stages.slice(0, 2);
    for (const stage of both) {
      await stage.configMap({ flag: 'one' });
      await stage.create({ flags: ['flag'] });
      await stage.policy({ restart: { debounce: '0s' } });
    }
    for (const stage of both) await stage.adopted();

    await Promise.all(both.map((stage) => stage.edit({ flag: 'two' })));

    const restarted = async (): Promise<readonly boolean[]> =>
      Promise.all(both.map(async (stage) => (await stage.restartAnnotation()) !== undefined));
    const [going, waiting] = await eventually(
      async () => {
        const [first, second] = await restarted();
        assert.notEqual(first, second, 'one has begun');
        const [begun, held] = first === true ? both : [...both].reverse();
        assert.ok(begun !== undefined && held !== undefined);
        assert.equal((await held.record()).held?.reason, 'ConcurrencyLimit');
        return [begun, held] as const;
      },
      { what: 'one to begin, and the other to be held' },
    );
    assert.match(
      await waiting.until('RolledOut', 'False', { reason: 'ConcurrencyLimit' }),
      /as the operator is set to allow/,
    );
    assert.match((await operator?.metrics()) ?? '', /^reload_holds_total\{reason="ConcurrencyLimit"\} \d+$/m);

    await operator?.kill();
    const { held } = await waiting.record();
    await waiting.edit({ flag: 'three' });
    operator = await start();
    await untilPasses(async () => assert.notEqual((await waiting.record()).held?.digest, held?.digest), {
      what: 'the next operator to have decided',
    });
    assert.equal(await waiting.restartAnnotation(), undefined);

    await going.scale(0);
    await untilPasses(async () => assert.match((await waiting.restartAnnotation()) ?? '', /^v1\.1\./), {
      what: 'the other to begin when the first has ended',
    });
    await waiting.scale(0);
    for (const stage of both) await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('go in their order, one after the other', async () => {
    const [, , stage] = stages;
    assert.ok(stage !== undefined);
    await stage.configMap({ flag: 'one' });
    const names = ['e', 'a', 'd', 'b', 'c'];
    for (const name of names) await stage.create({ name, replicas: 0, flags: ['flag'] });
    await stage.policy({
      workloads: names.map((name, index) => ({ kind: 'Deployment', name, wave: index < 3 ? 0 : 1 })),
      restart: { order: 'Sequential', canary: { workload: { kind: 'Deployment', name: 'c' } } },
    });
    for (const name of names) await stage.adopted(name);

    await stage.edit({ flag: 'two' });

    const restarts = await eventually(
      async () => {
        const found = await Promise.all(names.map(async (name) => ({ name, ...(await stage.record(name)).restart })));
        assert.deepEqual(
          found.map(({ phase }) => phase),
          names.map(() => 'Succeeded'),
        );
        return found;
      },
      { what: 'all of them to have succeeded', timeoutMs: 60_000 },
    );
    const inTime = [...restarts].sort((a, b) => Date.parse(a.issuedAt ?? '') - Date.parse(b.issuedAt ?? ''));
    assert.deepEqual(
      inTime.map(({ name }) => name),
      ['c', 'e', 'a', 'd', 'b'],
    );
    for (const [index, { name, issuedAt = '' }] of inTime.entries()) {
      const before = inTime[index - 1]?.finishedAt;
      assert.ok(before === undefined || Date.parse(issuedAt) >= Date.parse(before), `${name} began too early`);
    }
    const events = await Promise.all(names.map((name) => stage.ourEvents(name)));
    assert.ok(events.flat().every(({ type }) => type === 'Normal'));
  });
});
