/** What the API server makes of the writes that put a template back, as the operator's own account under its fence. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_NAMESPACE, SERVICE_ACCOUNT } from '../../src/api/v1alpha1/names.ts';
import type { WorkloadKind } from '../../src/domain/selection.ts';
import { connect, type KubeClient } from '../../src/kube/connect.ts';
import { createPods } from '../../src/kube/pods.ts';
import { createWorkloadWriter, parseWorkload, templateOf, type RawWorkload } from '../../src/kube/workloads.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { WaitingError } from '../../src/runtime/errors.ts';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { serviceAccountConfig } from '../support/account.ts';
import { aFollowedPod, aWorkload } from '../support/builders.ts';
import { installRights } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

const { signal } = new AbortController();

describe('a template that is put back', () => {
  let cluster: Cluster;
  let stage: Stage;
  let client: KubeClient;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'undo');
    await stage.configMap({ flag: 'a' });
    const kubeConfig = await serviceAccountConfig(cluster, DEFAULT_NAMESPACE, SERVICE_ACCOUNT);
    client = connect({ kubeConfig, userAgent: 'reload-operator-test' });
  });
  after(async () => {
    await client.close();
    await stage.end();
    await cluster.stop();
  });

  const raw = (name: string, kind: WorkloadKind): Promise<RawWorkload> => stage.get(stage.workloadPath(name, kind));
  const present = async (name: string, kind: WorkloadKind): Promise<ReturnType<typeof parseWorkload>> =>
    parseWorkload(kind, await raw(name, kind));
  /** The template with all that is in it. */
  const template = async (name: string, kind: WorkloadKind): Promise<unknown> =>
    templateOf(kind, await raw(name, kind));

  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
    it(`of a ${kind} is exactly what it was: without the annotation, or with its earlier value`, async () => {
      const name = `exact-${kind.toLowerCase()}`;
      await stage.create({ kind, name, flags: ['flag'] });
      const writer = createWorkloadWriter(client);
      const untouched = await template(name, kind);

      await writer.restart(await present(name, kind), { value: 'v1.1.one' }, signal);
      assert.equal((await present(name, kind)).annotationValue, 'v1.1.one');
      const once = await template(name, kind);
      await untilPasses(
        async () => {
          await writer.undo(await present(name, kind), undefined, signal);
        },
        {
          what: 'the annotation to be taken away',
        },
      );
      assert.deepEqual(await template(name, kind), untouched);

      await writer.restart(await present(name, kind), { value: 'v1.1.one' }, signal);
      await writer.restart(await present(name, kind), { value: 'v1.2.two' }, signal);
      await untilPasses(
        async () => {
          await writer.undo(await present(name, kind), 'v1.1.one', signal);
        },
        {
          what: 'the annotation to be put back',
        },
      );
      assert.deepEqual(await template(name, kind), once);
      assert.equal((await present(name, kind)).annotation?.ours, true);
    });
  }

  it('keeps what others have in it', async () => {
    const name = 'shared';
    await stage.create({ name, flags: ['flag'] });
    await stage.patch(stage.workloadPath(name), {
      spec: { template: { metadata: { annotations: { team: 'a' } } } },
    });
    const writer = createWorkloadWriter(client);
    const before = await template(name, 'Deployment');
    await writer.restart(await present(name, 'Deployment'), { value: 'v1.1.one' }, signal);
    await untilPasses(
      async () => {
        await writer.undo(await present(name, 'Deployment'), undefined, signal);
      },
      {
        what: 'the annotation to be taken away',
      },
    );
    assert.deepEqual(await template(name, 'Deployment'), before);
  });

  it('is not put back where anything has changed since it was decided', async () => {
    const name = 'moved';
    await stage.create({ name, replicas: 0, flags: ['flag'] });
    const writer = createWorkloadWriter(client);
    const decided = await writer.restart(await present(name, 'Deployment'), { value: 'v1.1.one' }, signal);
    await writer.restart(decided, { value: 'v1.2.two' }, signal);
    await assert.rejects(
      writer.undo(decided, undefined, signal),
      (error) => error instanceof WaitingError && error.reason === 'Conflict',
    );
    assert.equal((await present(name, 'Deployment')).annotationValue, 'v1.2.two');
  });

  it('is not put back, and not made, where the workload is gone or another one has its name', async () => {
    const writer = createWorkloadWriter(client);
    const gone = aWorkload({ namespace: stage.namespace, name: 'gone', uid: 'f1c0', resourceVersion: '1' });
    for (const value of [undefined, 'v1.1.one']) await assert.rejects(writer.undo(gone, value, signal), WaitingError);
    await stage.create({ name: 'other', replicas: 0, flags: ['flag'] });
    for (const value of [undefined, 'v1.1.one'])
      await assert.rejects(writer.undo({ ...gone, name: 'other' }, value, signal), WaitingError);
    assert.equal((await present('other', 'Deployment')).annotationValue, undefined);
    await assert.rejects(raw('gone', 'Deployment'), /not found/);
  });

  it('is told from a pod that has another one’s name', async () => {
    await stage.create({ name: 'named', flags: ['flag'] });
    await untilPasses(async () => assert.equal((await stage.pods('named')).length, 1), { what: 'the pod' });
    const [pod] = await stage.pods('named');
    const stranger = aFollowedPod({ namespace: stage.namespace, name: pod?.metadata.name ?? '', uid: 'f1c0' });
    assert.equal(await createPods(client, systemClock).nudge(stranger, 'v1.x', signal), false);
  });
});
