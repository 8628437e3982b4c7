/** Places inside documents, validation, Secrets and overlapping policies, as containers and pods see them. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { DEFAULT_NAMESPACE, NUDGE_ANNOTATION } from '../../src/api/v1alpha1/names.ts';
import { installed } from '../support/installed.ts';
import { runPlugin } from '../support/plugin.ts';
import { aSentinel } from '../support/sentinel.ts';
import type { Stage } from '../support/stage.ts';
import { eventually, untilPasses } from '../support/wait.ts';

/** Left to itself, the kubelet looks at a pod's files 60 to 90 s after its start: what is nudged never comes near that. */
const LONGEST_MS = 15_000;

const CONFIG = `# The service.
logging:
  level: info
server:
  port: 8080
`;
const PATHS = [{ keys: ['app.yaml'], paths: ['/logging/**'], class: 'Hot' as const }];
const SCHEMA = JSON.stringify({
  properties: { logging: { properties: { level: { enum: ['debug', 'info', 'warn'] } } } },
});

describe('what a key holds', { concurrency: 3 }, () => {
  const staged = installed('classify');

  staged('is hot at one place, needs a restart at another, and is nothing in a comment', async (stage) => {
    await stage.configMap({ 'app.yaml': CONFIG });
    await stage.start({ replicas: 2 });
    await stage.policy({ rules: PATHS });
    await stage.adopted();
    const sentinel = await aSentinel(stage);
    const incarnations = await stage.incarnations();

    const hot = CONFIG.replace('info', 'debug');
    await stage.edit({ 'app.yaml': hot });
    await untilFiles(stage, 'app.yaml', hot, 2);
    await stage.until('HotReloaded', 'True', { reason: 'Nudged' });
    await nudgedTwice(stage);
    await sentinel.pass();
    assert.deepEqual(await stage.incarnations(), incarnations);
    assert.equal(await stage.restartAnnotation(), undefined);
    assert.deepEqual(await historyOf(stage), [['Hot', 'Succeeded', ['ConfigMap/app:app.yaml#/logging/level']]]);

    const commented = hot.replace('# The service.', '# The service, as of today.').replace('info', '"info"');
    const before = await writtenIn(stage);
    await stage.edit({ 'app.yaml': commented });
    await sentinel.pass();
    const after = await writtenIn(stage);
    assert.notEqual(after.digest, before.digest, 'the status says which content has been seen');
    assert.deepEqual(after.rest, before.rest);
    assert.deepEqual(await stage.incarnations(), incarnations);

    await stage.startedForCertain();
    const cold = commented.replace('8080', '9090');
    await stage.edit({ 'app.yaml': cold });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    await sentinel.pass();
    assert.deepEqual(await stage.filesIn('app.yaml'), [cold, cold]);
    assert.equal((await stage.replicaSets()).length, 2);
    assert.match((await stage.restartAnnotation()) ?? '', /^v1\.1\./);
    assert.deepEqual((await historyOf(stage))[0], ['Restart', 'Succeeded', ['ConfigMap/app:app.yaml#/server/port']]);
  });

  staged('is acted on by nobody while it is invalid, nor is anything else of the workload', async (stage) => {
    await stage.configMap({ 'app.yaml': CONFIG });
    await stage.configMap({ flag: 'one' }, 'other');
    const flag = { name: 'FLAG', valueFrom: { configMapKeyRef: { name: 'other', key: 'flag' } } };
    await stage.start({ replicas: 2, container: { env: [flag] } });
    const sources = ['app', 'other'].map((name) => ({ kind: 'ConfigMap' as const, name }));
    await stage.policy({ sources, rules: PATHS, validation: [{ keys: ['app.yaml'], schema: SCHEMA }] });
    await stage.adopted();
    await stage.until('SourcesValid', 'True', { reason: 'Valid' });
    await stage.startedForCertain();
    const sentinel = await aSentinel(stage);
    await sentinel.pass();
    const untouched = [await stage.incarnations(), await nudgesOf(stage)];
    const isUntouched = async (): Promise<void> => {
      await sentinel.pass();
      assert.deepEqual([await stage.incarnations(), await nudgesOf(stage)], untouched);
      assert.equal(await stage.restartAnnotation(), undefined);
      assert.deepEqual(await historyOf(stage), []);
    };

    const invalid = CONFIG.replace('info', 'loud');
    await stage.edit({ 'app.yaml': invalid });
    const sentence = await stage.until('SourcesValid', 'False', { reason: 'SourceInvalid' });
    assert.match(sentence, /^ConfigMap\/app: app\.yaml at \/logging\/level must be .* \(validation 1\)$/);
    assert.doesNotMatch(sentence, /loud/);
    assert.match(await stage.until('HotReloaded', 'False', { reason: 'SourceInvalid' }), /kubelets deliver it all the/);
    await isUntouched();
    // Also where the document would need a restart.
    await stage.edit({ 'app.yaml': invalid.replace('8080', '9090') });
    await stage.until('RolledOut', 'False', { reason: 'SourceInvalid' });
    await isUntouched();
    await stage.edit({ 'app.yaml': invalid });
    await stage.until('RolledOut', 'True', { reason: 'NoChange' });

    await stage.edit({ flag: 'two' }, 'other');
    const blocked = await stage.until('RolledOut', 'False', { reason: 'SourceInvalid' });
    assert.match(blocked, /app\.yaml at \/logging\/level must be .* \(validation 1\)/);
    await isUntouched();
    assert.equal((await stage.condition('SourcesValid'))?.message, sentence);

    await stage.edit({ flag: 'one' }, 'other');
    await stage.until('RolledOut', 'True', { reason: 'NoChange' });
    await stage.edit({ 'app.yaml': CONFIG });
    await stage.until('SourcesValid', 'True', { reason: 'Valid' });
    await stage.until('HotReloaded', 'True', { reason: 'NoChange' });
    await isUntouched();

    const hot = CONFIG.replace('info', 'warn');
    await stage.edit({ 'app.yaml': hot });
    await untilFiles(stage, 'app.yaml', hot, 2);
    await sentinel.pass();
    assert.deepEqual(await stage.incarnations(), untouched[0]);

    // What was held meanwhile goes out once the content is valid, by one restart.
    await stage.edit({ 'app.yaml': invalid });
    await stage.until('SourcesValid', 'False', { reason: 'SourceInvalid' });
    await stage.edit({ flag: 'two' }, 'other');
    await stage.until('RolledOut', 'False', { reason: 'SourceInvalid' });
    await stage.edit({ 'app.yaml': CONFIG });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    await sentinel.pass();
    assert.deepEqual(await stage.environmentIn('FLAG'), ['FLAG=two', 'FLAG=two']);
    assert.deepEqual(await stage.filesIn('app.yaml'), [CONFIG, CONFIG]);
    assert.equal((await stage.replicaSets()).length, 2);
  });

  staged('may be secret: acted on by the Role that is printed for it, and told nowhere', async (stage) => {
    const path = stage.path('/api/v1', 'secrets');
    const [hotA, hotB, coldA, coldB] = ['hot-a', 'hot-b', 'cold-a', 'cold-b'].map(valueOf) as [
      string,
      string,
      string,
      string,
    ];
    await stage.api.request({
      method: 'POST',
      path,
      body: { metadata: { name: 'db' }, stringData: { hot: hotA, cold: coldA } },
    });
    await startReader(stage);
    await stage.policy({ sources: [{ kind: 'Secret', name: 'db' }], rules: [{ keys: ['hot'], class: 'Hot' }] });
    await stage.until('Ready', 'False', { reason: 'SourceUnreadable' });
    const policy = await stage.kubectl.run(['get', 'rlp', 'app', '-n', stage.namespace, '-o', 'yaml']);
    const roles = await runPlugin(['rbac', '-f', '-'], { input: policy });
    assert.equal(roles.code, 0, roles.stderr);
    await stage.kubectl.run(['apply', '-f', '-'], { input: roles.stdout });
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'UpToDate', timeoutMs: 90_000 });
    const sentinel = await aSentinel(stage);
    const incarnations = await stage.incarnations();

    await stage.patch(`${path}/db`, { stringData: { hot: hotB } });
    const [pod] = await stage.pods();
    assert.ok(pod);
    await untilPasses(async () => assert.equal(await stage.exec(pod, 'cat', '/etc/secret/hot'), hotB), {
      what: 'the new file',
      timeoutMs: LONGEST_MS,
    });
    await sentinel.pass();
    assert.deepEqual(await stage.incarnations(), incarnations);
    assert.equal(await stage.restartAnnotation(), undefined);

    await stage.startedForCertain();
    await stage.patch(`${path}/db`, { stringData: { cold: coldB } });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.rolledOut();
    await sentinel.pass();
    assert.deepEqual(await stage.environmentIn('COLD'), [`COLD=${coldB}`]);
    assert.equal((await stage.replicaSets()).length, 2);
    assert.deepEqual(await historyOf(stage), [
      ['Restart', 'Succeeded', ['Secret/db:cold']],
      ['Hot', 'Succeeded', ['Secret/db:hot']],
    ]);

    const told = await everythingTold(stage);
    for (const [where, text] of Object.entries(told)) {
      assert.ok(text.includes(where === 'metrics' ? 'reload_nudges_total' : stage.namespace), `${where} is not it`);
      for (const value of [hotA, hotB, coldA, coldB])
        for (const form of [value, Buffer.from(value).toString('base64')])
          assert.ok(!text.includes(form), `${form} is told in ${where}`);
    }
  });

  staged('is classed by the stricter of two policies, and both say so', async (stage) => {
    await stage.configMap({ flag: 'one', 'app.yaml': CONFIG });
    await stage.start({ labels: { tier: 'front' } });
    const workloads = [{ kind: 'Deployment' as const, selector: { matchLabels: { tier: 'front' } } }];
    await stage.policy({ workloads, defaultClass: 'Hot' });
    await stage.policy({ workloads, rules: [{ keys: ['flag'], class: 'Restart' }], defaultClass: 'Hot' }, 'strict');
    await stage.adopted();
    const sentinel = await aSentinel(stage);
    for (const policy of ['app', 'strict']) {
      await stage.until('Ready', 'True', { reason: 'UpToDate', policy });
      const [workload] = (await stage.status(policy)).workloads ?? [];
      assert.deepEqual(workload?.conflicts, ['ConfigMap/app:flag: Hot by policy app, Restart by policy strict']);
    }
    await stage.startedForCertain();

    await stage.edit({ flag: 'two' });
    await stage.until('RolledOut', 'True', { reason: 'Complete' });
    await stage.until('RolledOut', 'True', { reason: 'Complete', policy: 'strict' });
    await stage.rolledOut();
    assert.deepEqual(await stage.filesIn('flag'), ['two']);
    await sentinel.pass();
    assert.equal((await stage.replicaSets()).length, 2);
    const incarnations = await stage.incarnations();
    const hot = CONFIG.replace('info', 'warn');
    await stage.edit({ 'app.yaml': hot });
    await untilFiles(stage, 'app.yaml', hot, 1);

    // One that comes later is bound by its label, and taken as it runs.
    await stage.start({ name: 'late', labels: { tier: 'front' } });
    await stage.adopted('late');
    await untilPasses(
      async () => {
        const { workloads: bound = [] } = await stage.status('strict');
        assert.deepEqual(
          bound.map(({ name, state }) => [name, state]),
          [
            ['late', 'Adopted'],
            ['web', 'UpToDate'],
          ],
        );
      },
      { what: 'the late workload to be bound' },
    );
    await sentinel.pass();
    assert.equal(await stage.restartAnnotation('late'), undefined);
    assert.deepEqual(await stage.incarnations(), incarnations);
    await stage.startedForCertain('late');
    await stage.edit({ flag: 'three' });
    await stage.rolledOut();
    await eventually(async () => (await stage.restartAnnotation('late'))?.startsWith('v1.1.'), {
      what: 'the restart of the late workload',
    });
    await stage.rolledOut('late');
    assert.deepEqual(await stage.filesIn('flag', 'late'), ['three']);
  });

  staged('is only told of in mode Observe, and is nothing old for mode Enforce', async (stage) => {
    await stage.configMap({ 'app.yaml': CONFIG });
    await stage.start();
    await stage.policy({ rules: PATHS, mode: 'Observe' });
    await stage.adopted();
    await stage.until('Ready', 'True', { reason: 'Observing' });
    const sentinel = await aSentinel(stage);
    await sentinel.pass();
    const untouched = [await stage.incarnations(), await nudgesOf(stage)];
    const isUntouched = async (): Promise<void> => {
      await sentinel.pass();
      assert.deepEqual([await stage.incarnations(), await nudgesOf(stage)], untouched);
      assert.equal(await stage.restartAnnotation(), undefined);
    };

    const hot = CONFIG.replace('info', 'debug');
    await stage.edit({ 'app.yaml': hot });
    await stage.until('HotReloaded', 'False', { reason: 'Observed' });
    await stage.edit({ 'app.yaml': hot.replace('8080', '9090') });
    await stage.until('RolledOut', 'False', { reason: 'Observed' });
    await isUntouched();
    assert.deepEqual(await historyOf(stage), [
      ['Restart', 'Observed', ['ConfigMap/app:app.yaml#/server/port']],
      ['Hot', 'Observed', ['ConfigMap/app:app.yaml#/logging/level']],
    ]);
    await untilPasses(
      async () => {
        const reasons = (await stage.ourEvents()).map(({ reason }) => reason);
        assert.ok(reasons.includes('WouldHotReload') && reasons.includes('WouldRestart'), reasons.join());
      },
      { what: 'the events' },
    );

    await stage.patch(stage.policyPath(), { spec: { mode: 'Enforce' } });
    await stage.until('Ready', 'True', { reason: 'UpToDate' });
    await isUntouched();
    const later = hot.replace('8080', '9090').replace('debug', 'warn');
    await stage.edit({ 'app.yaml': later });
    await untilFiles(stage, 'app.yaml', later, 1);
    await sentinel.pass();
    assert.deepEqual(await stage.incarnations(), untouched[0]);
  });
});

const untilFiles = (stage: Stage, key: string, text: string, pods: number): Promise<void> =>
  untilPasses(
    async () =>
      assert.deepEqual(
        await stage.filesIn(key),
        Array.from({ length: pods }, () => text),
      ),
    { what: `the new ${key} in ${pods} pods`, timeoutMs: LONGEST_MS },
  );

/** Action, outcome and keys of what was done to `web`, newest first. */
const historyOf = async (stage: Stage): Promise<readonly (readonly unknown[])[]> =>
  ((await stage.record()).history ?? []).map(({ action, outcome, keys }) => [action, outcome, keys]);

/** What is written about `web` and its policy; apart, the digest of the source's bytes that the status says. */
const writtenIn = async (stage: Stage): Promise<{ readonly digest: string | undefined; readonly rest: unknown }> => {
  const { sources: [{ digest, ...source } = { digest: undefined }] = [], ...status } = await stage.status();
  const versions = Object.entries(await stage.versions()).filter(
    ([path]) => !path.includes('/reloadpolicies/') && !path.endsWith('/sentinel'),
  );
  return { digest, rest: { versions, source, status, record: (await stage.record()).history } };
};

const nudgesOf = async (stage: Stage): Promise<readonly (string | undefined)[]> =>
  (await stage.pods()).map(({ metadata }) => metadata.annotations?.[NUDGE_ANNOTATION]);

/** Each nudge is repeated after 2 s, with its time at its end: from then on pods are left alone. */
const nudgedTwice = (stage: Stage): Promise<void> =>
  untilPasses(
    async () => {
      const [latest] = (await stage.record()).history ?? [];
      const first = Date.parse(latest?.time ?? '');
      for (const nudge of await nudgesOf(stage)) {
        const time = Number.parseInt(nudge?.split('.').at(-1) ?? '', 36);
        assert.ok(time - first > 1_000, `${nudge ?? 'no nudge'} is ${time - first} ms after the first`);
      }
    },
    { what: 'the second nudge' },
  );

/** Long and odd enough to be found nowhere by chance. */
const valueOf = (what: string): string => `s3cret-${what}-5d20c7aa41`;

/** Reads `hot` from a file and `cold` from its environment. */
const startReader = async (stage: Stage): Promise<void> => {
  const manifest = stage.manifest({
    mounted: false,
    container: {
      env: [{ name: 'COLD', valueFrom: { secretKeyRef: { name: 'db', key: 'cold' } } }],
      volumeMounts: [{ name: 'secret', mountPath: '/etc/secret' }],
    },
  }) as { readonly spec: { readonly template: { readonly spec: object } } };
  Object.assign(manifest.spec.template.spec, { volumes: [{ name: 'secret', secret: { secretName: 'db' } }] });
  await stage.api.request({ method: 'POST', path: stage.path('/apis/apps/v1', 'deployments'), body: manifest });
  await stage.rolledOut();
};

/** Every place where the operator writes, of this namespace or its own. */
const everythingTold = async (stage: Stage): Promise<Readonly<Record<string, string>>> => {
  const { kubectl, namespace } = stage;
  const text = async (...kinds: readonly string[]): Promise<string> =>
    kubectl.run(['get', kinds.join(), '-n', namespace, '-o', 'json']);
  const [pod = ''] = (
    await kubectl.run(['get', 'pods', '-n', DEFAULT_NAMESPACE, '-o', 'jsonpath={.items[*].metadata.name}'])
  ).split(' ');
  return {
    'policies and records': await text('reloadpolicies', 'reloadrecords'),
    events: await text('events.events.k8s.io'),
    'workloads and pods': await text('deployments', 'replicasets', 'pods'),
    logs: await kubectl.run(['logs', '-n', DEFAULT_NAMESPACE, pod]),
    metrics: await kubectl.run([
      'get',
      '--raw',
      `/api/v1/namespaces/${DEFAULT_NAMESPACE}/pods/${pod}:8081/proxy/metrics`,
    ]),
    status: (await runPlugin(['status', '-o', 'yaml', '-n', namespace], { cluster: stage.cluster })).stdout,
    history: (await runPlugin(['history', '-o', 'yaml', '-n', namespace], { cluster: stage.cluster })).stdout,
  };
};
