/** What keeps a rollout from getting on, in the words of its pods. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  LONGEST_CAUSE,
  rolloutCause,
  type ClusterWarning,
  type ContainerReport,
  type PodReport,
} from '../../../src/domain/rollout-cause.ts';

const PRESENT = { n: 3, digest: 'abc' };

const container = (more: Partial<ContainerReport> = {}): ContainerReport => ({
  name: 'main',
  state: 'Running',
  ready: false,
  restarts: 0,
  ...more,
});
const pod = (containers: readonly ContainerReport[], more: Partial<PodReport> = {}): PodReport => ({
  name: 'web-1',
  restart: PRESENT,
  containers,
  ...more,
});

const BAD_FLAG = { exitCode: 2, reason: 'Error', message: 'workflow: --cooldown-period is "-1"\n' };
const LOOPING = container({
  state: 'Waiting',
  restarts: 1,
  waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' },
  end: BAD_FLAG,
});

const told = (...pods: readonly PodReport[]): string | undefined => rolloutCause(pods, PRESENT, true)?.message;

describe('the cause of a rollout that does not get on', () => {
  const cases: readonly (readonly [what: string, pods: readonly PodReport[], expected: string | undefined])[] = [
    ['no pod', [], undefined],
    ['a pod that is ready', [pod([container({ ready: true, restarts: 4, end: BAD_FLAG })])], undefined],
    [
      'a container that is being made',
      [pod([container({ state: 'Waiting', waiting: { reason: 'ContainerCreating' } })])],
      undefined,
    ],
    ['one that is not ready yet', [pod([container()])], 'container main of pod web-1 runs, but is not ready'],
    [
      'a crash',
      [pod([container({ state: 'Ended', end: BAD_FLAG })])],
      'container main of pod web-1 ended with exit code 2: workflow: --cooldown-period is "-1"',
    ],
    [
      'a crash loop',
      [pod([LOOPING])],
      'container main of pod web-1 ended with exit code 2: workflow: --cooldown-period is "-1"',
    ],
    [
      'memory',
      [pod([container({ restarts: 1, end: { exitCode: 137, reason: 'OOMKilled' } })])],
      'container main of pod web-1 ended with exit code 137 (OOMKilled)',
    ],
    [
      'an image that is not to be had',
      [
        pod([
          container({ state: 'Waiting', waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling "x:1"' } }),
        ]),
      ],
      'container main of pod web-1 can\'t start: ImagePullBackOff: Back-off pulling "x:1"',
    ],
    [
      'an init container, while the others wait for it',
      [pod([{ ...LOOPING, name: 'init' }, container({ state: 'Waiting', waiting: { reason: 'PodInitializing' } })])],
      'container init of pod web-1 ended with exit code 2: workflow: --cooldown-period is "-1"',
    ],
    [
      'an init container that has done its work is none',
      [pod([container({ name: 'init', state: 'Ended', end: { exitCode: 0, reason: 'Completed' } })])],
      undefined,
    ],
    [
      'no node',
      [pod([], { unschedulable: '0/3 nodes are available: 3 Insufficient memory.' })],
      'no node takes pod web-1: 0/3 nodes are available: 3 Insufficient memory.',
    ],
    ['an eviction', [pod([], { failed: 'Evicted: low on memory' })], 'pod web-1 was ended: Evicted: low on memory'],
    ['a pod of an earlier template is none', [pod([LOOPING], { restart: { n: 2, digest: 'abc' } })], undefined],
    [
      'what crashes, before what waits for it; of several, the first by name',
      [
        pod([container()], { name: 'web-0' }),
        pod([LOOPING], { name: 'web-9' }),
        pod([{ ...LOOPING, end: { exitCode: 3 } }], { name: 'web-5' }),
      ],
      'container main of pod web-5 ended with exit code 3',
    ],
  ];
  for (const [what, pods, expected] of cases) it(what, () => assert.equal(told(...pods), expected));

  const warning = (reason: string, message: string, more: Partial<ClusterWarning> = {}): ClusterWarning => ({
    reason,
    message,
    at: 1,
    ...more,
  });
  const unready = warning('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503', {
    container: 'main',
  });
  const waiting = container({ state: 'Waiting', waiting: { reason: 'ContainerCreating' } });
  const warned: readonly (readonly [what: string, pods: readonly PodReport[], expected: string | undefined])[] = [
    [
      'a probe that fails',
      [pod([container()], { warnings: [unready] })],
      'container main of pod web-1 runs, but is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503',
    ],
    [
      'a probe of another container is none of this one',
      [pod([container({ name: 'side' })], { warnings: [unready] })],
      'container side of pod web-1 runs, but is not ready',
    ],
    [
      'a probe that has a container ended',
      [
        pod([container({ restarts: 2, end: { exitCode: 137 } })], {
          warnings: [warning('Unhealthy', 'Liveness probe failed: timeout', { container: 'main' })],
        }),
      ],
      'container main of pod web-1 ended with exit code 137; Liveness probe failed: timeout',
    ],
    [
      'a container that ended by itself is not the fault of its probe',
      [pod([container({ restarts: 2, end: { exitCode: 1 } })], { warnings: [unready] })],
      'container main of pod web-1 ended with exit code 1',
    ],
    [
      'a volume that is not to be had: the latest warning, of a container that is being made',
      [
        pod([waiting], {
          warnings: [
            warning('FailedMount', 'references non-existent config key: gone', { at: 2 }),
            warning('FailedCreatePodSandBox', 'no network', { at: 1 }),
          ],
        }),
      ],
      "pod web-1 can't start: FailedMount: references non-existent config key: gone",
    ],
    [
      'what a pod has got over is none',
      [pod([container({ ready: true })], { warnings: [warning('FailedMount', 'timed out')] })],
      undefined,
    ],
    [
      'many pods alike: two of them named, and how many more',
      ['web-4', 'web-1', 'web-3', 'web-2', 'web-5'].map((name) => pod([LOOPING], { name })),
      'container main of pods web-1, web-2 and 3 more ended with exit code 2: workflow: --cooldown-period is "-1"',
    ],
    [
      'only those alike',
      [pod([LOOPING]), pod([LOOPING], { name: 'web-2' }), pod([container()], { name: 'web-3' })],
      'container main of pods web-1, web-2 ended with exit code 2: workflow: --cooldown-period is "-1"',
    ],
  ];
  for (const [what, pods, expected] of warned) it(what, () => assert.equal(told(...pods), expected));

  it('is that no pod can be made, where there is none to tell more', () => {
    const quota = warning('FailedCreate', 'pods "db-0" is forbidden: exceeded quota: small');
    const other = warning('FailedToUpdate', 'something else', { at: 2 });
    assert.equal(
      rolloutCause([], PRESENT, true, [quota, other])?.message,
      'no pod can be made: pods "db-0" is forbidden: exceeded quota: small',
    );
    assert.match(rolloutCause([pod([LOOPING])], PRESENT, true, [quota])?.message ?? '', /exit code 2/);
    assert.match(rolloutCause([pod([container()])], PRESENT, true, [quota])?.message ?? '', /exceeded quota/);
  });

  it('repeats nothing that a probe has got where it must not', () => {
    const exec = warning('Unhealthy', 'Readiness probe failed: the password is hunter2', { container: 'main' });
    const odd = warning('Unhealthy', 'hunter2', { container: 'main' });
    for (const [given, expected] of [
      [exec, 'Readiness probe failed'],
      [odd, 'its probe fails'],
    ] as const) {
      assert.equal(
        rolloutCause([pod([container()], { warnings: [given] })], PRESENT, false)?.message,
        `container main of pod web-1 runs, but is not ready: ${expected}`,
      );
    }
  });

  it('is a crash loop from the second end on', () => {
    const crashing = (report: ContainerReport): boolean | undefined =>
      rolloutCause([pod([report])], PRESENT, true)?.crashing;
    assert.equal(crashing(container({ state: 'Ended', end: BAD_FLAG })), false);
    assert.equal(crashing(container({ restarts: 1, end: BAD_FLAG })), false);
    assert.equal(crashing(LOOPING), true);
    assert.equal(crashing(container({ state: 'Ended', restarts: 1, end: BAD_FLAG })), true);
    assert.equal(crashing(container({ restarts: 2, end: BAD_FLAG })), true);
    assert.equal(crashing(container({ restarts: 2, end: BAD_FLAG, ready: true })), undefined);
  });

  it('looks at the pods of a template without a restart of ours, where there is none', () => {
    const { restart: _restart, ...plain } = pod([LOOPING]);
    assert.equal(rolloutCause([plain], undefined, true)?.crashing, true);
    assert.equal(rolloutCause([plain], PRESENT, true), undefined);
  });

  it('repeats nothing that a container has said where it must not', () => {
    assert.equal(
      rolloutCause([pod([LOOPING])], PRESENT, false)?.message,
      'container main of pod web-1 ended with exit code 2',
    );
  });

  it('keeps begin and end of a long message', () => {
    const message = `TypeError: no such model\n${'    at somewhere\n'.repeat(100)}the last line`;
    const said = told(pod([{ ...LOOPING, end: { exitCode: 1, message } }])) ?? '';
    assert.match(said, /exit code 1: TypeError: no such model at somewhere .* … .* at somewhere the last line$/);
  });

  it('is one line within its bounds, whatever containers write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.string({ maxLength: 300 }), (message, name) => {
        const said = told(pod([{ ...LOOPING, name, end: { exitCode: 1, message } }])) ?? '';
        assert.ok(said.length <= LONGEST_CAUSE);

        assert.doesNotMatch(said.replace(name, ''), /[\u0000-\u001f\u007f-\u009f]/);
      }),
    );
  });
});
