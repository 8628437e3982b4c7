/** Secrets and selected sources, on a real API server: by Roles that are as narrow as they are meant to be. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import type { SourceKind } from '../../src/domain/selection.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { installRights, startOperator, type OperatorOptions, type RunningOperator } from '../support/operator.ts';
import { createRecordingProxy } from '../support/recording-proxy.ts';
import { aSentinel, assertNoEffect } from '../support/sentinel.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const rulesIn = async (path: string): Promise<readonly Rule[]> =>
  (parse(await readFile(join(CHECKOUT, path), 'utf8')) as { readonly rules: readonly Rule[] }).rules;

const secretRule = (verbs: readonly string[], ...resourceNames: readonly string[]): Rule => ({
  apiGroups: [''],
  resources: ['secrets'],
  ...(resourceNames.length > 0 && { resourceNames }),
  verbs,
});

const READING = ['get', 'list', 'watch'] as const;
const KEY = 'reload-operator-digest-key';

/** Long and odd enough to be found nowhere by chance. */
const valueOf = (what: string): string => `s3cret-${what}-e7b1c94f`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A namespace with an operator of its own in it, by an account that may do just this. */
class Scene {
  readonly stage: Stage;
  readonly #cluster: Cluster;
  #operator: RunningOperator | undefined;

  constructor(cluster: Cluster, stage: Stage) {
    this.#cluster = cluster;
    this.stage = stage;
  }

  static async open(cluster: Cluster, ...rules: readonly Rule[]): Promise<Scene> {
    const stage = await Stage.open(cluster, 'secrets');
    const { namespace } = stage;
    await stage.kubectl.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reload-operator', namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'operator', namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'operator' },
        subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace }],
      },
    );
    const scene = new Scene(cluster, stage);
    await scene.grant(...rules);
    return scene;
  }

  get operator(): RunningOperator {
    if (this.#operator === undefined) throw new Error('the operator has not been started');
    return this.#operator;
  }

  /** What is shipped for one namespace, and these rules. */
  async grant(...rules: readonly Rule[]): Promise<void> {
    await this.stage.kubectl.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'operator', namespace: this.stage.namespace },
      rules: [
        ...(await rulesIn('config/namespaced/role.yaml')),
        ...(await rulesIn('config/digest-key/role.yaml')),
        ...rules,
      ],
    });
  }

  async start(args: readonly string[] = [], more: Partial<OperatorOptions> = {}): Promise<void> {
    const { namespace } = this.stage;
    this.#operator = await startOperator({
      cluster: this.#cluster,
      namespaces: [namespace],
      accountNamespace: namespace,
      args: [`--operator-namespace=${namespace}`, '--log-level=debug', ...args],
      ...more,
    });
  }

  async restart(args: readonly string[] = [], more: Partial<OperatorOptions> = {}): Promise<void> {
    assert.equal(await this.operator.stop(), 0);
    await this.start(args, more);
  }

  async end(): Promise<void> {
    await this.#operator?.kill();
    await this.stage.end();
  }

  async secret(data: Readonly<Record<string, string>>, name = 'db', labels: object = {}): Promise<void> {
    const path = this.stage.path('/api/v1', 'secrets');
    await this.stage.api.request({ method: 'POST', path, body: { metadata: { name, labels }, stringData: data } });
  }

  async edit(data: Readonly<Record<string, string>>, name = 'db'): Promise<void> {
    await this.stage.patch(this.stage.path('/api/v1', 'secrets', name), { stringData: data });
  }

  async label(kind: SourceKind, name: string, team: string | null): Promise<void> {
    const path = this.stage.path('/api/v1', `${kind.toLowerCase()}s`, name);
    await this.stage.patch(path, { metadata: { labels: { team } } });
  }

  /** Reads `hot` from a file and `cold` from its environment. */
  async consumer(name = 'web', secret = 'db'): Promise<void> {
    const { stage } = this;
    const manifest = stage.manifest({
      name,
      replicas: 0,
      mounted: false,
      container: {
        env: [{ name: 'COLD', valueFrom: { secretKeyRef: { name: secret, key: 'cold' } } }],
        volumeMounts: [{ name: 'secret', mountPath: '/etc/secret' }],
      },
    }) as { readonly spec: { readonly template: { readonly spec: object } } };
    Object.assign(manifest.spec.template.spec, { volumes: [{ name: 'secret', secret: { secretName: secret } }] });
    await stage.api.request({ method: 'POST', path: stage.path('/apis/apps/v1', 'deployments'), body: manifest });
    await untilPasses(
      async () => {
        const { metadata, status } = await stage.workload(name);
        assert.equal(status?.['observedGeneration'], metadata.generation);
      },
      { what: 'the controllers to have seen the workload' },
    );
  }

  restarted(n: number, name = 'web'): Promise<unknown> {
    return eventually(async () => (await this.stage.restartAnnotation(name))?.startsWith(`v1.${n}.`), {
      what: `restart ${n} of ${name}`,
      timeoutMs: 60_000,
    });
  }

  /** The recorded digests of a source. */
  async digests(id = 'Secret/db', workload = 'web'): Promise<Readonly<Record<string, string>>> {
    const { sources } = await this.stage.record(workload);
    return sources.find(({ kind, name }) => `${kind}/${name}` === id)?.keys ?? {};
  }

  async untilDigests(pattern: RegExp): Promise<void> {
    await untilPasses(
      async () => {
        const digests = Object.values(await this.digests());
        assert.ok(digests.length > 0);
        for (const digest of digests) assert.match(digest, pattern);
      },
      { what: `digests like ${pattern.source} in the record`, timeoutMs: 60_000 },
    );
  }

  keyId(): Promise<string> {
    return eventually(async () => /^m1-([0-9a-f]{8}):/.exec(Object.values(await this.digests())[0] ?? '')?.[1], {
      what: 'MACs in the record',
    });
  }

  sourceNames(policy = 'app'): Promise<readonly string[]> {
    return this.stage.status(policy).then(({ sources = [] }) => sources.map(({ kind, name }) => `${kind}/${name}`));
  }
}

const HOT = [{ keys: ['hot'], class: 'Hot' as const }];
const DB = [{ kind: 'Secret' as const, name: 'db' }];

describe('Secrets', { concurrency: 2 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
  });
  after(() => cluster.stop());

  const scenario = (name: string, rules: readonly Rule[], run: (scene: Scene) => Promise<void>): void => {
    it(name, async () => {
      const scene = await Scene.open(cluster, ...rules);
      try {
        await run(scene);
      } finally {
        await scene.end();
      }
    });
  };

  scenario(
    'are acted on by a Role that names them, once for each change, and their values are told nowhere',
    [secretRule(READING, 'db')],
    async (scene) => {
      const { stage } = scene;
      await scene.secret({ hot: valueOf('hot-a'), cold: valueOf('cold-a'), unread: valueOf('unread') });
      await scene.secret({ other: valueOf('other') }, 'other');
      await scene.consumer();
      await scene.start();
      await stage.policy({ sources: DB, rules: HOT });
      await stage.until('Ready', 'True', { reason: 'UpToDate' });
      const sentinel = await aSentinel(stage);
      await scene.edit({ hot: valueOf('hot-b') });
      await stage.until('HotReloaded', 'True', { reason: 'NoPods' });
      assert.equal(await stage.restartAnnotation(), undefined);

      await scene.edit({ cold: valueOf('cold-b') });
      await scene.restarted(1);
      await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
      await assertNoEffect(stage, sentinel, async () => {
        const path = stage.path('/api/v1', 'secrets', 'db');
        await stage.patch(path, { metadata: { labels: { some: 'label' } } });
        await scene.edit({ cold: valueOf('cold-b') });
      });
      assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
      await scene.untilDigests(/^m1-[0-9a-f]{8}:[\w-]{22}$/);

      const { data: key } = await stage.get<{ readonly data: { readonly key: string } }>(
        stage.path('/api/v1', 'secrets', KEY),
      );
      const told = JSON.stringify([
        await stage.record(),
        await stage.status(),
        await stage.workload(),
        await stage.list(stage.path('/apis/events.k8s.io/v1', 'events')),
        scene.operator.log,
        await scene.operator.metrics(),
      ]);
      const values = ['hot-a', 'hot-b', 'cold-a', 'cold-b', 'unread', 'other'].map(valueOf);
      const bytes = Buffer.from(key.key, 'base64');
      assert.equal(bytes.length, 32);
      for (const secret of [...values, ...values.map(base64), key.key, bytes.toString('hex'), bytes.toString('latin1')])
        assert.ok(!told.includes(secret), `${secret} is told somewhere`);
      assert.match(await scene.operator.metrics(), /^reload_secret_watches\{state="watching"\} 2$/m);
      assert.equal(await scene.operator.readyz(), true);
    },
  );

  scenario(
    'are taken as they are when the key of their digests is lost or changed, and acted on afterwards',
    [secretRule(READING, 'db')],
    async (scene) => {
      const { stage } = scene;
      await scene.secret({ hot: 'a', cold: 'a' });
      await scene.consumer();
      await scene.start();
      await stage.policy({ sources: DB, rules: HOT });
      await stage.adopted();
      await stage.until('Ready', 'True', { reason: 'UpToDate' });
      const sentinel = await aSentinel(stage);
      await sentinel.pass();
      const path = stage.path('/api/v1', 'secrets', KEY);
      const first = await scene.keyId();

      await stage.api.request({ method: 'DELETE', path });
      await untilPasses(async () => assert.notEqual(await scene.keyId(), first), { what: 'MACs by a new key' });
      await sentinel.pass();
      assert.equal(await stage.restartAnnotation(), undefined);
      assert.deepEqual((await stage.status()).history ?? [], []);
      await scene.edit({ cold: 'b' });
      await scene.restarted(1);
      await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });

      // Another key, while the operator is down.
      const second = await scene.keyId();
      await scene.operator.stop();
      await stage.api.request({ method: 'DELETE', path });
      await stage.api.request({
        method: 'POST',
        path: stage.path('/api/v1', 'secrets'),
        body: { metadata: { name: KEY }, data: { key: Buffer.alloc(32, 7).toString('base64') } },
      });
      const events = (await stage.ourEvents()).length;
      await scene.start();
      await untilPasses(async () => assert.notEqual(await scene.keyId(), second), { what: 'MACs by the other key' });
      await sentinel.pass();
      assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
      assert.equal((await stage.ourEvents()).length, events);
      await scene.edit({ cold: 'c' });
      await scene.restarted(2);
    },
  );

  scenario('that may not be read are told of, hold nobody up, and are read when they may be', [], async (scene) => {
    const { stage } = scene;
    await scene.secret({ hot: 'a', cold: 'a' });
    await scene.consumer();
    await stage.configMap({ flag: 'a' });
    await stage.create({ name: 'plain', replicas: 0, flags: ['flag'] });
    await scene.start();
    await stage.policy({ sources: DB, rules: HOT }, 'secret');
    await stage.policy({}, 'plain');
    const message = await stage.until('Ready', 'False', { reason: 'SourceUnreadable', policy: 'secret' });
    assert.match(message, /Secret\/db: .*cannot (get|list|watch) resource "secrets".*kubectl reload rbac/);
    await stage.until('Ready', 'True', { reason: 'UpToDate', policy: 'plain' });
    assert.equal(await scene.operator.readyz(), true);
    await stage.edit({ flag: 'b' });
    await scene.restarted(1, 'plain');

    // To read without the right to watch would miss every change.
    await scene.grant(secretRule(['get'], 'db'));
    await untilPasses(
      async () => {
        const unread = await stage.until('Ready', 'False', { reason: 'SourceUnreadable', policy: 'secret' });
        assert.match(unread, /can't be watched: .*cannot list resource "secrets".*kubectl reload rbac/);
      },
      { what: 'the right to watch to be missed', timeoutMs: 60_000 },
    );
    await scene.grant(secretRule(READING, 'db'));
    await stage.until('Ready', 'True', { reason: 'UpToDate', policy: 'secret', timeoutMs: 90_000 });
    await scene.edit({ cold: 'b' });
    await scene.restarted(1);
  });

  scenario(
    'have no value read by a blind operator, which acts on their versions',
    [secretRule(READING)],
    async (scene) => {
      const { stage } = scene;
      const values = ['a', 'b', 'c'].map((each) => valueOf(`blind-${each}`));
      const [a = '', b = '', c = ''] = values;
      await scene.secret({ hot: 'a', cold: a });
      await scene.consumer();
      const proxy = await createRecordingProxy(cluster, values.map(base64));
      try {
        await scene.start(['--secrets-blind=true'], { through: proxy.url });
        await stage.policy({ sources: DB, rules: HOT });
        await stage.until('Ready', 'True', { reason: 'UpToDate' });
        await scene.untilDigests(/^rv:/);
        assert.deepEqual(Object.keys(await scene.digests()), ['*']);
        await scene.edit({ cold: b });
        await scene.restarted(1);
        await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
        const reads = proxy.requests.filter(({ path }) => /\/secrets(\/|$)/.test(path));
        assert.ok(reads.some(({ path }) => path.endsWith('/secrets/db')));
        for (const { accept } of reads) assert.match(accept, /as=PartialObjectMetadata(List)?;/);
        assert.deepEqual([...proxy.seen], []);
        assert.ok(
          !(await stage.list<{ metadata: { name: string } }>(stage.path('/api/v1', 'secrets'))).some(
            ({ metadata }) => metadata.name === KEY,
          ),
        );

        // With values again, and then without: the baseline moves, and nothing else.
        await scene.restart([], { through: proxy.url });
        await scene.untilDigests(/^m1-/);
        assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
        await scene.edit({ cold: c });
        await scene.restarted(2);
        await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
        assert.deepEqual([...proxy.seen].sort(), [base64(b), base64(c)].sort(), 'the proxy would have seen them');
        await scene.restart(['--secrets-blind=true']);
        await scene.untilDigests(/^rv:/);
        assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./);
      } finally {
        await proxy.stop();
      }
    },
  );

  scenario(
    'are found by label where the operator may watch them all, and refused elsewhere',
    [secretRule(READING)],
    async (scene) => {
      const { stage } = scene;
      const spec = { sources: [{ kind: 'Secret' as const, selector: { matchLabels: { team: 'a' } } }], rules: HOT };
      await scene.secret({ hot: 'a', cold: 'a' }, 'db', { team: 'a' });
      await scene.consumer();
      await scene.start();
      await stage.policy(spec);
      const message = await stage.until('Ready', 'False', { reason: 'Forbidden' });
      assert.match(message, /can't be selected by label.*--secrets-namespaces/);

      await scene.restart([`--secrets-namespaces=${stage.namespace}`]);
      await stage.until('Ready', 'True', { reason: 'UpToDate', timeoutMs: 60_000 });
      assert.deepEqual(await scene.sourceNames(), ['Secret/db']);
      await scene.edit({ cold: 'b' });
      await scene.restarted(1);

      // One that comes later is adopted, with the workload that uses it.
      await scene.consumer('late', 'later');
      await scene.secret({ hot: 'a', cold: 'a' }, 'later', { team: 'a' });
      await untilPasses(async () => assert.deepEqual(await scene.sourceNames(), ['Secret/db', 'Secret/later']), {
        what: 'the later Secret to be found',
      });
      await stage.adopted('late');
      await scene.edit({ cold: 'b' }, 'later');
      await scene.restarted(1, 'late');
      await scene.label('Secret', 'later', null);
      await untilPasses(async () => assert.deepEqual(await scene.sourceNames(), ['Secret/db']), {
        what: 'the Secret without the label to be let go',
      });
    },
  );

  scenario('are not needed to find ConfigMaps by label, which come and go', [], async (scene) => {
    const { stage } = scene;
    await stage.configMap({ flag: 'a' }, 'early');
    await scene.label('ConfigMap', 'early', 'a');
    await stage.create({ name: 'first', configMap: 'early', replicas: 0, flags: ['flag'] });
    await stage.create({ name: 'second', configMap: 'late', replicas: 0, flags: ['flag'] });
    await scene.start();
    await stage.policy({ sources: [{ kind: 'ConfigMap', selector: { matchLabels: { team: 'a' } } }] });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await stage.adopted('first');
    await stage.edit({ flag: 'b' }, 'early');
    await scene.restarted(1, 'first');
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });

    await stage.configMap({ flag: 'a' }, 'late');
    await scene.label('ConfigMap', 'late', 'a');
    await stage.adopted('second');
    await stage.edit({ flag: 'b' }, 'late');
    await scene.restarted(1, 'second');

    // What was changed while the operator was down is acted on, though it has to be found again first.
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await untilPasses(async () => assert.equal((await stage.record('first')).restart?.phase, 'Succeeded'), {
      what: 'the restart to be recorded',
    });
    await scene.operator.stop();
    await stage.edit({ flag: 'c' }, 'early');
    await scene.start();
    await scene.restarted(2, 'first');
    assert.match((await stage.restartAnnotation('second')) ?? '', /^v1\.1\./);

    await scene.label('ConfigMap', 'late', null);
    await untilPasses(async () => assert.deepEqual(await scene.sourceNames(), ['ConfigMap/early']), {
      what: 'the ConfigMap without the label to be let go',
    });
  });
});
