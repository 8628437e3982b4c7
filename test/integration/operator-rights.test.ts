/** Rights that are missing: what can't be done is said, the rest goes on, and it recovers when they are granted. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const shippedRules = async (): Promise<readonly Rule[]> => {
  const role = parse(await readFile(join(CHECKOUT, 'config/rbac/cluster-role.yaml'), 'utf8')) as {
    readonly rules: readonly Rule[];
  };
  return role.rules;
};

/** A verb on a resource, as kubectl names it. */
type Right = readonly [verb: string, resource: string];

const without = (rules: readonly Rule[], [verb, resource]: Right): readonly Rule[] =>
  rules.flatMap((rule) =>
    rule.resources
      .map((each) => ({
        ...rule,
        resources: [each],
        verbs: rule.verbs.filter((one) => each !== resource || one !== verb),
      }))
      .filter(({ verbs }) => verbs.length > 0),
  );

/** A right as the API server is asked about it. */
interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** As kubectl names it. */
  readonly name: string;
  readonly resource: string;
  readonly subresource: string;
}

const rightsOf = (rules: readonly Rule[]): readonly Attributes[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((name) => {
        const [resource = '', subresource = ''] = name.split('/');
        return verbs.map((verb) => ({ verb, group, name, resource, subresource }));
      }),
    ),
  );

/** Nothing more is written about the policy for a while. */
const quiet = async (stage: Stage): Promise<void> => {
  let latest = '';
  await eventually(
    async () => {
      const before = latest;
      latest = (await stage.versions())[stage.policyPath()] ?? '';
      return latest === before;
    },
    { what: 'the status to settle', intervalMs: 1_000 },
  );
};

describe('an operator without a right', () => {
  let cluster: Cluster;
  let stage: Stage;
  let operator: RunningOperator | undefined;

  /**
   * Gives the account in the stage's own namespace what is shipped, there, but for one right. Resolves when the API
   * server goes by it: it takes up a changed Role in its own time.
   */
  const grant = async ({ lacking }: { readonly lacking?: Right } = {}): Promise<void> => {
    const shipped = await shippedRules();
    await stage.kubectl.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'operator', namespace: stage.namespace },
      rules: lacking === undefined ? shipped : without(shipped, lacking),
    });
    const wanted = rightsOf(shipped).map((right) => ({
      ...right,
      allowed: right.verb !== lacking?.[0] || right.name !== lacking[1],
    }));
    await untilPasses(
      async () => {
        const answers = await Promise.all(wanted.map(async (right) => ({ ...right, allowed: await isAllowed(right) })));
        assert.deepEqual(answers, wanted);
      },
      { what: 'the changed rights to count' },
    );
  };

  const isAllowed = async ({ verb, group, resource, subresource }: Attributes): Promise<boolean> => {
    const { status } = await stage.api.request<{ readonly status: { readonly allowed: boolean } }>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      body: {
        spec: {
          user: `system:serviceaccount:${stage.namespace}:reload-operator`,
          resourceAttributes: { namespace: stage.namespace, verb, group, resource, subresource },
        },
      },
    });
    return status.allowed;
  };

  /** What was refused is tried again after up to half a minute. */
  const restarted = (n: number): Promise<unknown> =>
    eventually(async () => (await stage.restartAnnotation())?.startsWith(`v1.${n}.`), {
      what: `restart ${n}`,
      timeoutMs: 90_000,
    });

  const start = async (): Promise<void> => {
    operator = await startOperator(
      { cluster, namespaces: [stage.namespace], accountNamespace: stage.namespace },
      // It isn't, until it may list everything.
      { ready: false },
    );
  };

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'rights');
    await stage.kubectl.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reload-operator', namespace: stage.namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'operator', namespace: stage.namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'operator' },
        subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace: stage.namespace }],
      },
    );
    await stage.configMap({ flag: 'a' });
    await stage.create({ replicas: 0, flags: ['flag'] });
    await stage.policy();
  });
  after(async () => {
    await operator?.kill();
    await stage.end();
    await cluster.stop();
  });

  it('works with a Role of its namespace alone', async () => {
    await grant();
    await start();
    // What was refused, by an account that is new, is tried again after up to half a minute.
    await eventually(() => stage.record(), { what: 'the record', timeoutMs: 90_000 }).catch((error: unknown) => {
      throw new Error(`no record was made; the operator's last words: ${operator?.said() ?? 'none'}`, { cause: error });
    });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.equal(await operator?.readyz(), true);
    assert.equal(await operator?.stop(), 0);
  });

  it('to list StatefulSets names it, works on with the others, and recovers', async () => {
    await grant({ lacking: ['list', 'statefulsets'] });
    await start();
    const message = await stage.until('Ready', 'False', { reason: 'Forbidden' });
    assert.match(message, /cannot list resource "statefulsets"/);
    await stage.until('Stalled', 'True', { reason: 'Forbidden' });
    await stage.edit({ flag: 'b' });
    await restarted(1);
    assert.equal(await operator?.livez(), true);
    // Nothing but the right itself is to bring the next report about.
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await quiet(stage);

    await grant();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await untilPasses(
      async () => {
        assert.equal(await operator?.readyz(), true);
      },
      { what: 'the operator to be ready', timeoutMs: 90_000 },
    );
  });

  it('to patch Deployments names it, keeps the change, and recovers', async () => {
    await grant({ lacking: ['patch', 'deployments'] });
    await stage.edit({ flag: 'c' });
    const message = await stage.until('Ready', 'False', { reason: 'Forbidden' });
    assert.match(message, /Deployment\/web.*cannot patch resource "deployments"/);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);

    await grant();
    await restarted(2);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('to read a source names it, restarts nothing, and recovers', async () => {
    await operator?.stop();
    await grant({ lacking: ['get', 'configmaps'] });
    await start();
    assert.match(
      await stage.until('Ready', 'False', { reason: 'SourceUnreadable' }),
      /cannot get resource "configmaps"/,
    );
    await stage.until('SourcesValid', 'False', { reason: 'SourceUnreadable' });
    await stage.edit({ flag: 'd' });
    await grant();
    await restarted(3);
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('loses one while it runs, and says so', async () => {
    await grant({ lacking: ['patch', 'reloadpolicies/status'] });
    await stage.edit({ flag: 'e' });
    await restarted(4);
    await eventually(
      () => operator?.log.some((line) => JSON.stringify(line).includes('cannot patch resource')) === true || undefined,
      { what: 'the refusal in the log' },
    );
    assert.equal(operator?.running(), true);
    const told = async (): Promise<number> => (await stage.status()).history?.length ?? 0;
    const before = await told();
    await grant();
    // The conditions were the same before.
    await untilPasses(async () => assert.ok((await told()) > before), {
      what: 'the status to tell of the restart that it could not tell of',
      timeoutMs: 60_000,
    });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });
});
