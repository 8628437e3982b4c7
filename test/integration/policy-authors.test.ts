/**
 * Who may write a policy: those who may get its sources, patch its workloads and update what it has rendered, each with
 * exactly the rights given here.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ReloadPolicySpecInput } from '../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../src/kube/connect.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountClient } from '../support/account.ts';
import { installRights } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';
import { many } from './api/policies.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A ValidatingAdmissionPolicy, as the controller manager has looked at it. */
interface Checked {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly typeChecking?: { readonly expressionWarnings?: readonly unknown[] };
  };
}
type Query = Readonly<Record<string, string>>;
type Spec = Pick<ReloadPolicySpecInput, 'sources' | 'workloads' | 'hot' | 'delivery'>;

const right = (verb: string, apiGroup: string, resource: string, ...names: readonly string[]): Rule => ({
  apiGroups: [apiGroup],
  resources: [resource],
  ...(names.length > 0 && { resourceNames: names }),
  verbs: [verb],
});
const numbered = (count: number): readonly string[] => many(count, (index) => `s${String(index + 1).padStart(2, '0')}`);

const WORKLOADS = ['deployments', 'statefulsets', 'daemonsets'] as const;
const PATCHES = [...WORKLOADS.map((each) => right('patch', 'apps', each)), right('patch', 'batch', 'cronjobs')];

/** What each author may do besides the writing of policies. */
const AUTHORS = {
  nobody: [],
  editor: [
    ...['configmaps', 'secrets'].flatMap((each) => [right('get', '', each), right('update', '', each)]),
    ...PATCHES,
  ],
  /** Each by its name. */
  narrow: [
    right('get', '', 'configmaps', 'app'),
    right('get', '', 'secrets', 'db'),
    right('update', '', 'configmaps', 'app-live'),
    right('patch', 'apps', 'deployments', 'web'),
    right('patch', 'apps', 'statefulsets', 'store'),
    right('patch', 'apps', 'daemonsets', 'agent'),
  ],
  /** May read no Secret but one, and patch Deployments only. */
  viewer: [right('get', '', 'configmaps'), right('get', '', 'secrets', 'db'), right('patch', 'apps', 'deployments')],
  reader: [right('get', '', 'configmaps'), right('get', '', 'secrets')],
  patcher: PATCHES,
  /** May do something else with sources. */
  lister: [right('list', '', 'configmaps'), right('update', '', 'secrets'), ...PATCHES],
  /** May do something else with workloads. */
  getter: [right('get', '', 'configmaps'), ...WORKLOADS.map((each) => right('get', 'apps', each))],
  cronless: [right('get', '', 'configmaps'), ...WORKLOADS.map((each) => right('patch', 'apps', each))],
  /** Of kinds that have to be named, and by its name. */
  tender: [
    right('get', '', 'configmaps'),
    right('patch', '', 'pods', 'lone'),
    right('patch', 'apps', 'replicasets', 'few'),
    right('patch', 'batch', 'cronjobs', 'tidy'),
    right('patch', 'argoproj.io', 'rollouts', 'slow'),
  ],
  /** Each of 64 by its name. */
  patient: [
    right('get', '', 'configmaps', ...numbered(64)),
    right('get', '', 'secrets', ...numbered(64)),
    right('update', '', 'configmaps', ...numbered(32)),
    ...WORKLOADS.map((each) => right('patch', 'apps', each, ...numbered(64))),
  ],
} as const satisfies Readonly<Record<string, readonly Rule[]>>;
type Author = keyof typeof AUTHORS;
const NAMES = Object.keys(AUTHORS) as readonly Author[];

const app = { kind: 'ConfigMap', name: 'app' } as const;
const db = { kind: 'Secret', name: 'db' } as const;
const web = { kind: 'Deployment', name: 'web' } as const;
const selector = { matchLabels: { app: 'web' } };
const KINDS = ['StatefulSet', 'DaemonSet', 'Deployment'] as const;
const configMaps = (count: number): Spec['sources'] => numbered(count).map((name) => ({ kind: 'ConfigMap', name }));
const secrets = (count: number): Spec['sources'] => numbered(count).map((name) => ({ kind: 'Secret', name }));
const workloads = (count: number): NonNullable<Spec['workloads']> =>
  numbered(count).map((name, index) => ({ kind: KINDS[index % 3] ?? 'Deployment', name }));
const signedWith = (name: string): NonNullable<Spec['hot']> => ({
  notify: { http: { port: 'http', signature: { secretRef: { name, key: 'key' } } } },
});
type Rendered = NonNullable<NonNullable<Spec['delivery']>['objects']>[number];
const delivering = (source: Rendered['source'], ...names: readonly string[]): NonNullable<Spec['delivery']> => ({
  mode: 'Managed',
  objects: names.map((name) => ({ name, source, workloads: [web] })),
});
/** A change that stays. */
const STORED: Query = {};
const ONE_WORKLOAD = workloads(1);

type Case = readonly [what: string, author: Author, spec: Spec, refusal?: RegExp];

const CASES: readonly Case[] = [
  ['everything by the wide rights', 'editor', { sources: [app, db] }],
  ['a ConfigMap and a Deployment by name', 'narrow', { sources: [app], workloads: [web] }],
  [
    'a Secret and each kind of workload by name',
    'narrow',
    {
      sources: [db, app],
      workloads: [{ kind: 'DaemonSet', name: 'agent' }, web, { kind: 'StatefulSet', name: 'store' }],
    },
  ],
  [
    'a Pod, a ReplicaSet, a CronJob and a Rollout by name',
    'tender',
    {
      sources: [app],
      workloads: [
        { kind: 'Pod', name: 'lone' },
        { kind: 'ReplicaSet', name: 'few' },
        { kind: 'CronJob', name: 'tidy' },
        { kind: 'Rollout', name: 'slow' },
      ],
    },
  ],
  ...(
    [
      ['Pod', 'lone', 'pods'],
      ['ReplicaSet', 'few', 'replicasets'],
      ['Rollout', 'slow', 'rollouts'],
    ] as const
  ).flatMap(([kind, name, plural]): readonly Case[] => [
    [
      `a ${kind} without the right to it`,
      'editor',
      { sources: [app], workloads: [{ kind, name }] },
      new RegExp(`you may not patch ${kind} ${name} in namespace .*${plural}/${name}`),
    ],
    [
      `a selector of ${kind}s with the right to one`,
      'tender',
      { sources: [app], workloads: [{ kind, selector }] },
      new RegExp(`you may not patch all ${kind}s of namespace .* with a selector of ${kind}s`),
    ],
  ]),
  [
    'every consumer without the right to CronJobs',
    'cronless',
    { sources: [app] },
    /you may not patch all CronJobs of namespace .* without workloads/,
  ],
  ['workloads by selector', 'editor', { sources: [app], workloads: [{ kind: 'DaemonSet', selector }] }],
  ['sources by selector', 'editor', { sources: [app, { kind: 'Secret', selector }], workloads: [web] }],
  ['a selector of the one kind that may be patched', 'viewer', { sources: [app], workloads: [{ ...web }] }],
  ['64 names by the wide rights', 'editor', { sources: configMaps(64), workloads: workloads(64) }],
  [
    '8 Secrets and 8 ConfigMaps by name',
    'patient',
    { sources: [...configMaps(8), ...secrets(8)], workloads: ONE_WORKLOAD },
  ],
  ['16 Secrets and 16 workloads by name', 'patient', { sources: secrets(16), workloads: workloads(16) }],
  [
    'a Secret by name beside 63 ConfigMaps by the wide right',
    'viewer',
    { sources: [...configMaps(63), db], workloads: [web] },
  ],

  ['a signature by the wide right', 'editor', { sources: [app], workloads: [web], hot: signedWith('key') }],
  ['a signature with a Secret by name', 'narrow', { sources: [app], workloads: [web], hot: signedWith('db') }],
  [
    'a signature beside 16 Secrets by name',
    'patient',
    { sources: secrets(16), workloads: ONE_WORKLOAD, hot: signedWith('s64') },
  ],
  [
    'notification without a signature',
    'narrow',
    { sources: [app], workloads: [web], hot: { notify: { http: { port: 'http' } } } },
  ],

  [
    'live objects by the wide right',
    'editor',
    { sources: [app, db], workloads: [web], delivery: delivering(db, 'db-live') },
  ],
  ['a live object by name', 'narrow', { sources: [app], workloads: [web], delivery: delivering(app, 'app-live') }],
  [
    '16 live objects by name',
    'patient',
    {
      sources: [{ ...app, name: 's64' }],
      workloads: ONE_WORKLOAD,
      delivery: delivering({ ...app, name: 's64' }, ...numbered(16)),
    },
  ],
  [
    '32 live objects by the wide right',
    'editor',
    { sources: [app], workloads: [web], delivery: delivering(app, ...numbered(32)) },
  ],

  [
    'a live object without the right to write it',
    'viewer',
    { sources: [app], workloads: [web], delivery: delivering(app, 'app-live') },
    // As docs/secrets.md has it.
    /: you may not update ConfigMap app-live in namespace (\S+), and .*: take it out of delivery\.objects, or have the right granted \(kubectl auth can-i update configmaps\/app-live -n \1\)$/m,
  ],
  [
    'a live object of another name',
    'narrow',
    { sources: [app], workloads: [web], delivery: delivering(app, 'web-live') },
    /may not update ConfigMap web-live in/,
  ],
  [
    'a live Secret with the right to the ConfigMap of its name',
    'narrow',
    { sources: [db], workloads: [web], delivery: delivering(db, 'app-live') },
    /may not update Secret app-live in/,
  ],
  [
    '17 live objects by name',
    'patient',
    {
      sources: [{ ...app, name: 's64' }],
      workloads: ONE_WORKLOAD,
      delivery: delivering({ ...app, name: 's64' }, ...numbered(17)),
    },
    /at most 16 objects rendered where its author may not update all of their kind: split it/,
  ],

  ['anything', 'nobody', { sources: [app], workloads: [web] }, /may not (get ConfigMap app|patch Deployment web) in/],
  ['a ConfigMap', 'patcher', { sources: [app], workloads: [web] }, /may not get ConfigMap app in namespace/],
  [
    'a Secret',
    'patcher',
    { sources: [db], workloads: [web] },
    // As docs/secrets.md has it.
    /: you may not get Secret db in namespace (\S+), and the author of a policy must be able to: take it out of sources, or have the right granted \(kubectl auth can-i get secrets\/db -n \1\)$/m,
  ],
  [
    'a ConfigMap with another verb',
    'lister',
    { sources: [app], workloads: [web] },
    /may not get ConfigMap app in namespace/,
  ],
  ['a Secret with another verb', 'lister', { sources: [db], workloads: [web] }, /may not get Secret db in namespace/],
  ['a workload with another verb', 'getter', { sources: [app], workloads: [web] }, /may not patch Deployment web in/],
  ['another name', 'narrow', { sources: [{ ...app, name: 'db' }], workloads: [web] }, /may not get ConfigMap db in/],
  [
    'the last of several',
    'narrow',
    { sources: [app, db, { ...db, name: 'tls' }], workloads: [web] },
    /may not get Secret tls in/,
  ],
  [
    'a signature with another Secret',
    'narrow',
    { sources: [app, db], workloads: [web], hot: signedWith('tls') },
    /: you may not get Secret tls in namespace (\S+), and .*: take it out of hot\.notify\.http\.signature, or have the right granted \(kubectl auth can-i get secrets\/tls -n \1\)$/m,
  ],
  [
    'a signature beside 16 Secrets by name, with another',
    'patient',
    { sources: secrets(16), workloads: ONE_WORKLOAD, hot: signedWith('db') },
    /may not get Secret db in/,
  ],
  [
    'Secrets by selector',
    'narrow',
    { sources: [{ kind: 'Secret', selector }], workloads: [web] },
    /may not get all Secrets of namespace .* name them one by one.*can-i get secrets -n/,
  ],
  [
    'ConfigMaps by selector',
    'narrow',
    { sources: [{ kind: 'ConfigMap', selector }], workloads: [web] },
    /may not get all ConfigMaps of namespace .* name them one by one.*can-i get configmaps -n/,
  ],
  ['a workload', 'reader', { sources: [app], workloads: [web] }, /may not patch Deployment web in namespace/],
  [
    'another kind of the same name',
    'narrow',
    { sources: [app], workloads: [{ kind: 'StatefulSet', name: 'web' }] },
    /may not patch StatefulSet web in namespace .*can-i patch statefulsets\/web -n/,
  ],
  [
    'workloads by selector, by name only',
    'narrow',
    { sources: [app], workloads: [web, { kind: 'DaemonSet', selector }] },
    /may not patch all DaemonSets of namespace .* with a selector of DaemonSets must be able to/,
  ],
  [
    'discovery with the right to some',
    'narrow',
    { sources: [app] },
    /may not patch all Deployments of namespace .* without workloads, which binds every consumer/,
  ],
  ['discovery with the right to one kind', 'viewer', { sources: [app] }, /may not patch all StatefulSets of namespace/],
  ['a source, found workloads', 'patcher', { sources: [app] }, /may not get ConfigMap app in namespace/],
  [
    '17 Secrets by name',
    'patient',
    { sources: secrets(17), workloads: ONE_WORKLOAD },
    /at most 16 Secrets that its author may not get by a right to all of them: split it/,
  ],
  [
    '64 ConfigMaps by name',
    'patient',
    { sources: configMaps(64), workloads: ONE_WORKLOAD },
    /at most 16 sources where its author may not get all ConfigMaps: split it/,
  ],
  [
    '16 Secrets and one ConfigMap by name',
    'patient',
    { sources: [{ kind: 'ConfigMap', name: 's01' }, ...secrets(16)], workloads: ONE_WORKLOAD },
    /at most 16 sources/,
  ],
  [
    '64 workloads by name',
    'patient',
    { sources: configMaps(1), workloads: workloads(64) },
    /at most 16 workloads where its author may not patch all of their kinds: split it/,
  ],
  // Each place has an expression of its own.
  ...numbered(16).flatMap((name, index): readonly Case[] => [
    [
      `a Secret that may not be read, at place ${index + 1}`,
      'patient',
      { sources: secrets(16).with(index, db), workloads: ONE_WORKLOAD },
      /may not get Secret db in/,
    ],
    [
      `a live object that may not be written, at place ${index + 1}`,
      'patient',
      {
        sources: [{ ...app, name: 's64' }],
        workloads: ONE_WORKLOAD,
        delivery: delivering({ ...app, name: 's64' }, ...numbered(16).with(index, 'web-live')),
      },
      /may not update ConfigMap web-live in/,
    ],
    [
      `a workload that may not be patched, at place ${index + 1}`,
      'patient',
      {
        sources: configMaps(1),
        workloads: numbered(16).map((each) => ({ ...web, name: each === name ? 'web' : each })),
      },
      /may not patch Deployment web in/,
    ],
  ]),
];

/** Either of two policies may be the first to refuse: which one is up to the API server. */
const STORED_IS_NOT_THEIRS = /may not (get Secret tls|patch Deployment api) in namespace/;

/** Changes of a policy that an administrator has made, of sources and a workload that the author may not touch. */
const CHANGES: readonly (readonly [what: string, author: Author, change: object, refusal?: RegExp])[] = [
  ['labels and annotations', 'nobody', { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } }],
  ['finalizers', 'nobody', { metadata: { finalizers: ['example.com/hold'] } }],
  ['nothing', 'nobody', {}],
  ['spec to what it is', 'nobody', { spec: { suspend: false, defaultClass: 'Hot' } }],
  ['suspend to true', 'nobody', { spec: { suspend: true } }],
  ['suspend and labels', 'nobody', { metadata: { labels: { a: 'b' } }, spec: { suspend: true } }],
  ['all of it', 'editor', { spec: { suspend: true, sources: [db], workloads: null, defaultClass: 'Restart' } }],
  ['to what the author may touch', 'narrow', { spec: { sources: [app], workloads: [web] } }],

  ['suspend and a class', 'nobody', { spec: { suspend: true, defaultClass: 'Ignore' } }, STORED_IS_NOT_THEIRS],
  [
    'a signature',
    'narrow',
    { spec: { sources: [app], workloads: [web], hot: signedWith('tls') } },
    /may not get Secret tls .* hot\.notify/,
  ],
  [
    'what it has rendered',
    'viewer',
    { spec: { sources: [app], workloads: [web], delivery: delivering(app, 'app-live') } },
    /may not update ConfigMap app-live/,
  ],
  ['a class', 'reader', { spec: { defaultClass: 'Ignore' } }, /may not patch Deployment api/],
  ['a field that was not there', 'nobody', { spec: { suspend: true, rules: [] } }, STORED_IS_NOT_THEIRS],
  ['a field that is there no more', 'nobody', { spec: { suspend: true, restart: null } }, STORED_IS_NOT_THEIRS],
  ['a source fewer', 'patcher', { spec: { sources: [app] } }, /may not get ConfigMap app/],
  ['what is left alone counts, too', 'narrow', { spec: { workloads: [web] } }, /may not get Secret tls/],
];

describe('the author of a policy', () => {
  let cluster: Cluster;
  let stage: Stage;
  let clients: Readonly<Record<Author, KubeClient>>;

  const policies = (): string => stage.path('/apis/reload-operator.dev/v1alpha1', 'reloadpolicies');
  const policy = (spec: object, name: string): object => ({
    apiVersion: 'reload-operator.dev/v1alpha1',
    kind: 'ReloadPolicy',
    metadata: { name },
    spec,
  });
  const create = (author: Author, spec: object): Promise<unknown> =>
    clients[author].request({
      method: 'POST',
      path: policies(),
      query: { dryRun: 'All' },
      body: policy(spec, 'probe'),
    });
  const patch = (author: Author, body: object, query: Query = { dryRun: 'All' }): Promise<unknown> =>
    clients[author].request({
      method: 'PATCH',
      path: `${policies()}/stored`,
      query,
      contentType: 'application/merge-patch+json',
      body,
    });
  const answered = (request: Promise<unknown>, refusal: RegExp | undefined): Promise<void> =>
    refusal === undefined
      ? assert.doesNotReject(request)
      : assert.rejects(request, (error) => {
          assert.ok(error instanceof KubeError, String(error));
          assert.match(error.message, refusal);
          assert.deepEqual([error.status, error.reason], [403, 'Forbidden']);
          return true;
        });

  /** A service account with a Role that lets it write policies, and what else it may. */
  const enter = async (author: Author): Promise<KubeClient> => {
    const metadata = { name: author, namespace: stage.namespace };
    await stage.kubectl.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: [
          {
            apiGroups: ['reload-operator.dev'],
            resources: ['reloadpolicies', 'reloadpolicies/status'],
            verbs: ['get', 'create', 'update', 'patch', 'delete'],
          },
          ...AUTHORS[author],
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: author },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      },
    );
    return serviceAccountClient(cluster, stage.namespace, author);
  };

  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'authors');
    await stage.policy(
      {
        sources: [app, { kind: 'Secret', name: 'tls' }],
        workloads: [{ kind: 'Deployment', name: 'api' }],
        defaultClass: 'Hot',
        restart: { debounce: '1s' },
      },
      'stored',
    );
    const entered = await Promise.all(NAMES.map(async (name) => [name, await enter(name)] as const));
    clients = Object.fromEntries(entered) as Record<Author, KubeClient>;
    // Both the Roles and the admission policies count a moment after they are written.
    await untilPasses(
      async () => {
        for (const author of NAMES) await patch(author, { metadata: { labels: { probe: author } } });
        await answered(create('reader', { sources: [app] }), /may not patch all Deployments/);
        await answered(create('patcher', { sources: [app] }), /may not get ConfigMap app/);
        await answered(
          create('viewer', { sources: [app], workloads: [web], delivery: delivering(app, 'app-live') }),
          /may not update/,
        );
      },
      { what: 'the rights and the admission policies to be in force' },
    );
  });
  after(async () => {
    await Promise.all(Object.values(clients).map((client) => client.close()));
    await stage.end();
    await cluster.stop();
  });

  for (const [what, author, spec, refusal] of CASES) {
    it(`${refusal === undefined ? 'may' : 'may not'} write a policy about ${what} (${author})`, () =>
      answered(create(author, spec), refusal));
  }

  for (const [what, author, change, refusal] of CHANGES) {
    it(`${refusal === undefined ? 'may' : 'may not'} change ${what} (${author})`, () =>
      answered(patch(author, change), refusal));
  }

  it('meets policies that the API server finds nothing wrong with', async () => {
    for (const name of ['reload-operator-sources', 'reload-operator-workloads', 'reload-operator-live-objects']) {
      await untilPasses(
        async () => {
          const { metadata, status } = await stage.get<Checked>(
            `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${name}`,
          );
          assert.equal(status?.observedGeneration, metadata.generation);
          assert.deepEqual(status.typeChecking?.expressionWarnings ?? [], []);
        },
        { what: `${name} to be checked` },
      );
    }
  });

  it('may suspend, but not resume, what is not theirs', async () => {
    await patch('nobody', { spec: { suspend: true } }, STORED);
    await answered(patch('nobody', { spec: { suspend: false } }), STORED_IS_NOT_THEIRS);
    await patch('nobody', { metadata: { labels: { a: 'b' } } });
    await patch('editor', { spec: { suspend: false } }, STORED);
  });

  it('may apply what is theirs, and nothing else', async () => {
    const apply = (spec: Spec): Promise<unknown> =>
      clients.narrow.request({
        method: 'PATCH',
        path: `${policies()}/probe`,
        query: { dryRun: 'All', fieldManager: 'test' },
        contentType: 'application/apply-patch+yaml',
        body: policy(spec, 'probe'),
      });
    await apply({ sources: [app], workloads: [web] });
    await answered(apply({ sources: [app] }), /may not patch all Deployments/);
  });

  it('is not asked for rights by a write of the status, nor by a deletion', async () => {
    await clients.nobody.request({
      method: 'PATCH',
      path: `${policies()}/stored/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { observedGeneration: 1 } },
    });
    await clients.nobody.request({ method: 'DELETE', path: `${policies()}/stored`, query: { dryRun: 'All' } });
  });
});
