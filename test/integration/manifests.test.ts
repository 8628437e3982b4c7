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

  it('have neither a namespace nor anything cluster-wide where they are for one namespace', async () => {
    const kinds = (await render('config/namespaced')).map(({ kind }) => kind);
    assert.deepEqual(kinds.sort(), ['Deployment', 'Role', 'Role', 'RoleBinding', 'RoleBinding', 'ServiceAccount']);
  });
});
