import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  desiredPods,
  rolloutBlocker,
  rolloutPause,
  rolloutProgress,
  type RolloutState,
} from '../../../src/domain/rollout.ts';
import { argoRollout, cronJob, daemonSet, deployment, statefulSet, unrestartable } from '../../support/builders.ts';

const withoutPhase = (): RolloutState => {
  const { phase: _, ...rest } = argoRollout();
  return rest;
};

/** The lines of kubectl's rollout_status.go and its test, and what they leave to us. */
describe('the progress of a rollout', () => {
  const cases: readonly (readonly [what: string, state: RolloutState, phase: string, message: RegExp])[] = [
    ['Deployment: not observed yet', deployment({ generation: 2 }), 'InProgress', /not seen by the controller/],
    [
      'Deployment: not observed yet, though a deadline passed before',
      deployment({ generation: 2, deadlineExceeded: 'old' }),
      'InProgress',
      /not seen/,
    ],
    [
      'Deployment: some pods updated',
      deployment({ status: { replicas: 2, updated: 1, available: 2 } }),
      'InProgress',
      /^1 of 2 pods updated$/,
    ],
    [
      'Deployment: old pods left',
      deployment({ status: { replicas: 3, updated: 2, available: 2 } }),
      'InProgress',
      /^1 old pods/,
    ],
    [
      'Deployment: some pods not available',
      deployment({ status: { replicas: 2, updated: 2, available: 1 } }),
      'InProgress',
      /^1 of 2 pods available$/,
    ],
    ['Deployment: complete', deployment(), 'Complete', /^2 of 2 pods available$/],
    [
      'Deployment: scaled down meanwhile',
      deployment({ replicas: 1, status: { replicas: 1, updated: 1, available: 1 } }),
      'Complete',
      /^1 of 1/,
    ],
    [
      'Deployment: no replicas',
      deployment({ replicas: 0, status: { replicas: 0, updated: 0, available: 0 } }),
      'Complete',
      /^0 of 0/,
    ],
    ['Deployment: over its deadline', deployment({ deadlineExceeded: 'web timed out' }), 'Failed', /^web timed out$/],
    [
      'Deployment: over its deadline, with the reason',
      deployment({ deadlineExceeded: 'web timed out', replicaFailure: 'quota' }),
      'Failed',
      /^web timed out; quota$/,
    ],
    [
      'Deployment: pods refused',
      deployment({ status: { replicas: 2, updated: 0, available: 2 }, replicaFailure: 'quota' }),
      'InProgress',
      /updated: quota$/,
    ],
    ['StatefulSet: not observed yet', statefulSet({ observedGeneration: 0 }), 'InProgress', /not seen/],
    [
      'StatefulSet: some pods not ready',
      statefulSet({ status: { ready: 1, updated: 2 } }),
      'InProgress',
      /^1 of 2 pods ready$/,
    ],
    [
      'StatefulSet: some pods not updated',
      statefulSet({ status: { ready: 2, updated: 1 } }),
      'InProgress',
      /^1 of 2 pods updated$/,
    ],
    ['StatefulSet: complete', statefulSet(), 'Complete', /^2 of 2 pods ready$/],
    ['StatefulSet: no replicas', statefulSet({ replicas: 0, status: { ready: 0, updated: 0 } }), 'Complete', /^0 of 0/],
    [
      'StatefulSet: above the partition complete',
      statefulSet({ replicas: 3, partition: 1, status: { ready: 3, updated: 2 } }),
      'Complete',
      /the 1 pods below the partition keep/,
    ],
    [
      'StatefulSet: above the partition not complete',
      statefulSet({ replicas: 3, partition: 1, status: { ready: 3, updated: 1 } }),
      'InProgress',
      /^1 of 2 pods updated$/,
    ],
    [
      'StatefulSet: a partition over all',
      statefulSet({ replicas: 2, partition: 5, status: { ready: 2, updated: 0 } }),
      'Complete',
      /the 2 pods below the partition keep/,
    ],
    ['DaemonSet: not observed yet', daemonSet({ generation: 3 }), 'InProgress', /not seen/],
    [
      'DaemonSet: some pods not updated',
      daemonSet({ status: { desired: 2, updated: 1, available: 2 } }),
      'InProgress',
      /^1 of 2 pods updated$/,
    ],
    [
      'DaemonSet: some pods not available',
      daemonSet({ status: { desired: 2, updated: 2, available: 1 } }),
      'InProgress',
      /^1 of 2 pods available$/,
    ],
    ['DaemonSet: complete', daemonSet(), 'Complete', /^2 of 2 pods available$/],
    ['Rollout: not observed yet', argoRollout({ generation: 2 }), 'InProgress', /not seen/],
    [
      'Rollout: not observed yet, though degraded before',
      argoRollout({ generation: 2, phase: 'Degraded' }),
      'InProgress',
      /not seen/,
    ],
    [
      'Rollout: progressing',
      argoRollout({ phase: 'Progressing', message: 'more replicas need to be updated' }),
      'InProgress',
      /^more replicas/,
    ],
    [
      'Rollout: in a step that waits',
      argoRollout({ phase: 'Paused', message: 'CanaryPauseStep' }),
      'InProgress',
      /^CanaryPauseStep$/,
    ],
    [
      'Rollout: a pause is over, and the controller has not gone on',
      argoRollout({ phase: 'Paused', message: 'CanaryPauseStep', unpausing: true }),
      'InProgress',
      /about to go on/,
    ],
    ['Rollout: its controller says nothing', withoutPhase(), 'InProgress', /has not said/],
    ['Rollout: pods older than restartAt', argoRollout({ restarting: true }), 'InProgress', /being restarted/],
    [
      'Rollout: degraded, in its own words',
      argoRollout({ phase: 'Degraded', message: 'ProgressDeadlineExceeded: web timed out' }),
      'Failed',
      /^ProgressDeadlineExceeded: web timed out$/,
    ],
    [
      'Rollout: degraded while pods are restarted',
      argoRollout({ phase: 'Degraded', restarting: true }),
      'Failed',
      /is degraded$/,
    ],
    ['Rollout: healthy', argoRollout(), 'Complete', /^2 of 2 pods available$/],
    ['CronJob', cronJob(), 'Complete', /^the next run starts on it$/],
    [
      'CronJob: suspended',
      cronJob({ suspended: true }),
      'Complete',
      /next run starts on it; the CronJob is suspended$/,
    ],
    ['DaemonSet: no node', daemonSet({ status: { desired: 0, updated: 0, available: 0 } }), 'Complete', /^0 of 0/],
  ];
  for (const [what, state, phase, message] of cases) {
    it(what, () => {
      const progress = rolloutProgress(state);
      assert.equal(progress.phase, phase);
      assert.match(progress.message, message);
    });
  }

  it('counts the pods that run on the new template', () => {
    const pods = (state: RolloutState): number | undefined => {
      const progress = rolloutProgress(state);
      return progress.phase === 'Complete' ? progress.pods : undefined;
    };
    assert.equal(pods(deployment()), 2);
    assert.equal(pods(statefulSet({ replicas: 3, partition: 2, status: { ready: 3, updated: 1 } })), 1);
    assert.equal(pods(daemonSet()), 2);
  });
});

describe('what keeps a rollout from moving', () => {
  for (const [what, state, reason] of [
    ['a Deployment', deployment(), undefined],
    ['a paused Deployment', deployment({ paused: true }), 'Paused'],
    ['a StatefulSet', statefulSet(), undefined],
    ['a StatefulSet with OnDelete', statefulSet({ onDelete: true }), 'OnDelete'],
    ['a DaemonSet with OnDelete', daemonSet({ onDelete: true }), 'OnDelete'],
    ['a Rollout', argoRollout(), undefined],
    ['a Rollout in a step that waits', argoRollout({ phase: 'Paused' }), undefined],
    ['a paused Rollout', argoRollout({ paused: true }), 'Paused'],
    ['a CronJob', cronJob(), undefined],
    ['a suspended CronJob', cronJob({ suspended: true }), undefined],
    ['a ReplicaSet', unrestartable('ReplicaSet'), 'NoRollout'],
    ['a Pod', unrestartable('Pod'), 'NoRollout'],
  ] as const) {
    it(`${what}: ${reason ?? 'nothing'}`, () => {
      assert.equal(rolloutBlocker(state)?.reason, reason);
    });
  }
});

it('a workload is meant to have as many pods as its spec or its nodes say', () => {
  assert.equal(desiredPods(deployment({ replicas: 3 })), 3);
  assert.equal(desiredPods(statefulSet({ replicas: 4 })), 4);
  assert.equal(desiredPods(argoRollout({ replicas: 4 })), 4);
  assert.equal(desiredPods(cronJob()), 0);
  assert.equal(desiredPods(daemonSet({ status: { desired: 5, updated: 0, available: 0 } })), 5);
});

it('a Rollout in a step that waits is waited for, unless that is over or about an earlier spec', () => {
  assert.match(
    rolloutPause(argoRollout({ phase: 'Paused', message: 'BlueGreenPause' }))?.message ?? '',
    /BlueGreenPause/,
  );
  assert.equal(rolloutPause(argoRollout({ phase: 'Paused', unpausing: true })), undefined);
  assert.equal(rolloutPause(argoRollout({ phase: 'Paused', generation: 2 })), undefined);
  assert.equal(rolloutPause(argoRollout()), undefined);
  assert.equal(rolloutPause(deployment({ paused: true })), undefined);
});
