/** The Roles that are made for policies: as the operator's account, what they name can be read, and nothing else. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { rolesFor, type BindingPolicy, type RightsOptions } from '../../src/domain/rights.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { listWatch, type KubeObject } from '../../src/kube/listwatch.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountClient } from '../support/account.ts';
import { installRights } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const SECRETS = ['db', 'tls', 'other'] as const;

/** Whether a request is allowed; any other failure is trouble of the test. */
const allowed = async (request: Promise<unknown>): Promise<boolean> => {
  try {
    await request;
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return false;
    throw error;
  }
};

describe('the Roles for policies', () => {
  let cluster: Cluster;
  let stage: Stage;
  let account: KubeClient;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
  });
  after(() => cluster.stop());

  /** A namespace with Secrets, and an account in it that has what is printed for the policies there. */
  const given = async (policies: readonly Omit<BindingPolicy, 'namespace'>[], options: RightsOptions = {}) => {
    stage = await Stage.open(cluster, 'roles');
    const { namespace } = stage;
    const grants = rolesFor(
      policies.map((policy) => ({ ...policy, namespace })),
      { account: { name: 'reload-operator', namespace }, ...options },
    );
    await stage.kubectl.apply(
      ...SECRETS.map((name) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        stringData: { a: 'b' },
      })),
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reload-operator', namespace } },
      ...grants.flatMap(({ role, binding }) => [role, binding]),
    );
    account = await serviceAccountClient(cluster, namespace, 'reload-operator');
  };
  const gone = async (): Promise<void> => {
    await account.close();
    await stage.end();
  };

  const secrets = (name?: string): string => stage.path('/api/v1', 'secrets', name);
  const get = (name: string): Promise<boolean> => allowed(account.request({ method: 'GET', path: secrets(name) }));
  /** One object's list and watch as the operator makes them; without a name, the namespace's. */
  const listAndWatch = async (name?: string): Promise<readonly boolean[]> => {
    const objects = listWatch<KubeObject>(account, {
      path: secrets(),
      ...(name !== undefined && { query: { fieldSelector: `metadata.name=${name}` } }),
      metadataOnly: true,
    });
    const { signal } = new AbortController();
    return [
      await allowed(objects.list({ limit: 10 }, signal)),
      await allowed(
        (async () => {
          // From the beginning: what is there comes first.
          for await (const _ of objects.watch({ resourceVersion: '0', timeoutSeconds: 5 }, signal)) break;
        })(),
      ),
    ];
  };
  const can = async (verb: string, group: string, resource: string, name?: string): Promise<boolean> => {
    const [plural, subresource] = resource.split('/');
    const { status } = await account.request<{ readonly status: { readonly allowed: boolean } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        spec: { resourceAttributes: { namespace: stage.namespace, verb, group, resource: plural, subresource, name } },
      },
    });
    return status.allowed;
  };
  const inForce = (name: string): Promise<void> =>
    untilPasses(async () => assert.equal(await get(name), true), { what: 'the Role to count' });

  describe('that name Secrets', () => {
    before(async () => {
      await given([
        {
          sources: [
            { kind: 'Secret', name: 'db' },
            { kind: 'ConfigMap', name: 'app' },
          ],
        },
        { sources: [{ kind: 'Secret', name: 'tls' }] },
      ]);
      await inForce('db');
    });
    after(gone);

    it('let each of them be read, listed and watched by its name', async () => {
      for (const name of ['db', 'tls']) {
        assert.equal(await get(name), true);
        assert.deepEqual(await listAndWatch(name), [true, true]);
      }
    });

    it('let no other be read, listed or watched, nor all of them', async () => {
      assert.equal(await get('other'), false);
      assert.deepEqual(await listAndWatch('other'), [false, false]);
      assert.deepEqual(await listAndWatch(), [false, false]);
    });

    it('let nothing be written, and nothing else be read', async () => {
      for (const verb of ['create', 'update', 'patch', 'delete', 'deletecollection'])
        for (const name of [undefined, 'db']) assert.equal(await can(verb, '', 'secrets', name), false, verb);
      assert.equal(await can('get', '', 'configmaps', 'app'), false);
      assert.equal(await can('list', '', 'pods'), false);
    });
  });

  describe('that select Secrets by label', () => {
    before(async () => {
      await given([{ sources: [], sourceSelectors: [{ kind: 'Secret' }] }]);
      await inForce('other');
    });
    after(gone);

    it('let all of the namespace be read, listed and watched, and none be written', async () => {
      assert.deepEqual(await listAndWatch(), [true, true]);
      for (const verb of ['create', 'update', 'patch', 'delete'])
        assert.equal(await can(verb, '', 'secrets', 'db'), false, verb);
      await assert.rejects(
        account.request({ method: 'GET', path: '/api/v1/secrets' }),
        /cannot list resource "secrets" in API group "" at the cluster scope/,
      );
    });
  });

  describe('that are complete', () => {
    before(async () => {
      const db = { kind: 'Secret', name: 'db' } as const;
      await given(
        [{ sources: [db, { kind: 'ConfigMap', name: 'app' }], workloads: [{ kind: 'Deployment', name: 'web' }] }],
        { complete: true },
      );
      await inForce('db');
      await untilPasses(async () => assert.equal(await can('create', '', 'secrets'), true), {
        what: 'the Role of the digest key to count',
      });
    });
    after(gone);

    it('are what the operator needs', async () => {
      const expectations: readonly (readonly [boolean, ...Parameters<typeof can>])[] = [
        [true, 'get', '', 'configmaps', 'app'],
        [false, 'get', '', 'configmaps', 'other'],
        [true, 'watch', '', 'configmaps'],
        [true, 'patch', 'apps', 'deployments', 'web'],
        [false, 'patch', 'apps', 'deployments', 'api'],
        [false, 'patch', 'apps', 'statefulsets', 'web'],
        [true, 'watch', 'apps', 'statefulsets'],
        [true, 'patch', '', 'pods/status'],
        [false, 'patch', '', 'pods'],
        [true, 'create', 'reload-operator.dev', 'reloadrecords'],
        [true, 'patch', 'reload-operator.dev', 'reloadpolicies/status'],
        [false, 'patch', 'reload-operator.dev', 'reloadpolicies'],
        [true, 'create', 'events.k8s.io', 'events'],
        [true, 'get', '', 'secrets', 'reload-operator-digest-key'],
        [false, 'get', '', 'secrets', 'other'],
        [false, 'list', '', 'secrets'],
      ];
      for (const [expected, ...right] of expectations) assert.equal(await can(...right), expected, right.join(' '));
    });

    it('let it create the key of its digests, and no other Secret', async () => {
      const create = (body: object): Promise<unknown> =>
        account.request({ method: 'POST', path: secrets(), query: { dryRun: 'All' }, body });
      const digestKey = { metadata: { name: 'reload-operator-digest-key' }, stringData: { key: 'k' } };
      const anyToken = {
        type: 'kubernetes.io/service-account-token',
        metadata: { ...digestKey.metadata, annotations: { 'kubernetes.io/service-account.name': 'default' } },
      };
      await untilPasses(
        () => assert.rejects(create({ metadata: { name: 'mine' } }), /no ConfigMap or Secret but live objects/),
        {
          what: 'the admission policy to be in force',
        },
      );
      await assert.rejects(create(anyToken), /must be of type Opaque/);
      await create(digestKey);
    });
  });
});

describe("the operator's account", () => {
  it('may neither change nor delete a Secret, nor create one elsewhere, whatever it is bound to', async () => {
    const cluster = await clusterForTests({ node: false });
    const home = await Stage.open(cluster, 'home');
    const away = await Stage.open(cluster, 'away');
    try {
      await installRights(cluster);
      await home.kubectl.apply(
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reload-operator', namespace: home.namespace } },
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: away.namespace } },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata: { name: 'too-much', namespace: away.namespace },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
          subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace: home.namespace }],
        },
      );
      const account = await serviceAccountClient(cluster, home.namespace, 'reload-operator');
      const db = away.path('/api/v1', 'secrets', 'db');
      await untilPasses(
        () =>
          assert.rejects(
            account.request({ method: 'DELETE', path: db, query: { dryRun: 'All' } }),
            /may neither change nor delete a ConfigMap or Secret/,
          ),
        { what: 'the binding and the admission policy to count' },
      );
      await assert.rejects(
        account.request({
          method: 'PATCH',
          path: db,
          contentType: 'application/merge-patch+json',
          body: { metadata: { labels: { a: 'b' } } },
        }),
        /may neither change nor delete a ConfigMap or Secret/,
      );
      await assert.rejects(
        account.request({
          method: 'POST',
          path: away.path('/api/v1', 'secrets'),
          body: { metadata: { name: 'reload-operator-digest-key' } },
        }),
        /in its own namespace/,
      );
      await account.close();
    } finally {
      await home.end();
      await away.end();
      await cluster.stop();
    }
  });
});
