/** Rollouts that fail on a real node: what is said of them, what is undone, and what recovers. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { BUSYBOX } from '../support/images.ts';
import { installed } from '../support/installed.ts';
import { settled } from '../support/sentinel.ts';
import type { Kind, Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

/** Refuses a negative period with a sentence of its own, and ends. */
const REFUSING = `case "$1" in
  --cooldown-period=-*) echo "workflow: $1 must not be negative" > /dev/termination-log; exit 2;;
esac
trap "exit 0" TERM; while :; do sleep 1 & wait $!; done`;

const refusing = (
  stage: Stage,
  { kind = 'Deployment', replicas = 2 }: { readonly kind?: Kind; readonly replicas?: number } = {},
): Promise<void> =>
  stage.start({
    kind,
    replicas,
    flags: ['cooldown-period'],
    container: { command: ['sh', '-c', REFUSING, 'app', '--cooldown-period=$(COOLDOWN_PERIOD)'] },
    // A container without a probe is ready while it is about to end: pods would be replaced by it.
    spec: { minReadySeconds: 3 },
  });

const SENTENCE = /exit code 2: workflow: --cooldown-period=-1 must not be negative/;

const uids = async (stage: Stage): Promise<readonly string[]> =>
  (await stage.pods()).map(({ metadata }) => metadata.uid).sort();

const restartsOf = async (stage: Stage, kind: Kind = 'Deployment'): Promise<number> =>
  (await stage.record('web', kind)).restart?.n ?? 0;

describe('a rollout that fails', { concurrency: 3 }, () => {
  const staged = installed('failure');

  staged("is Failed with the container's own message, within 15 s of its second crash", async (stage) => {
    await stage.configMap({ 'cooldown-period': '30' });
    await refusing(stage, { replicas: 1 });
    await stage.policy();
    await stage.adopted();

    await stage.edit({ 'cooldown-period': '-1' });

    const message = await stage.until('RolledOut', 'False', { reason: 'CrashLoopBackOff', timeoutMs: 90_000 });
    const told = Date.now();
    assert.match(message, SENTENCE);
    const crashes = (await stage.pods()).flatMap(({ status }) =>
      (status?.containerStatuses ?? []).flatMap(({ restartCount, state, lastState }) =>
        restartCount > 0 ? [state?.terminated?.finishedAt ?? lastState?.terminated?.finishedAt ?? ''] : [],
      ),
    );
    const [second = ''] = crashes;
    // Times of containers come in whole seconds.
    assert.ok(told - Date.parse(second) < 16_000, `told ${told - Date.parse(second)} ms after the second crash`);
    await stage.until('Stalled', 'True');
  });

  staged(
    'is undone: the same pods go on, the fix rolls out by itself, and so does what was there before',
    async (stage) => {
      await stage.configMap({ 'cooldown-period': '30' });
      await refusing(stage);
      await stage.policy({ restart: { onFailure: 'Undo', windows: [] } });
      await stage.adopted();
      await stage.startedForCertain();
      const [pods, incarnations] = [await uids(stage), await stage.incarnations()];

      await stage.edit({ 'cooldown-period': '-1' });

      const message = await eventually(
        async () => {
          const said = await stage.until('RolledOut', 'False', { reason: 'Undone', timeoutMs: 90_000 });
          return said.includes('; undone') ? said : undefined;
        },
        { what: 'the restart to be undone', timeoutMs: 120_000 },
      );
      assert.match(message, SENTENCE);
      assert.match(message, /ConfigMap\/app still holds the content that failed, and containers that restart read it/);
      await stage.rolledOut();
      assert.equal(await stage.restartAnnotation(), undefined);
      assert.deepEqual(await uids(stage), pods);
      assert.deepEqual(await stage.incarnations(), incarnations);
      assert.deepEqual(await stage.argumentsIn(), ['--cooldown-period=30', '--cooldown-period=30']);
      await settled(stage);
      assert.equal(await restartsOf(stage), 1);

      await stage.edit({ 'cooldown-period': '60' });
      await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 90_000 });
      await stage.rolledOut();
      assert.deepEqual(await stage.argumentsIn(), ['--cooldown-period=60', '--cooldown-period=60']);
      await stage.startedForCertain();
      const fixed = await stage.incarnations();

      await stage.edit({ 'cooldown-period': '-1' });
      await stage.until('RolledOut', 'False', { reason: 'Undone', timeoutMs: 90_000 });
      await stage.rolledOut();
      assert.match((await stage.restartAnnotation()) ?? '', /^v1\.2\./);
      await stage.edit({ 'cooldown-period': '60' });
      await stage.until('RolledOut', 'True', { reason: 'Recovered' });
      await stage.until('Ready', 'True', { reason: 'UpToDate' });
      assert.deepEqual(await stage.incarnations(), fixed);
      assert.equal((await stage.record()).failed, undefined);
    },
  );

  staged('of a StatefulSet keeps the pods that were not replaced yet, and goes on with the fix', async (stage) => {
    await stage.configMap({ 'cooldown-period': '30' });
    await refusing(stage, { kind: 'StatefulSet' });
    await stage.policy({ restart: { onFailure: 'Undo' } });
    await stage.adopted('web', 'StatefulSet');
    const first = async (): Promise<string | undefined> =>
      (await stage.pods()).find(({ metadata }) => metadata.name === 'web-0')?.metadata.uid;
    const kept = await first();

    await stage.edit({ 'cooldown-period': '-1' });
    await stage.until('RolledOut', 'False', { reason: 'Undone', timeoutMs: 90_000 });
    await untilPasses(async () => assert.equal(await stage.restartAnnotation('web', 'StatefulSet'), undefined), {
      what: 'the template to be put back',
    });
    assert.equal(await first(), kept);

    await stage.edit({ 'cooldown-period': '60' });
    await stage.until('RolledOut', 'True', { reason: 'Complete', timeoutMs: 180_000 });
    assert.deepEqual(await stage.argumentsIn(), ['--cooldown-period=60', '--cooldown-period=60']);
  });

  staged('for a probe is told with what the probe got', async (stage) => {
    await stage.configMap({ answer: 'yes' });
    await stage.start({
      env: ['answer'],
      container: {
        readinessProbe: {
          periodSeconds: 1,
          exec: { command: ['sh', '-c', '[ "$ANSWER" = yes ] || { echo "the answer is $ANSWER"; exit 1; }'] },
        },
      },
    });
    await stage.policy({ restart: { progressTimeout: '10s' } });
    await stage.adopted();

    await stage.edit({ answer: 'no' });

    const message = await stage.until('RolledOut', 'False', { reason: 'ProgressTimeout' });
    assert.match(
      message,
      /container main of pod web-\S+ runs, but is not ready: Readiness probe failed: the answer is no/,
    );
  });

  staged('for a volume is told with what the kubelet misses', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.configMap({ key: 'x' }, 'beside');
    await stage.start({
      spec: {
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            terminationGracePeriodSeconds: 2,
            containers: [
              {
                name: 'main',
                image: BUSYBOX,
                command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
                env: [{ name: 'FLAG', valueFrom: { configMapKeyRef: { name: 'app', key: 'flag' } } }],
                volumeMounts: [{ name: 'beside', mountPath: '/etc/beside' }],
              },
            ],
            volumes: [{ name: 'beside', configMap: { name: 'beside' } }],
          },
        },
      },
    });
    await stage.policy({ restart: { progressTimeout: '15s' } });
    await stage.adopted();
    // No policy names it: it is no business of ours, but it is what the new pod will want.
    await stage.api.request({ method: 'DELETE', path: stage.path('/api/v1', 'configmaps', 'beside') });

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'False', { reason: 'ProgressTimeout' });
    assert.match(message, /pod web-\S+ can't start: FailedMount: .*configmap "beside" not found/);
  });

  staged('for a quota is told with who refuses which pod', async (stage) => {
    await stage.configMap({ flag: 'one' });
    await stage.start({ kind: 'StatefulSet', flags: ['flag'] });
    await stage.policy({ restart: { progressTimeout: '10s' } });
    await stage.adopted('web', 'StatefulSet');
    await stage.api.request({
      method: 'POST',
      path: stage.path('/api/v1', 'resourcequotas'),
      body: { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } },
    });
    await untilPasses(
      async () => {
        const quota = await stage.get<{ readonly status?: { readonly used?: Readonly<Record<string, string>> } }>(
          stage.path('/api/v1', 'resourcequotas', 'none'),
        );
        assert.equal(quota.status?.used?.['pods'], '1');
      },
      { what: 'the quota to count' },
    );

    await stage.edit({ flag: 'two' });

    const message = await stage.until('RolledOut', 'False', { reason: 'ProgressTimeout' });
    assert.match(message, /no pod can be made: .*"web-0" is forbidden: exceeded quota: none/);
  });
});
