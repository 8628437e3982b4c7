/** Live objects and their snapshots on a real API server: who writes them, and what becomes of them. Nothing runs. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import { digestContent } from '../../src/domain/digest.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { serviceAccountClient } from '../support/account.ts';
import { settled } from '../support/sentinel.ts';
import type { Stage } from '../support/stage.ts';
import { managedStages } from '../support/managed-stages.ts';
import { eventually, untilPasses } from '../support/wait.ts';

interface Rendered {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}

const DATA = { flag: 'a', hot: 'a' };
const SNAPSHOT = 'reload-operator.dev/snapshot';

const delivery = (
  more: Partial<NonNullable<ReloadPolicySpecInput['delivery']>> = {},
  workloads: readonly string[] = ['web'],
): NonNullable<ReloadPolicySpecInput['delivery']> => ({
  mode: 'Managed',
  objects: [
    {
      name: 'app-live',
      source: { kind: 'ConfigMap', name: 'app' },
      workloads: workloads.map((name) => ({ kind: 'Deployment' as const, name })),
    },
  ],
  ...more,
});

const policy = (more: Partial<ReloadPolicySpecInput> = {}): Partial<ReloadPolicySpecInput> => ({
  rules: [{ keys: ['hot'], class: 'Hot' }],
  restart: { debounce: '50ms' },
  delivery: delivery(),
  ...more,
});

describe('managed delivery on an API server', { concurrency: 3 }, () => {
  const { aStage, cluster } = managedStages('managed', 18);

  const path = (stage: Stage, name?: string): string => stage.path('/api/v1', 'configmaps', name);
  const get = (stage: Stage, name = 'app-live'): Promise<Rendered> => stage.get<Rendered>(path(stage, name));
  const holds = (stage: Stage, data: Rendered['data'], what: string, name = 'app-live'): Promise<void> =>
    untilPasses(async () => assert.deepEqual((await get(stage, name)).data, data), { what });
  const snapshots = async (stage: Stage): Promise<readonly string[]> =>
    (await stage.list<Rendered>(path(stage), { labelSelector: 'reload-operator.dev/role=snapshot' }))
      .map(({ metadata }) => metadata.name)
      .sort();
  const deploy = (stage: Stage, name = 'web'): Promise<void> =>
    stage.create({ name, replicas: 0, configMap: 'app-live', flags: ['flag'] });
  const restarts = async (stage: Stage, name = 'web'): Promise<number> =>
    Number(/^v1\.([0-9]+)\./.exec((await stage.restartAnnotation(name)) ?? '')?.[1] ?? 0);
  const restarted = (stage: Stage, n: number, name = 'web'): Promise<void> =>
    untilPasses(async () => assert.equal(await restarts(stage, name), n), { what: `restart ${n} of ${name}` });

  const bound = async (spec: Partial<ReloadPolicySpecInput> = {}): Promise<Stage> => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await deploy(stage);
    await stage.policy(policy(spec));
    await holds(stage, DATA, 'the live object');
    await stage.adopted();
    await untilPasses(async () => assert.deepEqual(await snapshots(stage), ['app-live-1']), { what: 'a snapshot' });
    return stage;
  };

  it('gives hot keys at once and the others with the restart, of which there is one', async () => {
    const stage = await bound();
    await stage.edit({ flag: 'b', hot: 'b' });
    await holds(stage, { flag: 'b', hot: 'b' }, 'the content');
    await restarted(stage, 1);
    assert.equal((await get(stage)).metadata.annotations?.[SNAPSHOT], '2');
    assert.deepEqual((await get(stage, 'app-live-2')).data, { flag: 'b', hot: 'b' });
    assert.equal((await get(stage, 'app-live-2')).immutable, true);
    await settled(stage);
    assert.equal(await restarts(stage), 1);
  });

  it('holds back what takes a restart, and nothing else, also when keys come and go', async () => {
    const stage = await bound({ delivery: delivery(), restart: { debounce: '50ms', approval: 'Automatic' } });
    await stage.patch(stage.workloadPath(), { spec: { paused: true, replicas: 1 } });
    await stage.edit({ flag: 'b', hot: null, more: 'x', 'more-hot': 'y' });
    await holds(stage, { flag: 'a' }, 'the hot key to go');
    await stage.edit({ hot: 'c' });
    await holds(stage, { flag: 'a', hot: 'c' }, 'the hot key to come');
    await stage.patch(stage.workloadPath(), { spec: { paused: false, replicas: 0 } });
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: 'c', more: 'x', 'more-hot': 'y' }, 'all of it');
  });

  it('is put back when others edit or delete it, and they are told', async () => {
    const stage = await bound();
    await stage.patch(path(stage, 'app-live'), { data: { flag: 'theirs', added: 'theirs' } });
    await holds(stage, DATA, 'the edit to be taken back');
    await stage.patch(path(stage, 'app-live'), { data: { hot: 'theirs' } });
    await holds(stage, DATA, 'the edit of a hot key to be taken back');
    const before = await get(stage);
    await stage.api.request({ method: 'DELETE', path: path(stage, 'app-live') });
    const after = await eventually(
      async () => {
        const now = await get(stage);
        return now.metadata.uid === before.metadata.uid ? undefined : now;
      },
      { what: 'it to be made again' },
    );
    assert.deepEqual(after.data, DATA);
    const notes = await eventually(
      async () => {
        const events = await stage.ourEvents();
        const told = events.filter(({ reason }) => reason === 'LiveObjectRestored').map(({ note }) => note);
        return told.some((note) => note.includes('deleted')) && told.some((note) => note.includes('edited')) && told;
      },
      { what: 'the events' },
    );
    assert.match(notes.join('\n'), /ConfigMap app-live was edited by somebody else.* edit ConfigMap app instead/);
    await settled(stage);
    assert.equal(await restarts(stage), 0);
  });

  it('is put back from its snapshot when it is deleted while the source is ahead', async () => {
    const stage = await bound();
    await stage.patch(stage.workloadPath(), { spec: { paused: true, replicas: 1 } });
    await stage.edit({ flag: 'b', hot: 'b' });
    await holds(stage, { flag: 'a', hot: 'b' }, 'the hot key');
    const before = await get(stage);
    await stage.api.request({ method: 'DELETE', path: path(stage, 'app-live') });
    await untilPasses(
      async () => {
        const now = await get(stage);
        assert.notEqual(now.metadata.uid, before.metadata.uid);
        assert.deepEqual(now.data, { flag: 'a', hot: 'b' });
      },
      { what: 'the applied content' },
    );
  });

  it('is never touched where it is not of our making', async () => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await stage.configMap({ theirs: 'yes' }, 'app-live');
    const before = (await get(stage)).metadata.resourceVersion;
    await deploy(stage);
    await stage.policy(policy());
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Blocked NotOurs');
        assert.match(workload?.message ?? '', /app-live exists and was not made by the operator.*delete it, or/);
      },
      { what: 'the status to say so' },
    );
    await stage.edit({ hot: 'b', flag: 'b' });
    await settled(stage);
    assert.equal((await get(stage)).metadata.resourceVersion, before);
    await stage.api.request({ method: 'DELETE', path: path(stage, 'app-live') });
    await holds(stage, { flag: 'b', hot: 'b' }, 'it to be made once theirs is gone');
  });

  it('needs a right of its own, and says which', async () => {
    const stage = await aStage({ granted: false });
    await stage.configMap(DATA);
    await deploy(stage);
    await stage.policy(policy());
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Blocked Forbidden');
        assert.match(workload?.message ?? '', /install config\/managed/);
      },
      { what: 'the status to say so' },
    );
  });

  it('stays when its policy goes, and is what is applied when one comes again', async () => {
    const stage = await bound();
    await stage.api.request({ method: 'DELETE', path: stage.policyPath() });
    await untilPasses(() => assert.rejects(stage.record()), { what: 'the record to go' });
    assert.deepEqual((await get(stage)).data, DATA);
    await stage.edit({ flag: 'b', hot: 'b' });
    await settled(stage);
    assert.deepEqual((await get(stage)).data, DATA);
    await stage.policy(policy());
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: 'b' }, 'what changed meanwhile');
  });

  it('follows a source that is given another name', async () => {
    const stage = await bound();
    await stage.configMap({ flag: 'b', hot: 'a' }, 'app-2');
    await stage.patch(stage.policyPath(), {
      spec: {
        sources: [{ kind: 'ConfigMap', name: 'app-2' }],
        delivery: {
          mode: 'Managed',
          objects: [
            {
              name: 'app-live',
              source: { kind: 'ConfigMap', name: 'app-2' },
              workloads: [{ kind: 'Deployment', name: 'web' }],
            },
          ],
        },
      },
    });
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: 'a' }, 'the new content');
  });

  it('keeps as many snapshots as the policy says', async () => {
    const stage = await bound({ delivery: delivery({ snapshots: 2 }) });
    for (const [index, flag] of ['b', 'c', 'd'].entries()) {
      await stage.edit({ flag });
      await restarted(stage, index + 1);
    }
    await untilPasses(async () => assert.deepEqual(await snapshots(stage), ['app-live-3', 'app-live-4']), {
      what: 'two snapshots',
    });
  });

  it('is one unit for all that share it', async () => {
    const stage = await aStage();
    await stage.configMap(DATA);
    await deploy(stage, 'web');
    await deploy(stage, 'api');
    await stage.policy(policy({ delivery: delivery({}, ['web', 'api']) }));
    // What is edited before the object is there is in it from the start.
    await holds(stage, DATA, 'the live object');
    await stage.adopted('web');
    await stage.adopted('api');
    await stage.patch(stage.workloadPath('api'), { spec: { paused: true, replicas: 1 } });
    await stage.edit({ flag: 'b', hot: 'b' });
    await holds(stage, { flag: 'a', hot: 'b' }, 'the hot key');
    await untilPasses(
      async () =>
        assert.match(
          (await stage.status()).workloads?.find(({ name }) => name === 'web')?.message ?? '',
          /Deployment api, which shares it: .*paused/,
        ),
      { what: 'the status to say whose gate holds' },
    );
    assert.equal(await restarts(stage, 'web'), 0);
    await stage.patch(stage.workloadPath('api'), { spec: { paused: false, replicas: 0 } });
    await restarted(stage, 1, 'web');
    await restarted(stage, 1, 'api');
    await holds(stage, { flag: 'b', hot: 'b' }, 'the content');
    await settled(stage);
    assert.deepEqual([await restarts(stage, 'web'), await restarts(stage, 'api')], [1, 1]);
  });

  it('goes back to a snapshot that somebody asks for, and stays there until the source changes', async () => {
    const stage = await bound();
    await stage.edit({ flag: 'b', hot: 'b' });
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: 'b' }, 'the change');
    await stage.until('RolledOut', 'True');
    const ask = async (snapshot: number): Promise<string> => {
      const body = {
        apiVersion: 'reload-operator.dev/v1alpha1',
        kind: 'ReloadRequest',
        metadata: { generateName: 'rollback-' },
        spec: { type: 'Rollback', snapshot, workload: { kind: 'Deployment', name: 'web' } },
      };
      const requests = stage.path('/apis/reload-operator.dev/v1alpha1', 'reloadrequests');
      const made = await stage.api.request<{ readonly metadata: { readonly name: string } }>({
        method: 'POST',
        path: requests,
        body,
      });
      return eventually(
        async () => {
          const { status } = await stage.get<{
            readonly status?: { readonly phase: string; readonly reason?: string; readonly message?: string };
          }>(`${requests}/${made.metadata.name}`);
          return status?.phase === 'Pending' || status === undefined
            ? undefined
            : `${status.phase} ${status.reason ?? ''} ${status.message ?? ''}`;
        },
        { what: 'an answer' },
      );
    };
    assert.match(await ask(7), /^Refused NoSnapshot there is no snapshot 7; there are: of app-live 2, 1/);
    assert.match(await ask(1), /^Done {2}going back to snapshot 1 by restart 2: ConfigMap\/app:flag/);
    await restarted(stage, 2);
    await holds(stage, { flag: 'a', hot: 'b' }, 'the earlier content, and the present hot key');
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Held RollbackRequested');
        assert.match(workload?.message ?? '', /snapshot 1; ConfigMap\/app still holds the later content/);
      },
      { what: 'the status' },
    );
    assert.match(await ask(1), /^Refused NothingToDo/);
    await settled(stage);
    assert.equal(await restarts(stage), 2);
    await stage.edit({ flag: 'c' });
    await restarted(stage, 3);
    await holds(stage, { flag: 'c', hot: 'b' }, 'the newer content');
  });

  it('goes back to what was applied, and not to a restart that was overtaken, also where hot keys moved along', async () => {
    const stage = await bound({ restart: { debounce: '50ms', onFailure: 'Rollback', progressTimeout: '6s' } });
    // What is applied of a hot key is in no snapshot.
    await stage.edit({ hot: 'x' });
    await untilPasses(async () => assert.equal((await stage.record()).sources[0]?.keys['hot'], digestContent('x')), {
      what: 'the hot key to be applied',
    });
    // Nothing runs: a rollout of pods never ends.
    await stage.patch(stage.workloadPath(), { spec: { replicas: 1 } });
    await stage.edit({ flag: 'b', hot: 'b' });
    await restarted(stage, 1);
    await stage.edit({ flag: 'c', hot: 'c' });
    await restarted(stage, 2);
    await stage.until('RolledOut', 'False', { reason: 'RolledBack' });
    await holds(stage, { flag: 'a', hot: 'c' }, 'what was applied');
    assert.equal((await get(stage)).metadata.annotations?.[SNAPSHOT], '1');
  });

  it('takes another number for a snapshot where somebody has an object of its name', async () => {
    const stage = await bound();
    await stage.configMap({ theirs: 'yes' }, 'app-live-2');
    await stage.edit({ flag: 'b' });
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: 'a' }, 'the change');
    assert.equal((await get(stage)).metadata.annotations?.[SNAPSHOT], '3');
    assert.deepEqual((await get(stage, 'app-live-2')).data, { theirs: 'yes' });
  });

  it('waits with hot keys that do not fit beside what is held, and the restart makes room', async () => {
    const stage = await aStage();
    const big = (letter: string): string => letter.repeat(600 * 1024);
    await stage.configMap({ flag: big('a') });
    await deploy(stage);
    await stage.policy(policy({ rules: [{ keys: ['flag'], class: 'Restart' }], defaultClass: 'Hot' }));
    await stage.adopted();
    await stage.patch(stage.workloadPath(), { spec: { paused: true, replicas: 1 } });
    await stage.edit({ flag: 'b', hot: big('b') });
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(`${workload?.state} ${workload?.reason}`, 'Blocked TooLarge');
      },
      { what: 'the status to say so' },
    );
    assert.equal(await restarts(stage), 0);
    await stage.patch(stage.workloadPath(), { spec: { paused: false, replicas: 0 } });
    await restarted(stage, 1);
    await holds(stage, { flag: 'b', hot: big('b') }, 'all of it');
    await stage.until('Ready', 'True');
  });

  it('stays as it is while the content is invalid', async () => {
    const stage = await bound({ validation: [{ keys: ['hot'], format: 'YAML' }] });
    await stage.edit({ hot: '{', flag: 'b' });
    await stage.until('SourcesValid', 'False', { reason: 'SourceInvalid' });
    await settled(stage);
    assert.deepEqual((await get(stage)).data, DATA);
    await stage.edit({ hot: 'fine', flag: 'a' });
    await holds(stage, { flag: 'a', hot: 'fine' }, 'the cure');
  });

  describe('the fence', () => {
    let account: KubeClient;
    let stage: Stage;
    before(async () => {
      stage = await bound();
      account = await serviceAccountClient(cluster(), 'reload-operator-system', 'reload-operator');
    });
    after(() => account.close());

    const write = (method: 'POST' | 'PUT' | 'DELETE', name: string | undefined, body?: object): Promise<unknown> =>
      account.request({ method, path: path(stage, name), query: { dryRun: 'All' }, ...(body && { body }) });

    it('lets the operator make nothing without its label', async () => {
      await assert.rejects(write('POST', undefined, { metadata: { name: 'x' } }), /no ConfigMap or Secret but live/);
      await assert.rejects(
        write('POST', undefined, { metadata: { name: 'x', labels: { 'reload-operator.dev/role': 'other' } } }),
        /no ConfigMap or Secret but live/,
      );
    });

    it('lets it change and delete only what it has made, by a label that it may not put on', async () => {
      const source = await get(stage, 'app');
      const labelled = {
        ...source,
        metadata: { ...source.metadata, labels: { 'reload-operator.dev/role': 'live' } },
      };
      await assert.rejects(write('PUT', 'app', { ...source, data: {} }), /that it has not made/);
      await assert.rejects(write('PUT', 'app', labelled), /that it has not made/);
      await assert.rejects(write('DELETE', 'app'), /that it has not made/);
      const live = await get(stage);
      await write('PUT', 'app-live', { ...live, data: {} });
      await assert.rejects(
        write('PUT', 'app-live', { ...live, metadata: { ...live.metadata, labels: {} } }),
        /may not change the label/,
      );
    });
  });
});
