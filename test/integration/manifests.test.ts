import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { inOrder, type Manifest } from '../support/manifests.ts';

describe('the manifests, as kubectl renders them', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await clusterForTests({ node: false });
  });
  after(() => cluster.stop());

  const render = async (folder: string): Promise<readonly Manifest[]> => {
    const text = await kubectlFor(cluster).run(['kustomize', join(CHECKOUT, folder)]);
    return parseAllDocuments(text).map((each) => each.toJS() as Manifest);
  };

  it('have the fence before the operator', async () => {
    inOrder(await render('config/default'));
  });

  it('tell the operator of agents where they are installed with it, whose operator is the same but for that', async () => {
    const find = async (folder: string): Promise<string> =>
      JSON.stringify((await render(folder)).find(({ kind }) => kind === 'Deployment'));
    const told = ',{"name":"AGENT_NAMESPACE","value":"reload-operator-agent"}';
    const withAgent = await find('config/with-agent');
    assert.ok(withAgent.includes(told));
    assert.equal(withAgent.replace(told, ''), await find('config/default'));
    assert.deepEqual(
      (await render('config/with-agent')).map(({ kind }) => kind).filter((kind) => kind === 'DaemonSet'),
      ['DaemonSet'],
    );
  });

  it('keep an operator for one namespace there, with agents, too', async () => {
    const objects = await render('config/namespaced-with-agent');
    assert.deepEqual(objects.map(({ kind }) => kind).sort(), [
      'Deployment',
      ...['Role', 'Role', 'Role'],
      ...['RoleBinding', 'RoleBinding', 'RoleBinding'],
      'ServiceAccount',
    ]);
    const places = objects.map(({ metadata }) => (metadata as { readonly namespace?: string }).namespace);
    assert.deepEqual([...new Set(places)], ['team-a']);
    assert.doesNotMatch(JSON.stringify(objects), /reload-operator-system/);
  });

  it('have neither a namespace nor anything cluster-wide where they are for one namespace', async () => {
    const kinds = (await render('config/namespaced')).map(({ kind }) => kind);
    assert.deepEqual(kinds.sort(), ['Deployment', 'Role', 'Role', 'RoleBinding', 'RoleBinding', 'ServiceAccount']);
  });
});
