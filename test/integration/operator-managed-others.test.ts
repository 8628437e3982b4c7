/**
 * Live objects that somebody else lays hands on, on a real API server: they are put back, the status says so, and nobody
 * has the operator write for ever. Also: two policies that render one.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ReloadPolicySpecInput, ReloadPolicyStatus } from '../../src/api/v1alpha1/types.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { grantManaged } from '../support/managed-rights.ts';
import { startOperator, type RunningOperator } from '../support/operator.ts';
import { assertNoEffect, aSentinel, settled } from '../support/sentinel.ts';
import type { Stage } from '../support/stage.ts';
import { managedStages } from '../support/managed-stages.ts';
import { eventually, untilPasses } from '../support/wait.ts';

type Data = Readonly<Record<string, string>>;
type LiveStatus = NonNullable<ReloadPolicyStatus['liveObjects']>[number];

const DATA: Data = { flag: 'a', hot: 'a' };
const RENDERED: LiveStatus = { kind: 'ConfigMap', name: 'app-live', state: 'Rendered' };

const rendering = (source = 'app', workloads: readonly string[] = ['web']): ReloadPolicySpecInput => ({
  sources: [{ kind: 'ConfigMap', name: source }],
  rules: [{ keys: ['hot'], class: 'Hot' }],
  restart: { debounce: '50ms' },
  delivery: {
    mode: 'Managed',
    objects: [
      {
        name: 'app-live',
        source: { kind: 'ConfigMap', name: source },
        workloads: workloads.map((name) => ({ kind: 'Deployment' as const, name })),
      },
    ],
  },
});

const path = (stage: Stage, name = 'app-live'): string => stage.path('/api/v1', 'configmaps', name);
const dataOf = async (stage: Stage): Promise<Data> => (await stage.get<{ readonly data: Data }>(path(stage))).data;
const holds = (stage: Stage, data: Data, what: string): Promise<void> =>
  untilPasses(async () => assert.deepEqual(await dataOf(stage), data), { what });
const liveStatus = async (stage: Stage, policy?: string): Promise<LiveStatus | undefined> =>
  (await stage.status(policy)).liveObjects?.find(({ name }) => name === 'app-live');
const restarts = async (stage: Stage, name = 'web'): Promise<number> =>
  Number(/^v1\.([0-9]+)\./.exec((await stage.restartAnnotation(name)) ?? '')?.[1] ?? 0);

/** The arguments of the one kubectl command of docs/managed-delivery.md that names something. */
const exampleOf = async (named: string): Promise<readonly string[]> => {
  const page = await readFile(join(CHECKOUT, 'docs/managed-delivery.md'), 'utf8');
  const [command, ...others] = page.split('\n').filter((line) => line.startsWith('$ kubectl ') && line.includes(named));
  assert.ok(command !== undefined && others.length === 0, `the page has not one command with ${named}`);
  return command.replaceAll("'", '').split(' ').slice(2);
};

describe('a live object that others write, too', { concurrency: 4 }, () => {
  const { aStage, another, cluster } = managedStages('managed-others', 8);

  const deploy = (stage: Stage, name = 'web'): Promise<void> =>
    stage.create({ name, replicas: 0, configMap: 'app-live', flags: ['flag'] });

  const bound = async (): Promise<Stage> => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await deploy(stage);
    await stage.policy(rendering());
    await stage.adopted();
    await untilPasses(
      async () => assert.deepEqual(await liveStatus(stage), { ...RENDERED, snapshot: 1 } satisfies LiveStatus),
      { what: 'the status to tell of the live object' },
    );
    return stage;
  };

  /** As one who is no operator, by the name of a field manager. */
  const writeAs = (stage: Stage, manager: string, data: Data): Promise<unknown> =>
    stage.api.request({
      method: 'PATCH',
      path: path(stage),
      query: { fieldManager: manager },
      contentType: 'application/merge-patch+json',
      body: { data },
    });

  it('is put back, and the status says what was done, by whom and when; then nothing is written any more', async () => {
    const stage = await bound();
    const sentinel = await aSentinel(stage);
    const from = Date.now();
    await writeAs(stage, 'somebody', { flag: 'theirs', added: 'theirs' });
    await holds(stage, DATA, 'the edit to be taken back');
    await untilPasses(
      async () => {
        const { putBack, ...rest } = (await liveStatus(stage)) ?? RENDERED;
        assert.deepEqual(rest, { ...RENDERED, snapshot: 1 });
        assert.deepEqual([putBack?.change, putBack?.by, putBack?.times], ['Edited', 'somebody', 1]);
        assert.ok(Date.parse(putBack?.time ?? '') >= from - 1_000);
      },
      { what: 'the status to tell of the edit' },
    );
    const documented = await exampleOf('status.liveObjects');
    const printed = await stage.kubectl.run(
      documented.map((word) => ({ web: 'app', shop: stage.namespace })[word] ?? word),
    );
    assert.deepEqual(JSON.parse(printed), await liveStatus(stage));
    await stage.api.request({ method: 'DELETE', path: path(stage) });
    await untilPasses(
      async () => {
        assert.deepEqual(await dataOf(stage), DATA);
        const { putBack } = (await liveStatus(stage)) ?? {};
        assert.deepEqual([putBack?.change, putBack?.by, putBack?.times], ['Deleted', undefined, 2]);
      },
      { what: 'the status to tell of the deletion' },
    );
    await assertNoEffect(stage, sentinel, () => stage.patch(path(stage), { metadata: { labels: { team: 'theirs' } } }));
    assert.equal(await restarts(stage), 0);
  });

  it('is put back less and less often where another writes it ten times a second, and that is said', async () => {
    const stage = await bound();
    let written = 0;
    let putBack = 0;
    const until = Date.now() + 20_000;
    while (Date.now() < until) {
      // What is ours again was put back since the latest write.
      if ((await dataOf(stage))['flag'] === 'a') putBack += 1;
      await writeAs(stage, 'fighter', { flag: `theirs-${written}` });
      written += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    console.error(`${written} writes of another were put back ${putBack - 1} times within 20 s`);
    assert.ok(written > 50, `${written} writes`);
    // At once three times, and then after 1, 2, 4 and 8 seconds.
    assert.ok(putBack - 1 >= 3 && putBack - 1 <= 8, `put back ${putBack - 1} times`);
    await untilPasses(
      async () => {
        const live = await liveStatus(stage);
        assert.equal(live?.state, 'Contested');
        assert.match(live.message ?? '', /app-live is changed by somebody else again and again, .*by fighter/);
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Blocked Contested');
        assert.match((await stage.condition('Ready'))?.message ?? '', /have ConfigMap app edited instead/);
      },
      { what: 'the status to name the fighter' },
    );
    const events = (await stage.ourEvents()).filter(({ reason }) => reason === 'LiveObjectRestored');
    assert.ok(events.length <= 8, `${events.length} events`);
    await untilPasses(
      async () => {
        assert.deepEqual(await dataOf(stage), DATA);
        assert.equal((await liveStatus(stage))?.state, 'Rendered');
        assert.equal((await stage.condition('Ready'))?.reason, 'UpToDate');
      },
      { what: 'it to be left alone once the other has stopped', timeoutMs: 60_000 },
    );
    await stage.edit({ flag: 'b' });
    await holds(stage, { flag: 'b', hot: 'a' }, 'the next change');
    await untilPasses(async () => assert.equal(await restarts(stage), 1), { what: 'its restart' });
  });

  it('is said to have been edited while there was no operator', async () => {
    const stage = await another('managed-away');
    await grantManaged(stage);
    const start = (): Promise<RunningOperator> => startOperator({ cluster: cluster(), namespaces: [stage.namespace] });
    let own = await start();
    try {
      await stage.configMap(DATA);
      await deploy(stage);
      await stage.policy(rendering());
      await stage.adopted();
      await holds(stage, DATA, 'the live object');
      await own.stop();
      await writeAs(stage, 'somebody', { hot: 'theirs' });
      own = await start();
      await holds(stage, DATA, 'the edit to be taken back');
      await untilPasses(
        async () => {
          const { putBack } = (await liveStatus(stage)) ?? {};
          assert.deepEqual([putBack?.change, putBack?.by], ['Edited', 'somebody']);
        },
        { what: 'the status to say so' },
      );
      const told = await liveStatus(stage);
      await own.stop();
      own = await start();
      await settled(stage);
      assert.deepEqual(await liveStatus(stage), told, 'what was said stays over a restart of the operator');
    } finally {
      await own.stop();
    }
  });

  describe('and that two policies render', () => {
    it('is the first one’s, by name; the other says so, and takes over when that one goes', async () => {
      const stage = await aStage();
      await stage.configMap(DATA);
      await stage.configMap({ flag: 'other', hot: 'other' }, 'other');
      await deploy(stage);
      await deploy(stage, 'api');
      await stage.policy(rendering('app', ['web']), 'a');
      await stage.adopted('web');
      await stage.policy(rendering('other', ['web', 'api']), 'b');
      const claimed = /ConfigMap app-live is rendered by ReloadPolicy a, .*another name in delivery\.objects/;
      assert.match(await stage.until('Ready', 'False', { policy: 'b', reason: 'InvalidSpec' }), claimed);
      assert.match(await stage.until('Stalled', 'True', { policy: 'b', reason: 'InvalidSpec' }), claimed);
      assert.match((await liveStatus(stage, 'b'))?.message ?? '', claimed);
      await untilPasses(
        async () => {
          const api = (await stage.status('b')).workloads?.find(({ name }) => name === 'api');
          assert.equal(`${api?.state} ${api?.reason}`, 'Blocked NotOurs');
        },
        { what: 'the workload to be blocked that the first policy does not know' },
      );
      await stage.until('Ready', 'True', { policy: 'a' });
      // What takes a restart comes with it alone, also where the other policy reads another source.
      await stage.patch(stage.workloadPath('web'), { spec: { paused: true, replicas: 1 } });
      await stage.edit({ flag: 'b', hot: 'b' });
      await holds(stage, { flag: 'a', hot: 'b' }, 'the hot key of the first policy’s source');
      await stage.edit({ hot: 'elsewhere', flag: 'elsewhere' }, 'other');
      await settled(stage);
      assert.deepEqual(await dataOf(stage), { flag: 'a', hot: 'b' });
      assert.equal(await restarts(stage, 'api'), 0);
      await stage.patch(stage.workloadPath('web'), { spec: { paused: false, replicas: 0 } });
      await untilPasses(async () => assert.equal(await restarts(stage), 1), { what: 'the restart' });
      await holds(stage, { flag: 'b', hot: 'b' }, 'its content');

      await stage.api.request({ method: 'DELETE', path: stage.policyPath('a') });
      await holds(stage, { flag: 'elsewhere', hot: 'elsewhere' }, 'the second policy to take over');
      await eventually(async () => (await stage.condition('Ready', 'b'))?.reason !== 'InvalidSpec', {
        what: 'the second policy to be content',
      });
    });
  });
});
