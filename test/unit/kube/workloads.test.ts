import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { infoOf, WORKLOAD_KINDS, type WorkloadKindName } from '../../../src/api/v1alpha1/kinds.ts';
import type { KubeClient, RequestOptions } from '../../../src/kube/connect.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { createWorkloadWriter, parseWorkload, type RawWorkload } from '../../../src/kube/workloads.ts';
import { WaitingError } from '../../../src/runtime/errors.ts';
import { aWorkload } from '../../support/builders.ts';

const ANNOTATION = 'reload-operator.dev/restart-digest';

const TEMPLATE = {
  metadata: { annotations: { team: 'a' } },
  spec: {
    containers: [{ name: 'main', envFrom: [{ configMapRef: { name: 'app' } }] }],
    volumes: [],
  },
};

/** An object of a kind with this pod template in the place where the kind has it. */
const raw = (kind: WorkloadKindName, template: object = TEMPLATE): RawWorkload => {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1', generation: 3 };
  if (kind === 'Pod') return { metadata, spec: TEMPLATE.spec } as RawWorkload;
  const nested = infoOf(kind).template.reduceRight<object>((inner, field) => ({ [field]: inner }), template);
  return { metadata, ...nested } as RawWorkload;
};

const annotated = (value: string): object => ({
  ...TEMPLATE,
  metadata: { annotations: { team: 'a', [ANNOTATION]: value } },
});

describe('a workload as the API carries it', () => {
  for (const kind of WORKLOAD_KINDS) {
    it(`${kind}: what its pods use is found where the kind has its template`, () => {
      const parsed = parseWorkload(kind, raw(kind));
      assert.deepEqual(
        parsed.uses.map(({ source, way }) => `${source.kind}/${source.name} ${way}`),
        ['ConfigMap/app EnvFrom'],
      );
      assert.equal(parsed.rollout.kind, kind);
      assert.equal(parsed.notItsOwn, undefined);
    });
  }

  for (const kind of WORKLOAD_KINDS.filter((each) => infoOf(each).restart !== 'None')) {
    it(`${kind}: our annotation is read, and is no part of the template's hash`, () => {
      const path = [...infoOf(kind).template, 'metadata', 'annotations', ANNOTATION];
      const fieldsV1 = path.reduceRight<object>((inner, field) => ({ [`f:${field}`]: inner }), {});
      const plain = raw(kind, annotated('v1.4.abc'));
      const owned = {
        ...plain,
        metadata: { ...plain.metadata, managedFields: [{ manager: 'reload-operator', fieldsV1 }] },
      };
      assert.deepEqual(parseWorkload(kind, plain).annotation, { n: 4, digest: 'abc', ours: false });
      assert.deepEqual(parseWorkload(kind, owned as RawWorkload).annotation, { n: 4, digest: 'abc', ours: true });
      assert.equal(parseWorkload(kind, plain).annotationValue, 'v1.4.abc');
      assert.equal(parseWorkload(kind, plain).templateHash, parseWorkload(kind, raw(kind)).templateHash);
    });
  }

  it('Pod: what labels and annotations it gets makes no other pod of it', () => {
    const pod = raw('Pod');
    const nudged = { ...pod, metadata: { ...pod.metadata, annotations: { 'reload-operator.dev/nudge': 'x' } } };
    assert.equal(parseWorkload('Pod', nudged).templateHash, parseWorkload('Pod', pod).templateHash);
  });

  it('Rollout: of its own annotation and that of its template the later counts', () => {
    const both = (template: string, own: string): unknown => {
      const rollout = raw('Rollout', annotated(template));
      const { annotation, annotationValue } = parseWorkload('Rollout', {
        ...rollout,
        metadata: { ...rollout.metadata, annotations: { [ANNOTATION]: own } },
      });
      return [annotation?.n, annotation?.digest, annotationValue];
    };
    // What is put back is always of the template.
    assert.deepEqual(both('v1.4.abc', 'v1.5.def'), [5, 'def', 'v1.4.abc']);
    assert.deepEqual(both('v1.6.abc', 'v1.5.def'), [6, 'abc', 'v1.6.abc']);
  });

  it('Rollout: how it stands is what its controller says', () => {
    const rollout = (spec: object, status: object): object => {
      const made = raw('Rollout');
      return parseWorkload('Rollout', { ...made, spec: { ...made.spec, ...spec }, status }).rollout;
    };
    assert.deepEqual(
      rollout({ replicas: 3 }, { observedGeneration: '3', phase: 'Paused', message: 'CanaryPauseStep' }),
      {
        kind: 'Rollout',
        generation: 3,
        observedGeneration: 3,
        paused: false,
        replicas: 3,
        phase: 'Paused',
        message: 'CanaryPauseStep',
        unpausing: false,
        status: { updated: 0, available: 0 },
        restarting: false,
      },
    );
  });

  it('Rollout: a time to restart counts where the latest restart of ours has set it', () => {
    const at = '2026-01-01T00:00:00Z';
    const restarting = (own: string | undefined, template: string, restartedAt?: string): unknown => {
      const made = raw('Rollout', annotated(template));
      const { rollout } = parseWorkload('Rollout', {
        ...made,
        metadata: { ...made.metadata, ...(own !== undefined && { annotations: { [ANNOTATION]: own } }) },
        spec: { ...made.spec, restartAt: at },
        status: { ...(restartedAt !== undefined && { restartedAt }) },
      });
      return (rollout as { readonly restarting: boolean }).restarting;
    };
    assert.equal(restarting('v1.5.def', 'v1.4.abc'), true);
    assert.equal(restarting('v1.5.def', 'v1.4.abc', '2025-01-01T00:00:00Z'), true);
    assert.equal(restarting('v1.5.def', 'v1.4.abc', at), false);
    // Somebody has asked for a time, perhaps for one that is still to come.
    assert.equal(restarting('v1.5.def', 'v1.6.abc'), false);
    assert.equal(restarting(undefined, 'v1.6.abc'), false);
  });

  it('what a controller made is not its own, but what it takes after is', () => {
    const owned = (kind: WorkloadKindName, controller: boolean): string | undefined => {
      const made = raw(kind);
      const ownerReferences = [{ apiVersion: 'x/v1', kind: 'Owner', name: 'o', uid: 'o', controller }];
      return parseWorkload(kind, { ...made, metadata: { ...made.metadata, ownerReferences } }).notItsOwn;
    };
    assert.equal(owned('Pod', true), 'Pod web belongs to Owner o: bind its owner, not what the owner makes');
    assert.equal(
      owned('ReplicaSet', true),
      'ReplicaSet web belongs to Owner o: bind its owner, not what the owner makes',
    );
    assert.equal(owned('Pod', false), undefined);
    // Operators make Deployments and Rollouts of which they leave annotations alone.
    for (const kind of ['Deployment', 'StatefulSet', 'Rollout', 'CronJob'] as const)
      assert.equal(owned(kind, true), undefined);
  });
});

describe('a restart', () => {
  const request = async (kind: WorkloadKindName, restartAt?: string): Promise<RequestOptions> => {
    const requests: RequestOptions[] = [];
    const client = {
      request: (options: RequestOptions) => {
        requests.push(options);
        return Promise.resolve(raw(kind));
      },
    } as unknown as KubeClient;
    await createWorkloadWriter(client).restart(
      { ...aWorkload(), kind },
      { value: 'v1.1.abc', ...(restartAt !== undefined && { restartAt }) },
      new AbortController().signal,
    );
    const [only, ...others] = requests;
    assert.ok(only);
    assert.deepEqual(others, []);
    return only;
  };
  const annotations = { [ANNOTATION]: 'v1.1.abc' };

  it('of a CronJob is applied to the template of its Jobs', async () => {
    const { path, contentType, body } = await request('CronJob');
    assert.equal(path, '/apis/batch/v1/namespaces/shop/cronjobs/web');
    assert.equal(contentType, 'application/apply-patch+yaml');
    assert.deepEqual(body, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'web', namespace: 'shop', uid: 'uid-web' },
      spec: { jobTemplate: { spec: { template: { metadata: { annotations } } } } },
    });
  });

  it('of a Rollout by its template is applied like any other', async () => {
    const { path, contentType, body } = await request('Rollout');
    assert.equal(path, '/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web');
    assert.equal(contentType, 'application/apply-patch+yaml');
    assert.deepEqual((body as { readonly spec: unknown }).spec, { template: { metadata: { annotations } } });
  });

  it('of a Rollout by restartAt is one write of the time and of what names it', async () => {
    const { contentType, body } = await request('Rollout', '2026-01-01T00:00:00Z');
    assert.equal(contentType, 'application/merge-patch+json');
    assert.deepEqual(body, { metadata: { uid: 'uid-web', annotations }, spec: { restartAt: '2026-01-01T00:00:00Z' } });
  });

  it('of what is gone is told as such', async () => {
    const failing = (error: Error): Promise<unknown> =>
      createWorkloadWriter({ request: () => Promise.reject(error) } as unknown as KubeClient).restart(
        { ...aWorkload(), kind: 'Rollout' },
        { value: 'v1.1.abc', restartAt: '2026-01-01T00:00:00Z' },
        new AbortController().signal,
      );
    for (const status of [404, 409])
      await assert.rejects(failing(new KubeError('gone', { status, reason: '' })), WaitingError);
    await assert.rejects(failing(new KubeError('no', { status: 403, reason: '' })), KubeError);
  });
});
