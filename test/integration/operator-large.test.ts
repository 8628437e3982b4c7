/** Sources as large as Kubernetes allows, on a real API server. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { clusterForTests, type Cluster } from '../cluster/cluster.ts';
import { installRights, startOperator, type RunningOperator } from '../support/operator.ts';
import { Stage } from '../support/stage.ts';
import { untilPasses } from '../support/wait.ts';

/** Close to the 1 MiB that a ConfigMap may have; a record holds a digest for each key. */
const KEYS = Array.from({ length: 14_000 }, (_, at) => `${'a-long-name-of-a-key-'.repeat(2)}${at}`);

describe('sources with very many keys', () => {
  let cluster: Cluster;
  let stage: Stage;
  let operator: RunningOperator;
  before(async () => {
    cluster = await clusterForTests({ node: false });
    await installRights(cluster);
    stage = await Stage.open(cluster, 'large');
    operator = await startOperator({ cluster, namespaces: [stage.namespace] });
  });
  after(async () => {
    await operator.stop();
    await stage.end();
    await cluster.stop();
  });

  it('that are too many for a record are named, are not tried again and again, and may become fewer', async () => {
    const data = Object.fromEntries(KEYS.map((key) => [key, 'x']));
    await stage.configMap(data);
    await stage.configMap(data, 'other');
    const envFrom = [{ configMapRef: { name: 'other' } }];
    await stage.create({ replicas: 0, container: { envFrom } });
    await stage.policy({
      sources: [
        { kind: 'ConfigMap', name: 'app' },
        { kind: 'ConfigMap', name: 'other' },
      ],
    });

    const message = await stage.until('Ready', 'False', { reason: 'Error', timeoutMs: 120_000 });
    assert.match(message, /Deployment\/web: its record can't be written: .*too many keys for one record/);
    assert.equal(await operator.livez(), true);
    const tried = await recordRuns(operator);
    await stage.edit({ [KEYS[0] ?? '']: 'y' });
    await untilPasses(async () => assert.ok((await recordRuns(operator)) > tried), {
      what: 'other content to be tried',
      timeoutMs: 60_000,
    });
    assert.equal(await recordRetries(operator), 0);

    await stage.api.request({ method: 'DELETE', path: stage.path('/api/v1', 'configmaps', 'other') });
    await stage.configMap({ flag: 'x' }, 'other');
    await stage.until('Ready', 'True', { timeoutMs: 120_000 });
    await stage.adopted();
  });
});

const sumOf = async (operator: RunningOperator, pattern: RegExp): Promise<number> =>
  [...(await operator.metrics()).matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);

const recordRuns = (operator: RunningOperator): Promise<number> =>
  sumOf(operator, /^controller_runtime_reconcile_total\{controller="records",result="error"\} (\d+)$/gm);

const recordRetries = (operator: RunningOperator): Promise<number> =>
  sumOf(operator, /^workqueue_retries_total\{name="records"\} (\d+)$/gm);
