import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWorkloadName } from '../../../src/cli/names.ts';

describe('a workload on the command line', () => {
  for (const [kind, names] of Object.entries({
    Deployment: 'deploy deployment deployments deployments.apps',
    StatefulSet: 'sts statefulset statefulsets',
    DaemonSet: 'ds daemonset DaemonSet',
    CronJob: 'cj cronjob cronjobs cronjobs.batch',
    Rollout: 'ro rollout rollouts rollouts.argoproj.io',
    ReplicaSet: 'rs replicaset replicasets.apps',
    Pod: 'po pod pods',
  })) {
    for (const name of names.split(' ')) {
      it(`${name}/web is a ${kind}`, () => {
        assert.deepEqual(parseWorkloadName(`${name}/web`), { kind, name: 'web' });
      });
    }
  }

  for (const name of ['job', 'pods.', 'cronjobs.apps', 'rollouts.apps', '']) {
    it(`${name}/web is none`, () => {
      assert.throws(() => parseWorkloadName(`${name}/web`), /names no workload/);
    });
  }
});
