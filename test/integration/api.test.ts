import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { KINDS } from '../../src/api/v1alpha1/schema.ts';
import { toCustomResourceDefinition, type StructuralSchema } from '../../src/codegen/crd.ts';
import { connect, loadKubeConfig, type KubeClient } from '../../src/kube/connect.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installCrds } from '../support/crds.ts';
import { apiServer, type Answer, type ApiServer, type Manifest } from './api/api-server.ts';
import { BAD_POLICIES } from './api/bad-policies.ts';
import { GOOD_POLICIES } from './api/good-policies.ts';
import { goodPolicy } from './api/any-good-policy.ts';
import { anyOf, fullest, spoiltAtEachPlace } from './api/schema-walk.ts';

const NAMESPACE = `api-${process.pid}`;
const SOURCES = [{ kind: 'ConfigMap', name: 'app' }];

const definitionOf = (kind: Manifest['kind']) => {
  const definition = KINDS.find(({ names }) => names.kind === kind);
  assert(definition);
  return definition;
};

const schemaOf = (kind: Manifest['kind'], part: 'spec' | 'status'): StructuralSchema => {
  const schema = toCustomResourceDefinition(definitionOf(kind)).spec.versions[0].schema.openAPIV3Schema.properties?.[
    part
  ];
  assert(schema);
  return schema;
};

const parsesAs = (kind: Manifest['kind'], part: 'spec' | 'status', value: unknown) =>
  definitionOf(kind)[part].safeParse(value);

/** The messages of every rule in CEL below a schema. */
const messagesOf = (schema: StructuralSchema): string[] => [
  ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
  ...Object.values(schema.properties ?? {}).flatMap(messagesOf),
  ...(schema.items ? messagesOf(schema.items) : []),
  ...(schema.additionalProperties ? messagesOf(schema.additionalProperties) : []),
];

/** A policy's spec that uses every field. */
const EVERY_FIELD = {
  sources: SOURCES,
  workloads: [
    {
      group: 'apps',
      kind: 'Deployment',
      selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
    },
    { kind: 'Deployment', name: 'web', wave: 1 },
  ],
  rules: [
    { keys: ['*'], class: 'Hot', from: SOURCES, paths: ['/a/**'], format: 'YAML', comparison: 'Bytes' },
    { keys: ['*'], class: 'Restart' },
  ],
  defaultClass: 'Hot',
  mode: 'Observe',
  validation: [
    { keys: ['*'], required: true, format: 'Number', minimum: 1, maximum: 2, schema: '{}', maxBytes: 10 },
    { keys: ['*'], format: 'Enum', values: ['a'] },
    { keys: ['*'], format: 'Pattern', pattern: 'a' },
  ],
  suspend: true,
  hot: { onImpossible: 'Report' },
  restart: {
    debounce: '1s',
    cooldown: '1m',
    progressTimeout: '1m',
    maxConcurrent: 1,
    budget: { restarts: 1, period: '1h' },
    windows: [{ name: 'n', type: 'Deny', cron: '0 2 * * *', duration: '1h', timeZone: 'UTC' }],
    approval: 'Manual',
    order: 'Sequential',
    canary: { percent: 10 },
    onFailure: 'Report',
  },
  delivery: {
    mode: 'Managed',
    objects: [
      { name: 'app-live', source: SOURCES[0], workloads: [{ group: 'apps', kind: 'Deployment', name: 'web' }] },
    ],
    snapshots: 5,
    rollbackSecrets: true,
  },
};

const REQUEST_SPEC = { type: 'Approve', workload: { group: 'apps', kind: 'Deployment', name: 'web' }, digest: 'd' };

const RECORD_SPEC = { workload: { group: 'apps', kind: 'Deployment', name: 'web', uid: 'f1c0' } };

const accepted = (answer: Answer): Manifest => {
  assert(answer.accepted, answer.accepted ? '' : answer.message);
  return answer.object;
};

const assertRefused = (answer: Answer, says: string, what: string): void => {
  assert(!answer.accepted, `${what} was accepted`);
  assert(answer.message.includes(says), `${what}: the refusal doesn't say "${says}", but: ${answer.message}`);
};

describe('the API, on a real API server', { concurrency: false }, () => {
  let cluster: Cluster;
  let client: KubeClient;
  let server: ApiServer;
  /** Stored, so that its status can be written. */
  let policy: Manifest;

  before(async () => {
    cluster = await clusterForTests({ node: false });
    client = connect({ kubeConfig: loadKubeConfig({ kubeconfig: cluster.kubeconfig }), userAgent: 'test' });
    await installCrds(client);
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: NAMESPACE } } });
    server = apiServer(client, NAMESPACE);
    policy = await server.create({ kind: 'ReloadPolicy', metadata: { name: 'stored' }, spec: { sources: SOURCES } });
  });

  after(async () => {
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${NAMESPACE}` });
    await client.close();
    await cluster.stop();
  });

  for (const { name, spec } of GOOD_POLICIES) {
    it(`accepts ${name}`, async () => {
      const stored = accepted(await server.ask({ kind: 'ReloadPolicy', spec }));
      assert.deepEqual(stored.spec, parsesAs('ReloadPolicy', 'spec', spec).data);
    });
  }

  for (const { name, spec, says } of BAD_POLICIES) {
    it(`refuses ${name}`, async () => {
      assertRefused(await server.ask({ kind: 'ReloadPolicy', spec }), says, name);
    });
  }

  it('was shown a policy against every rule in CEL', () => {
    const said = BAD_POLICIES.map(({ says }) => says);
    const untold = messagesOf(schemaOf('ReloadPolicy', 'spec')).filter(
      (message) => !said.some((says) => message.includes(says)),
    );
    assert.deepEqual(untold, []);
  });

  it('accepts every good policy, with the defaults that the schema gives', async () => {
    await fc.assert(
      fc.asyncProperty(goodPolicy, async (spec) => {
        const stored = accepted(await server.ask({ kind: 'ReloadPolicy', spec }));
        assert.deepEqual(stored.spec, parsesAs('ReloadPolicy', 'spec', spec).data);
      }),
      { numRuns: 300 },
    );
  });

  it('refuses, of what the schema lets pass, only what a rule in CEL forbids', async () => {
    const messages = messagesOf(schemaOf('ReloadPolicy', 'spec'));
    await fc.assert(
      fc.asyncProperty(anyOf(schemaOf('ReloadPolicy', 'spec')), async (spec) => {
        assert(parsesAs('ReloadPolicy', 'spec', spec).success);
        const answer = await server.ask({ kind: 'ReloadPolicy', spec });
        assert(
          answer.accepted || messages.some((message) => answer.message.includes(message)),
          answer.accepted ? '' : answer.message,
        );
      }),
      { numRuns: 200 },
    );
  });

  describe('refuses each broken limit, and so does the schema', () => {
    const name = (field: string): string => field.replace(/\.a\.key$/, '');

    it('of a policy', async () => {
      accepted(await server.ask({ kind: 'ReloadPolicy', spec: EVERY_FIELD }));
      const spoilt = [...spoiltAtEachPlace(schemaOf('ReloadPolicy', 'spec'), EVERY_FIELD, 'spec')];
      assert(spoilt.length >= 90, `only ${spoilt.length}`);
      await Promise.all(
        spoilt.map(async ({ name: what, field, value }) => {
          assert(!parsesAs('ReloadPolicy', 'spec', value).success, `the schema lets ${what} pass`);
          assertRefused(await server.ask({ kind: 'ReloadPolicy', spec: value }), name(field), what);
        }),
      );
    });

    it("of a policy's status", async () => {
      const schema = schemaOf('ReloadPolicy', 'status');
      const spoilt = [...spoiltAtEachPlace(schema, fullest(schema), 'status')];
      assert(spoilt.length >= 130, `only ${spoilt.length}`);
      await Promise.all(
        spoilt.map(async ({ name: what, field, value }) => {
          assert(!parsesAs('ReloadPolicy', 'status', value).success, `the schema lets ${what} pass`);
          assertRefused(await server.putStatus({ ...policy, status: value }, { dryRun: true }), name(field), what);
        }),
      );
    });

    it('of a record', async () => {
      const status = fullest(schemaOf('ReloadRecord', 'status'));
      const specs = [...spoiltAtEachPlace(schemaOf('ReloadRecord', 'spec'), RECORD_SPEC, 'spec')];
      const statuses = [...spoiltAtEachPlace(schemaOf('ReloadRecord', 'status'), status, 'status')];
      assert(specs.length + statuses.length > 110, `only ${specs.length + statuses.length}`);
      for (const { name: what, field, value } of specs) {
        assert(!parsesAs('ReloadRecord', 'spec', value).success, `the schema lets ${what} pass`);
        assertRefused(await server.ask({ kind: 'ReloadRecord', spec: value, status }), name(field), what);
      }
      for (const { name: what, field, value } of statuses) {
        assert(!parsesAs('ReloadRecord', 'status', value).success, `the schema lets ${what} pass`);
        assertRefused(await server.ask({ kind: 'ReloadRecord', spec: RECORD_SPEC, status: value }), name(field), what);
      }
    });
  });

  describe('takes a request', () => {
    const of = (spec: object) => server.ask({ kind: 'ReloadRequest', spec });

    it('of every type', async () => {
      const { digest: _digest, ...rest } = REQUEST_SPEC;
      for (const type of ['Approve', 'RunNow', 'Retry']) accepted(await of({ ...REQUEST_SPEC, type }));
      accepted(await of({ ...rest, type: 'ResetBudget' }));
      accepted(await of({ ...rest, type: 'Rollback', snapshot: 3 }));
      accepted(await of({ ...rest, type: 'Rollback', snapshot: 3, object: 'app-live' }));
    });

    it('only with what its type needs', async () => {
      const { digest: _digest, ...rest } = REQUEST_SPEC;
      const digest = 'Approve, RunNow and Retry need a digest, and the other types take none';
      const snapshot = 'Rollback needs a snapshot, and the other types take none';
      for (const type of ['Approve', 'RunNow', 'Retry']) assertRefused(await of({ ...rest, type }), digest, type);
      assertRefused(await of({ ...REQUEST_SPEC, type: 'ResetBudget' }), digest, 'ResetBudget');
      assertRefused(await of({ ...rest, type: 'Rollback' }), snapshot, 'Rollback');
      assertRefused(await of({ ...REQUEST_SPEC, snapshot: 1 }), snapshot, 'Approve');
      assertRefused(await of({ ...REQUEST_SPEC, object: 'app-live' }), 'object is for type Rollback', 'Approve');
    });

    it('within every limit', async () => {
      const spoilt = [...spoiltAtEachPlace(schemaOf('ReloadRequest', 'spec'), REQUEST_SPEC, 'spec')];
      assert(spoilt.length >= 10, `only ${spoilt.length}`);
      for (const { name: what, field, value } of spoilt) {
        assert(!parsesAs('ReloadRequest', 'spec', value).success, `the schema lets ${what} pass`);
        assertRefused(await server.ask({ kind: 'ReloadRequest', spec: value }), field, what);
      }
    });

    it('and never a change of it', async () => {
      const request = await server.create({ kind: 'ReloadRequest', metadata: { name: 'wish' }, spec: REQUEST_SPEC });
      const moved = await server.replace({ ...request, spec: { ...REQUEST_SPEC, digest: 'e' } });
      assertRefused(moved, 'a request is never changed: create another one', 'another digest');
    });

    it('and keeps every field of its status', async () => {
      const request = await server.create({ kind: 'ReloadRequest', metadata: { name: 'done' }, spec: REQUEST_SPEC });
      const status = fullest(schemaOf('ReloadRequest', 'status'));
      accepted(await server.putStatus({ ...request, status }));
      assert.deepEqual((await server.read('ReloadRequest', 'done')).status, status);
    });
  });

  describe('keeps everything that is written', () => {
    it("into every field of a policy's status", async () => {
      const status = fullest(schemaOf('ReloadPolicy', 'status'));
      accepted(await server.putStatus({ ...policy, status }));
      assert.deepEqual((await server.read('ReloadPolicy', 'stored')).status, status);
    });

    it("into a policy's status, whatever it is", async () => {
      const { metadata } = await server.read('ReloadPolicy', 'stored');
      await fc.assert(
        fc.asyncProperty(anyOf(schemaOf('ReloadPolicy', 'status')), async (status) => {
          const stored = accepted(
            await server.putStatus(
              { kind: 'ReloadPolicy', metadata: metadata ?? {}, spec: policy.spec, status },
              { dryRun: true },
            ),
          );
          assert.deepEqual(stored.status, status);
        }),
        { numRuns: 150 },
      );
    });

    it('into every field of a record, in the one write that creates it', async () => {
      const status = fullest(schemaOf('ReloadRecord', 'status'));
      await server.create({ kind: 'ReloadRecord', metadata: { name: 'full' }, spec: RECORD_SPEC, status });
      const stored = await server.read('ReloadRecord', 'full');
      assert.deepEqual([stored.spec, stored.status], [RECORD_SPEC, status]);
    });

    it('into a record, whatever it is', async () => {
      await fc.assert(
        fc.asyncProperty(anyOf(schemaOf('ReloadRecord', 'status')), async (status) => {
          const stored = accepted(await server.ask({ kind: 'ReloadRecord', spec: RECORD_SPEC, status }));
          assert.deepEqual(stored.status, status);
        }),
        { numRuns: 150 },
      );
    });
  });

  it("leaves a policy's status out of a write of its spec", async () => {
    const created = await server.create({
      kind: 'ReloadPolicy',
      metadata: { name: 'no-status' },
      spec: { sources: SOURCES },
      status: { observedGeneration: 7 },
    });
    assert.equal(created.status, undefined);
  });

  it('ties a record to its workload for good', async () => {
    const record = await server.create({ kind: 'ReloadRecord', metadata: { name: 'tied' }, spec: RECORD_SPEC });
    const moved = await server.replace({ ...record, spec: { workload: { ...RECORD_SPEC.workload, uid: 'f1c1' } } });
    assertRefused(
      moved,
      'a record belongs to one workload for good: delete it instead, the operator makes a new one',
      'another uid',
    );
    accepted(await server.replace({ ...record, status: fullest(schemaOf('ReloadRecord', 'status')) }));
  });

  it('shows what matters in a table', async () => {
    const columns = async (plural: string): Promise<string[]> => {
      const table = await client.request<{ columnDefinitions: { name: string; priority: number }[] }>({
        method: 'GET',
        path: `/apis/reload-operator.dev/v1alpha1/namespaces/${NAMESPACE}/${plural}`,
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      });
      return table.columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name);
    };
    assert.deepEqual(await columns('reloadpolicies'), [
      'Name',
      'Ready',
      'Reason',
      'Last',
      'Outcome',
      'Pods',
      'Changed',
      'Age',
    ]);
    assert.deepEqual(await columns('reloadrecords'), [
      'Name',
      'Kind',
      'Workload',
      'Phase',
      'Reason',
      'N',
      'Held',
      'Restarted',
      'Age',
    ]);
  });
});
