import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WORKLOAD_KINDS } from '../../../src/api/v1alpha1/kinds.ts';
import { resolvePolicy } from '../../../src/api/v1alpha1/defaults.ts';
import { reloadPolicySpecSchema } from '../../../src/api/v1alpha1/schema.ts';
import type { ReloadPolicySpecInput } from '../../../src/api/v1alpha1/types.ts';

const APP = { kind: 'ConfigMap', name: 'app' } as const;

const resolve = (spec: ReloadPolicySpecInput) => resolvePolicy(reloadPolicySpecSchema.parse(spec));

describe('resolvePolicy', () => {
  it('fills in every default of the smallest policy', () => {
    assert.deepEqual(resolve({ sources: [APP] }), {
      sources: [APP],
      sourceSelectors: [],
      rules: [],
      defaultClass: 'Restart',
      suspend: false,
      observes: false,
      validation: [],
      onImpossible: 'Restart',
      hot: { proof: 'Nudged', timeoutMs: 30_000, onTimeout: 'Report' },
      debounceMs: 500,
      progressTimeoutMs: 600_000,
      rollouts: 'Template',
      gates: { cooldownMs: 0, windows: [], approval: 'Automatic', order: 'Parallel', onFailure: 'Report' },
      delivery: { objects: [], snapshots: 5, rollbackSecrets: false },
    });
  });

  it('leaves workloads absent, for absent means every consumer', () => {
    assert.equal('workloads' in resolve({ sources: [APP] }), false);
  });

  it('keeps everything that is set', () => {
    const workload = { group: 'apps', kind: 'StatefulSet', selector: { matchLabels: { tier: 'db' } } } as const;
    const rule = { keys: ['*.yaml'], class: 'Hot', from: [APP] } as const;
    const labelled = { kind: 'Secret', selector: { matchLabels: { app: 'web' } } } as const;
    const check = { keys: ['*.yaml'], format: 'YAML', maxBytes: 1_000 } as const;
    const resolved = resolve({
      sources: [APP, labelled],
      workloads: [workload],
      rules: [rule],
      defaultClass: 'Ignore',
      suspend: true,
      mode: 'Observe',
      validation: [check],
      hot: {
        onImpossible: 'Report',
        proof: 'Loaded',
        timeout: '1m',
        onTimeout: 'Restart',
        notify: { http: { port: 'admin', path: '/reload', signature: { secretRef: { name: 'ring', key: 'key' } } } },
      },
      restart: {
        debounce: '0s',
        cooldown: '2m',
        progressTimeout: '1h',
        maxConcurrent: 2,
        budget: { restarts: 3, period: '1h' },
        windows: [
          { name: 'nightly', cron: '0 2 * * *', duration: '1h' },
          { name: 'freeze', type: 'Deny', cron: '0 0 24 12 *', duration: '72h', timeZone: 'Europe/Berlin' },
        ],
        approval: 'Manual',
        order: 'Sequential',
        canary: { percent: 10 },
        rollouts: 'RestartAt',
        onFailure: 'Rollback',
      },
      delivery: {
        mode: 'Managed',
        objects: [{ name: 'app-live', source: APP, workloads: [{ kind: 'Deployment', name: 'web' }] }],
        snapshots: 2,
        rollbackSecrets: true,
      },
    });
    assert.deepEqual(resolved, {
      sources: [APP],
      sourceSelectors: [labelled],
      workloads: [workload],
      rules: [rule],
      defaultClass: 'Ignore',
      suspend: true,
      observes: true,
      validation: [check],
      onImpossible: 'Report',
      hot: {
        proof: 'Loaded',
        timeoutMs: 60_000,
        onTimeout: 'Restart',
        notify: { port: 'admin', path: '/reload', signature: { name: 'ring', key: 'key' } },
      },
      debounceMs: 0,
      progressTimeoutMs: 3_600_000,
      rollouts: 'RestartAt',
      gates: {
        cooldownMs: 120_000,
        maxConcurrent: 2,
        budget: { restarts: 3, periodMs: 3_600_000 },
        windows: [
          { name: 'nightly', type: 'Allow', cron: '0 2 * * *', durationMs: 3_600_000, timeZone: 'UTC' },
          {
            name: 'freeze',
            type: 'Deny',
            cron: '0 0 24 12 *',
            durationMs: 72 * 3_600_000,
            timeZone: 'Europe/Berlin',
          },
        ],
        approval: 'Manual',
        order: 'Sequential',
        canary: { percent: 10 },
        onFailure: 'Rollback',
      },
      delivery: {
        objects: [{ name: 'app-live', source: APP, workloads: [{ kind: 'Deployment', name: 'web' }] }],
        snapshots: 2,
        rollbackSecrets: true,
      },
    });
  });

  it('gives each workload its group', () => {
    const groups = WORKLOAD_KINDS.map((kind) => {
      const [workload] = resolve({ sources: [APP], workloads: [{ kind, name: 'web' }] }).workloads ?? [];
      return [kind, workload?.group];
    });
    assert.deepEqual(Object.fromEntries(groups), {
      Deployment: 'apps',
      StatefulSet: 'apps',
      DaemonSet: 'apps',
      CronJob: 'batch',
      Rollout: 'argoproj.io',
      ReplicaSet: 'apps',
      Pod: '',
    });
  });

  it('takes an empty hot or restart block for silence', () => {
    assert.deepEqual(resolve({ sources: [APP], hot: {}, restart: {} }), resolve({ sources: [APP] }));
  });

  it('asks where most servers listen, unless a path is given', () => {
    const resolved = resolve({ sources: [APP], hot: { notify: { http: { port: 'web' } } } });
    assert.deepEqual(resolved.hot.notify, { port: 'web', path: '/-/reload' });
  });
});
