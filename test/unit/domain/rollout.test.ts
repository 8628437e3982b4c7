import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { desiredPods, rolloutBlocker, rolloutProgress, type RolloutState } from '../../../src/domain/rollout.ts';
import { daemonSet, deployment, statefulSet } from '../../support/builders.ts';

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
  ] as const) {
    it(`${what}: ${reason ?? 'nothing'}`, () => {
      assert.equal(rolloutBlocker(state)?.reason, reason);
    });
  }
});

it('a workload is meant to have as many pods as its spec or its nodes say', () => {
  assert.equal(desiredPods(deployment({ replicas: 3 })), 3);
  assert.equal(desiredPods(statefulSet({ replicas: 4 })), 4);
  assert.equal(desiredPods(daemonSet({ status: { desired: 5, updated: 0, available: 0 } })), 5);
});
