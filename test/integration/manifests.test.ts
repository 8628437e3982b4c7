import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { CHECKOUT } from '../cluster/state.ts';
import { kubectlFor } from '../support/kubectl.ts';
import { inOrder, type Manifest } from '../support/manifests.ts';

const KUSTOMIZATION = `
configurations: [name-reference.yaml]
nameSuffix: -blue
configMapGenerator: [{name: web, literals: [flag=one]}]
resources: [objects.yaml]
`;

const OBJECTS = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}
---
apiVersion: reload-operator.dev/v1alpha1
kind: ReloadPolicy
metadata: {name: web}
spec:
  sources: [{kind: ConfigMap, name: web}]
  workloads: [{kind: Deployment, name: web}]
  rules: [{keys: ["*"], class: Restart, from: [{kind: ConfigMap, name: web}]}]
  restart: {canary: {workload: {kind: Deployment, name: web}}}
  delivery:
    mode: Managed
    objects: [{name: web-live, source: {kind: ConfigMap, name: web}, workloads: [{kind: Deployment, name: web}]}]
`;

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

  it('have policies follow the names that kustomize makes, and leave live objects theirs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'name-reference-'));
    try {
      const file = 'name-reference.yaml';
      await copyFile(join(CHECKOUT, 'config/kustomize', file), join(folder, file));
      await writeFile(join(folder, 'kustomization.yaml'), KUSTOMIZATION);
      await writeFile(join(folder, 'objects.yaml'), OBJECTS);
      const text = await kubectlFor(cluster).run(['kustomize', folder]);
      const rendered = parseAllDocuments(text).map((each) => each.toJS() as Manifest & { readonly spec: unknown });
      const nameOf = (wanted: string): string | undefined =>
        rendered.find(({ kind }) => kind === wanted)?.metadata.name;
      const [source, workload] = [nameOf('ConfigMap'), nameOf('Deployment')];
      assert.match(`${source ?? ''} ${workload ?? ''}`, /^web-blue-[a-z0-9]{10} web-blue$/);
      const deployment = { kind: 'Deployment', name: workload };
      assert.deepEqual(rendered.find(({ kind }) => kind === 'ReloadPolicy')?.spec, {
        sources: [{ kind: 'ConfigMap', name: source }],
        workloads: [deployment],
        rules: [{ keys: ['*'], class: 'Restart', from: [{ kind: 'ConfigMap', name: source }] }],
        restart: { canary: { workload: deployment } },
        delivery: {
          mode: 'Managed',
          objects: [{ name: 'web-live', source: { kind: 'ConfigMap', name: source }, workloads: [deployment] }],
        },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
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
