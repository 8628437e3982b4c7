import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

describe('metrics', () => {
  it('speak the names of client-go and controller-runtime', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const queue = metrics.queueCallbacks('workloads');
    queue.onAdd('default/secret-name');
    queue.onStart('default/secret-name', 0.002);
    queue.onResult('default/secret-name', 'waiting', 0.2);
    queue.onRetry('default/secret-name', 50);
    metrics.observeQueue('workloads', { depth: () => 7 });
    metrics.request({ method: 'GET', resource: 'configmaps', status: 200, seconds: 0.01 });
    metrics.request({ method: 'PATCH', resource: 'pods/status', status: undefined, seconds: 15 });
    metrics.restart('Deployment', 'Succeeded', 12);
    metrics.hold('OutsideWindow');
    const open = [
      { namespace: 'shop', kind: 'Deployment' },
      { namespace: 'shop', kind: 'Deployment' },
    ];
    metrics.observeBreakers(() => open.splice(0));
    metrics.nudge('ok');
    metrics.hot(0.2);
    metrics.list('configmaps', 500, 0.3);
    metrics.observeWatches(() => [{ status: () => ({ name: 'configmaps', synced: true, aliveAt: 5000 }) }]);
    const forbidden = Object.assign(new Error('no'), { status: 403 });
    metrics.observeOwnWatches(() =>
      [{ synced: true }, { synced: true, error: new Error('away') }, { synced: false, error: forbidden }].map(
        (status) => ({ status: () => ({ name: 'secrets/secret-name', aliveAt: 5000, ...status }) }),
      ),
    );
    const text = await metrics.metrics();
    for (const line of [
      'workqueue_adds_total{name="workloads"} 1',
      'workqueue_depth{name="workloads"} 7',
      'workqueue_retries_total{name="workloads"} 1',
      'workqueue_queue_duration_seconds_count{name="workloads"} 1',
      'workqueue_work_duration_seconds_sum{name="workloads"} 0.2',
      'controller_runtime_reconcile_total{controller="workloads",result="requeue_after"} 1',
      'rest_client_requests_total{code="200",method="GET"} 1',
      'rest_client_requests_total{code="<error>",method="PATCH"} 1',
      'reload_restarts_total{kind="Deployment",outcome="Succeeded"} 1',
      'reload_holds_total{reason="OutsideWindow"} 1',
      'reload_breakers_open{namespace="shop",kind="Deployment"} 2',
      'reload_nudges_total{outcome="ok"} 1',
      'reload_hot_seconds_count 1',
      'reload_watch_list_items{watch="configmaps"} 500',
      'reload_watch_synced{watch="configmaps"} 1',
      'reload_watch_alive_timestamp_seconds{watch="configmaps"} 5',
      'reload_secret_watches{state="starting"} 0',
      'reload_secret_watches{state="watching"} 1',
      'reload_secret_watches{state="refused"} 1',
      'reload_secret_watches{state="failing"} 1',
    ]) {
      assert.ok(text.split('\n').includes(line), line);
    }
    assert.doesNotMatch(text, /secret-name/);
    // One that has closed is not told of for ever.
    assert.doesNotMatch(await metrics.metrics(), /reload_breakers_open\{/);
  });

  it('keep to a registry of their own', async () => {
    createMetrics({ processMetrics: false }).nudge('ok');
    assert.doesNotMatch(
      await createMetrics({ processMetrics: false }).metrics(),
      /reload_nudges_total\{outcome="ok"\}/,
    );
  });

  it('tell of the process', async () => {
    assert.match(await createMetrics().metrics(), /^process_resident_memory_bytes [1-9]/m);
  });
});
