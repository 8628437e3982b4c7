/** The agents as they are installed: what they may, and that both sides agree on names. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { AGENT_AUDIENCE, AGENT_NAME, PORT_NAME } from '../../src/agent/protocol.ts';
import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from '../../src/api/v1alpha1/names.ts';
import { AGENT } from '../../src/settings/agent.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const load = <T>(file: string): T[] =>
  parseAllDocuments(readFileSync(join(CHECKOUT, 'config', file), 'utf8')).map((each) => each.toJS() as T);

interface DaemonSet {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly [field: string]: unknown;
        readonly serviceAccountName: string;
        readonly containers: readonly [
          {
            readonly command: readonly string[];
            readonly args: readonly string[];
            readonly env: readonly { readonly name: string; readonly value?: string }[];
            readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
            readonly securityContext: Readonly<Record<string, unknown>>;
            readonly volumeMounts: readonly Readonly<Record<string, unknown>>[];
          },
        ];
        readonly volumes: readonly Readonly<Record<string, unknown>>[];
      };
    };
  };
}

interface Role {
  readonly kind: string;
  readonly rules?: readonly object[];
  readonly subjects?: readonly { readonly name: string; readonly namespace: string }[];
}

describe('the manifests of the agents', () => {
  const [daemonSet] = load<DaemonSet>('agent/daemonset.yaml');
  assert.ok(daemonSet);
  const { metadata, spec } = daemonSet.spec.template;
  const [container] = spec.containers;

  it('name what the operator looks for', () => {
    assert.equal(metadata.labels['app.kubernetes.io/name'], AGENT_NAME);
    assert.equal(spec.serviceAccountName, AGENT_NAME);
    assert.deepEqual(container.ports, [{ name: PORT_NAME, containerPort: Number(AGENT.settings.port.default) }]);
    assert.match(
      JSON.stringify(spec.volumes),
      new RegExp(`"serviceAccountToken":\\{"audience":"${AGENT_AUDIENCE}","expirationSeconds":3600,"path":"token"`),
    );
    const client = readFileSync(join(CHECKOUT, 'config/agent-client/kustomization.yaml'), 'utf8');
    assert.match(client, new RegExp(`name: AGENT_NAMESPACE\n +value: ${daemonSet.metadata.namespace}\n`));
  });

  it('let the agents read, and no more', () => {
    assert.deepEqual(container.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'priorityClassName'])
      assert.equal(spec[field], undefined, field);
    const hostPaths = spec.volumes.filter((volume) => 'hostPath' in volume);
    assert.deepEqual(hostPaths, [{ name: 'pods', hostPath: { path: '/var/lib/kubelet/pods', type: 'Directory' } }]);
    assert.ok(container.volumeMounts.every(({ readOnly }) => readOnly === true));
    assert.ok(container.args.includes('--disallow-code-generation-from-strings'));
    assert.equal(spec['enableServiceLinks'], false);
  });

  it('run what the image has, with settings that the agent takes', () => {
    const program = container.args.find((argument) => argument.startsWith('/app/'));
    assert.ok(program !== undefined);
    assert.ok(readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8').includes(program.replace('/app/', ' dist/')));
    const known = Object.values(AGENT.settings).map(({ env }) => env as string);
    for (const { name } of container.env) assert.ok(known.includes(name), name);
    assert.equal(
      container.env.find(({ name }) => name === 'OPERATOR_ACCOUNTS')?.value,
      `${DEFAULT_NAMESPACE}/${SERVICE_ACCOUNT}`,
    );
  });

  it('give each side the rights that the docs name, and none besides', () => {
    const files = [
      'agent/token-review.yaml',
      'agent/find-agents.yaml',
      'agent-client/role.yaml',
      'agent-client/role-binding.yaml',
    ];
    const objects = files.flatMap((file) => load<Role>(file));
    assert.deepEqual(
      objects.flatMap(({ kind, rules = [] }) => rules.map((rule) => [kind, rule])),
      [
        ['ClusterRole', { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }],
        ['Role', { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }],
        [
          'Role',
          {
            apiGroups: [''],
            resources: ['serviceaccounts/token'],
            resourceNames: [SERVICE_ACCOUNT],
            verbs: ['create'],
          },
        ],
      ],
    );
    const operator = { kind: 'ServiceAccount', name: SERVICE_ACCOUNT, namespace: DEFAULT_NAMESPACE };
    const agent = { kind: 'ServiceAccount', name: AGENT_NAME, namespace: daemonSet.metadata.namespace };
    assert.deepEqual(
      objects.flatMap(({ subjects }) => (subjects === undefined ? [] : [subjects])),
      [[agent, operator], [operator], [operator]],
    );
    const { resources } = parse(readFileSync(join(CHECKOUT, 'config/agent/kustomization.yaml'), 'utf8')) as {
      readonly resources: readonly string[];
    };
    assert.deepEqual(
      resources,
      ['namespace', 'service-account', 'token-review', 'find-agents', 'network-policy', 'daemonset'].map(
        (name) => `${name}.yaml`,
      ),
    );
  });
});
