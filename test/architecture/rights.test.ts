/** The shipped ClusterRole grants what the adapters ask the API server for: every right, and none besides. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { infoOf, WORKLOAD_KINDS } from '../../src/api/v1alpha1/kinds.ts';
import type { DigestKeyStore, StoredPolicy, StoredRecord, StoredRequest } from '../../src/controller/ports.ts';
import type { KubeClient, RequestOptions } from '../../src/kube/connect.ts';
import { createDigestKeyStore } from '../../src/kube/digest-key.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { createEventPublisher } from '../../src/kube/events.ts';
import { listWatch } from '../../src/kube/listwatch.ts';
import { createLiveStore } from '../../src/kube/live.ts';
import * as paths from '../../src/kube/paths.ts';
import { createPods } from '../../src/kube/pods.ts';
import { createPolicyWriter } from '../../src/kube/policies.ts';
import { createRecordWriter } from '../../src/kube/records.ts';
import { createRequestWriter } from '../../src/kube/requests.ts';
import { describePath } from '../../src/kube/request-label.ts';
import { createSourceReader } from '../../src/kube/sources.ts';
import { createWorkloadWriter } from '../../src/kube/workloads.ts';
import { aFollowedPod, aPolicy, aWorkload } from '../support/builders.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createRecordingLog } from '../support/recording-log.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

/** `verb group/resource`, as RBAC sees a request (k8s.io/apiserver's RequestInfo). */
type Right = string;

const rightOf = (method: RequestOptions['method'] | 'WATCH', path: string): Right => {
  const { resource, template } = describePath(path);
  const [, root, group = ''] = path.split('/');
  const verbs = {
    GET: template.includes('{name}') ? 'get' : 'list',
    WATCH: 'watch',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  } as const;
  return `${verbs[method]} ${root === 'api' ? '' : group}/${resource}`;
};

/** A client that asks nobody: it notes what would be asked for. */
const notingClient = (rights: Set<Right>): KubeClient => ({
  server: 'https://nowhere',
  request: <T>({ method, path }: RequestOptions): Promise<T> => {
    rights.add(rightOf(method, path));
    return Promise.resolve(ANSWER as T);
  },
  stream: ({ path }) => {
    rights.add(rightOf('WATCH', path));
    return NO_EVENTS;
  },
  close: () => Promise.resolve(),
});

/** Enough of an object and of a list for every adapter to read it. */
const ANSWER = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  items: [],
  spec: { selector: {}, template: {}, workload: { kind: 'Deployment', name: 'web', uid: 'u' } },
};
const NO_EVENTS: AsyncIterable<unknown> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

/** Every call that an adapter has, by name: one that is added has to be added here. */
const callsOf = (client: KubeClient): Readonly<Record<string, Readonly<Record<string, () => unknown>>>> => {
  const { signal } = new AbortController();
  const workload = aWorkload();
  const policy: StoredPolicy = { ...aPolicy(), resourceVersion: '1', status: {} };
  const record: StoredRecord = {
    namespace: 'shop',
    name: 'r',
    uid: 'u',
    resourceVersion: '1',
    workloadUid: 'u',
    workload,
  };
  const request: StoredRequest = {
    namespace: 'shop',
    name: 'approve-1',
    uid: 'u',
    resourceVersion: '1',
    createdAt: 0,
    type: 'ResetBudget',
    workload,
  };
  const pod = aFollowedPod();
  const status = { adoptedAt: '', sources: [] };
  const read = async (source: ReturnType<typeof listWatch>): Promise<void> => {
    await source.list({ limit: 1 }, signal);
    await source.probe?.(signal);
    for await (const _ of source.watch({ resourceVersion: '1', timeoutSeconds: 1 }, signal));
  };
  const pods = createPods(client, createFakeClock());
  const records = createRecordWriter(client);
  const requests = createRequestWriter(client);
  const watched = [
    paths.policies(),
    paths.records(),
    paths.requests(),
    paths.configMaps(),
    ...WORKLOAD_KINDS.map((kind) => paths.workloads(kind)()),
  ];
  return {
    pods: {
      look: () => pods.look(workload, signal),
      warnings: () => pods.warnings(workload, [], signal),
      watch: async () => {
        const source = pods.watch(workload);
        await source.list({ limit: 1 }, signal);
        for await (const _ of source.watch({ resourceVersion: '1', timeoutSeconds: 1 }, signal));
      },
      belongs: () => pods.belongs(pod, workload, signal),
      nudge: () => pods.nudge(pod, 'v1', signal),
    },
    records: {
      create: () => records.create(workload, status, signal),
      replace: () => records.replace(record, workload, status, signal),
      remove: () => records.remove(record, signal),
      get: () => records.get('shop', 'r', signal),
    },
    requests: {
      applyStatus: () => requests.applyStatus(request, { phase: 'Done', time: '' }, signal),
      remove: () => requests.remove(request, signal),
    },
    policies: { applyStatus: () => createPolicyWriter(client).applyStatus(policy, {}, signal) },
    sources: {
      get: () => createSourceReader(client).get('ConfigMap', 'shop', 'app', signal),
      find: () => createSourceReader(client).find('ConfigMap', 'shop', {}, signal),
    },
    workloads: {
      restart: async () => {
        for (const kind of WORKLOAD_KINDS.filter((each) => infoOf(each).restart !== 'None'))
          await createWorkloadWriter(client).restart({ ...workload, kind }, { value: 'v1' }, signal);
      },
      undo: async () => {
        for (const kind of WORKLOAD_KINDS.filter((each) => infoOf(each).restart !== 'None'))
          await createWorkloadWriter(client).undo({ ...workload, kind }, 'v1', signal);
      },
    },
    events: {
      publish: async () => {
        const publisher = createEventPublisher({
          client,
          clock: createFakeClock(),
          log: createRecordingLog(),
          instance: 'test',
          quiet: () => Promise.resolve(),
        });
        publisher.publish(workload, [policy], { severity: 'Normal', reason: 'R', action: 'Restart', note: '' });
        await new Promise((resolve) => setImmediate(resolve));
      },
    },
    watches: Object.fromEntries(watched.map((path) => [path, () => read(listWatch(client, { path }))])),
  };
};

interface Role {
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

const granted = ({ rules }: Role): readonly Right[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))),
  );

/** Every call of the store of live objects. */
const liveCallsOf = (client: KubeClient): Readonly<Record<string, () => unknown>> => {
  const { signal } = new AbortController();
  const store = createLiveStore(client);
  const content = new Map([['a', { field: 'data', value: 'b' } as const]]);
  const object = { kind: 'ConfigMap', namespace: 'shop', name: 'web-live', content } as const;
  const rendered = { role: 'live', source: 'ConfigMap/web', snapshot: 1 } as const;
  return {
    get: () => store.get('ConfigMap', 'shop', 'web-live', signal),
    snapshots: () => store.snapshots('ConfigMap', 'shop', 'web-live', signal),
    create: () => store.create({ ...object, rendered }, [], signal),
    replace: () => store.replace({ ...object, uid: 'u', resourceVersion: '1' }, content, rendered, signal),
    remove: () => store.remove('ConfigMap', 'shop', { name: 'web-live-1', uid: 'u' }, signal),
  };
};

const storeOf = async (client: KubeClient, signal: AbortSignal): Promise<DigestKeyStore> => {
  const store = createDigestKeyStore(client, 'system');
  await store.getOrCreate(signal);
  return store;
};

describe('the rights of the operator', () => {
  it('are those that its adapters need, no more and no less', async () => {
    const asked = new Set<Right>();
    for (const calls of Object.values(callsOf(notingClient(asked))))
      for (const call of Object.values(calls)) await call();
    const role = parse(readFileSync(join(CHECKOUT, 'config/rbac/cluster-role.yaml'), 'utf8')) as Role;
    assert.deepEqual([...asked].sort(), [...granted(role)].sort());
  });

  it('are asked for by no call that this test does not know', () => {
    const client = notingClient(new Set());
    const known = callsOf(client);
    const adapters = {
      pods: createPods(client, createFakeClock()),
      records: createRecordWriter(client),
      requests: createRequestWriter(client),
      policies: createPolicyWriter(client),
      sources: createSourceReader(client),
      workloads: createWorkloadWriter(client),
    };
    for (const [name, adapter] of Object.entries(adapters)) {
      assert.deepEqual(Object.keys(known[name] ?? {}).sort(), Object.keys(adapter).sort(), name);
    }
  });

  it('to write what workloads mount are granted by a role of their own, and are those that its store needs', async () => {
    const asked = new Set<Right>();
    const client = notingClient(asked);
    const calls = liveCallsOf(client);
    assert.deepEqual(Object.keys(calls).sort(), Object.keys(createLiveStore(client)).sort());
    for (const call of Object.values(calls)) await call();
    const read = (file: string): Role => parse(readFileSync(join(CHECKOUT, file), 'utf8')) as Role;
    const always = granted(read('config/rbac/cluster-role.yaml'));
    assert.deepEqual(
      [...asked].filter((right) => !always.includes(right)).sort(),
      [...granted(read('config/managed/cluster-role.yaml'))].sort(),
    );
  });

  it('to the key of the digests of Secrets are those that making, reading and watching it takes', async () => {
    const asked = new Set<Right>();
    const noting = notingClient(asked);
    const { signal } = new AbortController();
    const answer = { ...ANSWER, data: { key: Buffer.alloc(32).toString('base64') } };
    const missing: KubeClient = {
      ...noting,
      request: async <T>(options: RequestOptions): Promise<T> => {
        await noting.request(options);
        if (options.method === 'GET') throw new KubeError('none', { status: 404, reason: 'NotFound' });
        return answer as T;
      },
    };
    const { scope } = await storeOf(missing, signal);
    const source = listWatch(noting, { path: paths.sources(scope.kind)(scope.namespace) });
    await source.list({ limit: 1 }, signal);
    for await (const _ of source.watch({ resourceVersion: '1', timeoutSeconds: 1 }, signal));
    const role = parse(readFileSync(join(CHECKOUT, 'config/digest-key/role.yaml'), 'utf8')) as Role;
    assert.deepEqual([...asked].sort(), [...granted(role)].sort());
    const unnamed = role.rules.filter(({ resourceNames }) => resourceNames === undefined);
    assert.deepEqual(
      unnamed.map(({ verbs }) => verbs),
      [['create']],
    );
    assert.deepEqual(
      role.rules.flatMap(({ resourceNames = [] }) => resourceNames),
      [scope.name],
    );
  });

  it('include nothing that would let it read Secrets, exec, or patch pods', () => {
    const role = parse(readFileSync(join(CHECKOUT, 'config/rbac/cluster-role.yaml'), 'utf8')) as Role;
    const rights = granted(role);
    for (const forbidden of [/secrets/, /exec/, /^(patch|update|delete|create) \/pods$/, /\*/]) {
      assert.deepEqual(
        rights.filter((right) => forbidden.test(right)),
        [],
      );
    }
  });
});
