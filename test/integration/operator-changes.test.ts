/** What a change of content does on a real API server, and what is no change. Nothing runs: there is no node. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestContent } from '../../src/domain/digest.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { aSentinel, assertNoEffect, settled, type Sentinel } from '../support/sentinel.ts';
import type { Stage } from '../support/stage.ts';
import { type Kind } from '../support/stage.ts';
import { stagePool } from '../support/stage-pool.ts';
import { eventually, untilPasses } from '../support/wait.ts';

const RULES = [{ keys: ['*.yaml'], class: 'Hot' as const }];
const DATA = { flag: 'a', 'app.yaml': 'a' };
const CONFIG_MAP = ['/api/v1', 'configmaps', 'app'] as const;

describe('the operator on an API server', { concurrency: 3 }, () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages = stagePool('changes', 16);

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    operator = await startOperator({ cluster, namespaces: await stages.open(cluster) });
  });
  after(async () => {
    await operator.stop();
    await stages.end();
    await cluster.stop();
  });

  const aStage = stages.next;

  const aWorkload = async (stage: Stage, kind: Kind = 'Deployment'): Promise<void> => {
    await stage.configMap(DATA);
    await stage.create({ kind, replicas: 0, flags: ['flag'] });
    await untilPasses(
      async () => {
        const { metadata, status } = await stage.workload('web', kind);
        assert.equal(status?.['observedGeneration'], metadata.generation);
      },
      { what: 'the controllers to have seen the workload' },
    );
  };

  const bound = async (spec: Parameters<Stage['policy']>[0] = {}): Promise<{ stage: Stage; sentinel: Sentinel }> => {
    const stage = aStage();
    await aWorkload(stage);
    await stage.policy({ rules: RULES, ...spec });
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    return { stage, sentinel: await aSentinel(stage) };
  };

  const restarted = (stage: Stage, n: number, kind: Kind = 'Deployment'): Promise<string> =>
    eventually(
      async () => {
        const value = await stage.restartAnnotation('web', kind);
        return value?.startsWith(`v1.${n}.`) === true ? value : undefined;
      },
      { what: `restart ${n}` },
    );

  const appliedFlag = async (stage: Stage): Promise<string | undefined> =>
    (await stage.record()).sources.find(({ name }) => name === 'app')?.keys['flag'];

  /** Records are written behind. */
  const untilApplied = (stage: Stage, flag: string): Promise<void> =>
    untilPasses(async () => assert.equal(await appliedFlag(stage), digestContent(flag)), {
      what: `the record to have flag ${flag}`,
    });

  it("adopts what it finds, and writes nothing but its record and the policy's status", async () => {
    const stage = aStage();
    await aWorkload(stage);
    const versions = async (): Promise<unknown> => {
      const { metadata } = await stage.get<{ readonly metadata: { readonly resourceVersion: string } }>(
        stage.path(...CONFIG_MAP),
      );
      const { [stage.policyPath()]: _policy, ...rest } = await stage.versions();
      return { ...rest, source: metadata.resourceVersion };
    };
    const before = await versions();
    await stage.policy({ rules: RULES });
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.deepEqual(await versions(), before);
    assert.equal(await stage.restartAnnotation(), undefined);
    assert.equal(await appliedFlag(stage), digestContent('a'));
    const { workloads, sources } = await stage.status();
    assert.deepEqual(
      workloads?.map(({ name, state, hot, restart }) => [name, state, hot, restart]),
      [['web', 'Adopted', 1, 1]],
    );
    assert.deepEqual(
      sources?.map(({ name, state, keys }) => [name, state, keys]),
      [['app', 'Present', 2]],
    );
  });

  it('restarts for a flag once, proves it, and counts', async () => {
    const { stage, sentinel } = await bound();
    const { generation } = (await stage.workload()).metadata;
    await stage.edit({ flag: 'b' });
    assert.match(await restarted(stage, 1), /^v1\.1\.[\w-]{22}$/);
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await sentinel.pass();
    assert.equal((await stage.workload()).metadata.generation, generation + 1);
    await untilApplied(stage, 'b');
    await stage.edit({ flag: 'a' });
    await restarted(stage, 2);
    await untilPasses(
      async () => {
        const reasons = (await stage.ourEvents()).map(({ reason }) => reason).sort();
        assert.deepEqual(reasons, ['RestartIssued', 'RestartIssued', 'RolloutSucceeded', 'RolloutSucceeded']);
      },
      { what: 'the events of both restarts' },
    );
    await untilPasses(
      async () => {
        const { last, history } = await stage.status();
        assert.deepEqual([last?.action, last?.outcome], ['Restart', 'Succeeded']);
        assert.deepEqual(
          history?.map(({ keys }) => keys),
          [['ConfigMap/app:flag'], ['ConfigMap/app:flag']],
        );
      },
      { what: 'the status to tell of both' },
    );
  });

  it('delivers a hot key without a restart', async () => {
    const { stage, sentinel } = await bound();
    const { resourceVersion } = (await stage.workload()).metadata;
    await stage.edit({ 'app.yaml': 'b' });
    await stage.until('HotReloaded', 'True', { reason: 'NoPods' });
    await sentinel.pass();
    assert.equal((await stage.workload()).metadata.resourceVersion, resourceVersion);
  });

  it('does nothing for what is no change of content', async () => {
    const { stage, sentinel } = await bound();
    const source = stage.path(...CONFIG_MAP);
    await assertNoEffect(stage, sentinel, () => stage.patch(source, { metadata: { labels: { team: 'x' } } }));
    await assertNoEffect(stage, sentinel, () => stage.patch(source, { metadata: { annotations: { note: 'y' } } }));
    await assertNoEffect(stage, sentinel, async () => {
      const object = await stage.get<object>(source);
      const data = { 'app.yaml': 'a', flag: 'a' };
      await stage.api.request({ method: 'PUT', path: source, body: { ...object, data } });
    });
    await assertNoEffect(stage, sentinel, async () => {
      const binaryData = { 'app.yaml': Buffer.from('a').toString('base64') };
      await stage.patch(source, { data: { 'app.yaml': null }, binaryData });
    });
  });

  it('does nothing for content that is back before it was acted on', async () => {
    const { stage } = await bound({ restart: { debounce: '10s' } });
    const { resourceVersion } = (await stage.workload()).metadata;
    await stage.edit({ flag: 'b' });
    await stage.until('RolledOut', 'False', { reason: 'Debouncing' });
    await stage.edit({ flag: 'a' });
    await stage.until('RolledOut', 'True', { reason: 'NoChange' });
    await settled(stage, '10s');
    assert.equal((await stage.workload()).metadata.resourceVersion, resourceVersion);
    assert.deepEqual(await stage.ourEvents(), []);
  });

  it('restarts nothing for an edited rule, another policy, or a wiped status', async () => {
    const { stage, sentinel } = await bound();
    await stage.edit({ flag: 'b' });
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    const { resourceVersion } = (await stage.workload()).metadata;
    const events = (await stage.ourEvents()).length;

    await stage.patch(stage.policyPath(), { spec: { rules: [{ keys: ['*'], class: 'Restart' }] } });
    await untilPasses(
      async () => {
        assert.equal((await stage.status()).observedGeneration, 2);
      },
      { what: 'the edited policy to be seen' },
    );
    await stage.policy({ defaultClass: 'Hot', rules: [] }, 'second');
    await stage.until('Ready', 'True', { policy: 'second' });
    const before = await stage.status();
    await stage.api.request({
      method: 'PATCH',
      path: `${stage.policyPath()}/status`,
      contentType: 'application/json-patch+json',
      body: [{ op: 'remove', path: '/status' }],
    });
    await untilPasses(
      async () => {
        // When the conditions began is not known any more; all else is.
        const timeless = ({ conditions, ...rest }: typeof before): unknown => ({
          ...rest,
          conditions: conditions?.map(({ lastTransitionTime: _time, ...condition }) => condition),
        });
        assert.deepEqual(timeless(await stage.status()), timeless(before));
      },
      { what: 'the status to be back' },
    );
    await sentinel.pass();
    assert.equal((await stage.workload()).metadata.resourceVersion, resourceVersion);
    assert.equal((await stage.ourEvents()).length, events);
  });

  it('gives one rollout for two policies on one workload', async () => {
    const { stage, sentinel } = await bound();
    await stage.policy({ defaultClass: 'Restart', restart: { debounce: '1s' } }, 'second');
    await stage.until('Ready', 'True', { policy: 'second' });
    await stage.edit({ flag: 'b', 'app.yaml': 'b' });
    await restarted(stage, 1);
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas', policy: 'second' });
    await sentinel.pass();
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    await untilPasses(
      async () => {
        assert.equal((await stage.record()).sources[0]?.keys['app.yaml'], digestContent('b'));
      },
      { what: 'the record to have the hot key too' },
    );
  });

  it('gives one rollout for 20 edits in a second, with the last of them', async () => {
    const { stage, sentinel } = await bound({ restart: { debounce: '5s' } });
    const begun = performance.now();
    for (let edit = 1; edit <= 20; edit++) {
      await stage.edit({ flag: String(edit) });
      await sleep(Math.max(0, begun + edit * 50 - performance.now()));
    }
    await restarted(stage, 1);
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await untilApplied(stage, '20');
    await sentinel.pass();
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });

  it('holds what is suspended, and acts on it once when it is resumed', async () => {
    const { stage, sentinel } = await bound();
    await stage.patch(stage.policyPath(), { spec: { suspend: true } });
    await stage.until('Ready', 'True', { reason: 'Suspended' });
    await stage.edit({ flag: 'b', 'app.yaml': 'b' });
    await stage.until('RolledOut', 'False', { reason: 'Suspended' });
    await stage.until('HotReloaded', 'False', { reason: 'Suspended' });
    await sentinel.pass();
    assert.equal(await stage.restartAnnotation(), undefined);
    await stage.patch(stage.policyPath(), { spec: { suspend: false } });
    await restarted(stage, 1);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
  });

  it('leaves alone what is opted out, source or workload, and adopts it afterwards', async () => {
    const { stage, sentinel } = await bound();
    const source = stage.path(...CONFIG_MAP);
    const ignore = (value: string | null): object => ({
      metadata: { annotations: { 'reload-operator.dev/ignore': value } },
    });
    await stage.patch(source, ignore('true'));
    await stage.until('SourcesValid', 'False', { reason: 'SourceIgnored' });
    await stage.edit({ flag: 'b' });
    await sentinel.pass();
    await stage.patch(source, ignore(null));
    await stage.until('SourcesValid', 'True');

    await stage.patch(stage.workloadPath(), ignore('true'));
    await untilPasses(
      async () => {
        assert.equal((await stage.status()).workloads?.[0]?.state, 'Ignored');
      },
      { what: 'the workload to be opted out' },
    );
    await stage.edit({ flag: 'c' });
    await sentinel.pass();
    await stage.patch(stage.workloadPath(), ignore(null));
    await untilPasses(
      async () => {
        assert.equal((await stage.status()).workloads?.[0]?.state, 'Adopted');
      },
      { what: 'the workload to be adopted anew' },
    );
    await sentinel.pass();
    assert.equal(await stage.restartAnnotation(), undefined);
    await stage.edit({ flag: 'd' });
    await restarted(stage, 1);
  });

  it('names a source and a workload that are not there, and goes on when they are', async () => {
    const stage = aStage();
    await stage.policy({ rules: RULES, workloads: [{ kind: 'Deployment', name: 'web' }] });
    assert.match(await stage.until('Ready', 'False', { reason: 'SourceMissing' }), /ConfigMap\/app: not found/);
    assert.match(await stage.until('SourcesValid', 'False', { reason: 'SourceMissing' }), /ConfigMap\/app/);
    await stage.configMap(DATA);
    assert.match(await stage.until('Ready', 'False', { reason: 'WorkloadMissing' }), /no Deployment web/);
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.equal(await stage.restartAnnotation(), undefined);

    await stage.api.request({ method: 'DELETE', path: stage.path(...CONFIG_MAP) });
    await stage.until('Ready', 'False', { reason: 'SourceMissing' });
    await stage.configMap({ ...DATA, flag: 'b' });
    await restarted(stage, 1);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('says which key pods can not start without as soon as it is gone, though nothing is due', async () => {
    const { stage } = await bound({ rules: [{ keys: ['flag'], class: 'Ignore' }, ...RULES] });
    await stage.edit({ flag: null });
    assert.match(
      await stage.until('SourcesValid', 'False', { reason: 'RequiredKeyMissing' }),
      /^Deployment\/web: ConfigMap\/app lacks the key flag that container main requires/,
    );
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.equal(await stage.restartAnnotation(), undefined);

    await stage.edit({ flag: 'a' });
    await stage.until('SourcesValid', 'True', { reason: 'Valid' });
  });

  it('is not slowed down by a catastrophic list of globs', async () => {
    const keys = Array.from({ length: 50 }, (_, at) => `${'*a'.repeat(20)}*b${at}`);
    const { stage } = await bound({ rules: [{ keys, class: 'Hot' }, ...RULES] });
    const data = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`${'a'.repeat(60)}-${at}`, 'x']));
    await stage.edit({ ...data, flag: 'b' });
    // Within half a minute; by trying every way to match, it would be years.
    await restarted(stage, 1);
    assert.equal(await operator.livez(), true);
  });

  it('reports a paused Deployment as blocked, and goes on when it is resumed', async () => {
    // The edit may be seen before the pause.
    const { stage } = await bound({ restart: { debounce: '5s' } });
    await stage.patch(stage.workloadPath(), { spec: { paused: true } });
    await stage.edit({ flag: 'b' });
    assert.match(await stage.until('RolledOut', 'False', { reason: 'Paused' }), /web.*paused/);
    await stage.until('Ready', 'True', { reason: 'Blocked' });
    await settled(stage, '5s');
    assert.equal(await stage.restartAnnotation(), undefined);
    await stage.patch(stage.workloadPath(), { spec: { paused: false } });
    await restarted(stage, 1);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('reports an OnDelete StatefulSet as blocked, and goes on when its strategy is changed', async () => {
    const stage = aStage();
    await stage.configMap(DATA);
    await stage.create({
      kind: 'StatefulSet',
      replicas: 0,
      flags: ['flag'],
      spec: { updateStrategy: { type: 'OnDelete' } },
    });
    await stage.policy({ rules: RULES });
    await stage.adopted('web', 'StatefulSet');
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await stage.edit({ flag: 'b' });
    assert.match(await stage.until('RolledOut', 'False', { reason: 'OnDelete' }), /OnDelete/);
    await stage.until('Ready', 'True', { reason: 'Blocked' });
    await stage.patch(stage.workloadPath('web', 'StatefulSet'), {
      spec: { updateStrategy: { type: 'RollingUpdate' } },
    });
    await restarted(stage, 1, 'StatefulSet');
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('reports a rollout that never ends as timed out, and that it ended after all', async () => {
    const { stage, sentinel } = await bound({ restart: { progressTimeout: '15s' } });
    await stage.scale(1);
    await stage.edit({ flag: 'b' });
    await restarted(stage, 1);
    await stage.until('Reconciling', 'True', { reason: 'Progressing' });
    assert.match(await stage.until('Stalled', 'True', { reason: 'RolloutTimedOut' }), /after 15s/);
    await sentinel.pass();
    assert.notEqual(await appliedFlag(stage), digestContent('b'));
    // Nobody runs pods here: without any the rollout is complete.
    await stage.scale(0);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await untilApplied(stage, 'b');
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
  });
});
