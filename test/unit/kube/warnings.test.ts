/** The cluster's warnings, asked for: few requests, and none that is refused does any harm. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PodReport } from '../../../src/domain/rollout-cause.ts';
import type { KubeClient, RequestOptions } from '../../../src/kube/connect.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { warningsOf } from '../../../src/kube/warnings.ts';
import { aWorkload } from '../../support/builders.ts';

const { signal } = new AbortController();

const aClient = (answer: (options: RequestOptions) => unknown): { client: KubeClient; asked: RequestOptions[] } => {
  const asked: RequestOptions[] = [];
  const client = {
    request: (options: RequestOptions) => {
      asked.push(options);
      return Promise.resolve(answer(options));
    },
  };
  return { client: client as unknown as KubeClient, asked };
};

const workload = aWorkload({ annotation: { n: 2, digest: 'd', ours: true } });
const report = (name: string, n: number, ready: boolean): PodReport => ({
  name,
  uid: `uid-${name}`,
  restart: { n, digest: 'd' },
  containers: [{ name: 'main', state: 'Running', ready, restarts: 0 }],
});

describe("the cluster's warnings", () => {
  it('are asked for of the workload and of three of its new pods that are not ready, by uid', async () => {
    const { client, asked } = aClient(() => ({ items: [] }));
    const reports = ['e', 'd', 'c', 'b'].map((name) => report(name, 2, false));
    await warningsOf(client, workload, [report('old', 1, false), report('well', 2, true), ...reports], signal);
    assert.deepEqual(
      asked.map(({ query }) => query?.fieldSelector),
      [workload.uid, 'uid-b', 'uid-c', 'uid-d'].map((uid) => `regarding.uid=${uid},type=Warning`),
    );
  });

  it('stand with what they are about, and with the latest time of a series', async () => {
    const { client } = aClient(({ query }) => ({
      items:
        query?.fieldSelector === `regarding.uid=${workload.uid},type=Warning`
          ? [{ reason: 'FailedCreate', note: 'quota', deprecatedLastTimestamp: '2026-01-01T00:00:01Z' }]
          : [
              {
                reason: 'Unhealthy',
                note: 'Readiness probe failed',
                regarding: { fieldPath: 'spec.containers{main}' },
                eventTime: '2026-01-01T00:00:01Z',
                series: { lastObservedTime: '2026-01-01T00:00:09Z' },
              },
            ],
    }));
    const found = await warningsOf(client, workload, [report('a', 2, false)], signal);
    assert.deepEqual(found.warnings, [{ reason: 'FailedCreate', message: 'quota', at: Date.UTC(2026, 0, 1, 0, 0, 1) }]);
    assert.deepEqual(found.reports[0]?.warnings, [
      {
        reason: 'Unhealthy',
        message: 'Readiness probe failed',
        container: 'main',
        at: Date.UTC(2026, 0, 1, 0, 0, 9),
      },
    ]);
  });

  it('are none where they can not be read', async () => {
    for (const status of [403, 500]) {
      const { client } = aClient(() => {
        throw new KubeError('no', { status, reason: 'No' });
      });
      const reports = [report('a', 2, false)];
      const found = await warningsOf(client, workload, reports, signal);
      assert.deepEqual(found, { reports: [{ ...reports[0], warnings: [] }], warnings: [] });
    }
  });
});
