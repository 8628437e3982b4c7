import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { NAMED_KINDS, type WorkloadKindName } from '../../../src/api/v1alpha1/kinds.ts';
import { rolesFor, type BindingPolicy, type Grant, type Rule } from '../../../src/domain/rights.ts';

const CHECKOUT = join(import.meta.dirname, '../../..');

const secret = (name: string) => ({ kind: 'Secret', name }) as const;
const configMap = (name: string) => ({ kind: 'ConfigMap', name }) as const;
const deployment = (name?: string) => ({ kind: 'Deployment', ...(name !== undefined && { name }) }) as const;
const policy = (more: Partial<BindingPolicy> = {}): BindingPolicy => ({ namespace: 'shop', sources: [], ...more });

const signedWith = (name: string): NonNullable<BindingPolicy['hot']> => ({ notify: { signature: { name } } });

/** `verb group/resource[/name]`, a line for each right. */
const rightsOf = (rules: readonly Rule[]): readonly string[] =>
  rules
    .flatMap(({ apiGroups, resources, resourceNames = [undefined], verbs }) => {
      assert.ok(resourceNames.length > 0, 'an empty resourceNames grants all');
      return apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.flatMap((name) =>
            verbs.map((verb) => `${verb} ${group}/${resource}${name === undefined ? '' : ` ${name}`}`),
          ),
        ),
      );
    })
    .sort();
const secretsOf = (grants: readonly Grant[]): readonly string[] =>
  grants.flatMap(({ role }) => rightsOf(role.rules).map((right) => `${role.metadata.namespace}: ${right}`));
const reading = (where: string, name?: string): readonly string[] =>
  ['get', 'list', 'watch'].map((verb) => `${where}: ${verb} /secrets${name === undefined ? '' : ` ${name}`}`);

const SECRETS: readonly (readonly [string, readonly BindingPolicy[], readonly string[]])[] = [
  ['nothing for no policies', [], []],
  ['nothing for ConfigMaps', [policy({ sources: [configMap('app')], sourceSelectors: [{ kind: 'ConfigMap' }] })], []],
  ['a Secret by its name', [policy({ sources: [configMap('app'), secret('db')] })], reading('shop', 'db')],
  [
    'those of all policies of a namespace, once',
    [policy({ sources: [secret('tls'), secret('db')] }), policy({ sources: [secret('db')] })],
    [...reading('shop', 'db'), ...reading('shop', 'tls')].sort(),
  ],
  [
    'each namespace for itself',
    [policy({ namespace: 'b', sources: [secret('db')] }), policy({ namespace: 'a', sources: [secret('tls')] })],
    [...reading('a', 'tls'), ...reading('b', 'db')],
  ],
  [
    'all of a namespace where one is selected by labels, and no names beside',
    [policy({ sources: [secret('db')] }), policy({ sourceSelectors: [{ kind: 'Secret' }] })],
    reading('shop'),
  ],
  [
    'a Secret with a signing key, and no more than to get it',
    [policy({ sources: [configMap('app')], hot: signedWith('key') })],
    ['shop: get /secrets key'],
  ],
  [
    'one with a signing key that is a source, too',
    [policy({ sources: [secret('key')], hot: signedWith('key') })],
    reading('shop', 'key'),
  ],
  [
    'one with a signing key where all are read',
    [policy({ sourceSelectors: [{ kind: 'Secret' }], hot: signedWith('key') })],
    reading('shop'),
  ],
  [
    'no more in another namespace',
    [policy({ sourceSelectors: [{ kind: 'Secret' }] }), policy({ namespace: 'a', sources: [secret('db')] })],
    [...reading('a', 'db'), ...reading('shop')],
  ],
];

const WORKLOADS: readonly (readonly [string, readonly BindingPolicy[], readonly string[]])[] = [
  [
    'each kind where all consumers are bound',
    [policy(), policy({ workloads: [deployment('web')] })],
    ['patch apps/daemonsets', 'patch apps/deployments', 'patch apps/statefulsets'],
  ],
  [
    'by name where all are named',
    [
      policy({ workloads: [deployment('web'), { kind: 'DaemonSet', name: 'agent' }] }),
      policy({ workloads: [deployment('api'), deployment('web')] }),
    ],
    ['patch apps/daemonsets agent', 'patch apps/deployments api', 'patch apps/deployments web'],
  ],
  [
    'the whole kind where one is bound by labels',
    [
      policy({ workloads: [deployment('web'), { kind: 'StatefulSet', name: 'store' }] }),
      policy({ workloads: [deployment()] }),
    ],
    ['patch apps/deployments', 'patch apps/statefulsets store'],
  ],
];

describe('the rights for policies', () => {
  for (const [what, policies, expected] of SECRETS) {
    it(`to read Secrets: ${what}`, () => {
      assert.deepEqual(secretsOf(rolesFor(policies)), expected);
    });
  }

  it('are objects that kubectl applies', () => {
    assert.deepEqual(rolesFor([policy({ sources: [secret('db')] })]), [
      {
        comments: [],
        role: {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'Role',
          metadata: { name: 'reload-operator-secrets', namespace: 'shop' },
          rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['db'], verbs: ['get', 'list', 'watch'] }],
        },
        binding: {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata: { name: 'reload-operator-secrets', namespace: 'shop' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reload-operator-secrets' },
          subjects: [{ kind: 'ServiceAccount', name: 'reload-operator', namespace: 'reload-operator-system' }],
        },
      },
    ]);
  });

  it('are for the account that is named', () => {
    const account = { name: 'reload-operator', namespace: 'team-a' };
    const [grant] = rolesFor([policy({ sources: [secret('db')] })], { account });
    assert.deepEqual(grant?.binding.subjects, [{ kind: 'ServiceAccount', ...account }]);
  });

  it('say what reading all Secrets means', () => {
    const [grant] = rolesFor([policy({ sourceSelectors: [{ kind: 'Secret' }] })]);
    assert.match(grant?.comments.join(' ') ?? '', /every Secret of shop.*--secrets-namespaces names shop/);
  });

  it('are the same for an operator that is blind to Secrets, and say so', () => {
    const policies = [policy({ sources: [secret('db')] })];
    const [blind] = rolesFor(policies, { blind: true });
    const [seeing] = rolesFor(policies);
    assert.deepEqual(blind?.role, seeing?.role);
    assert.match(blind?.comments.join(' ') ?? '', /The right is the same/);
  });

  it('do not depend on the order of policies and names', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const anyPolicy: fc.Arbitrary<BindingPolicy> = fc.record(
      {
        namespace: name,
        sources: fc.array(fc.record({ kind: fc.constantFrom('ConfigMap', 'Secret'), name })),
        sourceSelectors: fc.array(fc.record({ kind: fc.constantFrom('ConfigMap', 'Secret') }), { maxLength: 1 }),
        workloads: fc.array(fc.record({ kind: fc.constantFrom('Deployment', 'DaemonSet'), name })),
      },
      { requiredKeys: ['namespace', 'sources'] },
    );
    fc.assert(
      fc.property(fc.array(anyPolicy), fc.boolean(), (policies, complete) => {
        const other = policies.toReversed().map(({ sources, ...more }) => ({ ...more, sources: sources.toReversed() }));
        assert.deepEqual(rolesFor(other, { complete }), rolesFor(policies, { complete }));
        for (const { role } of rolesFor(policies, { complete })) rightsOf(role.rules);
      }),
    );
  });
});

describe('the complete rights for policies', () => {
  const only = (policies: readonly BindingPolicy[]): Grant => {
    const [grant, ...others] = rolesFor(policies, { complete: true });
    assert.ok(grant);
    assert.deepEqual(others, []);
    return grant;
  };

  it('are those of the shipped Role where nothing is named', () => {
    const { role, comments } = only([
      policy({ sourceSelectors: [{ kind: 'ConfigMap' }] }),
      // Of kinds that are bound only where a policy selects them.
      policy({ workloads: [{ kind: 'Rollout' }, { kind: 'ReplicaSet' }, { kind: 'Pod' }] }),
    ]);
    const shipped = parse(readFileSync(join(CHECKOUT, 'config/namespaced/role.yaml'), 'utf8')) as {
      readonly metadata: { readonly name: string };
      readonly rules: readonly Rule[];
    };
    const withoutSecrets = shipped.rules.filter(({ resources }) => !resources.includes('secrets'));
    assert.deepEqual([...new Set(rightsOf(role.rules))], rightsOf(withoutSecrets));
    assert.equal(role.metadata.name, shipped.metadata.name);
    assert.match(comments.join(' '), /read every ConfigMap of shop.*patch all of their kind/);
  });

  it('read only the ConfigMaps that are named, however many are watched', () => {
    const { role } = only([policy({ sources: [configMap('b')] }), policy({ sources: [configMap('a')] })]);
    assert.deepEqual(
      rightsOf(role.rules).filter((right) => right.includes('configmaps')),
      ['get /configmaps a', 'get /configmaps b', 'list /configmaps', 'watch /configmaps'],
    );
  });

  for (const [what, policies, expected] of WORKLOADS) {
    it(`patch workloads: ${what}`, () => {
      assert.deepEqual(
        rightsOf(only(policies).role.rules).filter((right) => right.startsWith('patch apps/')),
        expected,
      );
    });
  }

  it('reach kinds that are bound only where they are named no further than their names', () => {
    const named = (kind: WorkloadKindName) => ({ kind, name: 'web' });
    const rights = rightsOf(only([policy({ workloads: NAMED_KINDS.map(named) })]).role.rules);
    assert.deepEqual(
      rights.filter((right) => /replicasets|rollouts|cronjobs|\/pods/.test(right)),
      [
        'get apps/replicasets',
        'list /pods',
        'list apps/replicasets web',
        'list argoproj.io/rollouts web',
        'list batch/cronjobs',
        'patch /pods/status',
        'patch argoproj.io/rollouts web',
        'watch /pods',
        'watch apps/replicasets web',
        'watch argoproj.io/rollouts web',
        'watch batch/cronjobs',
      ],
    );
  });

  it('do without the key of the digests for a Secret that only signs', () => {
    const rights = rightsOf(only([policy({ hot: signedWith('key') })]).role.rules);
    assert.deepEqual(
      rights.filter((right) => right.includes('secrets')),
      ['get /secrets key'],
    );
  });

  it("include the key of the digests, in the operator's own namespace, where there are Secrets", () => {
    const account = { name: 'reload-operator', namespace: 'team-a' };
    const grants = rolesFor([policy({ sources: [secret('db')] })], { complete: true, account });
    assert.deepEqual(
      grants.map(({ role: { metadata, rules } }) => [
        `${metadata.namespace}/${metadata.name}`,
        rightsOf(rules).filter((right) => right.includes('secrets')),
      ]),
      [
        ['shop/reload-operator', ['get /secrets db', 'list /secrets db', 'watch /secrets db']],
        [
          'team-a/reload-operator-digest-key',
          [
            'create /secrets',
            'get /secrets reload-operator-digest-key',
            'list /secrets reload-operator-digest-key',
            'watch /secrets reload-operator-digest-key',
          ],
        ],
      ],
    );
  });
});
