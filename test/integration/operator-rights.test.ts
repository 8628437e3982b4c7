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

/** The rules without one right: a verb on a resource, as kubectl names it. */
const without = (rules: readonly Rule[], verb: string, resource: string): readonly Rule[] =>
  rules.flatMap((rule) =>
    rule.resources
      .map((each) => ({
        ...rule,
        resources: [each],
        verbs: rule.verbs.filter((one) => each !== resource || one !== verb),
      }))
      .filter(({ verbs }) => verbs.length > 0),
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

  /** Gives the account in the stage's own namespace these rules, there. */
  const grant = (rules: readonly Rule[]): Promise<string> =>
    stage.kubectl.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'operator', namespace: stage.namespace },
      rules,
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
    await grant(await shippedRules());
    await start();
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    assert.equal(await operator?.readyz(), true);
    assert.equal(await operator?.stop(), 0);
  });

  it('to list StatefulSets names it, works on with the others, and recovers', async () => {
    await grant(without(await shippedRules(), 'list', 'statefulsets'));
    await start();
    const message = await stage.until('Ready', 'False', { reason: 'Forbidden' });
    assert.match(message, /cannot list resource "statefulsets"/);
    await stage.until('Stalled', 'True', { reason: 'Forbidden' });
    await stage.edit({ flag: 'b' });
    await eventually(async () => (await stage.restartAnnotation())?.startsWith('v1.1.'), { what: 'the restart' });
    assert.equal(await operator?.livez(), true);
    // Nothing but the right itself is to bring the next report about.
    await stage.until('RolledOut', 'True', { reason: 'NoReplicas' });
    await quiet(stage);

    await grant(await shippedRules());
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await untilPasses(
      async () => {
        assert.equal(await operator?.readyz(), true);
      },
      { what: 'the operator to be ready' },
    );
  });

  it('to patch Deployments names it, keeps the change, and recovers', async () => {
    await grant(without(await shippedRules(), 'patch', 'deployments'));
    await stage.edit({ flag: 'c' });
    const message = await stage.until('Ready', 'False', { reason: 'Forbidden' });
    assert.match(message, /Deployment\/web.*cannot patch resource "deployments"/);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);

    await grant(await shippedRules());
    await eventually(async () => (await stage.restartAnnotation())?.startsWith('v1.2.'), { what: 'the restart' });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('to read a source names it, restarts nothing, and recovers', async () => {
    await operator?.stop();
    await grant(without(await shippedRules(), 'get', 'configmaps'));
    await start();
    assert.match(
      await stage.until('Ready', 'False', { reason: 'SourceUnreadable' }),
      /cannot get resource "configmaps"/,
    );
    await stage.until('SourcesValid', 'False', { reason: 'SourceUnreadable' });
    await stage.edit({ flag: 'd' });
    await grant(await shippedRules());
    await eventually(async () => (await stage.restartAnnotation())?.startsWith('v1.3.'), { what: 'the restart' });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });

  it('loses one while it runs, and says so', async () => {
    await grant(without(await shippedRules(), 'patch', 'reloadpolicies/status'));
    await stage.edit({ flag: 'e' });
    await eventually(async () => (await stage.restartAnnotation())?.startsWith('v1.4.'), { what: 'the restart' });
    await eventually(
      () => operator?.log.some((line) => JSON.stringify(line).includes('cannot patch resource')) === true || undefined,
      { what: 'the refusal in the log' },
    );
    assert.equal(operator?.running(), true);
    await grant(await shippedRules());
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
  });
});
