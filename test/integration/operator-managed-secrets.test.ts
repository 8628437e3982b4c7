/** Live Secrets on a real API server, by the Role of docs/managed-delivery.md: delivered, and told of nowhere. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { serviceAccountClient } from '../support/account.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { aSentinel } from '../support/sentinel.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

interface Secret {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly type: string;
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, string>>;
}

const ACCOUNT = 'reload-operator';

/** Long and odd enough to be found nowhere by chance. */
const valueOf = (what: string): string => `s3cret-${what}-4d0c7b1e`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

type Values = Readonly<Record<string, string>>;
const encoded = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([key, what]) => [key, base64(valueOf(what))]));

const FIRST: Values = { hot: 'hot-a', cold: 'cold-a' };

/** The last example of the page: a Role for Secrets, and who has it. */
const documented = async (): Promise<readonly object[]> => {
  const page = await readFile(join(CHECKOUT, 'docs/managed-delivery.md'), 'utf8');
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  const found = examples.find((text) => text.includes('reload-operator-managed-secrets'));
  assert.ok(found !== undefined, 'the page has no Role for Secrets any more');
  return parseAllDocuments(found).map((each) => each.toJS() as object);
};

const shipped = async (path: string): Promise<readonly unknown[]> =>
  (parse(await readFile(join(CHECKOUT, path), 'utf8')) as { readonly rules: readonly unknown[] }).rules;

const policy = (more: Partial<ReloadPolicySpecInput> = {}): Partial<ReloadPolicySpecInput> => ({
  sources: [{ kind: 'Secret', name: 'db' }],
  rules: [{ keys: ['hot'], class: 'Hot' }],
  restart: { debounce: '50ms' },
  delivery: delivery(),
  ...more,
});

const delivery = (rollbackSecrets?: boolean): NonNullable<ReloadPolicySpecInput['delivery']> => ({
  mode: 'Managed',
  objects: [
    {
      name: 'db-live',
      source: { kind: 'Secret', name: 'db' },
      workloads: [{ kind: 'Deployment', name: 'web' }],
    },
  ],
  ...(rollbackSecrets !== undefined && { rollbackSecrets }),
});

describe('Secrets with managed delivery', { concurrency: true }, () => {
  let cluster: Cluster;
  let operator: RunningOperator;
  const stages: Stage[] = [];
  let home: string;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stages.push(...(await Promise.all(Array.from({ length: 4 }, () => Stage.open(cluster, 'secret-live')))));
    home = stages[0]?.namespace ?? '';
    const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: home }];
    await stages[0]?.kubectl.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: ACCOUNT, namespace: home },
    });
    const common = await shipped('config/namespaced/role.yaml');
    const ofKey = await shipped('config/digest-key/role.yaml');
    for (const stage of stages) {
      const { namespace } = stage;
      const rules = namespace === home ? [...common, ...ofKey] : common;
      const apiGroup = 'rbac.authorization.k8s.io';
      await stage.kubectl.apply(
        { apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata: { name: 'operator', namespace }, rules },
        {
          apiVersion: `${apiGroup}/v1`,
          kind: 'RoleBinding',
          metadata: { name: 'operator', namespace },
          roleRef: { apiGroup, kind: 'Role', name: 'operator' },
          subjects,
        },
        ...(await documented()).map((each) => ({
          ...each,
          metadata: { ...(each as { readonly metadata: object }).metadata, namespace },
          ...('subjects' in each && { subjects }),
        })),
      );
    }
    operator = await startOperator({
      cluster,
      namespaces: stages.map(({ namespace }) => namespace),
      accountNamespace: home,
      args: [`--operator-namespace=${home}`, '--log-level=debug'],
    });
  });
  after(async () => {
    await operator.stop();
    await Promise.all(stages.map((stage) => stage.end()));
    await cluster.stop();
  });

  const path = (stage: Stage, name?: string): string => stage.path('/api/v1', 'secrets', name);
  const get = (stage: Stage, name = 'db-live'): Promise<Secret> => stage.get<Secret>(path(stage, name));
  const holds = (stage: Stage, values: Values, what: string): Promise<void> =>
    untilPasses(async () => assert.deepEqual((await get(stage)).data, encoded(values)), { what });
  const edit = (stage: Stage, values: Values): Promise<unknown> =>
    stage.patch(path(stage, 'db'), { data: encoded(values) });
  const restarts = async (stage: Stage): Promise<number> =>
    Number(/^v1\.([0-9]+)\./.exec((await stage.restartAnnotation()) ?? '')?.[1] ?? 0);
  const restarted = (stage: Stage, n: number): Promise<void> =>
    untilPasses(async () => assert.equal(await restarts(stage), n), { what: `restart ${n}` });
  const snapshots = (stage: Stage, names: readonly string[], what: string): Promise<void> =>
    untilPasses(
      async () => {
        const kept = await stage.list<Secret>(path(stage), { labelSelector: 'reload-operator.dev/role=snapshot' });
        assert.deepEqual(kept.map(({ metadata }) => metadata.name).sort(), names);
      },
      { what },
    );

  /** A workload that has `hot` in a file and `cold` in its environment, of the live Secret. */
  const bound = async (index: number, spec: Partial<ReloadPolicySpecInput> = {}, replicas = 0): Promise<Stage> => {
    const stage = stages[index];
    if (stage === undefined) throw new Error('there are more tests than namespaces: open more');
    const body = { metadata: { name: 'db' }, data: encoded(FIRST) };
    await stage.api.request({ method: 'POST', path: path(stage), body });
    const manifest = stage.manifest({
      replicas,
      mounted: false,
      container: {
        env: [{ name: 'COLD', valueFrom: { secretKeyRef: { name: 'db-live', key: 'cold' } } }],
        volumeMounts: [{ name: 'secret', mountPath: '/etc/secret' }],
      },
    }) as { readonly spec: { readonly template: { readonly spec: object } } };
    Object.assign(manifest.spec.template.spec, { volumes: [{ name: 'secret', secret: { secretName: 'db-live' } }] });
    await stage.api.request({ method: 'POST', path: stage.workloadsPath(), body: manifest });
    await stage.policy(policy(spec));
    await holds(stage, FIRST, 'the live Secret');
    await stage.adopted();
    await snapshots(stage, ['db-live-1'], 'the first snapshot');
    return stage;
  };

  const ask = async (stage: Stage, snapshot: number): Promise<string> => {
    const requests = stage.path('/apis/reload-operator.dev/v1alpha1', 'reloadrequests');
    const { metadata } = await stage.api.request<{ readonly metadata: { readonly name: string } }>({
      method: 'POST',
      path: requests,
      body: {
        apiVersion: 'reload-operator.dev/v1alpha1',
        kind: 'ReloadRequest',
        metadata: { generateName: 'rollback-' },
        spec: { type: 'Rollback', snapshot, workload: { kind: 'Deployment', name: 'web' } },
      },
    });
    return eventually(
      async () => {
        const { status } = await stage.get<{
          readonly status?: { readonly phase: string; readonly reason?: string; readonly message?: string };
        }>(`${requests}/${metadata.name}`);
        return status?.phase === undefined || status.phase === 'Pending'
          ? undefined
          : `${status.phase} ${status.reason ?? ''} ${status.message ?? ''}`;
      },
      { what: 'an answer' },
    );
  };

  const assertUntold = async (stage: Stage, values: readonly string[]): Promise<void> => {
    const reload = (plural: string): string => stage.path('/apis/reload-operator.dev/v1alpha1', plural);
    const told = JSON.stringify([
      await stage.list(reload('reloadrecords')),
      await stage.list(reload('reloadpolicies')),
      await stage.list(reload('reloadrequests')),
      await stage.workload(),
      await stage.list(stage.path('/apis/events.k8s.io/v1', 'events')),
      (await stage.list<Secret>(path(stage))).map(({ metadata }) => metadata),
      operator.log,
      await operator.metrics(),
    ]);
    assert.match(told, /Secret\/db/);
    for (const value of values.map(valueOf))
      for (const secret of [value, base64(value)]) assert.ok(!told.includes(secret), `${secret} is told somewhere`);
  };

  it('come hot at once, the others with the one restart, and are told nowhere', async () => {
    const stage = await bound(0);
    const live = await get(stage);
    assert.equal(live.type, 'Opaque');
    assert.equal(live.metadata.labels?.['reload-operator.dev/role'], 'live');
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    const sentinel = await aSentinel(stage);
    await sentinel.pass();
    assert.equal(await restarts(stage), 0);

    await edit(stage, { hot: 'hot-b' });
    await holds(stage, { hot: 'hot-b', cold: 'cold-a' }, 'the hot key');
    await stage.until('HotReloaded', 'True', { reason: 'NoPods' });
    assert.equal(await restarts(stage), 0);

    await stage.patch(stage.workloadPath(), { spec: { paused: true, replicas: 1 } });
    await edit(stage, { hot: 'hot-c', cold: 'cold-b' });
    await holds(stage, { hot: 'hot-c', cold: 'cold-a' }, 'the hot key alone');
    await sentinel.pass();
    await holds(stage, { hot: 'hot-c', cold: 'cold-a' }, 'the other still to wait');
    await stage.patch(stage.workloadPath(), { spec: { paused: false, replicas: 0 } });
    await restarted(stage, 1);
    await holds(stage, { hot: 'hot-c', cold: 'cold-b' }, 'the other with the restart');
    await snapshots(stage, ['db-live-2'], 'the earlier snapshot to go');
    const snapshot = await get(stage, 'db-live-2');
    assert.deepEqual([snapshot.immutable, snapshot.type], [true, 'Opaque']);
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });

    await stage.patch(path(stage, 'db-live'), { data: encoded({ cold: 'theirs' }) });
    await holds(stage, { hot: 'hot-c', cold: 'cold-b' }, 'what others wrote to be put back');
    await sentinel.pass();
    assert.equal(await restarts(stage), 1);
    await assertUntold(stage, ['hot-a', 'hot-b', 'hot-c', 'cold-a', 'cold-b', 'theirs']);
    const [source] = (await stage.record()).sources;
    for (const digest of Object.values(source?.keys ?? {})) assert.match(digest, /^m1-[0-9a-f]{8}:[\w-]{22}$/);
  });

  const failing = { restart: { debounce: '50ms', onFailure: 'Rollback', progressTimeout: '1s' } } as const;

  it('are not gone back to, neither after a failure nor by hand', async () => {
    const stage = await bound(1, failing, 1);
    await edit(stage, { cold: 'cold-b' });
    await untilPasses(
      async () => {
        const [workload] = (await stage.status()).workloads ?? [];
        assert.equal(workload?.state, 'TimedOut');
        assert.match(workload.message ?? '', /rollbackSecrets/);
      },
      { what: 'the failure to be said' },
    );
    await snapshots(stage, ['db-live-2'], 'the earlier snapshot to go');
    assert.match(await ask(stage, 1), /^Refused NoSnapshot .*without delivery.rollbackSecrets/);
    await (await aSentinel(stage)).pass();
    assert.deepEqual((await get(stage)).data, encoded({ ...FIRST, cold: 'cold-b' }));
    assert.equal(await restarts(stage), 1);
    await assertUntold(stage, ['hot-a', 'cold-a', 'cold-b']);
  });

  it('are gone back to where the policy says so', async () => {
    const stage = await bound(2, { ...failing, delivery: delivery(true) }, 1);
    await edit(stage, { cold: 'cold-b' });
    await untilPasses(async () => assert.equal((await stage.record()).failed?.undo?.mode, 'Rollback'), {
      what: 'the rollback',
    });
    await holds(stage, FIRST, 'what was applied before');
    await untilPasses(async () => assert.equal(await stage.restartAnnotation(), undefined), { what: 'the template' });
    await snapshots(stage, ['db-live-1'], 'the snapshot that failed to go');
    await assertUntold(stage, ['hot-a', 'cold-a', 'cold-b']);
  });

  describe('the fence', () => {
    let account: KubeClient;
    let stage: Stage;
    before(async () => {
      stage = await bound(3);
      account = await serviceAccountClient(cluster, home, ACCOUNT);
    });
    after(() => account.close());

    const write = (method: 'POST' | 'PUT' | 'DELETE', name: string | undefined, body?: object): Promise<unknown> =>
      account.request({ method, path: path(stage, name), query: { dryRun: 'All' }, ...(body && { body }) });
    const role = (value: string): object => ({ labels: { 'reload-operator.dev/role': value } });

    it('lets the operator make no Secret without its label, and none of a type that does things', async () => {
      await assert.rejects(write('POST', undefined, { metadata: { name: 'x' } }), /no ConfigMap or Secret but live/);
      await assert.rejects(
        write('POST', undefined, {
          metadata: { name: 'x', ...role('live'), annotations: { 'kubernetes.io/service-account.name': 'default' } },
          type: 'kubernetes.io/service-account-token',
        }),
        /no Secret but of type Opaque/,
      );
      await write('POST', undefined, { metadata: { name: 'x', ...role('live') }, type: 'Opaque' });
    });

    it('lets it change and delete only those that it has made', async () => {
      const source = await get(stage, 'db');
      await assert.rejects(write('PUT', 'db', { ...source, data: {} }), /that it has not made/);
      await assert.rejects(
        write('PUT', 'db', { ...source, metadata: { ...source.metadata, ...role('live') } }),
        /that it has not made/,
      );
      await assert.rejects(write('DELETE', 'db'), /that it has not made/);
      const live = await get(stage);
      await write('PUT', 'db-live', { ...live, data: {} });
      await assert.rejects(
        write('PUT', 'db-live', { ...live, metadata: { ...live.metadata, labels: {} } }),
        /may not change the label/,
      );
    });
  });
});
